//! Calendar days (GB/T 7408, ISO 8601), without a clock.

use std::fmt;
use std::str::FromStr;

/// A day of the Gregorian calendar, 1900-01-01 to 2199-12-31: what a record of an office can mean.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is no day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadDate;

impl Date {
    /// The first day there is: before every change of anything.
    pub const FIRST: Self = Self { year: 1900, month: 1, day: 1 };

    /// The day, if the calendar has it.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let real = (1900..2200).contains(&year) && day >= 1 && day <= days_in(year, month);
        real.then_some(Self { year, month, day })
    }

    /// The day that is `days` after 1970-01-01 (before it: negative).
    pub fn from_days(days: i64) -> Option<Self> {
        // Howard Hinnant's civil_from_days: years begin in March, so that the leap day comes last.
        let days = days.checked_add(719_468)?;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self::new(u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> i64 {
        let (year, month) = (i64::from(self.year) - i64::from(self.month <= 2), i64::from(self.month));
        let shifted = if month > 2 { month - 3 } else { month + 9 };
        let of_year = (153 * shifted + 2) / 5 + i64::from(self.day) - 1;
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
    }

    /// The same day so many years later; 29 February becomes the 28th where there is none.
    pub fn plus_years(self, years: u16) -> Option<Self> {
        let year = self.year.checked_add(years)?;
        Self::new(year, self.month, self.day).or_else(|| Self::new(year, self.month, 28))
    }

    /// The same day so many months later, or the last of that month where it has no such day.
    pub fn plus_months(self, months: u16) -> Option<Self> {
        let months = u32::from(self.month) - 1 + u32::from(months);
        let year = u16::try_from(u32::from(self.year) + months / 12).ok()?;
        let month = (months % 12) as u8 + 1;
        Self::new(year, month, self.day.min(days_in(year, month)))
    }

    /// The day an Excel serial number means (1900 system), if it is a whole day that Excel counts rightly.
    ///
    /// Excel believes in 1900-02-29, so numbers up to 60 are a day off and are not taken.
    pub fn from_excel(serial: f64) -> Option<Self> {
        let whole = serial.is_finite() && (61.0..120_000.0).contains(&serial) && serial.fract() == 0.0;
        if whole { Self::from_days(serial as i64 - 25_569) } else { None }
    }

    /// The year, 1900 to 2199.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    pub fn day(self) -> u8 {
        self.day
    }
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 0,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = BadDate;

    /// Reads the stored form only, 2018-05-21; `values` reads what people write.
    fn from_str(text: &str) -> Result<Self, BadDate> {
        let bytes = text.as_bytes();
        let digits = |from: usize, to: usize| {
            bytes[from..to].iter().try_fold(0_u16, |sum, byte| {
                byte.is_ascii_digit().then(|| sum * 10 + u16::from(byte - b'0')).ok_or(BadDate)
            })
        };
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(BadDate);
        }
        Self::new(digits(0, 4)?, digits(5, 7)? as u8, digits(8, 10)? as u8).ok_or(BadDate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_1970_both_ways() {
        assert_eq!(Date::new(1970, 1, 1).unwrap().days(), 0);
        assert_eq!(Date::new(2018, 5, 21).unwrap().days(), 17_672);
        let mut previous = None;
        for days in -25_567..80_000 {
            let date = Date::from_days(days).unwrap();
            assert_eq!(date.days(), days);
            assert!(previous < Some(date));
            previous = Some(date);
        }
        assert_eq!(Date::from_days(i64::MAX), None);
        assert_eq!(Date::from_days(i64::MIN), None);
    }

    #[test]
    fn only_days_of_the_calendar() {
        assert_eq!("2020-02-29".parse::<Date>().unwrap().to_string(), "2020-02-29");
        for text in
            ["2019-02-29", "2018-13-01", "2018-5-21", "1800-01-01", "2018-05-21 ", "二〇一八年五月", ""]
        {
            assert_eq!(text.parse::<Date>(), Err(BadDate), "{text}");
        }
    }

    #[test]
    fn a_month_later_is_the_same_day_or_the_last() {
        let later = |text: &str, months| {
            text.parse::<Date>().unwrap().plus_months(months).map(|date| date.to_string())
        };
        assert_eq!(later("2018-05-21", 6).as_deref(), Some("2018-11-21"));
        assert_eq!(later("2018-08-31", 6).as_deref(), Some("2019-02-28"));
        assert_eq!(later("2019-08-31", 6).as_deref(), Some("2020-02-29"));
        assert_eq!(later("2018-12-01", 12).as_deref(), Some("2019-12-01"));
        assert_eq!(later("2199-12-31", 1), None);
        assert_eq!(later("2018-01-01", u16::MAX), None);
        assert_eq!("1900-01-01".parse(), Ok(Date::FIRST));
    }

    #[test]
    fn excel_serials() {
        assert_eq!(Date::from_excel(43_241.0).unwrap().to_string(), "2018-05-21");
        assert_eq!(Date::from_excel(61.0).unwrap().to_string(), "1900-03-01");
        for serial in [60.0, -1.0, 43_241.5, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Date::from_excel(serial), None, "{serial}");
        }
    }
}
