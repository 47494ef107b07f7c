//! `quarantine list | show | retry | drop | refuse`: what did not enter, what counts nowhere, writing it again, and at the
//! hub ending the wait for what will not come.

use crate::commands::records::{may_write, told};
use crate::commands::request::{Answer, Context};
use crate::commands::words::{aligned, fields_of, json_fields, label, moment, reason, shown};
use crate::service::home::Failure;
use crate::service::time::rfc3339;
use crate::{Replica, Role};
use huiliu_core::model::dictionary::{Kind, kind_by_id};
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::{Digest, Fields, RecordId};
use huiliu_core::sync::control::{Draft, Quarantined};
use huiliu_store::rows::{Waiting, WaitingRow};
use serde_json::{Value as Json, json};

/// As long is the code of something that waits.
const CODE_DIGITS: usize = 8;

/// One thing that counts nowhere.
enum Held {
    /// Bytes that did not enter a channel, or that the hub did not take. What was ours there is written again by itself.
    Entry(Quarantined),
    /// An edit of this replica's that was refused or stood on a branch that does not count.
    Draft(Draft),
    /// Another replica's refused edit of a record that may be written here.
    Theirs(Draft),
    /// Hub: what is here and waits for something that has not come.
    Waits(WaitingRow),
}

/// Everything that counts nowhere, in the order of its numbers.
fn held(replica: &Replica) -> Result<Vec<Held>, Failure> {
    let entries = replica.quarantined()?.into_iter().map(Held::Entry);
    let drafts = replica.drafts()?.into_iter().map(Held::Draft);
    let theirs = replica.adoptable()?.into_iter().map(Held::Theirs);
    let waits = if replica.role() == Role::Hub { replica.waits()? } else { Vec::new() };
    Ok(entries.chain(drafts).chain(theirs).chain(waits.into_iter().map(Held::Waits)).collect())
}

/// Lists what did not enter and what counts nowhere; with `only`, one of it with all it would write.
pub fn list(replica: &Replica, only: Option<usize>, context: &Context) -> Result<Answer, Failure> {
    let lang = context.lang();
    let held = held(replica)?;
    if let Some(n) = only {
        nth(&held, n)?;
    }
    let (mut list, mut lines, mut details) = (Vec::new(), Vec::new(), Vec::new());
    for (n, one) in (1..).zip(&held).filter(|(n, _)| only.is_none_or(|only| only == *n)) {
        let (mut json, line) = match one {
            Held::Entry(entry) => described(replica, entry, lang),
            Held::Draft(draft) => described_draft(replica, draft, true, lang),
            Held::Theirs(draft) => described_draft(replica, draft, false, lang),
            Held::Waits(row) => described_wait(replica, row, lang),
        };
        json["n"] = n.into();
        list.push(json);
        lines.push([vec![n.to_string()], line].concat());
        if let (Some(_), Held::Draft(draft) | Held::Theirs(draft)) = (only, one) {
            details = wishes(replica, draft, lang);
        }
    }
    let mut text = if lines.is_empty() { Say::NothingHere.text(lang) } else { aligned(&lines) };
    if !details.is_empty() {
        text += &format!("\n{}", aligned(&details));
    }
    if held.iter().any(|one| matches!(one, Held::Draft(_) | Held::Theirs(_))) {
        text += &format!("\n{}", Say::HowToRetry.text(lang));
    }
    if held.iter().any(|one| matches!(one, Held::Waits(_))) {
        text += &format!("\n{}", Say::HowToRefuse.text(lang));
    }
    Ok(Answer::good(json!({ "v": 1, "quarantined": list }), text))
}

/// Writes a draft again, with other values where given.
pub fn retry(
    replica: &mut Replica,
    n: usize,
    pairs: &[String],
    context: &Context,
) -> Result<Answer, Failure> {
    may_write(replica)?;
    let draft = draft(replica, n)?;
    let instead = match kind_of(&draft) {
        Some(kind) => fields_of(replica, kind, pairs)?,
        None => Fields::new(),
    };
    let outcome = replica.retry(&draft, &instead, &context.who, context.now)?;
    replica.commit()?;
    Ok(told(outcome, context))
}

/// Lists a draft no longer.
pub fn drop(replica: &mut Replica, n: usize, context: &Context) -> Result<Answer, Failure> {
    let draft = draft(replica, n)?;
    replica.let_go(&draft, &context.who, context.now);
    replica.commit()?;
    Ok(Answer::good(json!({ "v": 1 }), Say::DraftDropped.text(context.lang())))
}

/// Hub: ends the wait for what will not come, for everybody and for ever. `which`: its code, or its number in the list,
/// which may be another's by now.
pub fn refuse(replica: &mut Replica, which: &str, context: &Context) -> Result<Answer, Failure> {
    if replica.role() != Role::Hub {
        return Err(Failure::new(4, Say::OnlyHubRefuses));
    }
    may_write(replica)?;
    let nothing = || Failure::new(1, Say::NothingToRefuse { which: which.to_owned() });
    let all = held(replica)?;
    let number: Option<usize> = which.parse().ok().filter(|_| which.len() < CODE_DIGITS);
    let one = match number {
        Some(n) => nth(&all, n)?,
        None => all
            .iter()
            .find(|one| matches!(one, Held::Waits(row) if code_of(row) == which))
            .ok_or_else(nothing)?,
    };
    let Held::Waits(row) = one else { return Err(nothing()) };
    if !replica.end_wait(row)? {
        return Err(nothing());
    }
    replica.commit()?;
    let author = author(replica, row);
    Ok(Answer::good(json!({ "v": 1 }), Say::WaitEnded { author }.text(context.lang())))
}

fn nth(held: &[Held], n: usize) -> Result<&Held, Failure> {
    let one = n.checked_sub(1).and_then(|at| held.get(at));
    one.ok_or_else(|| Failure::new(1, Say::NothingQuarantined { n }))
}

fn draft(replica: &Replica, n: usize) -> Result<Draft, Failure> {
    match nth(&held(replica)?, n)? {
        Held::Draft(draft) | Held::Theirs(draft) => Ok(draft.clone()),
        Held::Entry(_) | Held::Waits(_) => Err(Failure::new(1, Say::NothingToRetry { n })),
    }
}

fn kind_of(draft: &Draft) -> Option<&'static Kind> {
    kind_by_id(draft.entry.envelope.as_ref()?.kind)
}

fn described(replica: &Replica, one: &Quarantined, lang: Lang) -> (Json, Vec<String>) {
    let why = reason(one.reason, lang);
    let name = replica.device_name(&one.feed.device);
    let json = json!({
        "what": "entry",
        "ours": one.ours,
        "channel": one.feed.channel.to_string(),
        "device": one.feed.device.to_string(),
        "device_name": name,
        "number": one.number,
        "reason": one.reason,
        "why": why,
        "peer": one.peer.to_string(),
        "bytes": one.bytes.len(),
    });
    let side = if one.ours { Say::RefusedThere } else { Say::RefusedHere };
    (json, vec![side.text(lang), one.feed.channel.to_string(), name.unwrap_or_default(), why])
}

/// What names something that waits, whatever else comes: so many digits of a hash of its feed and number.
fn code_of(row: &WaitingRow) -> String {
    let feed = row.feed;
    let (channel, number) = (feed.channel.to_string(), row.number.to_be_bytes());
    let mut code =
        Digest::of(&[channel.as_bytes(), &feed.device.0, &feed.incarnation.0, &number]).to_string();
    code.truncate(CODE_DIGITS);
    code
}

fn author(replica: &Replica, row: &WaitingRow) -> String {
    replica.device_name(&row.feed.device).unwrap_or_else(|| row.feed.device.to_string())
}

fn described_wait(replica: &Replica, row: &WaitingRow, lang: Lang) -> (Json, Vec<String>) {
    let why = match row.waiting {
        Some(Waiting::Review) => Say::ReasonRevoked,
        Some(Waiting::Upgrade) => Say::WaitsForUpgrade,
        Some(Waiting::Arrival) => Say::WaitsForArrival,
        _ => Say::WaitsForOther,
    };
    let why = why.text(lang);
    let record = (row.record != RecordId::NIL).then(|| row.record.to_string());
    let json = json!({
        "what": "waiting",
        "code": code_of(row),
        "ours": false,
        "channel": row.feed.channel.to_string(),
        "device": row.feed.device.to_string(),
        "device_name": replica.device_name(&row.feed.device),
        "number": row.number,
        "record": record,
        "why": why,
    });
    let line =
        [Say::WordWaiting.text(lang), record.unwrap_or_default(), author(replica, row), code_of(row), why];
    (json, line.to_vec())
}

fn described_draft(replica: &Replica, draft: &Draft, ours: bool, lang: Lang) -> (Json, Vec<String>) {
    let why = reason(draft.reason, lang);
    let envelope = draft.entry.envelope.as_ref();
    let who = envelope.map(|envelope| envelope.stamp.who.clone()).unwrap_or_default();
    let at = envelope.map_or(0, |envelope| envelope.stamp.at.millis());
    let record = envelope.map(|envelope| envelope.record.to_string()).unwrap_or_default();
    let fields = Replica::wishes_of(draft);
    let labels: Vec<String> = kind_of(draft)
        .map(|kind| fields.keys().map(|field| label(kind, field, lang)).collect())
        .unwrap_or_default();
    let json = json!({
        "what": if ours { "draft" } else { "adoptable" },
        "ours": ours,
        "channel": draft.origin.feed.channel.to_string(),
        "device": draft.origin.feed.device.to_string(),
        "device_name": replica.device_name(&draft.origin.feed.device),
        "number": draft.origin.number,
        "reason": draft.reason,
        "why": why,
        "record": record,
        "by": who,
        "at": rfc3339(at),
        "fields": json_fields(&fields),
    });
    let what = if ours { Say::WordDraft } else { Say::WordAdoptable };
    let labels = labels.join(lang.pick("、", ", "));
    (json, vec![what.text(lang), record, format!("{who} {}", moment(at)), labels, why])
}

/// Each field a draft would write, with its value.
fn wishes(replica: &Replica, draft: &Draft, lang: Lang) -> Vec<Vec<String>> {
    let Some(kind) = kind_of(draft) else { return Vec::new() };
    let line = |(field, value): (&String, _)| {
        vec![format!("  {}", label(kind, field, lang)), shown(replica, kind, field, value, lang)]
    };
    Replica::wishes_of(draft).iter().map(line).collect()
}
