//! What people write in the simulation: synthetic, checkable, and mostly never the same twice.

use super::reference::EditId;
use huiliu_core::model::check_characters::{organization_code_check, uscc_check};
use huiliu_core::model::{Fields, Value};

/// Fields that people write again and again; the last two from a few values, so that equal ones meet.
const FIELDS: [&str; 7] =
    ["legal_rep_name", "address", "supervising_unit", "name", "staff_full", "grade", "charity"];

/// A field's name.
pub(super) fn field(rng: &mut fastrand::Rng) -> &'static str {
    // Few fields, unevenly: conflicts are what this is about.
    let narrow = rng.usize(..FIELDS.len());
    FIELDS[rng.usize(..=narrow)]
}

/// A value for a field, by an edit.
pub(super) fn value(field: &str, edit: EditId, rng: &mut fastrand::Rng) -> Value {
    match field {
        "staff_full" => Value::Int(i64::from(edit)),
        "grade" => rng.choice(["1A", "3A", "5A"]).filter(|_| rng.u8(..4) > 0).map_or(Value::Null, Value::of),
        "charity" => rng.choice([Value::Bool(true), Value::Bool(false), Value::Null]).unwrap_or(Value::Null),
        "address" => Value::of(format!("月湖街道{edit}号")),
        _ => Value::of(format!("甲{edit}")),
    }
}

/// What figures count, written with every third edit. By the edit's number and not by chance, so that seeds that were
/// kept still draw what they drew.
pub(super) fn counted(edit: EditId) -> Fields {
    let mode = ["SOLO", "JOINT", "ATTACHED"][edit as usize / 3 % 3];
    let all = [
        ("build_mode", mode.to_owned()),
        ("party_org", format!("name:中共第{}支部", edit % 4)),
        ("founded_on", format!("20{:02}-0{}-01", edit % 40, 1 + edit % 9)),
    ];
    let all = all.into_iter().filter(|_| edit.is_multiple_of(3));
    all.map(|(field, value)| (field.to_owned(), Value::Text(value))).collect()
}

/// The credit code of an organization that does not exist: bodies that begin with XT are never given out.
pub(super) fn uscc(authority: &str, number: u32) -> String {
    let body = format!("XT{:06}", number % 1_000_000);
    let check = organization_code_check(&body).expect("eight characters of the alphabet");
    let first = format!("51{authority:0<6}{body}{check}");
    let last = uscc_check(&first).expect("seventeen characters of the alphabet");
    format!("{first}{last}")
}

/// A new organization's fields, with nothing left for the dictionary to fill in.
pub(super) fn organization(
    authority: &str,
    town: Option<&str>,
    edit: EditId,
    rng: &mut fastrand::Rng,
) -> Fields {
    // Now and then two people register the same organization.
    let number = if rng.u8(..8) == 0 { rng.u32(..3) } else { edit + 10 };
    let mut fields = Fields::from([
        ("name".to_owned(), Value::of(format!("海曙区第{edit}读书会"))),
        ("org_type".to_owned(), Value::of("ST")),
        ("registration_authority".to_owned(), Value::of(authority)),
        ("status".to_owned(), Value::of("NORMAL")),
        ("management_mode".to_owned(), Value::of("DIRECT")),
        ("uscc".to_owned(), Value::of(uscc(authority, number))),
    ]);
    if let Some(town) = town {
        fields.insert("town_code".to_owned(), Value::of(town));
    }
    fields
}

/// Where an organization may belong: an authority, and perhaps a township of it.
pub(super) fn place(rng: &mut fastrand::Rng) -> Fields {
    let places = [
        ("3302", None),
        ("330203", None),
        ("330203", Some("330203004")),
        ("330203", Some("330203005")),
        ("330281", None),
        ("330281", Some("330281001")),
    ];
    let (authority, town) = places[rng.usize(..places.len())];
    Fields::from([
        ("registration_authority".to_owned(), Value::of(authority)),
        ("town_code".to_owned(), town.map_or(Value::Null, Value::of)),
    ])
}

/// A new division's fields.
pub(super) fn division(edit: EditId) -> Fields {
    Fields::from([
        ("code".to_owned(), Value::of((330_203_300 + u64::from(edit) % 600).to_string())),
        ("name".to_owned(), Value::of(format!("第{edit}街道"))),
        ("level".to_owned(), Value::of("TOWNSHIP")),
        ("parent".to_owned(), Value::of("330203")),
    ])
}
