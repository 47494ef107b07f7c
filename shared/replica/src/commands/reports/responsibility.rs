//! `report responsibility` (责任主体清单, DOMAIN 1.2): which body answers for each organization, and by which rule.

use super::{Report, name_of, organizations, word_of};
use crate::Replica;
use crate::commands::request::Context;
use crate::commands::words::place;
use crate::service::home::Failure;
use huiliu_core::model::messages::Say;
use huiliu_core::model::rules::RULES;
use huiliu_core::model::rules::responsibility::{Parameters, Rule, responsible};
use huiliu_core::model::{Date, DivisionCode};
use serde_json::json;

pub(super) fn responsibility(
    replica: &mut Replica,
    division: DivisionCode,
    on: Date,
    context: &Context,
) -> Result<Report, Failure> {
    let (lang, parameters) = (context.lang(), Parameters::default());
    let organizations = organizations(replica, division)?;
    let (mut rows, mut lines, mut open) = (Vec::new(), Vec::new(), 0);
    for (id, row) in &organizations {
        let Some(found) = responsible(&row.fields, replica.divisions(), &parameters) else { continue };
        let rule = match found.rule {
            Rule::R1 => "R1",
            Rule::R2 => "R2",
            Rule::R3 => "R3",
            Rule::R4 => "R4",
        };
        open += usize::from(!found.body.settled);
        let (body, why) = (found.body.title.text(lang), found.why.text(lang));
        rows.push(json!({
            "id": id.to_string(),
            "division": row.division.to_string(),
            "name": name_of(row),
            "uscc": word_of(row, "uscc"),
            "rule": rule,
            "body": body,
            "settled": found.body.settled,
            "why": why,
        }));
        let settled = if found.body.settled { String::new() } else { Say::Unsettled.text(lang) };
        lines.push(vec![
            place(replica, row.division),
            name_of(row),
            word_of(row, "uscc"),
            rule.to_owned(),
            body,
            settled,
            why,
        ]);
    }
    let heads = [
        Say::HeadOwner,
        Say::HeadName,
        Say::HeadUscc,
        Say::HeadRule,
        Say::HeadBody,
        Say::HeadUnsettled,
        Say::HeadWhy,
    ];
    let note = Say::ResponsibilityNote { count: rows.len(), open, rules: RULES.to_owned() }.text(lang);
    let json = json!({
        "v": 1,
        "division": division.to_string(),
        "as_of": on.to_string(),
        "rules": RULES,
        "rows": rows,
    });
    Ok(Report::of_one_table(json, &Say::SheetResponsibility, note, &heads, lines, lang))
}
