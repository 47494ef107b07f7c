//! `report gaps`: who should have a Party organization and has none (应建未建), by which rule, and since when.

use super::{Report, name_of, of_organizations, organizations, word_of};
use crate::Replica;
use crate::commands::request::Context;
use crate::commands::words::place;
use crate::service::home::Failure;
use huiliu_core::model::messages::Say;
use huiliu_core::model::rules::building::{self, Version};
use huiliu_core::model::rules::{Options, RULES};
use huiliu_core::model::{Date, DivisionCode};
use serde_json::json;

pub(super) fn gaps(
    replica: &mut Replica,
    division: DivisionCode,
    on: Date,
    context: &Context,
) -> Result<Report, Failure> {
    let (lang, options) = (context.lang(), Options::default());
    let (kind, organizations) = (of_organizations(), organizations(replica, division)?);
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for (id, row) in &organizations {
        let company = replica.company(kind, id)?;
        let facts = company.facts(&row.fields);
        let building = building::assess(&facts, on, options);
        let open: Vec<_> = building.verdicts().into_iter().filter(|verdict| verdict.gap).collect();
        if open.is_empty() {
            continue;
        }
        let since = open.iter().filter_map(|verdict| building::since(&facts, verdict.version, on)).min();
        let days = since.map(|since| on.days() - since.days());
        let why: Vec<String> = open.iter().map(|verdict| verdict.why().text(lang)).collect();
        let rule = |version| match version {
            Version::FullTime => "SOLO_REQUIRED",
            Version::Working => "BRANCH_REGULATIONS",
        };
        rows.push(json!({
            "id": id.to_string(),
            "division": row.division.to_string(),
            "name": name_of(row),
            "uscc": word_of(row, "uscc"),
            "rules": open.iter().map(|verdict| rule(verdict.version)).collect::<Vec<_>>(),
            "full_time_full": building.full_time.count,
            "full": building.working.count,
            "since": since.map(|since| since.to_string()),
            "days": days,
            "why": why,
        }));
        lines.push(vec![
            place(replica, row.division),
            name_of(row),
            word_of(row, "uscc"),
            building.full_time.count.to_string(),
            building.working.count.to_string(),
            days.map_or_else(String::new, |days| days.to_string()),
            why.join("；"),
        ]);
    }
    let heads = [
        Say::HeadOwner,
        Say::HeadName,
        Say::HeadUscc,
        Say::HeadFullTime,
        Say::HeadWorking,
        Say::HeadDays,
        Say::HeadGap,
    ];
    let note = Say::GapsNote { as_of: on.to_string(), rules: options.rules(), count: rows.len() }.text(lang);
    let json = json!({
        "v": 1,
        "division": division.to_string(),
        "as_of": on.to_string(),
        "rules": options.rules(),
        "rules_version": RULES,
        "rows": rows,
    });
    Ok(Report::of_one_table(json, &Say::SheetGaps, note, &heads, lines, lang))
}
