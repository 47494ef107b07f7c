//! Records for tests of the rules: written by hand, or drawn from a seed.

use crate::model::dates::Date;
use crate::model::ids::RecordId;
use crate::model::value::{Fields, Value};

/// Fields of texts; an empty one is left out.
pub(super) fn fields(pairs: &[(&str, &str)]) -> Fields {
    let filled = pairs.iter().filter(|(_, text)| !text.is_empty());
    filled.map(|(name, text)| ((*name).to_owned(), Value::of(*text))).collect()
}

pub(super) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub(super) fn id(number: u8) -> RecordId {
    RecordId([number; 16])
}

/// Somebody works at the organization: who, which kind of member, full time or not, from and to.
pub(super) fn engagement(person: &str, kind: &str, full_time: bool, from: &str, to: &str) -> Fields {
    let mut fields = fields(&[("person", person), ("member_kind", kind), ("from", from), ("to", to)]);
    fields.insert("full_time".to_owned(), Value::Bool(full_time));
    fields
}

/// The first of the days on which drawn records change.
pub(super) const EARLIEST: &str = "2020-01-01";
/// How many such days there are.
pub(super) const SPAN: i64 = 40;

/// Days on which drawn records change, with some before and after, and the ends of time.
pub(super) fn days() -> Vec<Date> {
    let start = date(EARLIEST).days();
    let near = (start - 3..start + SPAN + 3).filter_map(Date::from_days);
    // Half a year later what was founded then is no longer young.
    let later = (start + 178..start + 190 + SPAN).filter_map(Date::from_days);
    [Date::FIRST, date("2199-12-31")].into_iter().chain(near).chain(later).collect()
}

/// Chance from a seed (xorshift64*).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }

    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }

    /// Mostly a day within the span; else none, the first or the last of all, or no day at all.
    pub(super) fn day(&mut self) -> String {
        match self.below(12) {
            0..3 => String::new(),
            3 => "1900-01-01".to_owned(),
            4 => "2199-12-31".to_owned(),
            5 => "no day".to_owned(),
            _ => Date::from_days(date(EARLIEST).days() + self.below(SPAN as u64) as i64).unwrap().to_string(),
        }
    }

    pub(super) fn organization(&mut self) -> Fields {
        let founded = self.day();
        fields(&[
            ("org_type", self.pick(&["ST", "MF", "JJ", "BA"])),
            ("sub_type", self.pick(&["", "", "LEGAL_PERSON", "PARTNERSHIP", "INDIVIDUAL"])),
            ("management_mode", self.pick(&["", "DUAL", "DIRECT", "FILED"])),
            ("status", self.pick(&["", "NORMAL", "NORMAL", "NORMAL", "REVOKED", "NEW_CODE"])),
            ("founded_on", &founded),
            ("party_org", self.pick(&["", "name:某支部"])),
            ("build_mode", self.pick(&["", "SOLO", "JOINT", "ATTACHED", "DUAL_FIT"])),
        ])
    }

    /// Up to nine engagements of up to six people.
    pub(super) fn engagements(&mut self) -> Vec<Fields> {
        let mut one = || {
            let (from, to) = (self.day(), self.day());
            let person = self.pick(&["", "a", "b", "c", "d", "e", "f"]);
            let kind = self.pick(&["", "FULL", "FULL", "FULL", "PROB", "DEV"]);
            engagement(person, kind, self.below(3) > 0, &from, &to)
        };
        let many: Vec<Fields> = (0..9).map(|_| one()).collect();
        many.into_iter().take(self.below(10) as usize).collect()
    }

    pub(super) fn assignments(&mut self) -> Vec<Fields> {
        let mut one = || {
            let (from, to) = (self.day(), self.day());
            fields(&[("status", self.pick(&["", "ACTIVE", "ENDED"])), ("from", &from), ("to", &to)])
        };
        let many = [one(), one()];
        many.into_iter().take(self.below(3) as usize).collect()
    }

    pub(super) fn person(&mut self) -> Fields {
        let (joined, full) = (self.day(), self.day());
        fields(&[
            ("member_kind", self.pick(&["", "FULL", "PROB", "DEV"])),
            ("status", self.pick(&["", "ACTIVE", "ACTIVE", "OUT_PENDING", "LEFT"])),
            ("joined_on", &joined),
            ("full_on", &full),
        ])
    }
}
