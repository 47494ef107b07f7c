//! From when until when something holds.

use super::day;
use crate::model::dates::Date;
use crate::model::value::Fields;

/// A period, from its first day to the day on which it is over. A day that nobody wrote down leaves that side open.
///
/// Half open, so that who leaves one branch and enters another on the same day is in exactly one (DOMAIN 0, finding 1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Period {
    /// The first day.
    pub from: Option<Date>,
    /// The first day after it.
    pub to: Option<Date>,
}

impl Period {
    /// What the fields `from` and `to` of a record say.
    pub fn of(fields: &Fields) -> Self {
        Self { from: day(fields, "from"), to: day(fields, "to") }
    }

    /// Whether it holds on a day. One that ends before it begins never does.
    pub fn contains(self, on: Date) -> bool {
        self.from.is_none_or(|from| from <= on) && self.to.is_none_or(|to| on < to)
    }

    /// The days on which it begins and ends.
    pub fn days(self) -> impl Iterator<Item = Date> {
        self.from.into_iter().chain(self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{date, fields};
    use super::*;

    #[test]
    fn it_begins_on_its_first_day_and_is_over_on_its_last() {
        let holds = |from: &str, to: &str, on: &str| {
            Period::of(&fields(&[("from", from), ("to", to)])).contains(date(on))
        };
        assert!(!holds("2018-05-21", "2018-07-01", "2018-05-20"));
        assert!(holds("2018-05-21", "2018-07-01", "2018-05-21"));
        assert!(holds("2018-05-21", "2018-07-01", "2018-06-30"));
        assert!(!holds("2018-05-21", "2018-07-01", "2018-07-01"));
        assert!(holds("", "2018-07-01", "1900-01-01"), "no first day: always before");
        assert!(holds("2018-05-21", "", "2199-12-31"), "no last day: still");
        assert!(holds("soon", "never", "2018-05-21"), "what is no day is no bound");
        assert!(!holds("2018-07-01", "2018-05-21", "2018-06-01"), "it ends before it begins");
        assert!(!holds("2018-07-01", "2018-07-01", "2018-07-01"));
    }
}
