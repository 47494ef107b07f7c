//! What a raw change says of itself, read without loading the record.

use super::{Actor, columns, schema};
use crate::model::{Digest, Fields, Value};
use automerge::Change;
use automerge::legacy::{Key, ObjectId, Op, OpType};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The largest change a form or an import row may make.
pub const MAX_CHANGE_BYTES: usize = 1024 * 1024;

/// The most fields one change may write.
pub const MAX_CHANGE_OPS: usize = 1000;

/// Name, dependencies and author of a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeInfo {
    /// The change's hash, recomputed from its bytes.
    pub hash: Digest,
    /// The changes it follows.
    pub deps: Vec<Digest>,
    /// Who made it.
    pub actor: Actor,
    /// Its number among this actor's changes of the record, from 1.
    pub seq: u64,
}

/// Bytes that are no change we take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadChange {
    /// Over [`MAX_CHANGE_BYTES`] or [`MAX_CHANGE_OPS`], or its columns say they have more rows than anybody writes.
    #[error("the change is too large")]
    TooLarge,
    /// A compressed chunk: our writers never make one, and inflating it is how a small change fills the memory.
    #[error("the change is compressed")]
    Compressed,
    /// Not an Automerge change, or its checksum is wrong.
    #[error("the change does not parse")]
    Malformed,
}

/// The offset of the chunk type: after the magic bytes and the checksum.
const CHUNK_TYPE: usize = 8;
/// The chunk type of an uncompressed change.
const UNCOMPRESSED: u8 = 1;

/// Reads what a raw change says of itself. The hash is recomputed, so a changed bit is [`BadChange::Malformed`].
pub fn inspect(raw: &[u8]) -> Result<ChangeInfo, BadChange> {
    parse(raw).map(|(info, _)| info)
}

/// A change as Automerge reads it, and what it says of itself.
pub(super) fn parse(raw: &[u8]) -> Result<(ChangeInfo, Change), BadChange> {
    if raw.len() > MAX_CHANGE_BYTES {
        return Err(BadChange::TooLarge);
    }
    if raw.get(CHUNK_TYPE).is_some_and(|kind| *kind != UNCOMPRESSED) {
        return Err(BadChange::Compressed);
    }
    if !columns::are_short(raw) {
        return Err(BadChange::TooLarge);
    }
    // Automerge's parser has been seen to panic on crafted bytes.
    let parsed = catch_unwind(AssertUnwindSafe(|| Change::from_bytes(raw.to_vec())));
    let change = parsed.map_err(|_| BadChange::Malformed)?.map_err(|_| BadChange::Malformed)?;
    if change.len() > MAX_CHANGE_OPS {
        return Err(BadChange::TooLarge);
    }
    // Automerge recomputes the hash but does not compare the checksum, which is the hash's first four bytes.
    if raw.get(4..8) != Some(&change.hash().0[..4])
        || change.raw_bytes() != raw
        || !change.extra_bytes().is_empty()
    {
        return Err(BadChange::Malformed);
    }
    let info = ChangeInfo {
        hash: Digest(change.hash().0),
        deps: change.deps().iter().map(|dep| Digest(dep.0)).collect(),
        actor: change.actor_id().to_bytes().try_into().map_err(|_| BadChange::Malformed)?,
        seq: change.seq(),
    };
    Ok((info, change))
}

/// What a change writes: each field with its value. `None` for what is no change that passes the gate.
pub fn writes(raw: &[u8]) -> Option<Fields> {
    // A choice puts its value after deleting all the others.
    let put = |(field, value): (String, Option<Value>)| Some((field, value?));
    Some(operations(&parse(raw).ok()?.1)?.into_iter().filter_map(put).collect())
}

/// The operations of a change in their order, each a field with what is put there, or nothing where it is deleted.
/// `None` if one is something else: our writers make no others, and Automerge shows nothing of some, such as an
/// increment of what is no counter.
pub(super) fn operations(change: &Change) -> Option<Vec<(String, Option<Value>)>> {
    let expanded = catch_unwind(AssertUnwindSafe(|| change.decode()));
    expanded.ok()?.operations.into_iter().map(operation).collect()
}

/// Whether the operations of a change name only operations that were there before it. One that names what comes after it is
/// refused alone, and would pass beside that.
pub(super) fn looks_back(change: &Change) -> bool {
    let before = change.start_op().get();
    let expanded = catch_unwind(AssertUnwindSafe(|| change.decode()));
    expanded.is_ok_and(|it| it.operations.iter().flat_map(|op| op.pred.iter()).all(|named| named.0 < before))
}

fn operation(op: Op) -> Option<(String, Option<Value>)> {
    match (op.obj, op.key, op.action) {
        (ObjectId::Root, Key::Map(field), OpType::Put(scalar)) if !op.insert => {
            let value = automerge::Value::Scalar(std::borrow::Cow::Owned(scalar));
            Some((field.to_string(), Some(schema::from_automerge(&value)?)))
        }
        (ObjectId::Root, Key::Map(field), OpType::Delete) if !op.insert => Some((field.to_string(), None)),
        _ => None,
    }
}
