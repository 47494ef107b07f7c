//! Made-up cities, the same for the same seed on every machine: tables as the counties would bring them, with their
//! odd ways of writing and their mistakes, and the answers to what must come of them. DOMAIN 4.1 calibrates them. Pure:
//! no clock, no chance but the seed's, no files.
//!
//! The way of a city: `places` and `organizations`, who works there (`members`, `people`, `staffing`), the Party
//! organizations (`party`, `branches`), who belongs to them (`belonging`), who looks after the rest (`instructors`);
//! then what goes wrong (`faults`), the rows (`records`) as somebody writes them (`spelling`, `sheets`), and what is
//! known of all that (`expected`, in the form of `answers`).

mod answers;
mod belonging;
mod branches;
mod city;
mod expected;
mod faults;
mod instructors;
mod members;
mod numbers;
mod organizations;
mod party;
mod people;
mod places;
mod records;
mod rules;
mod sheets;
mod spelling;
mod staffing;
mod synthetic_codes;
mod words;

pub use answers::Answers;
pub use city::Order;
pub use numbers::Numbers;
pub use records::KINDS;
pub use sheets::Sheet;
pub use synthetic_codes::synthetic_uscc;

use city::City;
use huiliu_core::model::{Divisions, dictionary};

/// The most organizations that the numbers of synthetic codes are enough for.
pub const MOST_ORGANIZATIONS: u32 = 200_000;

/// A city as it is imported.
pub struct Made {
    /// Its tables, folder by folder, in the order in which kinds are best imported.
    pub sheets: Vec<Sheet>,
    /// What must come of them.
    pub answers: Answers,
}

/// Makes a city. The order's division is a city or a county of the tree.
pub fn city(order: &Order, divisions: &Divisions) -> Made {
    let mut people = people::People::new(order.seed, order.as_of);
    let mut city = City::of(order, divisions);
    staffing::staff(&mut city, &mut people);
    let gaps = party::found(&mut city);
    belonging::belong(&mut city);
    staffing::second_places(&mut city);
    let duplicates = staffing::duplicates(&mut city);
    belonging::lead(&mut city);
    instructors::send(&mut city, &mut people);
    instructors::centers(&mut city);
    let faults = faults::inject(&mut city, &gaps, &duplicates);
    let serving = belonging::serving(&city);
    let mut sheets = Vec::new();
    for folder in 0..city.places.folders.len() {
        for kind in KINDS.iter().filter_map(|name| dictionary::kind(name)) {
            sheets.push(sheets::sheet(&city, &faults, kind, folder, &serving, divisions));
        }
    }
    let answers = expected::answers(&city, &faults, &gaps, &duplicates, &sheets);
    Made { sheets: sheets.into_iter().map(|(sheet, _)| sheet).collect(), answers }
}

#[cfg(test)]
mod tests;
