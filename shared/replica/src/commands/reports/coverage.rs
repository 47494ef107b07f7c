//! `report coverage` (DOMAIN 2.11): base and exclusions, the three rates, the rules and the day, of a division and of
//! each below it.

use super::sheets::{Cell, Sheet};
use super::{Report, name_of, of_organizations, organizations, word_of};
use crate::commands::request::Context;
use crate::commands::words::{listing, place};
use crate::service::home::Failure;
use crate::{Replica, ReplicaError};
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::rules::cells::Counts;
use huiliu_core::model::rules::coverage::{Figures, Share, standing};
use huiliu_core::model::rules::{Options, building};
use huiliu_core::model::{Date, DivisionCode};
use huiliu_web::CoverageView;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

const HEADS: [Say; 9] = [
    Say::HeadDivision,
    Say::HeadBase,
    Say::HeadExcluded,
    Say::HeadOrganization,
    Say::HeadSolo,
    Say::HeadSoloRequired,
    Say::HeadWork,
    Say::HeadGapFullTime,
    Say::HeadGapWorking,
];

/// The figures of one division and all below it, or of what it owns itself.
struct Line {
    division: DivisionCode,
    name: String,
    own: bool,
    figures: Figures,
}

pub(super) fn coverage(
    replica: &mut Replica,
    division: DivisionCode,
    on: Date,
    context: &Context,
) -> Result<Report, Failure> {
    let (lang, options) = (context.lang(), Options::default());
    let tallies = replica.tallies(on)?;
    let lines = lines(replica, division, on, &tallies, lang);
    let rules = options.rules();
    let json = json!({
        "v": 1,
        "division": division.to_string(),
        "as_of": on.to_string(),
        "rules": rules,
        "rows": lines.iter().map(|line| json_of(line, lang)).collect::<Vec<_>>(),
    });
    let rows = lines.iter().map(text_of).collect();
    let note = Say::CoverageNote { as_of: on.to_string(), rules: rules.clone() }.text(lang);
    let text = format!("{note}\n{}", listing(&HEADS, rows, lang));
    let sheets = sheets(replica, &lines, division, on, &note, &HEADS, lang)?;
    Ok(Report { json, text, sheets })
}

/// The table for a page; none while there is nothing to count.
pub(super) fn view(
    replica: &mut Replica,
    division: DivisionCode,
    on: Date,
) -> Result<Option<CoverageView>, ReplicaError> {
    let tallies = replica.tallies(on)?;
    if tallies.is_empty() {
        return Ok(None);
    }
    let lines = lines(replica, division, on, &tallies, Lang::Zh);
    let rules = Options::default().rules();
    Ok(Some(CoverageView {
        note: Say::CoverageNote { as_of: on.to_string(), rules }.text(Lang::Zh),
        head: HEADS.iter().map(|head| head.text(Lang::Zh)).collect(),
        rows: lines.iter().map(text_of).collect(),
    }))
}

/// The division in all, each division right below it, and what it owns itself.
fn lines(
    replica: &Replica,
    division: DivisionCode,
    on: Date,
    tallies: &BTreeMap<DivisionCode, Counts>,
    lang: Lang,
) -> Vec<Line> {
    let divisions = replica.divisions();
    let sum = |above: DivisionCode| -> Counts {
        let within = tallies.iter().filter(|(owner, _)| divisions.is_within(**owner, above));
        within.map(|(_, counts)| *counts).sum()
    };
    let line = |division, name, own, counts: &Counts| {
        let figures = Figures::of(counts, on, Options::default());
        Line { division, name, own, figures }
    };
    let mut lines = vec![line(division, place(replica, division), false, &sum(division))];
    for child in divisions.children(division) {
        lines.push(line(child, place(replica, child), false, &sum(child)));
    }
    if lines.len() > 1
        && let Some(counts) = tallies.get(&division)
    {
        lines.push(line(division, Say::OwnLevel.text(lang), true, counts));
    }
    lines
}

fn json_of(line: &Line, lang: Lang) -> Json {
    let share = |share: Share| json!({ "numerator": share.numerator, "rate": share.rate() });
    let figures = &line.figures;
    let excluded: Map<String, Json> = figures
        .excluded
        .iter()
        .map(|(reason, count)| (reason.say().text(lang), Json::from(*count)))
        .collect();
    let gaps: Map<String, Json> = ["full_time", "working"]
        .into_iter()
        .zip(figures.gaps)
        .map(|(name, (_, gap))| (name.to_owned(), json!({ "gaps": gap.numerator, "required": gap.base })))
        .collect();
    json!({
        "division": line.division.to_string(),
        "name": line.name,
        "own": line.own,
        "base": figures.base,
        "excluded": figures.excluded_in_all(),
        "excluded_by": excluded,
        "organization": share(figures.organization),
        "solo": share(figures.solo),
        "solo_of_required": {
            "numerator": figures.solo_of_required.numerator,
            "base": figures.solo_of_required.base,
            "rate": figures.solo_of_required.rate(),
        },
        "work": share(figures.work),
        "should_build": gaps,
    })
}

fn shown(share: Share) -> String {
    share.rate().map_or_else(|| "-".to_owned(), |rate| format!("{}（{:.1}%）", share.numerator, rate * 100.0))
}

fn text_of(line: &Line) -> Vec<String> {
    let figures = &line.figures;
    let mut cells = vec![line.name.clone(), figures.base.to_string(), figures.excluded_in_all().to_string()];
    cells.extend([figures.organization, figures.solo, figures.solo_of_required, figures.work].map(shown));
    cells.extend(figures.gaps.map(|(_, gap)| gap.numerator.to_string()));
    cells
}

/// The figures, and on a second sheet every organization that they count or exclude; each total leads to its first row.
fn sheets(
    replica: &Replica,
    lines: &[Line],
    division: DivisionCode,
    on: Date,
    note: &str,
    heads: &[Say],
    lang: Lang,
) -> Result<Vec<Sheet>, Failure> {
    let details = Say::SheetDetails.text(lang);
    let (kind, organizations) = (of_organizations(), organizations(replica, division)?);
    let mut rows = Vec::new();
    for (id, row) in &organizations {
        let company = replica.company(kind, id)?;
        let facts = company.facts(&row.fields);
        let standing = standing(&facts, on, Options::default());
        let building = building::assess(&facts, on, Options::default());
        let base = standing.exclusion().map_or_else(|| Say::InBase.text(lang), |why| why.say().text(lang));
        let gaps: Vec<String> = building
            .verdicts()
            .into_iter()
            .filter(|verdict| verdict.gap)
            .map(|verdict| verdict.why().text(lang))
            .collect();
        rows.push(vec![
            Cell::text(place(replica, row.division)),
            Cell::text(name_of(row)),
            Cell::text(word_of(row, "uscc")),
            Cell::text(base),
            Cell::text(building.cover.say().text(lang)),
            Cell::text(standing.work.map_or_else(String::new, |work| work.say().text(lang))),
            Cell::Count(i64::from(building.full_time.count)),
            Cell::Count(i64::from(building.working.count)),
            Cell::text(gaps.join("；")),
        ]);
    }
    let first = |line: &Line| {
        let owned = |owner: DivisionCode| match line.own {
            true => owner == line.division,
            false => replica.divisions().is_within(owner, line.division),
        };
        organizations.iter().position(|(_, row)| owned(row.division))
    };
    let figures = lines.iter().map(|line| {
        let figures = &line.figures;
        let base = match first(line) {
            Some(at) => Cell::Leads(figures.base, details.clone(), at),
            None => Cell::Count(figures.base),
        };
        let mut cells = vec![Cell::text(line.name.clone()), base, Cell::Count(figures.excluded_in_all())];
        for share in [figures.organization, figures.solo, figures.solo_of_required, figures.work] {
            cells.extend([Cell::Count(share.numerator), Cell::Rate(share.rate())]);
        }
        cells.extend(figures.gaps.map(|(_, gap)| Cell::Count(gap.numerator)));
        cells
    });
    let mut head: Vec<String> = Vec::new();
    for (at, say) in heads.iter().enumerate() {
        head.push(say.text(lang));
        if (3..7).contains(&at) {
            head.push(Say::HeadRate.text(lang));
        }
    }
    let detail_heads = [
        Say::HeadOwner,
        Say::HeadName,
        Say::HeadUscc,
        Say::HeadInBase,
        Say::HeadCover,
        Say::HeadWorkBy,
        Say::HeadFullTime,
        Say::HeadWorking,
        Say::HeadGap,
    ];
    let figures = figures.collect();
    Ok(vec![
        Sheet { name: Say::SheetCoverage.text(lang), notes: vec![note.to_owned()], head, rows: figures },
        Sheet {
            name: details,
            notes: Vec::new(),
            head: detail_heads.iter().map(|say| say.text(lang)).collect(),
            rows,
        },
    ])
}
