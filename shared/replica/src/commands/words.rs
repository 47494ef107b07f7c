//! Turning values, times and reasons into what people read and scripts parse, and back.

use crate::commands::reading::title_of;
use crate::service::home::{self, Failure};
use crate::service::time::rfc3339;
use crate::{Replica, ReplicaError};
use huiliu_core::documents::DELETED;
use huiliu_core::documents::Verdict;
use huiliu_core::model::dictionary::{self, Field, Kind};
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::values::{self, Reading, Source};
use huiliu_core::model::{DivisionCode, Fields, Problem, RecordId, Scope, Value};
use huiliu_core::sync::control::reason as code;
use huiliu_core::sync::session::Closing;
use huiliu_store::rows::Row;
use serde_json::Value as Json;

/// Times in sentences and lists for people; JSON has RFC 3339.
pub use huiliu_web::moment;

/// The kind that a person names, by its name or its label.
pub fn kind_of(name: &str) -> Result<&'static Kind, Failure> {
    let unknown = || {
        let known: Vec<String> =
            dictionary::kinds().iter().map(|kind| format!("{} {}", kind.name, kind.label)).collect();
        Failure::new(2, Say::NoSuchKind { kind: name.to_owned(), known: known.join(", ") })
    };
    dictionary::kind_of_word(name).ok_or_else(unknown)
}

/// The sentence and exit code of what a replica says no to, in words of the office: places by name, not by channel.
pub fn failure_of(error: &ReplicaError) -> Failure {
    match error {
        ReplicaError::OutsideGrant(channel) if channel.scope == Scope::Published => {
            Failure::new(4, Say::OnlyTheHub)
        }
        ReplicaError::OutsideGrant(channel) => {
            let place = home::divisions().full_name(channel.division);
            let channel = place.unwrap_or_else(|| channel.division.to_string());
            Failure::new(4, Say::OutsideGrant { channel })
        }
        ReplicaError::Problems(problems) => not_saved(problems),
        error => home::replica_failure(error),
    }
}

/// The failure of a form that is not complete or not right: every problem, one after the other.
pub fn not_saved(problems: &[Problem]) -> Failure {
    let list = |lang: Lang, between: &str| {
        problems.iter().map(|problem| problem.sentence(lang)).collect::<Vec<_>>().join(between)
    };
    Failure::new(1, Say::ProblemsRemain { zh: list(Lang::Zh, ""), en: list(Lang::En, " ") })
}

/// A record's id.
pub fn id_of(text: &str) -> Result<RecordId, Failure> {
    text.parse().map_err(|_| Failure::new(2, Say::BadId { text: text.to_owned() }))
}

/// A division that the registry knows.
pub fn division_of(replica: &Replica, text: &str) -> Result<DivisionCode, Failure> {
    let parsed: Option<DivisionCode> = text.parse().ok();
    let known = parsed.filter(|code| replica.divisions().contains(*code));
    known.ok_or_else(|| Failure::new(2, Say::BadDivision { text: text.to_owned() }))
}

/// FIELD=VALUE pairs as fields, checked by the dictionary one by one. An empty value empties the field.
pub fn fields_of(replica: &Replica, kind: &'static Kind, pairs: &[String]) -> Result<Fields, Failure> {
    let given = pairs_of(kind, pairs)?;
    let near = Some(replica.division());
    let reading = Reading { source: Source::Command, divisions: replica.divisions(), near };
    let (fields, problems) = values::read_fields(kind, &given, &reading);
    if problems.is_empty() { Ok(fields) } else { Err(not_saved(&problems)) }
}

/// FIELD=VALUE pairs, each field once.
pub fn pairs_of<'a>(
    kind: &'static Kind,
    pairs: &'a [String],
) -> Result<Vec<(&'static Field, &'a str)>, Failure> {
    let mut given: Vec<(&'static Field, &str)> = Vec::new();
    for pair in pairs {
        let bad = || Failure::new(2, Say::BadPair { text: pair.clone() });
        let (name, value) = pair.split_once('=').ok_or_else(bad)?;
        let field = field_of(kind, name)?;
        if given.iter().any(|(other, _)| other.name == field.name) {
            return Err(Failure::new(2, Say::FieldTwice { field: name.to_owned() }));
        }
        given.push((field, value));
    }
    Ok(given)
}

/// A field by its name or label.
pub fn field_of(kind: &'static Kind, name: &str) -> Result<&'static Field, Failure> {
    let found = kind.field(name.trim()).or_else(|| kind.field_by_label(name));
    let unknown = || Say::NoSuchField {
        field: name.to_owned(),
        kind: kind.label.to_owned(),
        kind_en: kind.label_en.to_owned(),
    };
    found.ok_or_else(|| Failure::new(2, unknown()))
}

/// One value read for a field.
pub fn value_of(
    replica: &Replica,
    field: &'static Field,
    text: &str,
    fields: &Fields,
) -> Result<Value, Problem> {
    let near = Some(replica.division());
    let reading = Reading { source: Source::Command, divisions: replica.divisions(), near };
    let inside = match field.ty {
        dictionary::FieldType::Division { within: Some(within), .. } => {
            fields.get(within).and_then(Value::text)
        }
        _ => None,
    };
    values::read(field, text, inside.and_then(|code| code.parse().ok()), &reading)
        .map_err(|trouble| Problem::error(Some(field), trouble))
}

/// A value as scripts read it: codes as codes, money as integer fen, numbers as numbers.
pub fn json_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(yes) => Json::from(*yes),
        Value::Int(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        // Its key is not here: there is nothing to say of it.
        Value::Sealed(_) => Json::Null,
    }
}

/// Fields as scripts read them.
pub fn json_fields(fields: &Fields) -> Json {
    Json::Object(fields.iter().map(|(name, value)| (name.clone(), json_of(value))).collect())
}

/// A value of a record as people read it: what names another record by that one's name.
pub fn shown_in(
    replica: &Replica,
    kind: &'static Kind,
    row: &Row,
    field: &str,
    value: &Value,
    lang: Lang,
) -> String {
    match (kind.field(field).filter(|field| field.target().is_some()), value) {
        (Some(field), Value::Text(text)) => title_of(replica, field, row.division, text),
        _ => shown(replica, kind, field, value, lang),
    }
}

/// A value as people read it.
pub fn shown(replica: &Replica, kind: &'static Kind, field: &str, value: &Value, lang: Lang) -> String {
    match kind.field(field) {
        _ if field == DELETED => match value {
            Value::Text(reason) => Say::ValueDeleted { reason: reason.clone() }.text(lang),
            _ => Say::ValueKept.text(lang),
        },
        Some(field) => values::show(field, value, replica.divisions(), lang),
        None => match value {
            Value::Text(text) => text.clone(),
            other => json_of(other).to_string(),
        },
    }
}

/// A field's label.
pub fn label(kind: &'static Kind, field: &str, lang: Lang) -> String {
    match kind.field(field) {
        Some(field) => field.title(lang).to_owned(),
        None if field == DELETED => Say::LabelDeleted.text(lang),
        None => field.to_owned(),
    }
}

/// A division's name with those above it, else its code.
pub fn place(replica: &Replica, division: DivisionCode) -> String {
    replica.divisions().full_name(division).unwrap_or_else(|| division.to_string())
}

/// A time as scripts read it, or null.
pub fn json_time(millis: Option<u64>) -> Json {
    millis.map_or(Json::Null, |millis| Json::from(rfc3339(millis)))
}

/// A reason code in words.
pub fn reason(reason: u16, lang: Lang) -> String {
    let say = match reason {
        code::OUT_OF_SCOPE => Say::ReasonScope,
        code::BAD_SIGNATURE => Say::ReasonSignature,
        code::BAD_SHAPE => Say::ReasonShape,
        code::FORKED => Say::ReasonFork,
        code::NOT_THE_HUB => Say::ReasonNotHub,
        code::NOT_ITS_MAKER => Say::ReasonMaker,
        code::OTHER_CHANNEL => Say::ReasonChannel,
        code::OTHER_KIND => Say::ReasonKind,
        code::REVOKED => Say::ReasonRevoked,
        code::NOT_ITS_AUTHOR => Say::ReasonAuthor,
        code::REPEATED => Say::ReasonRepeated,
        code::UNBORN => Say::ReasonUnborn,
        code::TOO_LARGE_TO_SEND => Say::ReasonTooLarge,
        code::NEEDS_NEWER => Say::ReasonNeedsNewer,
        code::GIVEN_UP => Say::ReasonGivenUp,
        full if full == Verdict::TooLarge.code() => Say::ReasonFull,
        code::DAMAGED => Say::ReasonDamaged,
        _ => Say::ReasonGate,
    };
    say.text(lang)
}

/// A table for a terminal: heads, rows, and how many there are; a sentence if there are none.
pub fn listing(heads: &[Say], rows: Vec<Vec<String>>, lang: Lang) -> String {
    if rows.is_empty() {
        return Say::NothingHere.text(lang);
    }
    let count = rows.len();
    let mut lines = vec![heads.iter().map(|head| head.text(lang)).collect()];
    lines.extend(rows);
    format!("{}\n{}", aligned(&lines), Say::ListCount { count }.text(lang))
}

/// Why a session ends, in words.
pub fn closing(closing: &Closing) -> Say {
    match closing {
        Closing::Nonsense => Say::Incomprehensible,
        Closing::Upgrade(low, high) => Say::OtherProtocol { low: *low, high: *high },
        Closing::Busy(_) => Say::Busy,
        Closing::Stranger => Say::NotTheCertified,
    }
}

/// What somebody calls a device, as it may be kept and shown: on one line, of a length that fits one, without characters
/// that steer a terminal or turn the direction of what follows.
pub fn tame(name: &str) -> String {
    let shown = name.chars().filter(|c| !steers(*c));
    shown.collect::<String>().trim().chars().take(MOST_NAME).collect()
}

/// So many characters of a name are kept.
pub const MOST_NAME: usize = 64;
/// So many characters a reason has at most.
pub const MOST_REASON: usize = 200;

/// A name or a reason that somebody types: on one line, not empty, not longer than `max`, without what [`tame`] takes out.
pub fn line(text: &str, max: usize) -> Result<String, Say> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Say::WordEmpty),
        _ if text.chars().any(steers) => Err(Say::WordSteers),
        length if length > max => Err(Say::WordLong { max }),
        _ => Ok(text.to_owned()),
    }
}

/// Whether a character breaks a line, steers a terminal, turns the direction of what follows, or cannot be seen.
pub(crate) fn steers(c: char) -> bool {
    let turns =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    c.is_control() || turns
}

/// Lines with their columns aligned for a terminal: Chinese characters are two wide. What others wrote cannot steer it.
pub fn aligned(lines: &[Vec<String>]) -> String {
    let blank = |c: char| if matches!(c, '\n' | '\t') { ' ' } else { c };
    let calm = |text: &String| text.chars().map(blank).filter(|c| !steers(*c)).collect();
    let lines: Vec<Vec<String>> = lines.iter().map(|line| line.iter().map(calm).collect()).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let wide = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    let width = |at: usize| lines.iter().filter_map(|line| line.get(at)).map(|text| wide(text)).max();
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
    let line = |cells: &Vec<String>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(text, width)| format!("{text}{}", " ".repeat(width.saturating_sub(wide(text)))))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_stands_on_one_line() {
        assert_eq!(line(" 王经办 ", 64), Ok("王经办".to_owned()));
        for empty in ["", " ", "\t\n", "　"] {
            assert_eq!(line(empty, 64), Err(Say::WordEmpty), "{empty:?}");
        }
        for steering in ["王\n经办", "王\t经办", "王\u{1b}[2J", "王\u{202e}"] {
            assert_eq!(line(steering, 64), Err(Say::WordSteers), "{steering:?}");
        }
        assert!(line(&"长".repeat(64), 64).is_ok());
        assert_eq!(line(&"长".repeat(65), 64), Err(Say::WordLong { max: 64 }));
    }

    #[test]
    fn a_name_cannot_steer_a_terminal() {
        assert_eq!(tame(" 海曙\u{1b}[2J一号机\r\n\u{202e} "), "海曙[2J一号机");
        assert_eq!(tame(&"长".repeat(500)).chars().count(), MOST_NAME);
        assert_eq!(tame("\u{7}\u{0}"), "");
        let line = vec!["a\u{1b}]0;x\u{7}b".to_owned(), "次\n行".to_owned()];
        assert_eq!(aligned(&[line]), "a]0;xb  次 行");
    }
}
