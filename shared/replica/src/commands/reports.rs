//! `report coverage | gaps | responsibility | findings`: figures that lead to their rows, on the screen, as JSON, as a workbook.

mod coverage;
mod findings;
mod gaps;
mod responsibility;
mod sheets;

use crate::commands::exports::{cannot_write, format_of};
use crate::commands::request::{Answer, Context};
use crate::commands::words::{division_of, listing, place};
use crate::service::home::Failure;
use crate::tables::Format;
use crate::{Replica, ReplicaError};
use huiliu_core::model::dictionary::{Kind, kind};
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::{Date, DivisionCode, RecordId};
use huiliu_store::rows::Row;
use huiliu_web::CoverageView;
use serde::{Deserialize, Serialize};
use sheets::{Cell, Sheet};

/// What a report is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Of which division and below; the replica's own if none is given.
    pub division: Option<String>,
    /// As of which day; today if none is given.
    pub as_of: Option<String>,
    /// The file name of the workbook, if one is to be written.
    pub file: Option<String>,
}

/// A report as it was made.
struct Report {
    json: serde_json::Value,
    text: String,
    sheets: Vec<Sheet>,
}

/// Makes the report of a division and those below it, as of a day.
type Make = fn(&mut Replica, DivisionCode, Date, &Context) -> Result<Report, Failure>;

/// The reports, by name.
const REPORTS: [(&str, Make); 4] = [
    ("coverage", coverage::coverage),
    ("gaps", gaps::gaps),
    ("responsibility", responsibility::responsibility),
    ("findings", findings::findings),
];

impl Report {
    /// A report of one table: the same lines on the screen and in the workbook.
    fn of_one_table(
        json: serde_json::Value,
        sheet: &Say,
        note: String,
        heads: &[Say],
        lines: Vec<Vec<String>>,
        lang: Lang,
    ) -> Self {
        let sheet = Sheet {
            name: sheet.text(lang),
            notes: vec![note.clone()],
            head: heads.iter().map(|say| say.text(lang)).collect(),
            rows: lines.iter().map(|line| line.iter().map(Cell::text).collect()).collect(),
        };
        let text = if lines.is_empty() { note } else { format!("{note}\n{}", listing(heads, lines, lang)) };
        Self { json, text, sheets: vec![sheet] }
    }
}

/// Makes a report.
pub fn report(replica: &mut Replica, wanted: &Wanted, context: &Context) -> Result<Answer, Failure> {
    let division = match &wanted.division {
        Some(text) => division_of(replica, text)?,
        None => replica.division(),
    };
    if !replica.divisions().is_within(division, replica.division()) {
        return Err(Failure::new(4, Say::BeyondSight { division: place(replica, division) }));
    }
    let on = match &wanted.as_of {
        Some(text) => text.parse().map_err(|_| Failure::new(2, Say::NotADay { text: text.clone() }))?,
        None => today(context.now),
    };
    if let Some(file) = &wanted.file
        && format_of(file)? != Format::Xlsx
    {
        return Err(Failure::new(2, Say::ReportEnding { file: file.clone() }));
    }
    let Some((_, make)) = REPORTS.iter().find(|(name, _)| *name == wanted.name) else {
        let known = REPORTS.map(|(name, _)| name).join(", ");
        return Err(Failure::new(2, Say::NoSuchReport { name: wanted.name.clone(), known }));
    };
    let report = make(replica, division, on, context)?;
    let mut answer = Answer::good(report.json, report.text);
    if let Some(file) = &wanted.file {
        answer.file = Some(sheets::workbook(&report.sheets).map_err(|fault| cannot_write(file, fault))?);
        answer.text += &format!("\n{}", Say::WroteReport { file: file.clone() }.text(context.lang()));
    }
    Ok(answer)
}

/// The table of coverage for a page: none while there is nothing to count.
pub fn coverage_view(replica: &mut Replica, now: u64) -> Result<Option<CoverageView>, ReplicaError> {
    let division = replica.division();
    coverage::view(replica, division, today(now))
}

/// The day it is in China.
fn today(now: u64) -> Date {
    let days = (now / 1000 + 8 * 3600) / 86_400;
    i64::try_from(days).ok().and_then(Date::from_days).unwrap_or(Date::FIRST)
}

/// Records, each with its row.
type Records = Vec<(RecordId, Row)>;

/// The kind of organizations.
fn of_organizations() -> &'static Kind {
    kind("social_org").expect("the dictionary has organizations")
}

/// The living organizations that a division and those below it own, by owner and name.
fn organizations(replica: &Replica, division: DivisionCode) -> Result<Records, Failure> {
    let mut found = within(replica, of_organizations(), division)?;
    found.sort_by_key(|(id, row)| (row.division, name_of(row), *id));
    Ok(found)
}

/// The living records of a kind that a division and those below it own, in order of making.
fn within(replica: &Replica, kind: &Kind, division: DivisionCode) -> Result<Records, Failure> {
    let mut found = Vec::new();
    replica.each_row(kind, |id, row| {
        if replica.divisions().is_within(row.division, division) {
            found.push((id, row));
        }
        true
    })?;
    Ok(found)
}

fn name_of(row: &Row) -> String {
    word_of(row, "name")
}

/// A text field, empty if it is not filled in.
fn word_of(row: &Row, field: &str) -> String {
    row.fields.get(field).and_then(huiliu_core::model::Value::text).unwrap_or_default().to_owned()
}
