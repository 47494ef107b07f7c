//! How clerks write what they mean: every way that the reader of tables tolerates (DOMAIN 4), each county in its own
//! habits and with exceptions.

use super::numbers::Numbers;
use huiliu_core::model::dictionary::Required;
use huiliu_core::model::values::{Reading, Source, read, show};
use huiliu_core::model::{Date, DivisionCode, Divisions, Field, FieldType, Lang, Value};
use std::collections::BTreeMap;

/// In so many of 1,000 cells a county leaves its habit.
const EXCEPTIONS: usize = 60;
/// So many of 1,000 empty cells say so.
const SAID_EMPTY: usize = 30;
/// 1 万元 in fen.
const TEN_THOUSAND: i64 = 1_000_000;

/// A way to write a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum DayStyle {
    Iso,
    Dots,
    Slashes,
    Words,
    Digits,
    Serial,
    FullWidth,
}

const DAY_STYLES: [DayStyle; 7] = [
    DayStyle::Iso,
    DayStyle::Dots,
    DayStyle::Slashes,
    DayStyle::Words,
    DayStyle::Digits,
    DayStyle::Serial,
    DayStyle::FullWidth,
];

/// Writes the cells of one folder.
pub(super) struct Hand<'a> {
    divisions: &'a Divisions,
    /// The division whose replica will read the tables.
    near: DivisionCode,
    day: DayStyle,
    numbers: Numbers,
    /// What names a division, the plainest first, by field, code and what it lies within.
    places: BTreeMap<(&'static str, String, String), Vec<String>>,
}

/// A cell as it is written.
pub(super) struct Written {
    pub(super) text: String,
    /// Whether it is written otherwise than an export would.
    pub(super) odd: bool,
}

impl<'a> Hand<'a> {
    /// The habits of a folder's clerks.
    pub(super) fn new(near: DivisionCode, seed: u64, divisions: &'a Divisions) -> Self {
        let mut numbers = Numbers::of(seed ^ near.number(), "hand");
        // The serial number of a day and full-width digits are accidents, nobody's habit.
        let day = DAY_STYLES[numbers.below(5)];
        Self { divisions, near, day, numbers, places: BTreeMap::new() }
    }

    /// Writes a value of a field; `within` is the division in which a bare name is looked for.
    pub(super) fn write(
        &mut self,
        field: &'static Field,
        value: Option<&Value>,
        within: Option<&str>,
    ) -> Written {
        let Some(value) = value else { return self.nothing(field) };
        let exact = match (field.ty, value) {
            (FieldType::Division { .. }, Value::Text(code)) => {
                let ways = self.place(field, code, within.unwrap_or_default());
                let way = if ways.len() > 1 && self.numbers.chance(300) {
                    self.numbers.between(1, ways.len() as i64 - 1) as usize
                } else {
                    0
                };
                return Written { text: ways[way].clone(), odd: way > 0 };
            }
            _ => show(field, value, self.divisions, Lang::Zh),
        };
        let text = match (field.ty, value) {
            (FieldType::Date, Value::Text(day)) => self.day(day),
            _ if !self.numbers.chance(EXCEPTIONS) => None,
            (FieldType::Month, Value::Text(month)) => self.month(month),
            (FieldType::Money, Value::Int(fen)) => self.money(*fen),
            (FieldType::Int { .. }, Value::Int(count)) => self.count(*count),
            (FieldType::Bool, Value::Bool(yes)) => Some(self.yes(*yes)),
            (FieldType::Code(table), Value::Text(code)) => {
                let synonyms = table.get(code).map_or(&[][..], |entry| entry.synonyms);
                let mean = |word: &&&str| table.find(word).is_some_and(|entry| entry.code == code);
                let synonyms: Vec<&str> = synonyms.iter().filter(mean).copied().collect();
                synonyms.get(self.numbers.below(synonyms.len().max(1))).map(|word| (*word).to_owned())
            }
            (FieldType::Uscc, Value::Text(code)) => Some(self.code(code)),
            (FieldType::CitizenId, Value::Text(number)) => Some(self.code(number)),
            _ => Some(self.blanks(&exact)),
        };
        Written { odd: text.as_ref().is_some_and(|text| *text != exact), text: text.unwrap_or(exact) }
    }

    fn nothing(&mut self, field: &Field) -> Written {
        let says = field.required == Required::No && self.numbers.chance(SAID_EMPTY);
        let text =
            if says { *self.numbers.pick(&["无", "—", "空", "暂无", "/", "——"]) } else { "" };
        Written { text: text.to_owned(), odd: says }
    }

    fn day(&mut self, iso: &str) -> Option<String> {
        let date: Date = iso.parse().ok()?;
        let odd = self.numbers.chance(EXCEPTIONS);
        let style = if odd { *self.numbers.pick(&DAY_STYLES) } else { self.day };
        let (year, month, day) = (date.year(), date.month(), date.day());
        Some(match style {
            DayStyle::Iso => iso.to_owned(),
            DayStyle::Dots => format!("{year}.{month}.{day}"),
            DayStyle::Slashes => format!("{year}/{month}/{day}"),
            DayStyle::Words => format!("{year}年{month}月{day}日"),
            DayStyle::Digits => format!("{year}{month:02}{day:02}"),
            // Days since 1899-12-30, as a spreadsheet counts them.
            DayStyle::Serial => (date.days() + 25_569).to_string(),
            DayStyle::FullWidth => full_width(iso),
        })
    }

    fn month(&mut self, month: &str) -> Option<String> {
        let (year, month) = month.split_once('-')?;
        let month: u8 = month.parse().ok()?;
        Some(match self.numbers.below(4) {
            0 => format!("{year}.{month}"),
            1 => format!("{year}年{month}月"),
            2 => format!("{year}{month:02}"),
            _ => format!("{year}/{month}"),
        })
    }

    fn money(&mut self, fen: i64) -> Option<String> {
        if fen % TEN_THOUSAND != 0 {
            return None;
        }
        let ten_thousand = fen / TEN_THOUSAND;
        Some(match self.numbers.below(5) {
            0 => format!("{ten_thousand}"),
            1 => format!("{ten_thousand}万"),
            2 => format!("{ten_thousand}0000元"),
            3 => format!("{ten_thousand}.0000"),
            _ => format!("{ten_thousand} 万元"),
        })
    }

    fn count(&mut self, count: i64) -> Option<String> {
        Some(if self.numbers.chance(500) { format!("{count}人") } else { full_width(&count.to_string()) })
    }

    fn yes(&mut self, yes: bool) -> String {
        let words = if yes { ["有", "√", "是 ", "Y"] } else { ["否 ", "×", "没有", "N"] };
        (*self.numbers.pick(&words)).to_owned()
    }

    /// A credit code or an identity number: what is not full-width is small or has blanks.
    fn code(&mut self, code: &str) -> String {
        match self.numbers.below(4) {
            0 => full_width(code),
            1 => code.to_lowercase(),
            2 => format!("{} {}", &code[..6], &code[6..]),
            _ => self.blanks(code),
        }
    }

    fn blanks(&mut self, text: &str) -> String {
        match self.numbers.below(4) {
            0 => format!("{text} "),
            1 => format!("{text}\u{3000}"),
            2 => format!(" {text}"),
            _ => format!("{text}\u{a0}\u{a0}"),
        }
    }

    /// The names and codes that mean a division where they are read; a name that several have is not among them.
    fn place(&mut self, field: &'static Field, code: &str, within: &str) -> Vec<String> {
        let key = (field.name, code.to_owned(), within.to_owned());
        if let Some(ways) = self.places.get(&key) {
            return ways.clone();
        }
        let parsed: Option<DivisionCode> = code.parse().ok();
        let names = parsed.map(|parsed| {
            let full = self.divisions.full_name(parsed).unwrap_or_default();
            let short = self.divisions.name(parsed).unwrap_or_default().to_owned();
            (full, short)
        });
        let (full, short) = names.unwrap_or_default();
        let bureau = format!("{short}民政局");
        let ways = match field.ty {
            FieldType::Division { within: Some(_), .. } => vec![short, code.to_owned(), full],
            _ if field.name == "registration_authority" => vec![full, bureau, code.to_owned(), short],
            _ => vec![full, code.to_owned()],
        };
        let reading = Reading { source: Source::Import, divisions: self.divisions, near: Some(self.near) };
        let wanted = Value::of(code);
        let mut ways = ways;
        ways.retain(|way| read(field, way, within.parse().ok(), &reading).as_ref() == Ok(&wanted));
        if ways.is_empty() {
            ways.push(code.to_owned());
        }
        self.places.insert(key, ways.clone());
        ways
    }
}

/// Digits and letters as wide as the characters around them.
fn full_width(text: &str) -> String {
    let wide = |c: char| {
        let wide = c.is_ascii_alphanumeric().then(|| char::from_u32(c as u32 + 0xfee0));
        wide.flatten().unwrap_or(c)
    };
    text.chars().map(wide).collect()
}
