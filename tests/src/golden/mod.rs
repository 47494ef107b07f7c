//! What earlier programs wrote, kept as files: their data directories, the frames of a session, the answers of their
//! commands. Whatever is decided anew about formats, these still open, are still answered and keep their shapes.
//!
//! `golden NAME` makes them with the program of the day; what is once in `tests/golden` is never made again.

mod making;
mod zipped;

pub use making::make;
pub use zipped::{pack, unpack};

use serde_json::Value as Json;
use std::path::PathBuf;

/// Where the golden files of a generation lie.
pub fn folder(generation: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/golden")).join(generation)
}

/// The commands whose answers are kept, by site.
pub const QUESTIONS: [(&str, &[&str]); 22] = [
    ("hub", &["status"]),
    ("hub", &["verify"]),
    ("hub", &["node", "list"]),
    ("hub", &["record", "list", "social_org"]),
    ("hub", &["record", "list", "party_org"]),
    ("hub", &["record", "list", "person"]),
    ("hub", &["conflict", "list"]),
    ("hub", &["report", "coverage"]),
    ("hub", &["report", "gaps"]),
    ("hub", &["report", "findings"]),
    ("haishu", &["status"]),
    ("haishu", &["verify"]),
    ("haishu", &["record", "list", "social_org"]),
    ("haishu", &["record", "list", "person"]),
    ("haishu", &["record", "list", "affiliation"]),
    ("haishu", &["record", "list", "engagement"]),
    ("haishu", &["record", "list", "service_center"]),
    ("haishu", &["conflict", "list"]),
    ("haishu", &["quarantine", "list"]),
    ("haishu", &["report", "responsibility"]),
    ("yuehu", &["status"]),
    ("yuehu", &["record", "list", "social_org"]),
];

/// One kept answer.
#[derive(Debug)]
pub struct Answer {
    /// Whose.
    pub site: String,
    /// The command's words.
    pub arguments: Vec<String>,
    /// What it printed.
    pub json: Json,
}

/// The kept answers of a generation.
///
/// # Panics
/// If the file is not what [`make`] writes.
pub fn answers(generation: &str) -> Vec<Answer> {
    let text = std::fs::read_to_string(folder(generation).join("answers.json")).expect("kept answers");
    let all: Vec<Json> = serde_json::from_str(&text).expect("a list of answers");
    let words = |list: &Json| {
        let list = list.as_array().expect("a list of words").iter();
        list.map(|word| word.as_str().expect("a word").to_owned()).collect()
    };
    all.into_iter()
        .map(|one| Answer {
            site: one["site"].as_str().expect("a site").to_owned(),
            arguments: words(&one["arguments"]),
            json: one["json"].clone(),
        })
        .collect()
}

/// The kept frames that haishu sent in its session, in order.
///
/// # Panics
/// If the file is not what [`make`] writes.
pub fn frames(generation: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(folder(generation).join("frames.hex")).expect("kept frames");
    let decode = |line: &str| data_encoding::HEXLOWER.decode(line.as_bytes()).expect("hexadecimal digits");
    text.lines().filter_map(|line| line.strip_prefix("> ")).map(decode).collect()
}

/// The keys that `kept` has and `now` lacks, or has with another type, as paths. New keys are welcome; a list is looked
/// at by its first element.
pub fn missing(kept: &Json, now: &Json, path: &str) -> Vec<String> {
    match (kept, now) {
        (Json::Object(kept), Json::Object(now)) => {
            let inner = kept.iter().flat_map(|(key, value)| match now.get(key) {
                Some(there) => missing(value, there, &format!("{path}.{key}")),
                None => vec![format!("{path}.{key}: gone")],
            });
            inner.collect()
        }
        (Json::Array(kept), Json::Array(now)) => match (kept.first(), now.first()) {
            (Some(kept), Some(now)) => missing(kept, now, &format!("{path}[]")),
            _ => Vec::new(),
        },
        // What was not known may be known now, and the other way round.
        (Json::Null, _) | (_, Json::Null) => Vec::new(),
        (kept, now) if std::mem::discriminant(kept) == std::mem::discriminant(now) => Vec::new(),
        _ => vec![format!("{path}: another type")],
    }
}
