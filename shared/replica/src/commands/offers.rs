//! `record offers | accept`.

use crate::commands::reading::record_title;
use crate::commands::records::save;
use crate::commands::request::{Answer, Context};
use crate::commands::words::{id_of, listing, place};
use crate::service::home::Failure;
use crate::{RecordEdit, Replica};
use huiliu_core::model::dictionary;
use huiliu_core::model::messages::Say;
use serde_json::json;

/// Lists the records here that name another owner and wait until somebody accepts them who may write there.
pub fn list(replica: &Replica, context: &Context) -> Result<Answer, Failure> {
    let (lang, division) = (context.lang(), replica.division());
    let (mut offers, mut lines) = (Vec::new(), Vec::new());
    for kind in dictionary::kinds() {
        for (id, from, to) in replica.offers(kind, division)? {
            let title = record_title(replica, kind, id).unwrap_or_else(|| id.to_string());
            offers.push(json!({
                "id": id.to_string(),
                "kind": kind.name,
                "title": title,
                "division": from.to_string(),
                "to": to.to_string(),
            }));
            let names = [place(replica, from), place(replica, to)];
            lines.push([vec![id.to_string(), kind.title(lang).to_owned(), title], names.to_vec()].concat());
        }
    }
    let heads = [Say::HeadId, Say::HeadKind, Say::HeadRecords, Say::HeadOwner, Say::HeadOfferedTo];
    let text = match lines.is_empty() {
        true => Say::NoOffers.text(lang),
        false => listing(&heads, lines, lang),
    };
    Ok(Answer::good(json!({ "v": 1, "offers": offers }), text))
}

/// Accepts an offer: the hub moves the record when it hears of it.
pub fn accept(replica: &mut Replica, id: &str, context: &Context) -> Result<Answer, Failure> {
    let id = id_of(id)?;
    let (kind, division) = (replica.kind_here(&id)?, replica.division());
    let Some(to) = replica.offered_to(kind, &id, division)? else {
        return Err(Failure::new(1, Say::NotOffered { id: id.to_string() }));
    };
    let mut answer = save(replica, &RecordEdit::Accept { id }, context)?;
    answer.text = Say::Accepted { id: id.to_string(), to: place(replica, to) }.text(context.lang());
    Ok(answer)
}
