//! Automerge changes with good checksums, put to the gate of a live record. What it lets in must be as good as any
//! honest change: for reading, saving and loading, in any order, and for those who edit on.

use super::chunk::{Parts, mutate_change};
use super::honest::{allowed, next_changes, record, value};
use super::mutate::{pick, rng_of};
use super::{Fate, Target};
use huiliu_core::documents::{Document, Gated, gate, gate_successive, inspect, writes};
use huiliu_core::model::{Digest, Fields};

/// Changes to one record.
pub struct Changes {
    before: Document,
    saved: Vec<u8>,
    raws: Vec<Vec<u8>>,
    next: Vec<Vec<u8>>,
    /// An honest change that has not seen the mutant.
    beside: Vec<u8>,
}

/// Who edits on after the mutant, and who meanwhile.
const AFTER: [u8; 16] = [0xaf; 16];
const MEANWHILE: [u8; 16] = [0xbe; 16];

impl Default for Changes {
    fn default() -> Self {
        Self::new()
    }
}

impl Changes {
    /// The live record.
    pub fn new() -> Self {
        let before = record();
        let next = next_changes(&before);
        let saved = before.save();
        // As a replica has it: loaded.
        let before = Document::load(Some(&saved), []).expect("an honest record loads");
        let meanwhile = Fields::from([("address".to_owned(), value("address", 700))]);
        let beside = before.clone().edit(MEANWHILE, &meanwhile, &[]).expect("a new value");
        Self { saved, raws: before.changes(), next, beside, before }
    }

    /// What must hold of a record into which the gate has let `raw`.
    fn check(&self, raw: &[u8], gated: Gated) -> Result<(), String> {
        let Gated { document, saved, .. } = gated;
        let hash = inspect(raw).map_err(|e| format!("let in and not to be inspected: {e}"))?.hash;
        let seen = Seen::of(&document);
        if !seen.heads.contains(&hash) || writes(raw).is_none() {
            return Err("the change is not the record's newest, or what it writes cannot be read".into());
        }
        let load = |what: &str, snapshot: Option<&[u8]>, raws: &[&[u8]]| {
            let loaded = Document::load(snapshot, raws.iter().copied());
            let loaded = loaded.map_err(|e| format!("{what}: {e}"))?;
            seen.same_as(&loaded, what)?;
            Ok::<Document, String>(loaded)
        };
        load("saved and loaded", Some(&saved), &[])?;
        load("saved again and loaded", Some(&document.save()), &[])?;
        load("snapshot and change", Some(&self.saved), &[raw])?;
        let mut all: Vec<&[u8]> = self.raws.iter().map(Vec::as_slice).collect();
        all.push(raw);
        load("all changes", None, &all)?;
        let rewritten = document.changes();
        if rewritten.len() != all.len() || !rewritten.iter().any(|change| change == raw) {
            return Err("the change does not come out of the record as it went in".into());
        }
        for (change, _, _) in document.history() {
            let then = document.at(&[change]).ok_or("the record as it was cannot be had")?;
            let _ = (then.fields(), then.conflicts());
        }
        self.edit_on(&document)?;
        self.meet(raw, &document)
    }

    /// It is let in together with what follows it if and only if both are let in alone.
    fn at_once(&self, raw: &[u8]) -> Result<(), String> {
        let Some(next) = self.following(raw) else { return Ok(()) };
        let both = gate_successive(self.before.clone(), &[raw, &next], allowed);
        let alone = gate(self.before.clone(), raw, allowed);
        let is_last = |gated: &Gated| gated.document.heads().len() == 1;
        let alone = alone.ok().filter(is_last).and_then(|one| gate(one.document, &next, allowed).ok());
        match (both, alone) {
            (None, None) => Ok(()),
            (Some(both), Some(alone)) => Seen::of(&alone.document).same_as(&both.document, "one by one"),
            (Some(_), None) => Err("let in with what follows it, and not alone".into()),
            (None, Some(_)) => Err("let in alone, and not with what follows it".into()),
        }
    }

    /// An edit that follows a mutant and nothing else, as far as it can be followed.
    fn following(&self, raw: &[u8]) -> Option<Vec<u8>> {
        let (mutant, operations) = (Parts::of(raw)?, writes(raw)?.len() as u64);
        let edit = Fields::from([("address".to_owned(), value("address", 800))]);
        let mut next = Parts::of(&self.before.clone().edit(AFTER, &edit, &[])?)?;
        next.deps = vec![inspect(raw).ok()?.hash.0];
        next.start_op = mutant.start_op.checked_add(operations)?;
        Some(next.bytes())
    }

    /// An ordinary edit of every field follows, or of as many as a form could have.
    fn edit_on(&self, document: &Document) -> Result<(), String> {
        let edit: Fields = document
            .written()
            .into_iter()
            .filter(|field| field != huiliu_core::documents::DELETED && allowed(field, &value(field, 500)))
            .take(100)
            .map(|field| (field.clone(), value(&field, 500)))
            .collect();
        let conflicts: Vec<String> = document.conflicts().into_iter().map(|one| one.field).collect();
        let settles: Vec<&str> =
            conflicts.iter().map(String::as_str).filter(|field| edit.contains_key(*field)).collect();
        let next = document.clone().edit(AFTER, &edit, &settles).ok_or("nothing more can be written")?;
        let after = gate(document.clone(), &next, allowed).map_err(|e| format!("an edit after it: {e}"))?;
        let fields = after.document.fields();
        let wrong = edit.iter().find(|(field, value)| fields.get(*field) != Some(value));
        match wrong {
            Some((field, _)) => Err(format!("an edit after it does not show in {field}")),
            None => Ok(()),
        }
    }

    /// An honest change that did not see it meets it, in either order.
    fn meet(&self, raw: &[u8], document: &Document) -> Result<(), String> {
        let honest = |document, what: &str| {
            gate(document, &self.beside, allowed).map_err(|e| format!("an honest change {what}: {e}"))
        };
        let after = honest(document.clone(), "after it")?;
        let before = honest(self.before.clone(), "before it")?;
        let then = gate(before.document, raw, allowed).map_err(|e| format!("after an honest change: {e}"))?;
        Seen::of(&after.document).same_as(&then.document, "in the other order")
    }
}

/// All that people and replicas see of a record.
struct Seen {
    heads: Vec<Digest>,
    fields: Fields,
    conflicts: Vec<huiliu_core::documents::FieldConflict>,
    deleted: Option<String>,
    authors: Vec<(String, Option<Digest>)>,
}

impl Seen {
    fn of(document: &Document) -> Self {
        let authors =
            document.written().into_iter().map(|field| (field.clone(), document.written_by(&field)));
        Self {
            heads: document.heads(),
            fields: document.fields(),
            conflicts: document.conflicts(),
            deleted: document.deleted(),
            authors: authors.collect(),
        }
    }

    fn same_as(&self, other: &Document, what: &str) -> Result<(), String> {
        let other = Self::of(other);
        let differs = [
            (self.heads != other.heads, "heads"),
            (self.fields != other.fields, "fields"),
            (self.conflicts != other.conflicts, "conflicts"),
            (self.deleted != other.deleted, "deletion"),
            (self.authors != other.authors, "authors"),
        ];
        match differs.iter().find(|(differs, _)| *differs) {
            Some((_, which)) => Err(format!("{what}: other {which}")),
            None => Ok(()),
        }
    }
}

impl Target for Changes {
    fn mutant(&self, seed: u64, number: u64) -> Vec<u8> {
        let mut rng = rng_of(seed, number);
        let raw = pick(&mut rng, &self.next).clone();
        mutate_change(&raw, &self.next, &mut rng)
    }

    fn honest(&self) -> Vec<Vec<u8>> {
        self.next.clone()
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<Fate, String> {
        self.at_once(bytes)?;
        match gate(self.before.clone(), bytes, allowed) {
            Ok(gated) => self.check(bytes, gated).map(|()| Fate::Accepted),
            Err(verdict) => Ok(Fate::refused(verdict)),
        }
    }
}
