//! One saved form is one change, and only of the fields whose value the person changed: Automerge drops the losing
//! values of a field that is put again, so writing everything would settle conflicts that nobody chose.

use super::schema;
use super::{Actor, Document};
use crate::model::{Fields, Value};
use automerge::hydrate;
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, ROOT};

impl Document {
    /// Writes `edit` as one change of `actor` and returns its raw bytes; `None` if nothing would change.
    ///
    /// A field is written if its value differs from the winner, or if it stands in `settles`: then even the winner's
    /// own value is put again, which is how a person chooses it.
    pub fn edit(&mut self, actor: Actor, edit: &Fields, settles: &[&str]) -> Option<Vec<u8>> {
        let changed: Vec<(&String, &Value)> = edit
            .iter()
            .filter(|(field, value)| settles.contains(&field.as_str()) || self.get(field) != **value)
            .collect();
        if changed.is_empty() {
            return None;
        }
        self.doc.set_actor(ActorId::from(&actor[..]));
        let fresh = self.doc.is_empty();
        let mut transaction = self.doc.transaction();
        if fresh {
            // Four times faster than single puts, and an import is mostly creations.
            let mut map = hydrate::Map::default();
            for (field, value) in changed {
                let value = hydrate::Value::Scalar(schema::to_scalar(value));
                map.insert(field.clone(), hydrate::MapValue { value, conflict: false });
            }
            transaction.init_root_from_hydrate(&map).expect("scalars at the root of an empty document");
        } else {
            for (field, value) in changed {
                if settles.contains(&field.as_str()) {
                    // Automerge answers a put of the winner's own value by deleting the others alone: the choice would
                    // have no operation of its own, and who chooses otherwise at the same time would silently win.
                    transaction.delete(ROOT, field.as_str()).expect("a key of the root");
                }
                transaction
                    .put(ROOT, field.as_str(), schema::to_scalar(value))
                    .expect("a scalar at the root");
            }
        }
        transaction.commit_with(CommitOptions::default().with_time(0)).0?;
        self.doc.get_last_local_change().map(|change| change.raw_bytes().to_vec())
    }
}
