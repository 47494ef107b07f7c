//! Joining: from a ticket to a replica with a certificate, in an empty directory.

use crate::service::home::{self, Failure, HubSettings, Opened, Settings, link_failure};
use crate::service::time::now;
use huiliu_core::model::DivisionCode;
use huiliu_core::model::messages::Say;
use huiliu_link::identity::{create_key_file, load_key_file};
use huiliu_link::{LinkError, Ticket, enrol};
use std::path::Path;

/// Joins with a ticket. The join is complete only after the first sync.
pub async fn join(dir: &Path, ticket: &Ticket, name: Option<String>) -> Result<Opened, Failure> {
    home::check_empty(dir, &["lock", home::KEY, home::CERTIFICATE])?;
    let damaged = || Failure::new(4, Say::TicketDamaged);
    let division = DivisionCode::from_number(ticket.division).ok_or_else(damaged)?;
    let place = home::divisions().full_name(division).unwrap_or_else(|| division.to_string());
    let name = name.unwrap_or(place);
    let directory = home::begin_in(dir)?;
    let path = directory.path(home::KEY);
    // A key left by an attempt whose reply got lost is the one the ticket is bound to by now.
    let key = load_key_file(&path).or_else(|_| create_key_file(&path)).map_err(|e| link_failure(&e))?;
    let joined = enrol::join(ticket, &key, &name, (now() / 1000) as i64).await;
    let welcome = joined.map_err(|error| not_joined(&error))?.welcome;
    let hub = HubSettings {
        division: DivisionCode::from_number(welcome.division).ok_or_else(damaged)?,
        name: welcome.hub_name.clone(),
        key: welcome.hub_key.bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        addresses: ticket.addresses.clone(),
    };
    let settings = Settings { v: 1, role: "node".into(), division, name, hub };
    let kept = directory.disk().replace(home::CERTIFICATE, &welcome.certificate);
    kept.map_err(|e| home::store_failure(&e))?;
    // After the certificate and before the journal: without settings nothing has begun and the ticket may be used
    // again; with them any command opens the replica and finishes what a crash left undone.
    settings.write(&directory)?;
    let replica = home::open_in(&directory, &settings)?;
    Ok(Opened { directory, settings, replica })
}

/// Silence here means that nothing has begun, unlike at a sync.
fn not_joined(error: &LinkError) -> Failure {
    match link_failure(error) {
        Failure { exit: 5, say: Say::HubSilent { .. } } => Failure::new(5, Say::JoinSilent),
        failure => failure,
    }
}
