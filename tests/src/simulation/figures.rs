//! The oracle of figures: kept by difference they are those of a recount, and hub and node say the same of what both see.

use super::play::Play;
use crate::harness::world::HUB;
use huiliu_core::model::rules::cells::{Cell, Counts};
use huiliu_core::model::{Date, DivisionCode};
use std::collections::BTreeMap;

type Tallies = BTreeMap<DivisionCode, Counts>;

/// The days of which figures are asked: before, within and after the dates that people write.
const DAYS: [(u16, u8, u8); 3] = [(2000, 1, 1), (2021, 6, 30), (2040, 1, 1)];

impl Play {
    /// As of one of the days, drawn by the seed: a recount at every replica costs much of a schedule.
    pub(super) fn check_figures(&mut self, seed: u64) {
        let (year, month, day) = DAYS[seed as usize % DAYS.len()];
        let on = Date::new(year, month, day).expect("a day of the calendar");
        let hub = self.tallied(HUB, on);
        for name in self.names.clone() {
            let own = self.tallied(name, on);
            if name == HUB || self.world.revoked.contains(name) {
                continue;
            }
            let node = self.world.machines[name].division;
            let Some(replica) = self.world.machines[name].replica.as_ref() else { continue };
            let divisions = replica.divisions().clone();
            let within = |tallies: &Tallies| -> Tallies {
                let seen = tallies.iter().filter(|(owner, _)| divisions.is_within(**owner, node));
                seen.map(|(owner, counts)| (*owner, *counts)).collect()
            };
            if within(&own) != within(&hub) {
                let (own, hub) = (in_words(&within(&own)), in_words(&within(&hub)));
                self.fail(format!("{name} counts {own} on {on}, the hub {hub}"));
            }
        }
    }

    /// A replica's figures, which must be those of a recount.
    fn tallied(&mut self, name: &'static str, on: Date) -> Tallies {
        let Some(replica) = self.world.machines.get_mut(name).and_then(|it| it.replica.as_mut()) else {
            return Tallies::new();
        };
        let kept = without_nothing(replica.tallies(on).expect("the index reads"));
        let counted = without_nothing(replica.recounted(on).expect("the index reads"));
        if kept != counted {
            let (kept, counted) = (in_words(&kept), in_words(&counted));
            self.fail(format!("{name} keeps {kept} on {on}, a recount comes to {counted}"));
        }
        counted
    }
}

fn without_nothing(mut tallies: Tallies) -> Tallies {
    tallies.retain(|_, counts| *counts != Counts::default());
    tallies
}

fn in_words(tallies: &Tallies) -> String {
    let words = |(division, counts): (&DivisionCode, &Counts)| {
        let cells =
            Cell::ALL.into_iter().map(|cell| (cell, counts.get(cell))).filter(|(_, count)| *count != 0);
        format!("{division}: {:?}", cells.collect::<Vec<_>>())
    };
    tallies.iter().map(words).collect::<Vec<_>>().join(", ")
}
