//! `join`: a ticket, typed or in a file, and what came of it.

use huiliu_core::model::messages::Say;
use huiliu_link::{Ticket, TicketError};
use huiliu_replica::commands::Answer;
use huiliu_replica::service::cli::Global;
use huiliu_replica::service::home::Failure;
use huiliu_replica::service::serve::sync_once;
use std::path::Path;

/// Joins with a ticket or the file of one. A join is complete only after both are level.
pub(crate) async fn join(global: &Global, ticket: &str, name: Option<String>) -> Result<Answer, Failure> {
    let ticket = read_ticket(ticket)?;
    let opened = huiliu_replica::service::join::join(&global.data, &ticket, name).await?;
    let division = opened.settings.division;
    let place = opened.replica.divisions().full_name(division).unwrap_or_else(|| division.to_string());
    let say = Say::Joined { hub: opened.settings.hub.name.clone(), division: place };
    let device = opened.replica.device();
    let mut answer = sync_once(opened, &global.context(), &mut |_, _| {}).await;
    answer.text = format!("{}\n{}", say.text(global.lang()), answer.text);
    answer.json["division"] = serde_json::json!(division.to_string());
    answer.json["replica"] = serde_json::json!(device.to_string());
    Ok(answer)
}

/// A ticket, or the file that holds it on one line.
fn read_ticket(text: &str) -> Result<Ticket, Failure> {
    let from_file = Path::new(text).is_file().then(|| std::fs::read_to_string(text));
    let text = match from_file {
        Some(Ok(content)) => content,
        // A picture, a table: something else was chosen.
        Some(Err(e)) if e.kind() == std::io::ErrorKind::InvalidData => {
            return Err(Failure::new(4, Say::NotATicket));
        }
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
