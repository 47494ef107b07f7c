//! The branches of organizations: one's own, or one of several neighbours.

use super::city::Purpose;
use super::party::{Founding, New};
use super::rules::{Strength, is_base};

/// How many units one branch covers (支部工作条例: 一般不超过5).
const MOST_UNITS: usize = 5;

impl Founding<'_> {
    /// An organization's own: a branch, from 50 full members a general branch and from 100 a committee, both with
    /// branches below (支部工作条例).
    pub(super) fn alone(&mut self, organization: usize) {
        let full = self.strengths[organization].full;
        let (kind, form) = match full {
            0..50 => ("BRANCH", "支部委员会"),
            50..100 => ("GENERAL_BRANCH", "总支部委员会"),
            _ => ("COMMITTEE", "委员会"),
        };
        let one = &self.city.organizations[organization];
        let (town, unit, founded) = (one.town, one.name.clone(), one.founded);
        let founded = self.day_after(founded);
        let approved_by = self.city.party_orgs[self.above].name.clone();
        let name = format!("中共{unit}{form}");
        let (purpose, build_mode) = (Purpose::Ours, Some("SOLO"));
        let own = New {
            town,
            purpose,
            kind,
            build_mode,
            name: name.clone(),
            approved_by,
            superior: Some(self.above),
            founded,
        };
        let own = self.add(own);
        self.city.organizations[organization].covered = Some((own, "SOLO"));
        let branches = if kind == "BRANCH" { 0 } else { (full / 20).clamp(2, 5) };
        for ordinal in ["第一", "第二", "第三", "第四", "第五"].iter().take(branches) {
            let founded = self.day_after(founded);
            self.add(New {
                town,
                purpose,
                kind: "BRANCH",
                build_mode,
                name: format!("中共{unit}{ordinal}支部委员会"),
                approved_by: name.clone(),
                superior: Some(own),
                founded,
            });
        }
    }

    /// Branches of two to five neighbours: those that must have one, and those with a member or two.
    pub(super) fn joint(&mut self, all: &[usize], together: &[usize], wanted: usize) {
        let small = |at: &usize| is_base(self.city, *at) && (1..3).contains(&self.strengths[*at].full);
        let mut small: Vec<usize> = all.iter().copied().filter(small).collect();
        self.numbers.shuffle(&mut small);
        small.sort_by_key(|at| self.city.organizations[*at].town);
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for first in together {
            let mut group = vec![*first];
            // Neighbours where there are any, else somebody of the county.
            let town = self.city.organizations[*first].town;
            for _ in 0..self.numbers.between(1, 3) {
                let near = small.iter().position(|at| self.city.organizations[*at].town == town);
                group.extend(near.or(small.len().checked_sub(1)).map(|at| small.remove(at)));
            }
            // Who must have one and finds nobody has one of its own.
            if group.len() == 1 {
                self.alone(*first);
            } else {
                groups.push(group);
            }
        }
        while groups.len() < wanted {
            let least = self.numbers.between(2, 4) as usize;
            let Some(group) = small_group(&mut small, &self.strengths, least) else { break };
            groups.push(group);
        }
        for (ordinal, group) in groups.iter().enumerate() {
            self.together(group, ordinal + 1);
        }
    }

    fn together(&mut self, group: &[usize], ordinal: usize) {
        let units: Vec<_> = group.iter().map(|at| &self.city.organizations[*at]).collect();
        let town = units[0].town.filter(|town| units.iter().all(|unit| unit.town == Some(*town)));
        let founded = units.iter().map(|unit| unit.founded).max().unwrap_or(self.city.order.as_of);
        let town_name = town.map_or("", |town| self.city.places.towns[town].name.as_str());
        let place = &self.city.places.folders[self.folder].name;
        let name = format!("中共{place}{town_name}社会组织第{ordinal}联合支部委员会");
        let founded = self.day_after(founded);
        let own = self.add(New {
            town,
            purpose: Purpose::Ours,
            kind: "JOINT_BRANCH",
            build_mode: Some("JOINT"),
            name,
            approved_by: self.city.party_orgs[self.above].name.clone(),
            superior: Some(self.above),
            founded,
        });
        for at in group {
            self.city.organizations[*at].covered = Some((own, "JOINT"));
        }
    }
}

/// The next neighbours, `least` or more, that have three full members between them; nothing if there are none.
fn small_group(small: &mut Vec<usize>, strengths: &[Strength], least: usize) -> Option<Vec<usize>> {
    let mut group = Vec::new();
    while group.len() < least || group.iter().map(|at: &usize| strengths[*at].full).sum::<usize>() < 3 {
        group.push(small.pop().filter(|_| group.len() < MOST_UNITS)?);
    }
    Some(group)
}
