//! `import`, `export` and `template`.
//!
//! An import's id is journaled first; its rows follow in groups, each durable before the next. So a killed import
//! leaves a prefix, and the same file run again counts that prefix as same.

use crate::commands::request::{Answer, Context};
use crate::commands::words::{division_of, kind_of};
use crate::service::home::{Failure, replica_failure};
use crate::tables::report::Line;
use crate::tables::{self, Columns, Format, Outcome as RowOutcome, Row, Taken};
use crate::{Outcome, RecordEdit, Replica, ReplicaError};
use huiliu_core::model::dictionary::Kind;
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::values::{Reading, Source};
use huiliu_core::model::{DivisionCode, Fields, RecordId};
use huiliu_core::sync::control;
use huiliu_core::sync::{EntryKind, birth};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// So many rows become durable together.
const GROUP_ROWS: usize = 256;

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
        let unreadable = |why: String| Failure::new(1, Say::CannotRead { file: file.to_owned(), why });
        let table = tables::read(bytes, kind).map_err(|fault| unreadable(fault.sentence(lang)))?;
        let columns = Columns::of(&table.headers, kind)
            .map_err(|trouble| unreadable(format!("{}；{}", trouble.reason(lang), trouble.remedy(lang))))?;
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
    /// Rehearsal: natural keys that would exist by now.
    rehearsed: BTreeSet<String>,
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
        let division = division.map(|text| division_of(replica, text)).transpose()?;
        let warnings = columns.warning().map(|trouble| trouble.reason(lang)).into_iter().collect();
        let actor = birth::actor(&replica.device(), &replica.incarnation(), 0);
        replica.minted = (replica.minted + 1).max(context.now << 12);
        let id = birth::record_id(&actor, replica.minted >> 12, (replica.minted & 0xfff) as u16);
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
            rehearsed: BTreeSet::new(),
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

    /// Makes or changes the record of a row.
    fn take(&mut self, replica: &mut Replica, taken: Taken, context: &Context) -> Result<(), Failure> {
        let mut fields = taken.fields.clone();
        fields.retain(|_, value| !value.is_null());
        let key = self.kind.natural_key(&tables::rows::as_new(&taken));
        // A row further up may have made the same record: it counts before this one is looked for.
        let found = match &key {
            Some(key) => {
                let staged = self.rehearsed.contains(key);
                if staged && !self.dry_run {
                    replica.commit_import(self.id, &context.who, context.now)?;
                }
                replica.find_natural(self.kind, key)?
            }
            None => Vec::new(),
        };
        let edit = match (found.as_slice(), &key) {
            ([], Some(key)) if self.dry_run && self.rehearsed.contains(key) => {
                self.same += 1;
                return Ok(());
            }
            ([], _) => RecordEdit::New {
                kind: self.kind.name.into(),
                fields: tables::rows::as_new(&taken),
                owner: self.division,
                strict: false,
            },
            ([id], _) => RecordEdit::Set { id: *id, fields: taken.fields },
            (several, _) => {
                let ids: Vec<String> = several.iter().map(RecordId::to_string).collect();
                let reason = Say::RowTwice { ids: ids.join(", ") }.text(context.lang());
                self.refuse(taken.row, reason, Say::RowTwiceRemedy.text(context.lang()));
                return Ok(());
            }
        };
        let outcome = replica.edit(&edit, &context.who, context.now);
        if self.dry_run {
            replica.abandon();
        }
        self.count(replica, taken.row, outcome, context)?;
        self.rehearsed.extend(key);
        Ok(())
    }

    fn count(
        &mut self,
        replica: &Replica,
        row: u32,
        outcome: Result<Outcome, ReplicaError>,
        context: &Context,
    ) -> Result<(), Failure> {
        let lang = context.lang();
        match outcome {
            Ok(Outcome::Created(_)) => self.created += 1,
            Ok(Outcome::Changed(_)) => self.changed += 1,
            Ok(Outcome::Same(_)) => self.same += 1,
            Err(ReplicaError::OutsideGrant(channel)) => {
                let owner = replica.divisions().full_name(channel.division);
                let owner = owner.unwrap_or_else(|| channel.division.to_string());
                let reason = Say::RowOutside { owner }.text(lang);
                self.refuse(row, reason, Say::RowOutsideRemedy.text(lang));
            }
            Err(error @ ReplicaError::OwnerWouldChange { .. }) => {
                let reason = replica_failure(&error).text(lang);
                self.refuse(row, reason, Say::RowOwnerRemedy.text(lang));
            }
            Err(ReplicaError::Problems(problems)) => {
                for problem in problems {
                    self.refused.push(Line {
                        row,
                        field: problem.field.map_or(String::new(), |field| field.name.to_owned()),
                        value: String::new(),
                        reason: problem.reason(lang),
                        remedy: problem.remedy(lang),
                    });
                }
            }
            Err(ReplicaError::Gate(verdict)) => {
                self.refuse(row, Say::GateSaysNo { why: verdict.to_string() }.text(lang), String::new());
            }
            Err(error) => return Err(replica_failure(&error)),
        }
        Ok(())
    }

    fn refuse(&mut self, row: u32, reason: String, remedy: String) {
        self.refused.push(Line { row, field: String::new(), value: String::new(), reason, remedy });
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
        text.extend(self.warnings.iter().cloned());
        text.extend(self.refused.iter().map(|one| {
            Say::RowRefused {
                row: u64::from(one.row),
                field: one.title(self.kind, lang),
                reason: one.reason.clone(),
                remedy: one.remedy.clone(),
            }
            .text(lang)
        }));
        let json = json!({
            "v": 1,
            "id": if self.dry_run { Json::Null } else { Json::from(self.id.to_string()) },
            "dry_run": self.dry_run,
            "created": created,
            "changed": changed,
            "same": same,
            "refused": refused,
            "warnings": self.warnings,
        });
        let exit = if rows.is_empty() { 0 } else { 3 };
        Answer { exit, json, text: text.join("\n"), file: None }
    }
}

/// Writes the living records of a kind, of a division and below it if one is given, as a table.
pub fn export(
    replica: &Replica,
    kind: &str,
    file: &str,
    division: Option<&str>,
    context: &Context,
) -> Result<Answer, Failure> {
    let kind = kind_of(kind)?;
    let division = division.map(|text| division_of(replica, text)).transpose()?;
    let mut records: Vec<Fields> = Vec::new();
    replica.each_row(kind, |_, row| {
        if division.is_none_or(|above| replica.divisions().is_within(row.division, above)) {
            records.push(row.fields);
        }
        true
    })?;
    let fields = tables::write::open_fields(kind);
    let written = tables::export(format_of(file)?, kind, &fields, records.iter(), replica.divisions());
    let bytes = written.map_err(|fault| cannot_write(file, fault))?;
    let say = Say::Wrote { file: file.to_owned(), rows: records.len() };
    let json = json!({ "v": 1, "file": file, "rows": records.len() });
    Ok(Answer { exit: 0, json, text: say.text(context.lang()), file: Some(bytes) })
}

/// Writes an empty table of a kind, with its code tables and notes.
pub fn template(kind: &str, file: &str, context: &Context) -> Result<Answer, Failure> {
    let kind = kind_of(kind)?;
    let written = tables::template(format_of(file)?, kind, context.lang());
    let bytes = written.map_err(|fault| cannot_write(file, fault))?;
    let say = Say::Wrote { file: file.to_owned(), rows: 0 };
    Ok(Answer {
        exit: 0,
        json: json!({ "v": 1, "file": file }),
        text: say.text(context.lang()),
        file: Some(bytes),
    })
}

fn format_of(file: &str) -> Result<Format, Failure> {
    Format::of(file).ok_or_else(|| Failure::new(2, Say::TableEnding { file: file.to_owned() }))
}

fn cannot_write(file: &str, fault: impl std::fmt::Display) -> Failure {
    Failure::new(1, Say::CannotWrite { file: file.to_owned(), why: fault.to_string() })
}

/// The refused rows of an answer as a table, for `--report`.
pub fn report_of(answer: &Answer, kind: &str, file: &str, lang: Lang) -> Result<Vec<u8>, Failure> {
    let lines: Vec<Line> = serde_json::from_value(answer.json["refused"].clone()).unwrap_or_default();
    tables::report(format_of(file)?, kind_of(kind)?, &lines, lang).map_err(|fault| cannot_write(file, fault))
}
