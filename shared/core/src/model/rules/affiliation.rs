//! Count once (DOMAIN 0, finding 1; 2.5): a person has one formal affiliation on every day, and counts as a member by
//! one record.

use super::cells::Cell;
use super::period::Period;
use super::{code, day, text};
use crate::model::dates::Date;
use crate::model::ids::RecordId;
use crate::model::value::Fields;
use std::cmp::Reverse;

/// Of a person's affiliations the formal one on a day: of the current ones that which began last, then the one with the
/// lowest id. The same whatever their order, so that every replica says the same.
pub fn formal(affiliations: &[(RecordId, &Fields)], on: Date) -> Option<RecordId> {
    current(affiliations, on).first().copied()
}

/// The affiliations that are current on a day, the formal one first. More than one is for people to settle
/// ([`super::integrity::two_affiliations`]); until then the person counts by the first alone.
pub fn current(affiliations: &[(RecordId, &Fields)], on: Date) -> Vec<RecordId> {
    let read = affiliations.iter().map(|(id, fields)| (Period::of(fields), *id));
    let mut current: Vec<(Period, RecordId)> = read.filter(|(period, _)| period.contains(on)).collect();
    // None comes before every day: an affiliation without a first day has been there longest.
    current.sort_unstable_by_key(|(period, id)| (Reverse(period.from), *id));
    current.into_iter().map(|(_, id)| id).collect()
}

/// As what a person counts on a day by the person's own record: full or probationary member, or not at all.
///
/// Who is leaving and not yet received still counts: the branch of origin stays responsible until the receipt (DOMAIN 0,
/// finding 1), and else would count nowhere. 预备期 runs from joining to 转正, both by their dates; where a day is not
/// written down, the kind as it is now holds back to the other one, or for ever.
pub fn counted(person: &Fields, on: Date) -> Option<Cell> {
    if !matches!(code("person", person, "status"), Some("ACTIVE" | "OUT_PENDING")) {
        return None;
    }
    let (joined, full) = (day(person, "joined_on"), day(person, "full_on"));
    let has = |since: Option<Date>| since.is_none_or(|since| since <= on);
    match text(person, "member_kind")? {
        "FULL" if has(full.or(joined)) => Some(Cell::MembersFull),
        "FULL" if joined.is_some() && has(joined) => Some(Cell::MembersProbationary),
        "PROB" if has(joined) => Some(Cell::MembersProbationary),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Chance, EARLIEST, SPAN, date, days, fields, id};
    use super::*;

    fn at(from: &str, to: &str) -> Fields {
        fields(&[("from", from), ("to", to)])
    }

    #[test]
    fn a_transfer_leaves_no_day_with_none_or_two() {
        let (old, new) = (at("2010-01-01", "2018-05-21"), at("2018-05-21", ""));
        let both = [(id(1), &old), (id(2), &new)];
        for (on, branch) in [("2009-12-31", None), ("2018-05-20", Some(id(1))), ("2018-05-21", Some(id(2)))] {
            assert_eq!(formal(&both, date(on)), branch, "{on}");
            assert!(current(&both, date(on)).len() <= 1);
        }
        assert_eq!(formal(&[], date("2018-05-21")), None);
    }

    #[test]
    fn of_two_current_ones_the_later_counts_then_the_lower_id() {
        let (undated, early, late) = (at("", ""), at("2010-01-01", ""), at("2018-05-21", ""));
        let on = date("2019-01-01");
        assert_eq!(current(&[(id(1), &undated), (id(2), &early), (id(3), &late)], on), [id(3), id(2), id(1)]);
        assert_eq!(formal(&[(id(9), &late), (id(4), &late)], on), Some(id(4)));
    }

    #[test]
    fn the_order_of_records_does_not_matter() {
        for seed in 0..1_000 {
            let mut chance = Chance::new(seed);
            let records: Vec<Fields> =
                (0..chance.below(6)).map(|_| at(&chance.day(), &chance.day())).collect();
            let mut affiliations: Vec<(RecordId, &Fields)> =
                records.iter().enumerate().map(|(number, fields)| (id(number as u8), fields)).collect();
            let on = days()[chance.below(days().len() as u64) as usize];
            let first = current(&affiliations, on);
            for _ in 0..4 {
                let (a, b) = (chance.below(6) as usize, chance.below(6) as usize);
                if a < affiliations.len() && b < affiliations.len() {
                    affiliations.swap(a, b);
                }
                assert_eq!(current(&affiliations, on), first, "seed {seed}");
            }
            assert_eq!(formal(&affiliations, on), first.first().copied());
            let holds = affiliations.iter().filter(|(_, fields)| Period::of(fields).contains(on)).count();
            assert_eq!(first.len(), holds, "one is formal if any is current");
        }
        assert!(days().len() as i64 > SPAN && days().contains(&date(EARLIEST)));
    }

    #[test]
    fn probation_ends_on_the_day_of_full_membership() {
        let full = fields(&[("member_kind", "FULL"), ("joined_on", "2017-06-30"), ("full_on", "2018-06-30")]);
        let as_of = |person: &Fields, on: &str| counted(person, date(on));
        assert_eq!(as_of(&full, "2017-06-29"), None);
        assert_eq!(as_of(&full, "2017-06-30"), Some(Cell::MembersProbationary));
        assert_eq!(as_of(&full, "2018-06-29"), Some(Cell::MembersProbationary));
        assert_eq!(as_of(&full, "2018-06-30"), Some(Cell::MembersFull));
        let undated = fields(&[("member_kind", "FULL")]);
        assert_eq!(as_of(&undated, "1900-01-01"), Some(Cell::MembersFull));
        let only_full = fields(&[("member_kind", "FULL"), ("full_on", "2018-06-30")]);
        assert_eq!(as_of(&only_full, "2018-06-29"), None, "nobody wrote down when probation began");
        let only_joined = fields(&[("member_kind", "FULL"), ("joined_on", "2017-06-30")]);
        assert_eq!(as_of(&only_joined, "2017-06-29"), None);
        assert_eq!(as_of(&only_joined, "2017-06-30"), Some(Cell::MembersFull));
        assert_eq!(as_of(&fields(&[("member_kind", "ACTIVIST")]), "2018-06-30"), None);
    }

    #[test]
    fn who_leaves_counts_until_received() {
        let as_of = |status| {
            counted(&fields(&[("member_kind", "PROB"), ("status", status)]), date("2018-05-21")).is_some()
        };
        assert!(as_of("ACTIVE") && as_of("") && as_of("OUT_PENDING"));
        for status in ["TRANSFERRED", "SUSPENDED", "LEFT", "DECEASED", "NEW_CODE"] {
            assert!(!as_of(status), "{status}");
        }
    }
}
