use super::*;
use crate::tables::{self, Columns, Format, Outcome, read_row};
use huiliu_core::model::values::{Reading, Source};
use huiliu_core::model::{Fields, Value};
use huiliu_core::sync::registry;
use std::collections::{BTreeMap, BTreeSet};

fn order(organizations: usize, seed: u64) -> Order {
    let division = "3302".parse().unwrap();
    Order { seed, division, organizations, as_of: "2026-09-30".parse().unwrap() }
}

fn made(organizations: usize, seed: u64) -> Made {
    city(&order(organizations, seed), &registry::shipped().divisions)
}

/// The name of a trouble in the catalogue.
fn name_of(trouble: &impl std::fmt::Debug) -> String {
    format!("{trouble:?}").split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// Reads a sheet again from its bytes, as the replica of its folder would: what became of each row.
fn read_again(sheet: &Sheet, format: Format) -> Vec<(u32, Outcome)> {
    let divisions = &registry::shipped().divisions;
    let table = tables::read(&sheet.bytes(format).unwrap(), sheet.kind).unwrap();
    let columns = Columns::of(&table.headers, sheet.kind).unwrap();
    assert_eq!(columns.unknown, Vec::<String>::new(), "{}", sheet.path());
    let reading = Reading { source: Source::Import, divisions, near: sheet.folder.parse().ok() };
    table.rows.iter().map(|row| (row.number, read_row(row, &columns, sheet.kind, &reading))).collect()
}

fn without_nothing(mut fields: Fields) -> Fields {
    fields.retain(|_, value| !value.is_null());
    fields
}

/// Compares what is read of a city with what its answers say.
fn compare(made: &Made, format: Format) {
    let (mut refused, mut mended, mut odd) = (Vec::new(), Vec::new(), BTreeSet::new());
    for sheet in &made.sheets {
        let rows = read_again(sheet, format);
        assert_eq!(rows.len(), sheet.rows(), "{}", sheet.path());
        for ((row, outcome), meant) in rows.into_iter().zip(&sheet.meant) {
            let file = format!("{}.csv", sheet.path());
            match outcome {
                Outcome::Taken(taken) => {
                    // The one oddity that is taken with a warning.
                    let outside = taken.odd.iter().map(|odd| name_of(&odd.trouble)).collect::<Vec<_>>();
                    assert!(outside.iter().all(|odd| odd == "TownOutside"), "{file} {row}: {outside:?}");
                    if !outside.is_empty() {
                        odd.insert(meant["uscc"].text().unwrap_or_default().to_owned());
                    }
                    assert_eq!(without_nothing(taken.fields), *meant, "{file} {row}");
                    mended.extend(taken.mended.iter().map(|_| (file.clone(), row)));
                }
                Outcome::Refused(why) => {
                    assert_eq!(why.len(), 1, "{file} {row}: {why:?}");
                    let field = why[0].field.map(|field| field.name).unwrap_or_default();
                    refused.push((file, row, field, name_of(&why[0].trouble)));
                }
                Outcome::Empty => panic!("{file} {row} is empty"),
            }
        }
    }
    let expected = made.answers.refused.iter();
    let expected: Vec<_> =
        expected.map(|one| (one.file.clone(), one.row, one.field, one.reason.to_owned())).collect();
    assert_eq!(refused, expected);
    let expected = made.answers.mended.iter();
    assert_eq!(mended, expected.map(|one| (one.file.clone(), one.row)).collect::<Vec<_>>());
    assert_eq!(odd, made.answers.recoded_towns.iter().map(|one| one.uscc.clone()).collect());
}

#[test]
fn what_is_read_of_a_city_is_what_was_meant_and_what_is_refused_is_what_is_answered() {
    let made = made(300, 7);
    compare(&made, Format::Csv);
    let kinds: BTreeSet<&str> =
        made.answers.refused.iter().filter_map(|one| one.file.split(['/', '.']).nth(1)).collect();
    assert!(["social_org", "person", "party_org"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    assert!(!made.answers.mended.is_empty());
}

#[test]
fn a_workbook_says_the_same_as_the_text() {
    compare(&made(60, 3), Format::Xlsx);
}

#[test]
fn every_number_in_a_city_is_nobodys() {
    let made = made(300, 11);
    let cells = made.sheets.iter().flat_map(|sheet| sheet.meant.iter().map(move |meant| (sheet.kind, meant)));
    let (mut codes, mut people) = (BTreeSet::new(), 0);
    for (kind, meant) in cells {
        let text = |name: &str| meant.get(name).and_then(|value| value.text()).unwrap_or_default().to_owned();
        if ["social_org", "service_center"].contains(&kind.name) && meant.contains_key("uscc") {
            let code = text("uscc");
            assert_eq!(&code[8..10], "XT", "{code}");
            assert!(codes.insert(code[8..17].to_owned()), "{code} stands twice");
        }
        for name in ["id_number", "person", "instructor"].iter().filter(|name| meant.contains_key(**name)) {
            assert_eq!(&text(name)[..6], "330299");
            people += 1;
        }
        if kind.name == "person" {
            assert!(text("phone").starts_with("000-"));
        }
    }
    assert!(codes.len() >= 300 && people > 1000);
}

#[test]
fn one_seed_makes_the_same_bytes_and_another_seed_others() {
    let (first, again, other) = (made(120, 5), made(120, 5), made(120, 6));
    let bytes = |made: &Made, format: Format| -> Vec<Vec<u8>> {
        made.sheets.iter().map(|sheet| sheet.bytes(format).unwrap()).collect()
    };
    assert_eq!(first.answers, again.answers);
    assert_eq!(bytes(&first, Format::Csv), bytes(&again, Format::Csv));
    assert_eq!(bytes(&first, Format::Xlsx)[..9], bytes(&again, Format::Xlsx)[..9]);
    assert_ne!(bytes(&first, Format::Csv), bytes(&other, Format::Csv));
}

/// Whether a figure is within three of a hundred of what it should be.
fn is_near(found: usize, wanted: usize) -> bool {
    found.abs_diff(wanted) * 100 <= wanted * 3
}

#[test]
fn a_city_of_10224_has_the_calibrated_figures() {
    let made = made(10_224, 5);
    let answers = &made.answers;
    let figures = &answers.figures;
    let forms = (figures.associations, figures.institutions, figures.foundations);
    assert_eq!(forms, (2_627, 7_528, 69));
    let wanted = [
        (figures.members, 16_400),
        (figures.full_time_members, 15_000),
        (figures.with_three_members, 877),
        (figures.party_orgs, 922),
        (answers.folders["3302"].kinds["social_org"].rows, 1_039),
        (answers.folders["330282"].kinds["social_org"].rows, 9_185 * 183 / 941),
        (made.answers.duplicates.len(), 15_000 * 2 / 100),
    ];
    for (at, (found, wanted)) in wanted.into_iter().enumerate() {
        assert!(
            is_near(found, wanted) || at == 6 && found.abs_diff(wanted) < 30,
            "{at}: {found}, not {wanted}"
        );
    }
    assert!((73..=81).contains(&figures.towns_with_center), "{}", figures.towns_with_center);
    let refused = |reason: &str| answers.refused.iter().filter(|one| one.reason == reason).count();
    assert_eq!((refused("UsccCheck"), answers.two_supervisors.len()), (102, 102));
    assert_eq!((answers.recoded_towns.len(), answers.mended.len()), (51, 51));
    assert!((24..=30).contains(&answers.gaps.len()), "{}", answers.gaps.len());
    let by_one_rule = answers.gaps.iter().filter(|gap| gap.rules == ["BRANCH_REGULATIONS"]).count();
    assert!((6..20).contains(&by_one_rule), "{by_one_rule}");
    assert!((44..=47).contains(&answers.overdue.len()), "{}", answers.overdue.len());
    let share = |name: &str, is: &dyn Fn(&str) -> bool| {
        let people = made.sheets.iter().filter(|sheet| sheet.kind.name == "person");
        let values = people.flat_map(|sheet| sheet.meant.iter().filter_map(|meant| meant.get(name)?.text()));
        let all: Vec<bool> = values.map(is).collect();
        all.iter().filter(|is| **is).count() * 1000 / all.len()
    };
    assert!(is_near(share("sex", &|sex| sex == "2"), 304));
    assert!(is_near(share("ethnicity", &|people| people != "01"), 77));
    assert!(is_near(share("education", &|level| level <= "30"), 562));
}

/// 应建未建 as a report finds it: from the rows alone.
fn gaps_of_rows(made: &Made, as_of: &str) -> BTreeSet<(String, usize, usize)> {
    let rows = |kind: &'static str| {
        let sheets = made.sheets.iter().filter(move |sheet| sheet.kind.name == kind);
        sheets.flat_map(|sheet| &sheet.meant)
    };
    let text = |row: &Fields, name: &str| row.get(name).and_then(|value| value.text()).map(str::to_owned);
    let mut strength: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for row in rows("engagement").filter(|row| text(row, "member_kind").as_deref() == Some("FULL")) {
        if text(row, "from").is_some_and(|from| from.as_str() <= as_of)
            && text(row, "to").is_none_or(|to| to.as_str() >= as_of)
        {
            let at = strength.entry(text(row, "social_org").unwrap()).or_default();
            at.0 += usize::from(row["full_time"] == Value::Bool(true));
            at.1 += 1;
        }
    }
    let of = |word: Option<String>| word.and_then(|word| strength.get(&word)).copied().unwrap_or_default();
    let bare =
        |row: &&Fields| text(row, "status").as_deref() == Some("NORMAL") && !row.contains_key("party_org");
    let found = rows("social_org").filter(bare).filter_map(|row| {
        // By code and by name; of a name that two have only the code is used.
        let (code, name) = (of(text(row, "uscc")), of(text(row, "name")));
        let (full_time, full) = (code.0 + name.0, code.1 + name.1);
        (full >= 3).then(|| (text(row, "uscc").unwrap(), full_time, full))
    });
    found.collect()
}

#[test]
fn who_must_have_a_party_organization_has_one_or_is_a_gap() {
    for seed in 0..3 {
        let made = made(900, seed);
        let answers = &made.answers;
        let listed = answers.gaps.iter().map(|gap| (gap.uscc.clone(), gap.full_time_full, gap.full));
        assert_eq!(gaps_of_rows(&made, &answers.as_of), listed.collect());
        for (folder, of) in &answers.folders {
            let gaps: Vec<_> = answers.gaps.iter().filter(|gap| gap.county == *folder).collect();
            let coverage = &of.coverage_by_authority;
            assert_eq!(coverage.gaps, gaps.len(), "{folder}");
            assert_eq!(coverage.solo + coverage.joint, coverage.organization);
            assert!(coverage.organization <= coverage.work && coverage.work <= coverage.base);
            assert!(gaps.iter().all(|gap| gap.full >= 3 && !gap.rules.is_empty()));
            assert_eq!(coverage.required > 0, !gaps.is_empty(), "{folder}");
        }
        let sum =
            |of: &dyn Fn(&answers::FolderAnswers) -> usize| answers.folders.values().map(of).sum::<usize>();
        assert_eq!(
            sum(&|folder| folder.coverage_by_authority.work),
            sum(&|folder| folder.coverage_by_place.work)
        );
    }
}
