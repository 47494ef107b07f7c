//! Random schedules: five replicas, some 220 steps of work, weather and misfortune, all from one seed; a simple model
//! beside them says what must come of it.
//!
//! `damage` spoils disks, `lost` says what that may cost; `starts` brings machines down and up.
//! [`schedule`] draws the steps, [`play`] does them with `people`, `insiders` and [`forge`], the adversary;
//! [`mod@reference`] is the model, `holdings` is what replicas have, `members` the people in their records, [`oracles`],
//! `places`, `reports` and `journals` compare; [`campaign`] runs many and shrinks what fails, [`bugs`] tests the tests.

pub mod bugs;
pub mod campaign;
mod damage;
mod days;
mod figures;
pub mod forge;
mod holdings;
mod insiders;
mod journals;
mod lost;
mod members;
pub mod oracles;
mod people;
mod places;
pub mod play;
mod programs;
pub mod reference;
mod reports;
pub mod schedule;
mod starts;
mod stick;
mod values;
