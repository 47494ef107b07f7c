//! The gate: what a change must survive before it enters a record, the author's own changes included.
//!
//! Automerge 0.12 panics on about one in ten crafted changes, and one in twenty-five applies but leaves a document
//! that never loads again. So a change is applied to a copy, the copy is saved, loaded again and looked at; only
//! then it counts. The verdict depends on the change and what it follows, never on the order of arrival.
//!
//! What takes time or memory out of proportion is kept from Automerge altogether, by `change` and `columns`: an
//! allocation that fails ends the process, and a parser that does not come back is not caught by catching panics.

use super::change::{looks_back, operations, parse};
use super::{Document, schema};
use crate::model::Value;
use automerge::{Automerge, Change};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The largest record, saved, that is looked at at all. How large one may become is less, and the replica's to say.
pub const MAX_DOCUMENT_BYTES: usize = 8 * 1024 * 1024;

/// Why a change may not enter. The numbers stand in Refusal entries and are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
pub enum Verdict {
    /// Not a change, or over the caps.
    #[error("the change does not parse or is too large")]
    Malformed,
    /// Automerge refused it: a sequence number twice, operations out of range.
    #[error("the change does not apply")]
    DoesNotApply,
    /// Applied, but the saved record would not load again.
    #[error("the record would not load again")]
    WouldNotLoad,
    /// Something else than flat fields with values of the dictionary's types.
    #[error("a field does not hold what the dictionary says")]
    NotInDictionary,
    /// The record would grow larger than it may.
    #[error("the record would grow too large")]
    TooLarge,
}

impl Verdict {
    /// The reason code of Refusal entries and Refused messages.
    pub const fn code(self) -> u16 {
        match self {
            Self::Malformed => 101,
            Self::DoesNotApply => 102,
            Self::WouldNotLoad => 103,
            Self::NotInDictionary => 104,
            Self::TooLarge => 105,
        }
    }
}

/// A record with the change in it, and its saved bytes.
pub struct Gated {
    /// The record after the change, loaded from its own saved bytes.
    pub document: Document,
    /// The saved bytes.
    pub saved: Vec<u8>,
    /// How large the record is, saved, with the change and what it follows alone: wherever and whenever it comes.
    pub with_it: usize,
}

/// Lets `raw` into the record that loads from `before` (saved bytes and later raw changes), or says why not.
///
/// `allowed` is the dictionary's word on a field and its value.
pub fn gate(before: Document, raw: &[u8], allowed: impl Fn(&str, &Value) -> bool) -> Result<Gated, Verdict> {
    let (info, change) = parse(raw).map_err(|_| Verdict::Malformed)?;
    let entered = catch_unwind(AssertUnwindSafe(|| enter(before.doc, change.clone())));
    let (doc, saved, with_it) = entered.unwrap_or(Err(Verdict::WouldNotLoad))?;
    let document = Document { doc };
    if !document.heads().contains(&info.hash) {
        return Err(Verdict::DoesNotApply);
    }
    if saved.len() > MAX_DOCUMENT_BYTES {
        return Err(Verdict::TooLarge);
    }
    if !is_flat(&change, &allowed) {
        return Err(Verdict::NotInDictionary);
    }
    Ok(Gated { document, saved, with_it })
}

/// Lets changes in at once of which each follows all that stands before it, the first the record as it is: saved and loaded
/// once for all of them. `None` if the gate is to be asked about each.
///
/// The verdict is the same: a change that breaks a record breaks it with what follows too, whose hashes rest on its own;
/// and none is asked about here that leans on operations of a later one.
pub fn gate_successive(
    before: Document,
    raws: &[&[u8]],
    allowed: impl Fn(&str, &Value) -> bool,
) -> Option<Gated> {
    let mut changes: Vec<Change> = Vec::with_capacity(raws.len());
    for raw in raws {
        let (_, change) = parse(raw).ok()?;
        let follows = changes.last().is_none_or(|last| change.deps().contains(&last.hash()));
        if !follows || !looks_back(&change) || !is_flat(&change, &allowed) {
            return None;
        }
        changes.push(change);
    }
    let last = changes.last()?.hash();
    let entered = catch_unwind(AssertUnwindSafe(|| follow(before.doc, changes)));
    let (doc, saved) = entered.ok()?.ok()?;
    let document = Document { doc };
    let is_whole = document.doc.get_heads() == [last] && saved.len() <= MAX_DOCUMENT_BYTES;
    is_whole.then(|| Gated { with_it: saved.len(), document, saved })
}

/// Loads a record with its whole history, as it came from elsewhere, or says why it may not count.
pub fn check_saved(saved: &[u8], allowed: impl Fn(&str, &Value) -> bool) -> Result<Document, Verdict> {
    if saved.len() > MAX_DOCUMENT_BYTES {
        return Err(Verdict::TooLarge);
    }
    let loaded = catch_unwind(|| Automerge::load(saved).ok());
    let document = loaded.ok().flatten().map(|doc| Document { doc }).ok_or(Verdict::WouldNotLoad)?;
    let changes = catch_unwind(AssertUnwindSafe(|| document.changes())).map_err(|_| Verdict::WouldNotLoad)?;
    let passes = |raw: &Vec<u8>| parse(raw).is_ok_and(|(_, change)| is_flat(&change, &allowed));
    if changes.is_empty() || !changes.iter().all(passes) {
        return Err(Verdict::NotInDictionary);
    }
    Ok(document)
}

/// Applies to what the change follows, and then to the record; gives back the record, saved, and how large it is without
/// what came beside the change. Runs where a panic is caught.
///
/// What it follows comes first and alone: a change can name operations that it does not say it follows, and would enter
/// here and break where they have not come yet.
fn enter(doc: Automerge, change: Change) -> Result<(Automerge, Vec<u8>, usize), Verdict> {
    let (mut deps, mut heads) = (change.deps().to_vec(), doc.get_heads());
    deps.sort();
    heads.sort();
    if deps == heads {
        let (doc, saved) = follow(doc, vec![change])?;
        let with_it = saved.len();
        return Ok((doc, saved, with_it));
    }
    let followed = if deps.is_empty() { Automerge::new() } else { at(&doc, &deps)? };
    let with_it = follow(followed, vec![change.clone()])?.1.len();
    let (doc, saved) = apply(doc, vec![change])?;
    Ok((doc, saved, with_it))
}

fn at(doc: &Automerge, heads: &[automerge::ChangeHash]) -> Result<Automerge, Verdict> {
    doc.fork_at(heads).map_err(|_| Verdict::DoesNotApply)
}

/// Applies a change to exactly what it follows, and those that follow it.
fn follow(doc: Automerge, changes: Vec<Change>) -> Result<(Automerge, Vec<u8>), Verdict> {
    // Operations are numbered without gaps. A change that leaps ahead takes the numbers away from those who follow it.
    let mut newest = doc.get_changes_meta(&[]).iter().map(|meta| meta.max_op).max().unwrap_or(0);
    for change in &changes {
        if change.start_op().get() != newest + 1 {
            return Err(Verdict::DoesNotApply);
        }
        newest += change.len() as u64;
    }
    apply(doc, changes)
}

/// Applies, saves and loads.
fn apply(mut doc: Automerge, changes: Vec<Change>) -> Result<(Automerge, Vec<u8>), Verdict> {
    doc.apply_changes(changes).map_err(|_| Verdict::DoesNotApply)?;
    let saved = doc.save_nocompress();
    let loaded = Automerge::load(&saved).map_err(|_| Verdict::WouldNotLoad)?;
    if loaded.get_heads() == doc.get_heads() { Ok((loaded, saved)) } else { Err(Verdict::WouldNotLoad) }
}

/// Whether every operation puts a scalar that the dictionary allows at the root, or deletes one. Of the change alone: a
/// record holds what its changes put there, and nobody's change is refused for another's.
fn is_flat(change: &Change, allowed: &impl Fn(&str, &Value) -> bool) -> bool {
    let puts = |field: &str, value: &Value| {
        value.text().is_none_or(|text| text.len() <= schema::MAX_TEXT_BYTES) && allowed(field, value)
    };
    operations(change).is_some_and(|operations| {
        operations.iter().all(|(field, value)| {
            schema::is_field_name(field) && value.as_ref().is_none_or(|value| puts(field, value))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::inspect;
    use crate::model::Fields;
    use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
    use automerge::{ActorId, ChangeHash, ExpandedChange};

    const HAISHU: [u8; 16] = [1; 16];
    const YUYAO: [u8; 16] = [2; 16];

    fn form(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(field, value)| ((*field).to_owned(), Value::of(*value))).collect()
    }

    fn record(changes: &[&[u8]]) -> Document {
        Document::load(None, changes.iter().copied()).unwrap()
    }

    #[test]
    fn a_saved_form_enters_and_reads_back() {
        let mut document = Document::empty();
        let raw = document.edit(HAISHU, &form(&[("name", "甬江读书会"), ("org_type", "ST")]), &[]).unwrap();
        let gated = gate(Document::empty(), &raw, |_, _| true).unwrap();
        assert_eq!(gated.document.fields(), document.fields());
        assert_eq!(gated.document.heads(), vec![inspect(&raw).unwrap().hash]);
    }

    #[test]
    fn a_creation_has_the_same_hash_every_time() {
        let raws: Vec<_> = (0..5)
            .map(|_| {
                Document::empty().edit(HAISHU, &form(&[("b", "1"), ("a", "2"), ("c", "3")]), &[]).unwrap()
            })
            .collect();
        assert!(raws.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn only_what_changed_is_written() {
        let mut document = Document::empty();
        document.edit(HAISHU, &form(&[("name", "甲"), ("address", "月湖")]), &[]).unwrap();
        assert!(document.edit(HAISHU, &form(&[("name", "甲"), ("address", "月湖")]), &[]).is_none());
        let second = document.edit(HAISHU, &form(&[("name", "甲"), ("address", "鼓楼")]), &[]).unwrap();
        assert_eq!(Change::from_bytes(second).unwrap().len(), 1);
    }

    #[test]
    fn two_values_at_once_are_a_conflict_until_somebody_chooses() {
        let mut ours = Document::empty();
        let first = ours.edit(HAISHU, &form(&[("name", "旧名"), ("address", "月湖")]), &[]).unwrap();
        let mut theirs = record(&[&first]);
        let here = ours.edit(HAISHU, &form(&[("name", "新名甲")]), &[]).unwrap();
        let there = theirs.edit(YUYAO, &form(&[("name", "新名乙"), ("address", "鼓楼")]), &[]).unwrap();
        let mut merged = record(&[&first, &here, &there]);
        let conflicts = merged.conflicts();
        assert_eq!(conflicts.len(), 1);
        assert_eq!(conflicts[0].field, "name");
        assert_eq!(conflicts[0].previous, Value::of("旧名"));
        let mut values: Vec<_> = conflicts[0].claims.iter().map(|claim| claim.value.clone()).collect();
        assert_eq!(values[0], merged.get("name"));
        values.sort();
        assert_eq!(values, vec![Value::of("新名乙"), Value::of("新名甲")]);

        // A form saved on another field leaves the conflict as it was, even if it repeats the winner it shows.
        let shown = merged.get("name");
        let mut form_shown = form(&[("address", "白云")]);
        form_shown.insert("name".into(), shown.clone());
        merged.edit(YUYAO, &form_shown, &[]).unwrap();
        assert_eq!(merged.conflicts(), conflicts);

        // Choosing the winner itself settles it.
        let choice = Fields::from([("name".to_owned(), shown)]);
        merged.edit(HAISHU, &choice, &["name"]).unwrap();
        assert!(merged.conflicts().is_empty());
    }

    #[test]
    fn equal_values_are_no_conflict() {
        let mut ours = Document::empty();
        let first = ours.edit(HAISHU, &form(&[("name", "旧名")]), &[]).unwrap();
        let mut theirs = record(&[&first]);
        let here = ours.edit(HAISHU, &form(&[("name", "新名")]), &[]).unwrap();
        let there = theirs.edit(YUYAO, &form(&[("name", "新名")]), &[]).unwrap();
        assert!(record(&[&first, &here, &there]).conflicts().is_empty());
    }

    #[test]
    fn what_the_dictionary_does_not_allow_stays_out() {
        let raw = Document::empty().edit(HAISHU, &form(&[("name", "甲")]), &[]).unwrap();
        assert_eq!(gate(Document::empty(), &raw, |_, _| false).err(), Some(Verdict::NotInDictionary));
        let raw = Document::empty().edit(HAISHU, &form(&[("Name!", "甲")]), &[]).unwrap();
        assert_eq!(gate(Document::empty(), &raw, |_, _| true).err(), Some(Verdict::NotInDictionary));
    }

    #[test]
    fn a_change_without_what_it_follows_does_not_apply() {
        let mut document = Document::empty();
        document.edit(HAISHU, &form(&[("name", "甲")]), &[]).unwrap();
        let second = document.edit(HAISHU, &form(&[("name", "乙")]), &[]).unwrap();
        assert_eq!(gate(Document::empty(), &second, |_, _| true).err(), Some(Verdict::DoesNotApply));
    }

    #[test]
    fn successive_changes_enter_at_once_as_they_do_one_by_one() {
        let mut document = Document::empty();
        let first = document.edit(HAISHU, &form(&[("name", "甲")]), &[]).unwrap();
        let before = record(&[&first]);
        let later: Vec<Vec<u8>> = (0..5)
            .map(|n| {
                let actor = if n % 2 == 0 { HAISHU } else { YUYAO };
                document.edit(actor, &form(&[("name", &format!("甲{n}"))]), &[]).unwrap()
            })
            .collect();
        let raws: Vec<&[u8]> = later.iter().map(Vec::as_slice).collect();
        let at_once = gate_successive(before.clone(), &raws, |_, _| true).unwrap();
        let one_by_one =
            raws.iter().fold(before.clone(), |before, raw| gate(before, raw, |_, _| true).unwrap().document);
        assert_eq!(at_once.document.heads(), one_by_one.heads());
        assert_eq!(at_once.document.fields(), document.fields());
        assert_eq!(at_once.saved, at_once.document.save());

        // A gap, another order, or one that the gate says no to: each is asked about alone.
        let gap: Vec<&[u8]> = raws.iter().enumerate().filter(|(n, _)| *n != 2).map(|(_, raw)| *raw).collect();
        assert!(gate_successive(before.clone(), &gap, |_, _| true).is_none());
        assert!(gate_successive(before.clone(), &[raws[1], raws[0]], |_, _| true).is_none());
        assert!(
            gate_successive(before.clone(), &raws[1..], |_, _| true).is_none(),
            "its first follows another"
        );
        assert!(gate_successive(before.clone(), &raws, |_, value| *value != Value::of("甲3")).is_none());
        assert!(gate_successive(before, &[], |_, _| true).is_none());
    }

    /// A change of one operation, as an attacker makes it.
    fn crafted(actor: [u8; 16], seq: u64, start: u64, deps: Vec<ChangeHash>, op: Op) -> Change {
        let start_op = start.try_into().unwrap();
        let actor_id = ActorId::from(actor);
        let (operations, extra_bytes) = (vec![op], Vec::new());
        let (hash, time, message, author) = (None, 0, None, None);
        let whole = ExpandedChange {
            operations,
            actor_id,
            hash,
            seq,
            start_op,
            time,
            message,
            deps,
            extra_bytes,
            author,
        };
        Change::from_bytes(Change::from(whole).raw_bytes().to_vec()).unwrap()
    }

    fn writes(field: &str, value: Option<&str>, pred: Vec<OpId>) -> Op {
        let action = value.map_or(OpType::Delete, |value| OpType::Put(value.into()));
        Op {
            action,
            obj: ObjectId::Root,
            key: Key::Map(field.into()),
            pred: pred.into_iter().collect(),
            insert: false,
        }
    }

    #[test]
    fn whatever_two_changes_name_of_each_other_they_enter_at_once_only_if_they_do_alone() {
        let mut document = Document::empty();
        let first = document.edit(HAISHU, &form(&[("address", "月湖"), ("name", "甲")]), &[]).unwrap();
        let before = record(&[&first]);
        let heads: Vec<ChangeHash> = before.doc.get_heads();
        let id = |counter, actor: [u8; 16]| OpId::new(counter, &ActorId::from(actor));
        let (address, name) = (id(1, HAISHU), id(2, HAISHU));
        let (mut entered, mut crossed) = (0, 0);
        for (one, other) in [HAISHU, YUYAO, [0; 16]]
            .into_iter()
            .flat_map(|one| [HAISHU, YUYAO, [0; 16]].map(|other| (one, other)))
        {
            let seq = |actor: [u8; 16]| if actor == HAISHU { 2 } else { 1 };
            for (value, beside, field, follows) in (0..2).flat_map(|value| {
                (0..2).flat_map(move |beside| {
                    ["address", "name"]
                        .into_iter()
                        .flat_map(move |field| (0..3).map(move |n| (value, beside, field, n)))
                })
            }) {
                // The later one's operation, whose number and author are the writer's own to choose.
                for named in [vec![id(4, other)], Vec::new()] {
                    let mut pred = named.clone();
                    pred.extend((beside == 1).then(|| address.clone()));
                    let op = writes("address", (value == 1).then_some("乙"), pred);
                    let x = crafted(one, seq(one), 3, heads.clone(), op);
                    let own = if field == "address" { address.clone() } else { name.clone() };
                    let pred = [Vec::new(), vec![own], vec![id(3, one)]][follows].clone();
                    let seq = if one == other { seq(one) + 1 } else { seq(other) };
                    let y = crafted(other, seq, 4, vec![x.hash()], writes(field, Some("丙"), pred));
                    let (x, y) = (x.raw_bytes(), y.raw_bytes());
                    let at_once = gate_successive(before.clone(), &[x, y], |_, _| true);
                    let alone = gate(before.clone(), x, |_, _| true);
                    let alone = alone.and_then(|gated| gate(gated.document, y, |_, _| true));
                    crossed += usize::from(!named.is_empty() && alone.is_err());
                    if let Some(at_once) = at_once {
                        let alone = alone.expect("what enters at once enters one by one");
                        assert_eq!(at_once.document.fields(), alone.document.fields());
                        assert_eq!(at_once.saved, alone.saved);
                        entered += 1;
                    }
                }
            }
        }
        assert!(entered > 30 && crossed > 30, "{entered} entered, {crossed} crossed");
    }

    #[test]
    fn a_flipped_byte_never_enters() {
        let raw = Document::empty().edit(HAISHU, &form(&[("name", "甲")]), &[]).unwrap();
        for at in 0..raw.len() {
            let mut bent = raw.clone();
            bent[at] ^= 0x55;
            assert!(gate(Document::empty(), &bent, |_, _| true).is_err(), "byte {at}");
        }
    }
}
