//! `import undo`: what an import made is deleted, what it changed is as it was before; what somebody has changed since
//! stays, and is named.

use crate::commands::records::may_write;
use crate::commands::request::{Answer, Context};
use crate::commands::words::id_of;
use crate::service::home::Failure;
use crate::stays::applied;
use crate::{RecordEdit, Replica, ReplicaError};
use huiliu_core::documents::Verdict;
use huiliu_core::model::messages::Say;
use huiliu_core::model::{Fields, RecordId};
use huiliu_core::sync::control::{self, Note};
use huiliu_core::sync::entry::payload_hash;
use huiliu_core::sync::{EntryKind, Hash};
use huiliu_store::keys::Stay;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// So many records become durable together.
const GROUP: usize = 256;

/// What undoing does to one record.
enum Back {
    Delete,
    Restore(Fields),
    /// Somebody has changed it since.
    Keep,
    Nothing,
}

/// Undoes an import, or says what undoing it would do.
pub fn undo(
    replica: &mut Replica,
    import: &str,
    dry_run: bool,
    context: &Context,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Answer, Failure> {
    let (lang, id) = (context.lang(), id_of(import)?);
    let changes = replica.imported(&id)?;
    if changes.is_empty() {
        return Err(Failure::new(1, Say::NoSuchImport { id: id.to_string() }));
    }
    if !dry_run {
        may_write(replica)?;
    }
    let total = changes.len();
    let (mut deleted, mut restored, mut kept) = (0, 0, Vec::new());
    for (at, (record, changes)) in changes.into_iter().enumerate() {
        let edit = match replica.back(&record, &changes)? {
            Back::Nothing => continue,
            Back::Keep => {
                kept.push(record.to_string());
                continue;
            }
            Back::Delete => {
                let reason = Say::UndoReason { id: id.to_string() }.text(lang);
                RecordEdit::Delete { id: record, reason }
            }
            Back::Restore(fields) => RecordEdit::Set { id: record, fields },
        };
        if !dry_run {
            match replica.edit(&edit, &context.who, context.now) {
                Ok(_) => {}
                // As it was before it would not pass the dictionary beside what has come since.
                Err(ReplicaError::Problems(_) | ReplicaError::Gate(Verdict::TooLarge)) => {
                    kept.push(record.to_string());
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
        }
        match edit {
            RecordEdit::Delete { .. } => deleted += 1,
            _ => restored += 1,
        }
        if !dry_run && at % GROUP == GROUP - 1 {
            replica.commit()?;
            progress(at, total);
        }
    }
    if !dry_run {
        replica.note(&Note::Undone { id }, &context.who, context.now);
        replica.commit()?;
    }
    let count = kept.len();
    let say = match dry_run {
        true => Say::WouldUndo { deleted, restored, kept: count },
        false => Say::Undid { deleted, restored, kept: count },
    };
    let json = json!({
        "v": 1,
        "id": id.to_string(),
        "dry_run": dry_run,
        "deleted": deleted,
        "restored": restored,
        "kept": kept,
    });
    Ok(Answer { exit: if count == 0 { 0 } else { 3 }, json, text: say.text(lang), file: None })
}

impl Replica {
    /// The records that an import wrote, each with the changes it made there.
    fn imported(&self, id: &RecordId) -> Result<BTreeMap<RecordId, BTreeSet<Hash>>, Failure> {
        let mut changes: BTreeMap<RecordId, BTreeSet<Hash>> = BTreeMap::new();
        for entry in self.locals(EntryKind::NOTE)? {
            let Some(Note::Imported { id: of, spans }) = control::decode(&entry.payload) else { continue };
            for (feed, first, last) in spans.into_iter().filter(|_| of == *id) {
                let mut at = first;
                while at <= last
                    && let Some(run) = self.run_at(&feed, at)?
                {
                    for (number, entry) in (run.first..).zip(&run.entries) {
                        if let (EntryKind::EDIT, Some(envelope)) = (entry.kind, &entry.envelope)
                            && (first..=last).contains(&number)
                        {
                            changes.entry(envelope.record).or_default().insert(payload_hash(entry));
                        }
                    }
                    at = run.last() + 1;
                }
            }
        }
        Ok(changes)
    }

    /// What takes an import's changes of a record back.
    fn back(&self, id: &RecordId, changes: &BTreeSet<Hash>) -> Result<Back, Failure> {
        let Some(here) = self.current_stay(id)?.filter(|stay| !stay.has_ended()) else {
            return Ok(Back::Keep);
        };
        let stay = Stay { record: *id, channel: here.channel };
        let document = self.load_document(id)?;
        let counting = applied(&self.change_rows(&stay)?);
        if document.deleted().is_some() || changes.is_disjoint(&counting) {
            return Ok(Back::Nothing);
        }
        let history = document.history();
        let made = history.iter().any(|(hash, deps, _)| deps.is_empty() && changes.contains(hash));
        if made {
            return Ok(if counting.is_subset(changes) { Back::Delete } else { Back::Keep });
        }
        let (mut before, mut after) = (Fields::new(), Fields::new());
        for (hash, deps, _) in history.iter().filter(|(hash, ..)| changes.contains(hash)) {
            for name in document.written() {
                let (old, new) = (document.get_at(&name, deps), document.get_at(&name, &[*hash]));
                if old != new {
                    before.entry(name.clone()).or_insert(old);
                    after.insert(name, new);
                }
            }
        }
        before.retain(|name, _| after.get(name) == Some(&document.get(name)));
        Ok(if before.is_empty() { Back::Keep } else { Back::Restore(before) })
    }
}
