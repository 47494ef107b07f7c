//! Reading what people type, with the tolerance of an office: widths, blanks, labels for codes, names for divisions.

use super::list;
use super::money::{self, Bare};
use super::text::{compact, has_invisible, kept, means_nothing, one_line};
use crate::model::check::Problem;
use crate::model::dates::Date;
use crate::model::dictionary::{CodeTable, Field, FieldType, Kind};
use crate::model::divisions::Divisions;
use crate::model::ids::{DivisionCode, Level};
use crate::model::messages::Trouble;
use crate::model::value::{Fields, Value};

/// Where a text comes from; it decides what a bare number of money means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The command line: money is fen.
    Command,
    /// A form on the screen: money is 万元, as on the paper form.
    Form,
    /// A table: money is 万元.
    Import,
}

/// Where and for whom a text is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// Where it comes from.
    pub source: Source,
    /// The tree of divisions.
    pub divisions: &'a Divisions,
    /// The division around which names are looked for first: the replica's own.
    pub near: Option<DivisionCode>,
}

/// Reads one text. Nothing and every way to write nothing give `Null`.
///
/// A field that lies within another field's division is looked for in `inside`, if that is known.
///
/// # Errors
/// What is wrong with the text. The trouble never repeats the value of a field that may not be echoed.
pub fn read(
    field: &'static Field,
    text: &str,
    inside: Option<DivisionCode>,
    reading: &Reading<'_>,
) -> Result<Value, Trouble> {
    if means_nothing(text) {
        return Ok(Value::Null);
    }
    let kept_text = kept(text);
    if has_invisible(&kept_text) {
        return Err(Trouble::Invisible);
    }
    let value = match field.ty {
        // A cell is broken into lines so that it fits its column, not because the name has lines.
        FieldType::Text { .. } | FieldType::Ref(_) => Value::Text(one_line(&kept_text)),
        FieldType::Code(table) => match table.find(&kept_text) {
            Some(entry) => Value::of(entry.code),
            None => return Err(Trouble::unknown_code(table)),
        },
        FieldType::Codes(table) => Value::of(read_codes(&kept_text, table)?),
        FieldType::Month => Value::of(read_month(&kept_text).ok_or(Trouble::NotAMonth)?),
        FieldType::CitizenId => Value::Text(compact(&kept_text).to_uppercase()),
        FieldType::KeyedHash(_) => return Err(Trouble::NotTyped),
        FieldType::Date => Value::of(read_date(&kept_text).ok_or(Trouble::NotADate)?.to_string()),
        FieldType::Money => {
            let bare = if reading.source == Source::Command { Bare::Fen } else { Bare::TenThousandYuan };
            Value::Int(money::read(&compact(&kept_text), bare).ok_or(Trouble::NotMoney)?)
        }
        FieldType::Int { .. } => Value::Int(read_count(&kept_text).ok_or(Trouble::NotANumber)?),
        FieldType::Bool => Value::Bool(read_bool(&kept_text).ok_or(Trouble::NotYesNo)?),
        FieldType::Uscc => Value::Text(compact(&kept_text).replace('-', "").to_uppercase()),
        FieldType::NewDivision => {
            let code = compact(&kept_text);
            Value::Text(code.parse::<DivisionCode>().map(|_| code).map_err(|_| Trouble::DivisionKnown)?)
        }
        FieldType::Divisions => Value::Text(read_list(&kept_text).ok_or(Trouble::DivisionKnown)?),
        FieldType::Division { highest, lowest, .. } => {
            Value::of(read_division(&kept_text, highest, lowest, inside, reading)?.to_string())
        }
    };
    match field.check(&value, reading.divisions).filter(Problem::is_error) {
        Some(problem) => Err(problem.trouble),
        None => Ok(value),
    }
}

/// Reads the texts of one record, those that others depend on first. Fields that are not given stay absent.
///
/// The problems are those of reading alone; `Kind::check` finds the rest once the record is whole. Only a table can have
/// warnings among them: a credit code with O for 0 is taken as it was meant, while a form asks the person who typed it.
pub fn read_fields(
    kind: &'static Kind,
    given: &[(&'static Field, &str)],
    reading: &Reading<'_>,
) -> (Fields, Vec<Problem>) {
    let (mut fields, mut problems) = (Fields::new(), Vec::new());
    let depends = |field: &Field| matches!(field.ty, FieldType::Division { within: Some(_), .. });
    let (later, first): (Vec<_>, Vec<_>) = given.iter().partition(|(field, _)| depends(field));
    for (field, text) in first.into_iter().chain(later) {
        if let Some((begins, (from, to))) =
            field.begins.and_then(|name| kind.field(name)).zip(read_period(text))
        {
            fields.insert(begins.name.to_owned(), Value::of(from.to_string()));
            fields.insert(field.name.to_owned(), Value::of(to.to_string()));
            continue;
        }
        let inside = match field.ty {
            FieldType::Division { within: Some(within), .. } => fields.get(within).and_then(Value::text),
            _ => None,
        };
        match read(field, text, inside.and_then(|code| code.parse().ok()), reading) {
            Ok(value) => {
                fields.insert(field.name.to_owned(), value);
            }
            Err(Trouble::UsccLookalike { suggestion }) if reading.source == Source::Import => {
                let mended = Trouble::UsccMended { written: kept(text), taken: suggestion.clone() };
                problems.push(Problem::warning(Some(field), mended));
                fields.insert(field.name.to_owned(), Value::Text(suggestion));
            }
            Err(trouble) => problems.push(Problem::error(Some(field), trouble)),
        }
    }
    (fields, problems)
}

/// 2018-05-21, 2018.5.21, 2018/5/21, 2018年5月21日, 20180521, any of them with a time of midnight after it.
fn read_date(text: &str) -> Option<Date> {
    let text = compact(text.trim_end_matches("00:00:00").trim_end_matches("0:00:00").trim_end_matches('T'));
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Date::new(
            text.get(..4)?.parse().ok()?,
            text.get(4..6)?.parse().ok()?,
            text.get(6..)?.parse().ok()?,
        );
    }
    let text = text.strip_suffix(['日', '号']).unwrap_or(&text);
    let mut parts = text.split(['-', '.', '/', '年', '月', '。', '－', '—']);
    let mut next = |longest: usize| {
        let part =
            parts.next().filter(|part| part.bytes().all(|b| b.is_ascii_digit()) && part.len() <= longest)?;
        part.parse::<u16>().ok()
    };
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    let date = Date::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    if parts.next().is_some() { None } else { date }
}

/// 1985-01, 1985.1, 1985年1月, 198501, or any day of the month.
fn read_month(text: &str) -> Option<String> {
    let text = compact(text);
    let month = text.strip_suffix('月').unwrap_or(&text);
    let with_day = match month.len() {
        6 if month.bytes().all(|b| b.is_ascii_digit()) => format!("{month}01"),
        _ => format!("{month}-01"),
    };
    let date = read_date(&text).or_else(|| read_date(&with_day))?;
    Some(format!("{:04}-{:02}", date.year(), date.month()))
}

/// Codes or labels, with commas or 、 between, or codes as they are kept.
fn read_codes(text: &str, table: &'static CodeTable) -> Result<String, Trouble> {
    let parts = text.split([',', '，', '、', ';', '；', '\n']).map(str::trim).filter(|part| !part.is_empty());
    let code = |part: &str| table.find(part).map(|entry| entry.code);
    let found: Option<Vec<&str>> = parts.map(code).collect();
    // A label may have a blank in it, a code has none.
    let found = found.or_else(|| list::items(text).map(code).collect());
    Ok(list::joined(found.ok_or_else(|| Trouble::unknown_code(table))?))
}

/// 2018-05-21至2023-05-20, 自2018年5月21日至2023年5月20日.
fn read_period(text: &str) -> Option<(Date, Date)> {
    let text = compact(text);
    let text = text.strip_prefix(['自', '从']).unwrap_or(&text);
    let parts = ["至", "到", "~", "--", "——"].iter().find_map(|between| text.split_once(between))?;
    read_date(parts.0).zip(read_date(parts.1))
}

/// 12, 12人, 12个, 12.0, 1,200.
fn read_count(text: &str) -> Option<i64> {
    let text = compact(text).replace(',', "");
    let text = text.strip_suffix(['人', '个', '名', '家']).unwrap_or(&text);
    let text = text
        .split_once('.')
        .filter(|(_, part)| part.bytes().all(|b| b == b'0'))
        .map_or(text, |(whole, _)| whole);
    let digits = text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn read_bool(text: &str) -> Option<bool> {
    match compact(text).to_lowercase().as_str() {
        "是" | "有" | "true" | "yes" | "y" | "1" | "√" | "✓" | "✔" => Some(true),
        "否" | "不是" | "没有" | "false" | "no" | "n" | "0" | "×" | "✗" | "x" => Some(false),
        _ => None,
    }
}

fn read_list(text: &str) -> Option<String> {
    let parts =
        text.split([',', '，', '、', ';', '；', ' ', '\n']).map(compact).filter(|part| !part.is_empty());
    let codes: Option<Vec<String>> =
        parts.map(|part| part.parse::<DivisionCode>().ok().map(|_| part)).collect();
    codes.map(|codes| list::joined(codes.iter().map(String::as_str)))
}

fn read_division(
    text: &str,
    highest: Level,
    lowest: Level,
    inside: Option<DivisionCode>,
    reading: &Reading<'_>,
) -> Result<DivisionCode, Trouble> {
    let (divisions, text) = (reading.divisions, compact(text));
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return read_code(&text, divisions).ok_or(Trouble::UnknownDivision);
    }
    let levels = highest..=lowest;
    let found = match (inside, reading.near) {
        (Some(inside), _) => divisions.find_at(&text, Some(inside), levels),
        (None, Some(near)) => divisions.find_near(&text, near, levels),
        (None, None) => divisions.find_at(&text, None, levels),
    };
    match (found.as_slice(), inside.and_then(|code| divisions.full_name(code))) {
        ([one], _) => Ok(*one),
        ([], Some(within)) => Err(Trouble::UnknownDivisionWithin { within }),
        ([], None) => Err(Trouble::UnknownDivision),
        (several, _) => {
            let name =
                |code: &DivisionCode| format!("{}（{code}）", divisions.full_name(*code).unwrap_or_default());
            let some: Vec<String> = several.iter().take(5).map(name).collect();
            Err(Trouble::AmbiguousDivision { candidates: some.join("、") })
        }
    }
}

/// A code, as it is or padded with zeros on the right as statistics write it: 330200, 330203000000.
fn read_code(text: &str, divisions: &Divisions) -> Option<DivisionCode> {
    let lengths = [12, 9, 6, 4, 2].into_iter().filter(|length| *length <= text.len());
    let mut codes = lengths.filter_map(|length| {
        let (code, zeros) = text.split_at_checked(length)?;
        zeros.bytes().all(|b| b == b'0').then(|| code.parse::<DivisionCode>().ok())?
    });
    codes.find(|code| divisions.contains(*code))
}
