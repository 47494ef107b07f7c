//! Joining: from a ticket to a replica that is level with its hub once.

use huiliu_core::model::DivisionCode;
use huiliu_core::model::messages::Say;
use huiliu_link::identity::{create_key_file, load_key_file};
use huiliu_link::{Ticket, TicketError, enrol};
use huiliu_replica::commands::Answer;
use huiliu_replica::service::cli::Global;
use huiliu_replica::service::home::{self, Failure, HubSettings, Opened, Settings, link_failure};
use huiliu_replica::service::serve::sync_once;
use huiliu_replica::service::time::now;
use std::path::Path;

/// Joins with a ticket or the file of one, in an empty directory. A join is complete only after both are level.
pub(crate) async fn join(global: &Global, ticket: &str, name: Option<String>) -> Result<Answer, Failure> {
    let ticket = read_ticket(ticket)?;
    home::check_empty(&global.data)?;
    let code = DivisionCode::from_number(ticket.division);
    let code = code.ok_or_else(|| Failure::new(4, Say::TicketDamaged))?;
    let place = home::divisions().full_name(code).unwrap_or_else(|| code.to_string());
    let directory = home::lock(&global.data)?;
    let path = directory.path(home::KEY);
    // A key left by an attempt whose reply got lost is the one the ticket is bound to by now.
    let key = load_key_file(&path).or_else(|_| create_key_file(&path)).map_err(|e| link_failure(&e))?;
    let name = name.unwrap_or_else(|| place.clone());
    let joined = enrol::join(&ticket, &key, &name, (now() / 1000) as i64).await;
    let joined = joined.map_err(|e| link_failure(&e))?;
    let welcome = joined.welcome;
    let hub_division = DivisionCode::from_number(welcome.division);
    let hub = HubSettings {
        division: hub_division.ok_or_else(|| Failure::new(4, Say::TicketDamaged))?,
        name: welcome.hub_name.clone(),
        key: welcome.hub_key.bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        addresses: ticket.addresses.clone(),
    };
    let settings = Settings { v: 1, role: "node".into(), division: code, name, hub };
    let kept = directory.disk().replace(home::CERTIFICATE, &welcome.certificate);
    kept.map_err(|e| home::store_failure(&e))?;
    settings.write(&directory)?;
    let replica = home::open_in(&directory, &settings)?;
    let (device, context) = (replica.device(), global.context());
    let synced = sync_once(Opened { directory, settings, replica }, &context).await;
    let say = Say::Joined { hub: welcome.hub_name, division: place };
    let text = format!("{}\n{}", say.text(global.lang()), synced.text);
    let mut json = synced.json;
    json["division"] = serde_json::json!(code.to_string());
    json["replica"] = serde_json::json!(device.to_string());
    Ok(Answer { exit: synced.exit, json, text, file: None })
}

/// A ticket, or the file that holds it on one line.
fn read_ticket(text: &str) -> Result<Ticket, Failure> {
    let from_file = Path::new(text).is_file().then(|| std::fs::read_to_string(text));
    let text = match from_file {
        Some(Ok(content)) => content,
        Some(Err(e)) => {
            return Err(Failure::new(1, Say::CannotRead { file: text.to_owned(), why: e.to_string() }));
        }
        None => text.to_owned(),
    };
    Ticket::parse(text.trim()).map_err(|error| match error {
        TicketError::NotATicket => Failure::new(4, Say::NotATicket),
        TicketError::UnknownVersion => Failure::new(4, Say::TicketTooNew),
        TicketError::Damaged | TicketError::Address(_) => Failure::new(4, Say::TicketDamaged),
    })
}
