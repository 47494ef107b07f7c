//! `import`.
//!
//! An import's id is journaled first; its rows follow in groups, each durable before the next. So a killed import
//! leaves a prefix, and the same file run again counts that prefix as same.

use crate::commands::exports::{cannot_write, format_of};
use crate::commands::request::{Answer, Context};
use crate::commands::words::{division_of, failure_of, kind_of};
use crate::service::home::Failure;
use crate::tables::report::Line;
use crate::tables::{self, Columns, Outcome as RowOutcome, Row, TableFault, Taken};
use crate::{Outcome, RecordEdit, Replica, ReplicaError};
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
    /// Natural keys of the records that rows above have made.
    made: BTreeSet<String>,
    /// Rehearsal: the records that rows above would have made or changed, as they would be by now.
    rehearsed: BTreeMap<String, (Channel, Fields)>,
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
            made: BTreeSet::new(),
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

    /// Makes or changes the record of a row.
    fn take(&mut self, replica: &mut Replica, taken: Taken, context: &Context) -> Result<(), Failure> {
        let key = self.kind.natural_key(&tables::rows::as_new(&taken));
        // A row further up may have made the same record: it counts before this one is looked for.
        if let Some(key) = &key {
            if let Some((channel, before)) = self.rehearsed.get(key) {
                let after = replica.rehearse(self.kind, *channel, before, &taken.fields);
                return self.count_rehearsed(replica, &taken, key.clone(), *channel, after, context);
            }
            if self.made.contains(key) && !self.dry_run {
                replica.commit_import(self.id, &context.who, context.now)?;
            }
        }
        let found = key.as_ref().map_or(Ok(Vec::new()), |key| replica.find_natural(self.kind, key))?;
        let edit = match found.as_slice() {
            [] => RecordEdit::New {
                kind: self.kind.name.into(),
                fields: tables::rows::as_new(&taken),
                owner: self.division,
                strict: false,
            },
            [id] => RecordEdit::Set { id: *id, fields: taken.fields.clone() },
            several => {
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
        if let (Some(key), Ok(outcome)) = (key, &outcome) {
            if self.dry_run {
                let now = self.imagined(replica, &taken, outcome)?;
                self.rehearsed.insert(key, now);
            } else if matches!(outcome, Outcome::Created(_)) {
                self.made.insert(key);
            }
        }
        self.count(replica, &taken, outcome, context)
    }

    /// Where the record of a row would lie, and what it would say, had the row been imported.
    fn imagined(
        &self,
        replica: &Replica,
        taken: &Taken,
        outcome: &Outcome,
    ) -> Result<(Channel, Fields), Failure> {
        if let Outcome::Created(_) = outcome {
            let fields = tables::rows::as_new(taken);
            let owner = self.kind.owner(&fields, replica.divisions()).or(self.division);
            return Ok((replica.channel_of(self.kind, owner.unwrap_or(replica.division())), fields));
        }
        let id = outcome.id();
        let (_, record) = replica.kind_of(&id)?.ok_or(ReplicaError::NoSuchRecord(id))?;
        let mut fields = replica.row(self.kind, &id)?.map(|row| row.fields).unwrap_or_default();
        fields.extend(taken.fields.clone());
        fields.retain(|_, value| !value.is_null());
        Ok((record.channel, fields))
    }

    /// Counts a row whose record an earlier row of the rehearsal has touched.
    fn count_rehearsed(
        &mut self,
        replica: &Replica,
        taken: &Taken,
        key: String,
        channel: Channel,
        after: Result<Option<Fields>, ReplicaError>,
        context: &Context,
    ) -> Result<(), Failure> {
        let outcome = after.map(|after| match after {
            Some(after) => {
                self.rehearsed.insert(key, (channel, after));
                Outcome::Changed(self.id)
            }
            None => Outcome::Same(self.id),
        });
        self.count(replica, taken, outcome, context)
    }

    fn count(
        &mut self,
        replica: &Replica,
        taken: &Taken,
        outcome: Result<Outcome, ReplicaError>,
        context: &Context,
    ) -> Result<(), Failure> {
        let (row, lang) = (taken.row, context.lang());
        if outcome.is_ok() {
            let odd =
                taken.warnings.iter().map(|odd| Say::RowOdd { row, odd: odd.sentence(lang) }.text(lang));
            self.warnings.extend(odd);
        }
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
                let reason = failure_of(&error).text(lang);
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
            Err(error) => return Err(failure_of(&error)),
        }
        Ok(())
    }

    fn refuse(&mut self, row: u32, reason: String, remedy: String) {
        self.refused.push(Line { row, field: String::new(), value: String::new(), reason, remedy });
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
        });
        let exit = if rows.is_empty() { 0 } else { 3 };
        Answer { exit, json, text: text.join("\n"), file: None }
    }
}

/// The refused rows of an answer as a table, for `--report`.
pub fn report_of(answer: &Answer, kind: &str, file: &str, lang: Lang) -> Result<Vec<u8>, Failure> {
    let lines: Vec<Line> = serde_json::from_value(answer.json["refused"].clone()).unwrap_or_default();
    tables::report(format_of(file)?, kind_of(kind)?, &lines, lang).map_err(|fault| cannot_write(file, fault))
}
