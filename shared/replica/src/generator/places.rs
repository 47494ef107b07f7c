//! Where the city's organizations are: one folder of tables for each county, and one for what the city registers itself.

use super::numbers::{Numbers, split};
use huiliu_core::model::{Date, DivisionCode, Divisions, Level};

/// People counted in 2020 in the counties of 3302, in 10,000 (DOMAIN 4.1). Elsewhere townships are counted instead.
const CENSUS: [(u64, usize); 10] = [
    (330_203, 104),
    (330_205, 49),
    (330_206, 83),
    (330_211, 51),
    (330_212, 161),
    (330_213, 58),
    (330_225, 57),
    (330_226, 70),
    (330_281, 125),
    (330_282, 183),
];

/// What the city registers itself: 1,039 of 10,224 (DOMAIN 4.1).
const CITY_LEVEL: [usize; 2] = [1_039, 9_185];

/// A township.
#[derive(Clone, Debug)]
pub(super) struct Town {
    pub(super) code: DivisionCode,
    /// 月湖街道.
    pub(super) name: String,
    /// The folder of its county.
    pub(super) county: usize,
}

/// What is imported at one replica: the organizations that one authority registers, and all that goes with them.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    /// The authority: a county, or the city.
    pub(super) division: DivisionCode,
    /// 宁波市海曙区.
    pub(super) name: String,
    /// 海曙区.
    pub(super) short: String,
    /// How many organizations.
    pub(super) organizations: usize,
    /// The townships in which they are.
    pub(super) towns: Vec<usize>,
    /// How many of them are in each of those townships, as shares.
    pub(super) weights: Vec<usize>,
    /// Authorities that it took over, and since when: credit codes are for life.
    pub(super) before: Vec<(DivisionCode, Date)>,
}

/// All places.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) folders: Vec<Folder>,
    pub(super) towns: Vec<Town>,
}

impl Places {
    /// A city with its counties, or a county alone.
    pub(super) fn of(division: DivisionCode, organizations: usize, divisions: &Divisions) -> Self {
        let is_city = division.level() == Level::City;
        let counties = if is_city { divisions.children(division) } else { vec![division] };
        let own = if is_city { split(organizations, &CITY_LEVEL)[0] } else { 0 };
        let people: Vec<usize> = counties.iter().map(|county| population(*county, divisions)).collect();
        let shares = split(organizations - own, &people);
        let mut places = Self { folders: Vec::new(), towns: Vec::new() };
        for (at, (county, share)) in counties.into_iter().zip(shares).enumerate() {
            let first = places.towns.len();
            let town = |code: DivisionCode| Town {
                code,
                name: divisions.name(code).unwrap_or_default().to_owned(),
                county: at,
            };
            places.towns.extend(divisions.children(county).into_iter().map(town));
            let towns: Vec<usize> = (first..places.towns.len()).collect();
            let weights = towns.iter().map(|town| density(places.towns[*town].code)).collect();
            places.folders.push(folder(county, share, towns, weights, divisions));
        }
        if is_city {
            // What the city registers has its seat where people are.
            let towns: Vec<usize> = (0..places.towns.len()).collect();
            let weight = |town: &Town| density(town.code) * people[town.county];
            let weights = places.towns.iter().map(weight).collect();
            places.folders.push(folder(division, own, towns, weights, divisions));
        }
        places
    }

    /// A township for an organization of a folder.
    pub(super) fn some_town(&self, folder: usize, numbers: &mut Numbers) -> Option<usize> {
        let folder = &self.folders[folder];
        folder.towns.get(numbers.weighted(&folder.weights)).copied()
    }

    /// Whether a folder is the city's own.
    pub(super) fn is_city(&self, folder: usize) -> bool {
        self.folders[folder].division.level() == Level::City
    }
}

fn folder(
    division: DivisionCode,
    organizations: usize,
    towns: Vec<usize>,
    weights: Vec<usize>,
    divisions: &Divisions,
) -> Folder {
    let before = divisions.predecessors(division).iter();
    Folder {
        division,
        name: divisions.full_name(division).unwrap_or_default(),
        short: divisions.name(division).unwrap_or_default().to_owned(),
        organizations,
        towns,
        weights,
        before: before.filter_map(|code| Some((*code, divisions.retired_on(*code)?))).collect(),
    }
}

fn population(county: DivisionCode, divisions: &Divisions) -> usize {
    let counted = CENSUS.iter().find(|(code, _)| *code == county.number());
    counted.map_or_else(|| divisions.children(county).len().max(1), |(_, people)| *people)
}

/// Streets have more organizations than towns, towns more than 乡 and zones (GB/T 10114 numbers them in this order).
fn density(town: DivisionCode) -> usize {
    match town.number() % 1000 {
        0..=99 => 3,
        100..=199 => 2,
        _ => 1,
    }
}
