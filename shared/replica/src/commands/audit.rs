//! `audit reads`: who read secret fields here, when, and what for.

use crate::Replica;
use crate::commands::reading::record_title;
use crate::commands::request::{Answer, Context};
use crate::commands::words::{id_of, listing, moment};
use crate::reads::Reading;
use crate::service::home::Failure;
use crate::service::time::rfc3339;
use huiliu_core::model::RecordId;
use huiliu_core::model::messages::{Lang, Say};
use serde_json::{Value as Json, json};

/// Lists what was read here, newest first; of a record, where it was shown itself or may have been among others.
pub fn reads(replica: &Replica, record: Option<&str>, context: &Context) -> Result<Answer, Failure> {
    let lang = context.lang();
    let record = record.map(id_of).transpose()?;
    let kind = match &record {
        Some(id) => replica.kind_of(id)?.map(|(kind, _)| kind),
        None => None,
    };
    let (mut reads, mut lines): (Vec<Json>, Vec<Vec<String>>) = (Vec::new(), Vec::new());
    for one in replica.readings()? {
        let reading = Reading::of_words(&one.what);
        let shows = |id: &RecordId| reading.as_ref().is_some_and(|reading| reading.shows(id, kind));
        if !record.as_ref().is_none_or(shows) {
            continue;
        }
        reads.push(json!({ "at": rfc3339(one.at), "by": one.who, "purpose": one.purpose, "what": one.what }));
        let what = reading.map_or(one.what, |reading| told(replica, &reading, lang));
        lines.push(vec![moment(one.at), one.who, one.purpose, what]);
    }
    let heads = [Say::HeadAt, Say::HeadBy, Say::HeadPurpose, Say::HeadRead];
    let text = if lines.is_empty() { Say::NothingRead.text(lang) } else { listing(&heads, lines, lang) };
    Ok(Answer::good(json!({ "v": 1, "reads": reads }), text))
}

fn told(replica: &Replica, reading: &Reading, lang: Lang) -> String {
    let named = |id: &RecordId| {
        let title = replica.kind_of(id).ok().flatten().and_then(|(kind, _)| record_title(replica, kind, *id));
        title.map_or(id.to_string(), |title| format!("{title} {id}"))
    };
    match reading {
        Reading::List(kind) => Say::ReadList { kind: kind.title(lang).to_owned() }.text(lang),
        Reading::Export(kind) => Say::ReadExport { kind: kind.title(lang).to_owned() }.text(lang),
        Reading::Record(id) => Say::ReadRecord { record: named(id) }.text(lang),
        Reading::Conflicts => Say::ReadConflicts.text(lang),
        Reading::ConflictsOf(id) => Say::ReadConflictsOf { record: named(id) }.text(lang),
    }
}
