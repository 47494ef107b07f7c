//! Checking a record's fields by the dictionary: the full check of forms and imports, and the gate's machine check.

use super::check_characters::{CitizenFault, UsccFault, check_citizen_id, check_uscc};
use super::dates::Date;
use super::dictionary::{CodeTable, Field, FieldType, Kind, Required, Sensitivity};
use super::divisions::Divisions;
use super::editions::{DictionaryEdition, GateRule};
use super::ids::{DivisionCode, Level};
use super::kinds::division::level_label;
use super::messages::{Lang, Trouble};
use super::value::{Fields, Value};
use super::values::list;
use super::values::text::has_invisible;
use std::fmt;

/// The longest text the gate lets into a document, in bytes.
pub const LONGEST_TEXT: usize = 64 * 1024;

/// Whether a problem stops a save.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Said and shown, and saved all the same.
    Warning,
    /// Not saved; the form or the row is given back.
    Error,
}

/// Something wrong with one field, or with the whole record.
#[derive(Clone, PartialEq, Debug)]
pub struct Problem {
    /// The field; none for the whole.
    pub field: Option<&'static Field>,
    /// Whether it stops a save.
    pub severity: Severity,
    /// Reason and remedy.
    pub trouble: Trouble,
}

impl Problem {
    /// A problem that stops a save.
    pub fn error(field: Option<&'static Field>, trouble: Trouble) -> Self {
        Self { field, severity: Severity::Error, trouble }
    }

    /// A problem that is only said.
    pub fn warning(field: Option<&'static Field>, trouble: Trouble) -> Self {
        Self { field, severity: Severity::Warning, trouble }
    }

    /// Whether it stops a save.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// What is wrong.
    pub fn reason(&self, lang: Lang) -> String {
        self.trouble.reason(lang)
    }

    /// What to do.
    pub fn remedy(&self, lang: Lang) -> String {
        self.trouble.remedy(lang)
    }

    /// All of it in one line: 名称：必填项没有填写。请填写后再保存。
    pub fn sentence(&self, lang: Lang) -> String {
        let (reason, remedy) = (self.reason(lang), self.remedy(lang));
        let title = self.field.map(|field| field.title(lang));
        match (lang, title) {
            (Lang::Zh, Some(title)) => format!("{title}：{reason}。{remedy}。"),
            (Lang::Zh, None) => format!("{reason}。{remedy}。"),
            (Lang::En, Some(title)) => format!("{title}: {reason}; {remedy}."),
            (Lang::En, None) => format!("{reason}; {remedy}."),
        }
    }
}

/// Why the gate does not let a value into a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TypeProblem {
    /// The field's name is no identifier of this or a newer version.
    Name,
    /// The field holds another type of value.
    Type,
    /// The text is longer than [`LONGEST_TEXT`], or, where a code or a date belongs, than 64 bytes.
    Long,
}

impl fmt::Display for TypeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a field name is no identifier",
            Self::Type => "a value is not of its field's type",
            Self::Long => "a text is too long",
        })
    }
}

impl std::error::Error for TypeProblem {}

impl Kind {
    /// The full check of a record: every problem, field by field in the kind's order, then those of several fields.
    pub fn check(&'static self, fields: &Fields, divisions: &Divisions) -> Vec<Problem> {
        let mut problems = Vec::new();
        for field in self.fields {
            let value = fields.get(field.name).unwrap_or(&Value::Null);
            if value.is_null() {
                if field.is_needed(fields) {
                    problems.push(Problem::error(Some(field), Trouble::Missing));
                }
            } else {
                problems.extend(field.check(value, divisions));
            }
        }
        for name in fields.keys().filter(|name| self.field(name).is_none()) {
            problems.push(Problem::warning(None, Trouble::UnknownField { name: name.clone() }));
        }
        (self.rules.check)(self, fields, divisions, &mut problems);
        problems
    }

    /// The machine's check at the gate: known fields hold their type, names look like names, texts are not huge.
    ///
    /// A field that a newer version knows passes; what its value means is that version's business. `edition` is the
    /// one that the value's run names: a rule that became stricter since does not bind it.
    ///
    /// # Errors
    /// [`TypeProblem`]: the entry that carries the value is refused.
    pub fn check_types(
        &self,
        name: &str,
        value: &Value,
        edition: DictionaryEdition,
    ) -> Result<(), TypeProblem> {
        if !is_identifier(name) {
            return Err(TypeProblem::Name);
        }
        let field = self.field(name);
        let (ty, sensitivity) = match field.map(|field| field.gate_rule(edition)) {
            Some(GateRule::Holds(ty, sensitivity)) => (Some(ty), sensitivity),
            Some(GateRule::Retired) if !value.is_null() => return Err(TypeProblem::Type),
            Some(GateRule::Retired) | None => (None, Sensitivity::Open),
        };
        let fits = match (ty, value) {
            (_, Value::Null) | (None, _) => true,
            // What tells who somebody is never enters a document in clear, whoever wrote it.
            _ if sensitivity != Sensitivity::Open => matches!(value, Value::Sealed(_)),
            _ if field.is_some_and(|field| field.import_only) => false,
            (Some(FieldType::Bool), value) => matches!(value, Value::Bool(_)),
            (Some(FieldType::Int { .. } | FieldType::Money), value) => matches!(value, Value::Int(_)),
            (Some(_), value) => matches!(value, Value::Text(_)),
        };
        let longest = match ty {
            Some(FieldType::Text { .. } | FieldType::Ref(_) | FieldType::Divisions | FieldType::Codes(_))
            | None => LONGEST_TEXT,
            Some(_) => 64,
        };
        let long = match value {
            Value::Text(text) => text.len() > longest,
            Value::Sealed(bytes) => bytes.len() > LONGEST_TEXT,
            _ => false,
        };
        match fits {
            false => Err(TypeProblem::Type),
            true if long => Err(TypeProblem::Long),
            true => Ok(()),
        }
    }
}

fn is_identifier(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

impl Field {
    /// Whether it must be filled in, given the others.
    pub fn is_needed(&self, fields: &Fields) -> bool {
        match self.required {
            Required::No => false,
            Required::Yes => true,
            Required::Unless { field, code } => fields.get(field).and_then(Value::text) != Some(code),
        }
    }

    /// What is wrong with a value that is there.
    pub fn check(&'static self, value: &Value, divisions: &Divisions) -> Option<Problem> {
        let error = |trouble| Some(Problem::error(Some(self), trouble));
        match (self.ty, value) {
            // What is sealed was checked before it was, and cannot be looked at without its key.
            (_, Value::Null | Value::Sealed(_)) => None,
            (FieldType::Bool, Value::Bool(_)) => None,
            (FieldType::Money, Value::Int(fen)) => (*fen < 0).then_some(Trouble::NotMoney).and_then(error),
            (FieldType::Int { min, max }, Value::Int(count)) => {
                (!(min..=max).contains(count)).then_some(Trouble::OutOfRange { min, max }).and_then(error)
            }
            (ty, Value::Text(text)) => match text_trouble(ty, text, divisions) {
                Some(trouble @ Trouble::RetiredDivision { .. }) => {
                    Some(Problem::warning(Some(self), trouble))
                }
                trouble => trouble.and_then(error),
            },
            _ => error(Trouble::WrongType),
        }
    }
}

fn text_trouble(ty: FieldType, text: &str, divisions: &Divisions) -> Option<Trouble> {
    if has_invisible(text) {
        return Some(Trouble::Invisible);
    }
    match ty {
        FieldType::Text { max } => too_long(text, max),
        FieldType::Ref(_) => too_long(text, 300),
        FieldType::Code(table) => table.get(text).is_none().then(|| Trouble::unknown_code(table)),
        FieldType::Codes(table) => {
            list::items(text).any(|code| table.get(code).is_none()).then(|| Trouble::unknown_code(table))
        }
        FieldType::Month => (!is_month(text)).then_some(Trouble::NotAMonth),
        FieldType::CitizenId => check_citizen_id(text).err().map(Trouble::from),
        FieldType::KeyedHash(_) => too_long(text, 64),
        FieldType::Date => text.parse::<Date>().err().map(|_| Trouble::NotADate),
        FieldType::Uscc => check_uscc(text).err().map(Trouble::from),
        FieldType::NewDivision => text.parse::<DivisionCode>().err().map(|_| Trouble::DivisionKnown),
        FieldType::Division { highest, lowest, .. } => division_trouble(text, highest, lowest, divisions),
        FieldType::Divisions => list::items(text)
            .find_map(|code| code.parse::<DivisionCode>().err())
            .map(|_| Trouble::DivisionKnown),
        FieldType::Money | FieldType::Int { .. } | FieldType::Bool => Some(Trouble::WrongType),
    }
}

/// 1985-01.
fn is_month(text: &str) -> bool {
    text.len() == 7 && format!("{text}-01").parse::<Date>().is_ok()
}

fn too_long(text: &str, max: usize) -> Option<Trouble> {
    let found = text.chars().count();
    (found > max).then_some(Trouble::TooLong { max, found })
}

fn division_trouble(text: &str, highest: Level, lowest: Level, divisions: &Divisions) -> Option<Trouble> {
    let Ok(code) = text.parse::<DivisionCode>() else { return Some(Trouble::UnknownDivision) };
    if !divisions.contains(code) {
        return Some(Trouble::UnknownDivision);
    }
    if !(highest..=lowest).contains(&code.level()) {
        let [expected, expected_en] = [Lang::Zh, Lang::En].map(|lang| level_range(highest, lowest, lang));
        return Some(Trouble::DivisionLevel { expected, expected_en });
    }
    let on = divisions.retired_on(code)?.to_string();
    let name = |code: &DivisionCode| {
        let name = divisions.full_name(*code);
        name.map_or_else(|| code.to_string(), |name| format!("{name}（{code}）"))
    };
    let successors: Vec<String> = divisions.successors(code).iter().map(name).collect();
    Some(Trouble::RetiredDivision { on, successors: successors.join("、") })
}

/// 县级, or 省级至县级.
fn level_range(highest: Level, lowest: Level, lang: Lang) -> String {
    let (first, last) = (level_label(highest, lang), level_label(lowest, lang));
    if first == last { first.to_owned() } else { format!("{first}{}{last}", lang.pick("至", " to ")) }
}

impl Trouble {
    /// The trouble of a word that is not in a table of codes.
    pub(super) fn unknown_code(table: &CodeTable) -> Self {
        Self::UnknownCode { known: table.labels(Lang::Zh), known_en: table.labels(Lang::En) }
    }
}

impl From<UsccFault> for Trouble {
    fn from(fault: UsccFault) -> Self {
        match fault {
            UsccFault::Length { found } => Self::UsccLength { found },
            UsccFault::Character { position, found } => Self::UsccCharacter { position, found },
            UsccFault::Lookalike { suggestion } => Self::UsccLookalike { suggestion },
            UsccFault::OrganizationCode { expected } => Self::UsccOrganization { expected },
            UsccFault::Check { expected } => Self::UsccCheck { expected },
        }
    }
}

impl From<CitizenFault> for Trouble {
    fn from(fault: CitizenFault) -> Self {
        match fault {
            CitizenFault::Length { found } => Self::CitizenLength { found },
            CitizenFault::FifteenDigits => Self::CitizenFifteen,
            CitizenFault::Character { position } => Self::CitizenCharacter { position },
            CitizenFault::Birthday => Self::CitizenBirthday,
            // The right character would complete a number that somebody only guesses at.
            CitizenFault::Check { .. } => Self::CitizenCheck,
        }
    }
}

#[cfg(test)]
mod tests;
