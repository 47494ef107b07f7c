//! What honest devices write, from which all mutants come: a record that three of them have edited for a while, their
//! next changes to it, and a feed with runs.

use huiliu_core::documents::{Actor, Document};
use huiliu_core::model::{Fields, Hlc, KindId, Value, dictionary};
use huiliu_core::sync::feed::sign_run;
use huiliu_core::sync::{
    DeviceKey, Entry, EntryKind, Envelope, FeedId, Hash, Head, Incarnation, Run, Stamp, birth,
};

/// Social organizations.
pub const ORGANIZATION: KindId = KindId(2);
/// The grant under which the author of [`runs`] writes.
pub const GRANT: Hash = Hash([8; 32]);

const FIELDS: [&str; 6] = ["legal_rep_name", "address", "supervising_unit", "name", "staff_full", "charity"];

/// The device of whom the entries are.
pub fn author() -> DeviceKey {
    DeviceKey::from_seed([1; 32])
}

fn feed() -> FeedId {
    let channel = "own/330203/open".parse().expect("a channel");
    FeedId { channel, device: author().device(), incarnation: Incarnation([3; 8]) }
}

fn actor(branch: u32) -> Actor {
    birth::actor(&author().device(), &feed().incarnation, branch)
}

/// Whether a field may hold a value, by the dictionary: what the replica asks the gate to hold to.
pub fn allowed(field: &str, value: &Value) -> bool {
    field == huiliu_core::documents::DELETED
        || dictionary::kind_by_id(ORGANIZATION).is_some_and(|kind| kind.was_ever_legal(field, value))
}

/// A value for a field, another for each number.
pub fn value(field: &str, number: u32) -> Value {
    match field {
        "staff_full" => Value::Int(i64::from(number)),
        "charity" => Value::Bool(number.is_multiple_of(2)),
        "address" => Value::of(format!("月湖街道{number}号")),
        _ => Value::of(format!("甲{number}")),
    }
}

fn edit_of(number: u32) -> Fields {
    let field = FIELDS[number as usize % FIELDS.len()];
    Fields::from([(field.to_owned(), value(field, number))])
}

/// A new organization's fields.
fn beginning() -> Fields {
    let fields =
        [("name", "海曙区第一读书会"), ("org_type", "ST"), ("status", "NORMAL"), ("address", "月湖")];
    let mut fields: Fields =
        fields.into_iter().map(|(name, value)| (name.to_owned(), Value::of(value))).collect();
    fields.insert("staff_full".to_owned(), Value::Int(7));
    fields
}

/// A record with a history: three authors in turn, and at times two of them without having seen each other.
pub fn record() -> Document {
    let mut here = Document::empty();
    here.edit(actor(0), &beginning(), &[]).expect("a new record is written");
    for number in 1..40 {
        if number % 5 == 0 {
            let mut there = here.clone();
            let theirs = there.edit(actor(2), &edit_of(number + 100), &[]);
            here.edit(actor(1), &edit_of(number + 204), &[]);
            theirs.iter().for_each(|raw| here.add(raw).expect("an honest change applies"));
            continue;
        }
        here.edit(actor(number % 3), &edit_of(number), &[]);
    }
    // Two fields in conflict, of which one stays so for the authors of the next changes.
    for field in ["name", "address"] {
        let mut there = here.clone();
        let theirs = Fields::from([(field.to_owned(), value(field, 901))]);
        let change = there.edit(actor(2), &theirs, &[]).expect("a new value");
        here.edit(actor(1), &Fields::from([(field.to_owned(), value(field, 902))]), &[]);
        here.add(&change).expect("an honest change applies");
    }
    here
}

/// Changes that honest people could make to the record next, each by itself.
pub fn next_changes(record: &Document) -> Vec<Vec<u8>> {
    let mut raws = Vec::new();
    let mut write = |before: &Document, who: Actor, edit: &Fields, settles: &[&str]| {
        raws.extend(before.clone().edit(who, edit, settles));
    };
    for (number, branch) in [(300, 0), (301, 1), (302, 2), (303, 7), (304, 8)] {
        write(record, actor(branch), &edit_of(number), &[]);
    }
    // A whole form, a choice, an emptied field, a deletion.
    let form: Fields = FIELDS.iter().map(|field| ((*field).to_owned(), value(field, 310))).collect();
    write(record, actor(7), &form, &[]);
    write(record, actor(0), &Fields::from([("name".to_owned(), record.get("name"))]), &["name"]);
    write(record, actor(8), &Fields::from([("address".to_owned(), Value::Null)]), &["address"]);
    let deleted = Fields::from([(huiliu_core::documents::DELETED.to_owned(), Value::of("重复登记"))]);
    write(record, actor(1), &deleted, &[]);
    // Of somebody who has not seen everything, and of somebody who has seen nothing.
    let history = record.history();
    for at in [history.len() / 2, history.len() - 2] {
        if let Some(older) = record.at(&[history[at].0]) {
            write(&older, actor(9), &edit_of(320 + at as u32), &[]);
        }
    }
    write(&Document::empty(), actor(10), &beginning(), &[]);
    raws
}

/// Runs that continue one feed: a record is made and edited, then others.
pub fn runs() -> Vec<Run> {
    let id = birth::record_id(&actor(0), 1_790_000_000_000, 1);
    let mut document = Document::empty();
    let entry = |payload, number: u64| {
        let stamp = Stamp { who: "海曙经办".into(), at: Hlc(number << 16) };
        let envelope = Envelope { record: id, kind: ORGANIZATION, ..Envelope::of_no_record(stamp) };
        Entry { kind: EntryKind::EDIT, envelope: Some(envelope), payload }
    };
    let mut raws = vec![document.edit(actor(0), &beginning(), &[]).expect("a new record is written")];
    raws.extend((1..12).filter_map(|number| document.edit(actor(0), &edit_of(number), &[])));
    let mut head = Head::START;
    let mut runs = Vec::new();
    for (number, stretch) in (1..).zip(raws.chunks(3)) {
        let mut entries: Vec<Entry> = stretch.iter().map(|raw| entry(raw.clone(), number)).collect();
        if let Some(envelope) = entries.last_mut().and_then(|entry| entry.envelope.as_mut()) {
            envelope.purpose = Some("年检".into());
            envelope.settles = vec![Hash([5; 32]); number as usize % 3];
        }
        let (run, next) = sign_run(&author(), GRANT, feed(), &head, entries);
        head = next;
        runs.push(run);
    }
    runs
}
