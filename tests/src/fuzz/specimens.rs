//! Changes and batches made to break something: what a patient person would try. Each has a name, which is its file's.

use super::batch::packed;
use super::chunk::{Parts, run};
use super::honest::{next_changes, record, runs};
use super::mutate::leb;
use automerge::transaction::Transactable;
use automerge::{ActorId, Automerge, ROOT};

/// A named item.
pub type Specimen = (String, Vec<u8>);

fn named(name: &str, bytes: Vec<u8>) -> Specimen {
    (name.to_owned(), bytes)
}

/// The columns of a change, by their numbers.
const KEY: u64 = 21;
const INSERT: u64 = 52;
const ACTION: u64 = 66;
const VALUE_KIND: u64 = 86;
const VALUE: u64 = 87;
const PRED_COUNT: u64 = 112;
const PRED_ACTOR: u64 = 113;
const PRED_COUNTER: u64 = 115;

/// So many operations that empty the same field, and so many others that each of them replaces.
fn repeated(base: &Parts, rows: i64, key: &[u8], preds: u64) -> Vec<u8> {
    let mut parts = base.clone();
    parts.set_column(KEY, run(rows, &[leb(key.len() as u64).as_slice(), key].concat()));
    parts.set_column(INSERT, leb(rows as u64));
    parts.set_column(ACTION, run(rows, &[1]));
    parts.set_column(VALUE_KIND, run(rows, &[0]));
    parts.set_column(VALUE, Vec::new());
    parts.set_column(PRED_COUNT, run(rows, &leb(preds)));
    if preds == 0 {
        parts.others.clear();
        parts.columns.retain(|(column, _)| ![PRED_ACTOR, PRED_COUNTER].contains(column));
    } else {
        parts.set_column(PRED_ACTOR, run(i64::MAX, &[0]));
        parts.set_column(PRED_COUNTER, run(i64::MAX, &[0]));
    }
    parts.bytes()
}

/// A change that inflates to more than 64 MB.
fn deflated_bomb() -> Vec<u8> {
    let mut document = Automerge::new();
    document.set_actor(ActorId::from(&[7; 16]));
    let mut transaction = document.transaction();
    transaction.put(ROOT, "name", "a".repeat(66 << 20)).expect("a scalar at the root");
    transaction.commit();
    let mut change = document.get_last_local_change().expect("it was written");
    change.bytes().into_owned()
}

/// Changes against the live record.
pub fn changes() -> Vec<Specimen> {
    let record = record();
    let next = next_changes(&record);
    let base = Parts::of(&next[3]).expect("an honest change is one");
    let with = |change: &dyn Fn(&mut Parts)| {
        let mut parts = base.clone();
        change(&mut parts);
        parts.bytes()
    };
    // The fifth writes a number.
    let mut increment = Parts::of(&next[4]).expect("an honest change is one");
    increment.set_column(ACTION, run(-1, &[5]));
    let many = |count: u32| (0..count).map(|n| [&n.to_be_bytes()[..], &[9; 12]].concat()).collect::<Vec<_>>();
    vec![
        named("bomb-deflated", deflated_bomb()),
        named("rows-without-end", repeated(&base, i64::MAX, b"address", 0)),
        named("rows-sixteen-million", repeated(&base, 1 << 24, b"address", 0)),
        named("rows-one-too-many", repeated(&base, 1001, b"address", 0)),
        named("rows-as-many-as-may-be", repeated(&base, 1000, b"address", 0)),
        named("replaces-without-end", repeated(&base, 1, b"address", 1 << 40)),
        named("replaces-a-thousand-times-sixteen", repeated(&base, 1000, b"address", 16)),
        named("first-operation-last-number", with(&|parts| parts.start_op = u64::from(u32::MAX))),
        named("first-operation-beyond", with(&|parts| parts.start_op = 1 << 40)),
        named("first-operation-leaps", with(&|parts| parts.start_op += 1000)),
        named("first-operation-used", with(&|parts| parts.start_op = 2)),
        named("sequence-leaps", with(&|parts| parts.seq += 1)),
        named("follows-nothing-and-replaces", with(&|parts| parts.deps.clear())),
        named("follows-twice", with(&|parts| parts.deps.push(parts.deps[0]))),
        named("actors-four-hundred-none-used", with(&|parts| parts.others.extend(many(400)))),
        named("increments-what-is-no-counter", increment.bytes()),
        named("actor-empty", with(&|parts| parts.actor.clear())),
        named(
            "text-longer-than-the-change",
            with(&|parts| parts.set_column(KEY, vec![1, 0xff, 0xff, 0xff, 3])),
        ),
    ]
}

/// Changes too large for a corpus, which are made when they are needed.
pub fn large_changes() -> Vec<Specimen> {
    let record = record();
    let base = Parts::of(&next_changes(&record)[3]).expect("an honest change is one");
    let mut actors = base.clone();
    actors.others.extend((0..16_000_u32).map(|n| [&n.to_be_bytes()[..], &[9; 12]].concat()));
    let mut deps = base.clone();
    deps.deps = vec![[3; 32]; 30_000];
    let mut columns = base.clone();
    columns.columns.extend((0..100_000).map(|n| (n * 16 + 2, Vec::new())));
    let mut fields = base.clone();
    fields.others.clear();
    fields.columns.clear();
    let key = |n: u32| [leb(4), format!("f{n:03}").into_bytes()].concat();
    fields.set_column(KEY, run(-1000, &(0..1000).flat_map(key).collect::<Vec<_>>()));
    fields.set_column(INSERT, leb(1000));
    fields.set_column(ACTION, run(1000, &[1]));
    fields.set_column(VALUE_KIND, run(1000, &leb(1000 << 4 | 6)));
    fields.set_column(VALUE, vec![b'a'; 1_000_000]);
    fields.set_column(PRED_COUNT, run(1000, &[0]));
    let mut value = base.clone();
    value.set_column(VALUE_KIND, run(-1, &leb(900_000 << 4 | 6)));
    value.set_column(VALUE, vec![b'a'; 900_000]);
    vec![
        named("actors-sixteen-thousand", actors.bytes()),
        named("follows-thirty-thousand", deps.bytes()),
        named("columns-hundred-thousand", columns.bytes()),
        named("key-of-a-megabyte", repeated(&base, 1000, &vec![b'k'; 1_000_000], 0)),
        named("fields-a-thousand-of-a-thousand", fields.bytes()),
        named("value-of-a-megabyte", value.bytes()),
    ]
}

/// A batch that inflates to 100 MB, and what would be less than that a few times over.
pub fn batches() -> Vec<Specimen> {
    vec![
        named("bomb-zstd", packed(&vec![0; 100 << 20], true)),
        named("feeds-without-end", packed(&[leb(u64::MAX), vec![0; 20]].concat(), false)),
        named("runs-without-end", packed(&[leb(0), leb(u64::MAX), vec![0; 20]].concat(), false)),
    ]
}

/// Other writings of the honest point: bytes after its end, and a length in more bytes than it needs.
pub fn points() -> Vec<Specimen> {
    let run = runs().swap_remove(0);
    let point = &run.entries.last().expect("a run ends with a point").payload;
    let longer = [&point[..32], &[point[32] | 0x80, 0], &point[33..]].concat();
    vec![named("more-after-its-end", [point.as_slice(), &[0]].concat()), named("length-in-two-bytes", longer)]
}
