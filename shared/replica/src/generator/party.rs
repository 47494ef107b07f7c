//! Party organizations: the committee of each authority, those of the organizations below it, and the offices and
//! communities where most of the people belong who work in an organization.

use super::city::{City, PartyOrg, Purpose, earlier};
use super::numbers::{Numbers, permille};
use super::rules::{Strength, is_base, strengths};
use super::words::{BRANDS, SECTORS};
use huiliu_core::model::Date;

/// 922 Party organizations for 10,224 organizations (DOMAIN 4.1).
const PARTY_ORGS: (usize, usize) = (922, 10_224);
/// So many of 1,000 that must have one have none (DOMAIN 4.1).
const GAPS: usize = 30;
/// So many of 1,000 that must have one have it together with others.
const TOGETHER: usize = 80;
/// So many of 1,000 have not elected in time (DOMAIN 4.1).
const OVERDUE: usize = 50;

/// What is being founded below one authority.
pub(super) struct Founding<'a> {
    pub(super) city: &'a mut City,
    pub(super) numbers: Numbers,
    pub(super) strengths: Vec<Strength>,
    pub(super) folder: usize,
    /// The authority's committee.
    pub(super) above: usize,
    /// How many organizations there are in the folders so far, how many must have one, and how many have none.
    organizations: usize,
    due: usize,
    gaps: usize,
}

/// A Party organization that is to be founded.
pub(super) struct New {
    pub(super) town: Option<usize>,
    pub(super) purpose: Purpose,
    pub(super) kind: &'static str,
    pub(super) build_mode: Option<&'static str>,
    pub(super) name: String,
    pub(super) approved_by: String,
    pub(super) superior: Option<usize>,
    pub(super) founded: Date,
}

/// Founds them all and gives the organizations that are left without one against the rule.
pub(super) fn found(city: &mut City) -> Vec<usize> {
    let (numbers, strengths) = (Numbers::of(city.order.seed, "party"), strengths(city));
    let of_folder = city.by_folder();
    let mut founding =
        Founding { city, numbers, strengths, folder: 0, above: 0, organizations: 0, due: 0, gaps: 0 };
    let mut gaps = Vec::new();
    for (folder, all) in of_folder.into_iter().enumerate() {
        founding.folder = folder;
        founding.above = founding.committee();
        founding.outside();
        gaps.extend(founding.below(&all));
    }
    founding.fall_due();
    gaps.sort_unstable();
    gaps
}

impl Founding<'_> {
    /// Those of the authority's organizations. Gives the ones that are left out.
    fn below(&mut self, all: &[usize]) -> Vec<usize> {
        let is_due = |at: &usize| is_base(self.city, *at) && !self.strengths[*at].rules().is_empty();
        let mut due: Vec<usize> = all.iter().copied().filter(is_due).collect();
        self.numbers.shuffle(&mut due);
        // In every second county the smallest is left out, and works beside other jobs.
        let smallest = (0..due.len()).min_by_key(|at| self.strengths[due[*at]].full);
        if let Some(at) = smallest.filter(|_| self.folder.is_multiple_of(2)) {
            due.swap(0, at);
            self.work_part_time(due[0]);
        }
        // At least one in every county; a county that has more leaves fewer to the next.
        self.due += due.len();
        let left = permille(self.due, GAPS).saturating_sub(self.gaps).max(1).min(due.len());
        self.gaps += left;
        let gaps: Vec<usize> = due.drain(..left).collect();
        let together: Vec<usize> = due.drain(..permille(due.len(), TOGETHER)).collect();
        for organization in due {
            self.alone(organization);
        }
        // Here too the city has what it should, whatever a county has.
        self.organizations += all.len();
        let wanted = self.organizations * PARTY_ORGS.0 / PARTY_ORGS.1;
        let ours = self.city.party_orgs.iter().filter(|one| one.purpose == Purpose::Ours).count();
        self.joint(all, &together, wanted.saturating_sub(ours));
        gaps
    }

    /// Leaves two full members on the full-time staff, so that the two versions of the rule of three differ.
    fn work_part_time(&mut self, organization: usize) {
        let persons = &self.city.persons;
        let all = self.city.engagements.iter_mut().filter(|one| one.organization == organization);
        let full = all.filter(|one| one.to.is_none() && one.full_time && persons[one.person].kind == "FULL");
        full.skip(2).for_each(|one| one.full_time = false);
    }

    /// 综合党委 of an authority (N7), above all that it registers.
    fn committee(&mut self) -> usize {
        let place = &self.city.places.folders[self.folder].name;
        let (name, approved_by) = (format!("中共{place}社会组织综合委员会"), format!("中共{place}委组织部"));
        let founded = self.day_since(2016);
        let (purpose, kind) = (Purpose::Above, "COMPREHENSIVE");
        self.add(New {
            town: None,
            purpose,
            kind,
            build_mode: None,
            name,
            approved_by,
            superior: None,
            founded,
        })
    }

    /// Branches of offices and communities: three in a township, and for the city those of its offices.
    fn outside(&mut self) {
        let place = self.city.places.folders[self.folder].clone();
        let mut names: Vec<(Option<usize>, String)> = Vec::new();
        if self.city.places.is_city(self.folder) {
            for sector in &SECTORS {
                for of in ["机关", "离退休干部"] {
                    names.push((None, format!("中共{}{}{of}支部委员会", place.name, sector.bureau)));
                }
            }
        }
        for town in place.towns.iter().filter(|_| !self.city.places.is_city(self.folder)) {
            let name = &self.city.places.towns[*town].name;
            names.push((Some(*town), format!("中共{}{name}机关支部委员会", place.name)));
            for community in self.numbers.some(&BRANDS, 2) {
                names.push((Some(*town), format!("中共{}{name}{community}社区支部委员会", place.name)));
            }
        }
        for (town, name) in names {
            let approved_by = match town {
                Some(town) => format!("中共{}{}委员会", place.name, self.city.places.towns[town].name),
                None => format!("中共{}直属机关工作委员会", place.name),
            };
            let founded = self.day_since(2010);
            let (purpose, kind) = (Purpose::Outside, "BRANCH");
            self.add(New {
                town,
                purpose,
                kind,
                build_mode: None,
                name,
                approved_by,
                superior: None,
                founded,
            });
        }
    }

    /// Adds one with a term that is under way.
    pub(super) fn add(&mut self, new: New) -> usize {
        let New { town, purpose, kind, build_mode, name, approved_by, superior, founded } = new;
        let number = self.city.party_orgs.len() + 1;
        let term_years = if matches!(kind, "COMMITTEE" | "COMPREHENSIVE") { 5 } else { 3 };
        // Some day of the term that is under way, or the founding where that is later.
        let into_term = self.numbers.between(1, 365 * i64::from(term_years) - 20);
        let elected = earlier(self.city.order.as_of, into_term).max(founded);
        self.city.party_orgs.push(PartyOrg {
            folder: self.folder,
            town,
            purpose,
            name,
            kind,
            build_mode,
            approved_by,
            approval_doc: format!("综党委〔{}〕{number}号", founded.year()),
            approved: earlier(founded, self.numbers.between(1, 30)),
            founded,
            superior,
            elected,
            term_years,
        });
        number - 1
    }

    /// Some of ours should have elected again and have not.
    fn fall_due(&mut self) {
        let all = &mut self.city.party_orgs;
        let ours: Vec<usize> = (0..all.len()).filter(|at| all[*at].purpose == Purpose::Ours).collect();
        let day = self.city.order.as_of.days();
        let last_possible = |one: &PartyOrg| day - 366 * i64::from(one.term_years) - 10;
        let old = |at: &usize| all[*at].founded.days() + 30 < last_possible(&all[*at]);
        let old: Vec<usize> = ours.iter().copied().filter(old).collect();
        for at in self.numbers.some(&old, permille(ours.len(), OVERDUE)) {
            let (first, last) = (all[at].founded.days(), last_possible(&all[at]));
            let elected = Date::from_days(self.numbers.between(first.max(last - 900), last));
            all[at].elected = elected.unwrap_or(all[at].elected);
        }
    }

    /// A day between the beginning of a year and a year before all is looked at.
    fn day_since(&mut self, year: u16) -> Date {
        let first = Date::new(year, 1, 1).map_or(0, Date::days);
        let last = self.city.order.as_of.days() - 400;
        let day = Date::from_days(self.numbers.between(first.min(last), last));
        day.unwrap_or(self.city.order.as_of)
    }

    /// A day after another, with room for the approval before it.
    pub(super) fn day_after(&mut self, founded: Date) -> Date {
        let last = self.city.order.as_of.days() - 5;
        let first = (founded.days() + 32).min(last);
        Date::from_days(self.numbers.between(first, last)).unwrap_or(founded)
    }
}
