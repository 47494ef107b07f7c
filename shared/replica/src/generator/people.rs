//! People, in the shares of the members of 2023 (DOMAIN 4.1): sexes, ages, peoples, education.

use super::city::{Person, earlier};
use super::numbers::{Deck, Numbers};
use super::synthetic_codes::synthetic_id;
use super::words::person_name;
use huiliu_core::model::Date;
use std::collections::BTreeSet;

/// Men and women.
const SEXES: [usize; 2] = [696, 304];
/// Of all; those up to 30 are 20 or older, so that a year of probation fits.
const AGES: [(i64, i64, usize); 8] = [
    (20, 30, 125),
    (31, 35, 113),
    (36, 40, 110),
    (41, 45, 95),
    (46, 50, 91),
    (51, 55, 95),
    (56, 60, 90),
    (61, 78, 281),
];
/// 92.3 % 汉, and those peoples that are met in Zhejiang.
const ETHNICITIES: [(&str, usize); 9] =
    [("01", 923), ("22", 14), ("06", 14), ("15", 13), ("03", 11), ("11", 8), ("08", 8), ("09", 5), ("12", 4)];
/// 56.2 % college and above.
const EDUCATION: [(&str, usize); 7] =
    [("10", 70), ("20", 270), ("30", 222), ("40", 96), ("60", 140), ("70", 142), ("80", 60)];

/// Makes people, no two with one identity number.
pub(super) struct People {
    numbers: Numbers,
    sexes: Deck,
    ages: Deck,
    ethnicities: Deck,
    education: Deck,
    taken: BTreeSet<String>,
    as_of: Date,
}

impl People {
    /// For a seed, as they are on a day.
    pub(super) fn new(seed: u64, as_of: Date) -> Self {
        Self {
            numbers: Numbers::of(seed, "people"),
            sexes: Deck::of(&SEXES),
            ages: Deck::of(&AGES.map(|(_, _, share)| share)),
            ethnicities: Deck::of(&ETHNICITIES.map(|(_, share)| share)),
            education: Deck::of(&EDUCATION.map(|(_, share)| share)),
            taken: BTreeSet::new(),
            as_of,
        }
    }

    /// A member, or somebody on the way to be one, whose record lies in a folder and a township.
    pub(super) fn person(&mut self, folder: usize, town: Option<usize>, kind: &'static str) -> Person {
        let numbers = &mut self.numbers;
        let (youngest, oldest, _) = AGES[self.ages.draw(numbers)];
        // Who is not a full member yet is rarely old.
        let oldest = if kind == "FULL" { oldest } else { oldest.min(45) };
        let age = numbers.between(youngest.min(oldest), oldest);
        let birth = years_before(self.as_of, age, numbers.between(0, 360));
        let sex = 1 + self.sexes.draw(numbers) as u8;
        let (joined, full) = match kind {
            "FULL" => full_member(birth, age, numbers),
            "PROB" => (Some(earlier(self.as_of, numbers.between(5, 355))), None),
            _ => (None, None),
        };
        Person {
            folder,
            town,
            name: person_name(sex, numbers),
            id_number: free_number(birth, sex, &mut self.taken, numbers),
            sex,
            birth,
            ethnicity: ETHNICITIES[self.ethnicities.draw(numbers)].0,
            education: EDUCATION[self.education.draw(numbers)].0,
            // No area code is 000.
            phone: format!("000-{:08}", numbers.below(100_000_000)),
            kind,
            joined,
            full,
        }
    }
}

fn years_before(day: Date, years: i64, days: i64) -> Date {
    let birthday = u16::try_from(i64::from(day.year()) - years).ok();
    // 29 February has its birthday on the 28th.
    let birthday = birthday.and_then(|year| Date::new(year, day.month(), day.day().min(28)));
    birthday.map_or(day, |birthday| earlier(birthday, days))
}

/// Joined at 18 or later and full a year after that, both in the past (the 20-year-old at 18).
fn full_member(birth: Date, age: i64, numbers: &mut Numbers) -> (Option<Date>, Option<Date>) {
    let at = u16::try_from(18 + numbers.between(0, (age - 20).min(22))).unwrap_or(18);
    let day = birth.plus_years(at).map(|day| earlier(day, -numbers.between(0, 300)));
    let full = day.and_then(|day| day.plus_years(1)).map(|day| earlier(day, -numbers.between(0, 50)));
    (day, full)
}

fn free_number(birth: Date, sex: u8, taken: &mut BTreeSet<String>, numbers: &mut Numbers) -> String {
    loop {
        let order = 2 * numbers.below(499) + usize::from(sex);
        let number = synthetic_id(birth, order);
        if taken.insert(number.clone()) {
            return number;
        }
    }
}
