//! Finding a division by what people write: 月湖街道, 月湖, 海曙区月湖街道, 宁波市海曙区民政局.

use super::{Divisions, is_stand_in};
use crate::model::ids::{DivisionCode, Level};
use std::ops::RangeInclusive;

/// What an office adds to the name of its division. Longest first, so that the whole is cut.
const OFFICES: [&str; 18] = [
    "人民政府街道办事处",
    "社会组织服务中心",
    "社会组织管理局",
    "党群服务中心",
    "政务服务管理局",
    "政务服务中心",
    "行政审批服务局",
    "行政审批局",
    "民政和社会保障局",
    "社会工作部",
    "社会事务局",
    "社会发展局",
    "人民政府",
    "管理委员会",
    "办事处",
    "民政局",
    "民政厅",
    "管委会",
];

/// What people leave out at the end of a division's name. Longest first.
const ENDINGS: [&str; 14] = [
    "维吾尔自治区",
    "壮族自治区",
    "回族自治区",
    "自治区",
    "自治州",
    "自治县",
    "自治旗",
    "街道",
    "地区",
    "省",
    "市",
    "区",
    "县",
    "镇",
];

/// Longest text that can be a division's name with those above it, in characters.
const LONGEST: usize = 60;

impl Divisions {
    /// The divisions that a text names, by number: whole names before short ones, those in force before retired ones.
    ///
    /// Takes a name (月湖街道), a short name (月湖), either with names above it (海曙区月湖街道, 宁波市海曙区月湖街道) and
    /// the name of an office (海曙区民政局, 月湖街道办事处). With `within`, only what lies in that subtree.
    pub fn find_by_name(&self, name: &str, within: Option<DivisionCode>) -> Vec<DivisionCode> {
        self.find_at(name, within, Level::Province..=Level::Village)
    }

    /// Like [`Self::find_by_name`], looking at divisions of certain levels only.
    pub fn find_at(
        &self,
        name: &str,
        within: Option<DivisionCode>,
        levels: RangeInclusive<Level>,
    ) -> Vec<DivisionCode> {
        let name: String = name.chars().filter(|c| !c.is_whitespace()).collect();
        if name.chars().count() > LONGEST {
            return Vec::new();
        }
        let inside = |code: &DivisionCode| {
            levels.contains(&code.level()) && within.is_none_or(|top| self.is_within(*code, top))
        };
        let found = self.highest(best(self.named(&name).into_iter().filter(|m| inside(&m.code)).collect()));
        if !found.is_empty() {
            return found;
        }
        let Some(place) = office_of(&name) else { return Vec::new() };
        self.highest(best(self.named(place).into_iter().filter(|m| inside(&m.code)).collect()))
    }

    /// Like [`Self::find_by_name`], looking first under `near` and above it, then ever wider around it.
    ///
    /// So 江北区 means Ningbo's for a node in Ningbo, and 宁波市民政局 is found from any of its counties.
    pub fn find_near(
        &self,
        name: &str,
        near: DivisionCode,
        levels: RangeInclusive<Level>,
    ) -> Vec<DivisionCode> {
        let rings = std::iter::once(near).chain(self.ancestors(near)).map(Some).chain([None]);
        rings
            .map(|top| self.find_at(name, top, levels.clone()))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    /// Of places that share a name and lie within one another (东莞市 4419 and 441900) the highest.
    fn highest(&self, found: Vec<DivisionCode>) -> Vec<DivisionCode> {
        let under = |code: &DivisionCode| self.ancestors(*code).iter().any(|above| found.contains(above));
        found.iter().filter(|code| !under(code)).copied().collect()
    }

    /// Every way to read the text: some ending of it is a division, and what stands before it names those above.
    fn named(&self, text: &str) -> Vec<Match> {
        let mut matches = Vec::new();
        for (start, _) in text.char_indices() {
            let (before, last) = text.split_at(start);
            for at in self.starting_with(last) {
                let name = self.name_at(at);
                let whole = name == last;
                if !(whole || is_short_for(last, name)) {
                    continue;
                }
                let Some(code) = self.codes.get(at).copied() else { continue };
                if before.is_empty() || self.names_above(before, code) {
                    matches.push(Match { code, whole, retired: self.is_retired(code) });
                }
            }
        }
        matches
    }

    /// The nodes whose names begin with `text`; a whole name and what it is short for stand together.
    fn starting_with(&self, text: &str) -> impl Iterator<Item = usize> + '_ {
        let start = self.by_name.partition_point(|at| self.name_at(*at as usize) < text);
        let text = text.to_owned();
        let rest = self.by_name.get(start..).unwrap_or_default().iter().map(|at| *at as usize);
        rest.take_while(move |at| self.name_at(*at).starts_with(&text))
    }

    /// Whether `text` is made of names of divisions above `code`, in order; some may be left out.
    fn names_above(&self, text: &str, code: DivisionCode) -> bool {
        let above = self.ancestors(code);
        let mut rest = text;
        for above in above {
            let name = self.name(above).unwrap_or_default();
            let cut = std::iter::once(name).chain(short(name));
            let cut = cut.filter_map(|name| rest.strip_suffix(name)).min_by_key(|left| left.len());
            rest = cut.filter(|_| !is_stand_in(name)).unwrap_or(rest);
        }
        rest.is_empty()
    }
}

struct Match {
    code: DivisionCode,
    whole: bool,
    retired: bool,
}

/// Of all readings the best class: in force before retired, whole names before short ones, and of short names
/// the highest level (海曙 is the district, not a township that may share the name).
fn best(mut matches: Vec<Match>) -> Vec<DivisionCode> {
    let rank = |m: &Match| (m.retired, !m.whole, if m.whole { Level::Province } else { m.code.level() });
    matches.sort_by_key(|m| (rank(m), m.code));
    matches.dedup_by_key(|m| m.code);
    let first = matches.first().map(rank);
    matches.iter().take_while(|m| Some(rank(m)) == first).map(|m| m.code).collect()
}

/// The place in an office's name: 海曙区民政局, 海曙区委社会工作部.
fn office_of(name: &str) -> Option<&str> {
    let place = OFFICES.iter().find_map(|office| name.strip_suffix(office))?;
    let place = place.strip_suffix('委').unwrap_or(place);
    let place = place.strip_prefix("中共").unwrap_or(place);
    (!place.is_empty()).then_some(place)
}

fn is_short_for(text: &str, name: &str) -> bool {
    short(name) == Some(text)
}

/// A name without its ending, if two characters or more are left: 月湖, but not 赵 for 赵县.
fn short(name: &str) -> Option<&str> {
    let cut = ENDINGS.iter().chain(&["民族乡", "乡"]).find_map(|ending| name.strip_suffix(ending))?;
    (cut.chars().count() >= 2).then_some(cut)
}
