//! `import`.
//!
//! An import's id is journaled first; its rows follow in groups, each durable before the next. So a killed import
//! leaves a prefix, and the same file run again counts that prefix as same.

mod rows;
mod undo;

pub use undo::undo;

use crate::Replica;
use crate::commands::exports::{cannot_write, format_of};
use crate::commands::records::may_write;
use crate::commands::request::{Answer, Context};
use crate::commands::words::{division_of, kind_of};
use crate::service::home::Failure;
use crate::service::reader;
use crate::tables::report::Line;
use crate::tables::{self, Columns, Outcome as RowOutcome, Row, TableFault};
use huiliu_core::model::dictionary::Kind;
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::values::{Reading, Source};
use huiliu_core::model::{Channel, DivisionCode, Fields, RecordId, Trouble};
use huiliu_core::sync::control;
use huiliu_core::sync::{EntryKind, birth};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// So many rows become durable together.
const GROUP_ROWS: usize = 256;
/// So many warnings and so many refusals are read on a screen; `--report` and `--json` have all of them.
const SHOWN: usize = 30;

/// A table that was read: its rows, and which column means what. Reading needs no replica, so that nobody waits for it.
pub struct Table {
    file: String,
    kind: &'static Kind,
    columns: Columns,
    rows: Vec<Row>,
}

impl Table {
    /// Reads the bytes of a file as a table of a kind.
    pub fn read(file: &str, bytes: &[u8], kind: &str, context: &Context) -> Result<Self, Failure> {
        let lang = context.lang();
        let kind = kind_of(kind)?;
        let unreadable = |fault: TableFault| cannot_read(file, &fault, lang);
        let table = reader::read(bytes, kind).map_err(unreadable)?;
        let columns =
            Columns::of(&table.headers, kind).map_err(|trouble| unreadable(TableFault::from(trouble)))?;
        Ok(Self { file: file.to_owned(), kind, columns, rows: table.rows })
    }
}

/// An import under way.
pub struct Import {
    kind: &'static Kind,
    columns: Columns,
    rows: std::vec::IntoIter<Row>,
    total: usize,
    division: Option<DivisionCode>,
    dry_run: bool,
    id: RecordId,
    created: usize,
    changed: usize,
    same: usize,
    refused: Vec<Line>,
    warnings: Vec<String>,
    /// Secret cells that may not be kept here.
    left_out: usize,
    /// The rows above by the natural keys of their records.
    seen: BTreeMap<String, Seen>,
    /// The natural keys of what was deleted here.
    deleted: BTreeMap<String, (RecordId, String)>,
    /// Rehearsal: the records that rows above would have made or changed, as they would be by now.
    rehearsed: BTreeMap<String, (Channel, Fields)>,
}

/// A row further up that was taken.
struct Seen {
    row: u32,
    /// What it calls its record; widths and blanks do not count.
    name: String,
}

impl Import {
    /// Unless it is a rehearsal, notes in the journal that an import began.
    pub fn begin(
        replica: &mut Replica,
        table: Table,
        division: Option<&str>,
        dry_run: bool,
        context: &Context,
    ) -> Result<Self, Failure> {
        let lang = context.lang();
        let Table { file, kind, columns, rows } = table;
        if !dry_run {
            may_write(replica)?;
        }
        let deleted = replica.deleted_keys(kind)?;
        let division = division.map(|text| division_of(replica, text)).transpose()?;
        let empty = rows.is_empty().then_some(Trouble::NoRows);
        let warnings = columns.warning().into_iter().chain(empty);
        let warnings = warnings.map(|trouble| TableFault::from(trouble).sentence(lang)).collect();
        let actor = birth::actor(&replica.device(), &replica.incarnation(), 0);
        let id = replica.mint(&actor, context.now);
        if !dry_run {
            let import = control::Import { id, kind: kind.name.into(), file, rows: rows.len() as u64 };
            replica.stage_local(EntryKind::IMPORT, control::encode(&import), &context.who, context.now);
            replica.commit()?;
        }
        Ok(Self {
            kind,
            columns,
            total: rows.len(),
            rows: rows.into_iter(),
            division,
            dry_run,
            id,
            created: 0,
            changed: 0,
            same: 0,
            refused: Vec::new(),
            warnings,
            left_out: 0,
            seen: BTreeMap::new(),
            deleted,
            rehearsed: BTreeMap::new(),
        })
    }

    /// Rows done and rows in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.total - self.rows.len(), self.total)
    }

    /// The service ends before the import does: what was done is durable.
    pub fn stopped(&self, context: &Context) -> Answer {
        let (done, total) = self.progress();
        let say = if self.dry_run { Say::RehearsalStopped } else { Say::ImportStopped { done, total } };
        let mut answer = Answer::failed(&Failure::new(1, say), context.lang());
        answer.json["rows_done"] = json!(done);
        answer
    }

    /// Takes the next group of rows; false when none is left.
    pub fn step(&mut self, replica: &mut Replica, context: &Context) -> Result<bool, Failure> {
        let group: Vec<Row> = self.rows.by_ref().take(GROUP_ROWS).collect();
        if group.is_empty() {
            return Ok(false);
        }
        let divisions = replica.divisions().clone();
        let near = Some(self.division.unwrap_or(replica.division()));
        let reading = Reading { source: Source::Import, divisions: &divisions, near };
        for row in &group {
            match tables::read_row(row, &self.columns, self.kind, &reading) {
                RowOutcome::Empty => {}
                RowOutcome::Refused(refusals) => {
                    self.refused.extend(refusals.iter().map(|one| Line::of(one, context.lang())));
                }
                RowOutcome::Taken(taken) => self.take(replica, taken, context)?,
            }
        }
        if !self.dry_run {
            replica.commit_import(self.id, &context.who, context.now)?;
        }
        Ok(self.rows.len() > 0)
    }

    fn refusal_text(&self, one: &Line, lang: Lang) -> String {
        let (row, reason, remedy) = (one.row, one.reason.clone(), one.remedy.clone());
        let (field, value) = (one.title(self.kind, lang), one.value.clone());
        match (field.is_empty(), value.is_empty()) {
            (true, _) => Say::RowRefused { row, reason, remedy },
            (false, true) => Say::CellMissing { row, field, reason, remedy },
            (false, false) => Say::CellRefused { row, field, value, reason, remedy },
        }
        .text(lang)
    }

    /// The answer: exit 0, or 3 if rows were refused.
    pub fn finish(self, context: &Context) -> Answer {
        let lang = context.lang();
        let refused = &self.refused;
        let rows: BTreeSet<u32> = self.refused.iter().map(|one| one.row).collect();
        let (created, changed, same, refused_rows) = (self.created, self.changed, self.same, rows.len());
        let say = if self.dry_run {
            Say::Rehearsed { created, changed, same, refused: refused_rows }
        } else {
            Say::Imported { created, changed, same, refused: refused_rows }
        };
        let mut text = vec![say.text(lang)];
        if !self.dry_run && created + changed > 0 {
            text.push(Say::HowToUndo { id: self.id.to_string() }.text(lang));
        }
        if self.left_out > 0 {
            text.push(Say::SecretsLeftOut { count: self.left_out }.text(lang));
        }
        text.extend(self.warnings.iter().take(SHOWN).cloned());
        if let Some(count) = self.warnings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            text.push(Say::MoreWarnings { count }.text(lang));
        }
        text.extend(self.refused.iter().take(SHOWN).map(|one| self.refusal_text(one, lang)));
        if let Some(count) = self.refused.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            text.push(Say::MoreRefused { count }.text(lang));
        }
        let json = json!({
            "v": 1,
            "id": if self.dry_run { Json::Null } else { Json::from(self.id.to_string()) },
            "dry_run": self.dry_run,
            "created": created,
            "changed": changed,
            "same": same,
            "refused": refused,
            "warnings": self.warnings,
            "secrets_left_out": self.left_out,
        });
        let exit = if rows.is_empty() { 0 } else { 3 };
        Answer { exit, json, text: text.join("\n"), file: None }
    }
}

/// The failure of a file that is no table: its sentence, without the stop that ends it.
pub fn cannot_read(file: &str, fault: &TableFault, lang: Lang) -> Failure {
    let why = fault.sentence(lang);
    let why = why.trim_end_matches(['。', '.']).to_owned();
    Failure::new(1, Say::CannotRead { file: file.to_owned(), why })
}

/// The refused rows of an answer as a table that can be put right and imported again, for `--report`: the list's own
/// columns, and why.
pub fn report_of(
    answer: &Answer,
    list: &[u8],
    kind: &str,
    file: &str,
    lang: Lang,
) -> Result<Vec<u8>, Failure> {
    let lines: Vec<Line> = serde_json::from_value(answer.json["refused"].clone()).unwrap_or_default();
    let kind = kind_of(kind)?;
    let table = reader::read(list, kind).map_err(|fault| cannot_read(file, &fault, lang))?;
    tables::report(format_of(file)?, kind, &table, &lines, lang).map_err(|fault| cannot_write(file, fault))
}
