//! Records that name other records. A reference is a record's id, or an alias of it (credit code, name, hashed identity
//! number) until it is here: kinds may be imported in any order. It is resolved whenever it is read, so that nothing
//! has to be rewritten when its record comes.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::model::dictionary::{self, Field, Kind, Owner};
use huiliu_core::model::values::text::compact;
use huiliu_core::model::{DivisionCode, Fields, Level, Problem, RecordId, Trouble, Value};
use huiliu_store::keys;
use huiliu_store::rows::Row;
use std::collections::BTreeSet;

/// A record that names another: its kind and id.
pub(crate) type Referrer = (&'static Kind, RecordId);

impl Replica {
    /// The record that a reference means, if it is here: by its id wherever it lies, by a number or a name the nearest to
    /// `near` and none beyond its county. Who sees more finds the same.
    pub fn resolve(
        &self,
        target: &'static Kind,
        reference: &str,
        near: DivisionCode,
    ) -> Result<Option<RecordId>, ReplicaError> {
        self.resolve_to(target, reference, near, self.county_of(near), false)
    }

    /// The record of a division, or of those below it, that a reference means: what counts there. `near`: who wrote it,
    /// within the division.
    pub(crate) fn resolve_within(
        &self,
        target: &'static Kind,
        reference: &str,
        near: DivisionCode,
        division: DivisionCode,
    ) -> Result<Option<RecordId>, ReplicaError> {
        if self.has_bug("figures look outside their division") {
            return self.resolve(target, reference, near);
        }
        self.resolve_to(target, reference, near, division, true)
    }

    /// Goes up from `near` to `top`, and takes the first place that has any such record: of several with one name there
    /// none, since it is not clear which, of several with one number the one that was made first. `strictly`: an id, too,
    /// means nothing that lies outside.
    fn resolve_to(
        &self,
        target: &'static Kind,
        reference: &str,
        near: DivisionCode,
        top: DivisionCode,
        strictly: bool,
    ) -> Result<Option<RecordId>, ReplicaError> {
        if let Ok(id) = reference.parse::<RecordId>() {
            let row = self.row(target, &id)?;
            let lies = |row: &Row| !strictly || self.divisions.is_within(row.division, top);
            return Ok(row.filter(lies).map(|_| id));
        }
        let mut found = Vec::new();
        for (key, ()) in self.index.list::<()>(&keys::aliases(target.id, reference))? {
            let Ok(id) = key.try_into().map(RecordId) else { continue };
            found.extend(self.row(target, &id)?.map(|row| (id, row.division)));
        }
        let upwards = std::iter::once(near).chain(self.divisions.ancestors(near));
        let below = upwards.filter(|place| self.divisions.is_within(*place, top));
        let places = below.chain([top]);
        for place in places.take_while(|_| !found.is_empty()) {
            let inside = |owner: &DivisionCode| self.divisions.is_within(*owner, place);
            let mut inside = found.iter().filter(|(_, owner)| inside(owner)).map(|(id, _)| *id);
            if let Some(first) = inside.next() {
                let clear = !reference.starts_with("name:") || inside.next().is_none();
                return Ok(clear.then_some(first));
            }
        }
        self.resolve_through(target, reference, near, top, strictly)
    }

    /// A kind whose records are one with another's, an instructor with a person, is named as that one is.
    fn resolve_through(
        &self,
        target: &'static Kind,
        reference: &str,
        near: DivisionCode,
        top: DivisionCode,
        strictly: bool,
    ) -> Result<Option<RecordId>, ReplicaError> {
        let Some([by]) = target.same_by() else { return Ok(None) };
        let Some(through) = target.field(by).and_then(Field::target).and_then(dictionary::kind) else {
            return Ok(None);
        };
        let id = self.resolve_to(through, reference, near, top, strictly)?;
        let named = match id {
            Some(id) => self.referrers_by(through, &id, target, by)?,
            None => self.naming(target, by, reference)?,
        };
        for id in named {
            let row = self.row(target, &id)?;
            if row.is_some_and(|row| self.divisions.is_within(row.division, top)) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The county, or what is above it, in which a division lies: where its people know each other's names.
    pub(crate) fn county_of(&self, division: DivisionCode) -> DivisionCode {
        let above = std::iter::once(division).chain(self.divisions.ancestors(division));
        above.into_iter().find(|code| code.level() <= Level::County).unwrap_or(division)
    }

    /// The living records that name this one, by id or by an alias.
    pub(crate) fn referrers(&self, kind: &Kind, id: &RecordId) -> Result<Vec<Referrer>, ReplicaError> {
        let fields = self.row(kind, id)?.map(|row| row.fields).unwrap_or_default();
        self.referrers_of(kind, id, &fields)
    }

    /// As [`Replica::referrers`], for a record that has, or had, these fields.
    pub(crate) fn referrers_of(
        &self,
        kind: &Kind,
        id: &RecordId,
        fields: &Fields,
    ) -> Result<Vec<Referrer>, ReplicaError> {
        let words = std::iter::once(id.to_string()).chain(kind.aliases(fields));
        let mut found = Vec::new();
        for word in words {
            for (key, ()) in self.index.list::<()>(&keys::references(kind.id, &word))? {
                let Some((of, by)) = key.split_at_checked(2) else { continue };
                let of = of.try_into().ok().map(u16::from_be_bytes);
                let of = of.and_then(|of| dictionary::kind_by_id(huiliu_core::model::KindId(of)));
                found.extend(of.zip(by.try_into().ok().map(RecordId)));
            }
        }
        Ok(found)
    }

    /// The records of one kind that name this one in a field.
    pub(crate) fn referrers_by(
        &self,
        kind: &Kind,
        id: &RecordId,
        of: &'static Kind,
        field: &str,
    ) -> Result<Vec<RecordId>, ReplicaError> {
        let mut found = Vec::new();
        for (other, by) in self.referrers(kind, id)? {
            if other.id != of.id {
                continue;
            }
            let Some(row) = self.row(of, &by)? else { continue };
            if self.means(of, &row, field)?.as_ref() == Some(id) && !found.contains(&by) {
                found.push(by);
            }
        }
        Ok(found)
    }

    /// The records of a kind in whose field just this reference is written.
    pub(crate) fn naming(
        &self,
        of: &Kind,
        field: &str,
        reference: &str,
    ) -> Result<Vec<RecordId>, ReplicaError> {
        let Some(target) = of.field(field).and_then(Field::target).and_then(dictionary::kind) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for (key, ()) in self.index.list::<()>(&keys::references(target.id, reference))? {
            let Some((kind, by)) = key.split_at_checked(2) else { continue };
            let is_of = kind == of.id.0.to_be_bytes();
            found.extend(by.try_into().ok().map(RecordId).filter(|_| is_of));
        }
        Ok(found)
    }

    /// The record that a field of a row means, if it is here.
    pub fn means(&self, kind: &Kind, row: &Row, field: &str) -> Result<Option<RecordId>, ReplicaError> {
        let target = kind.field(field).and_then(Field::target).and_then(dictionary::kind);
        match target.zip(row.fields.get(field).and_then(Value::text)) {
            Some((target, reference)) => self.resolve(target, reference, row.division),
            None => Ok(None),
        }
    }

    /// The record of a division, or of those below it, that a field of a row means.
    pub fn means_within(
        &self,
        kind: &Kind,
        row: &Row,
        field: &str,
        division: DivisionCode,
    ) -> Result<Option<RecordId>, ReplicaError> {
        let target = kind.field(field).and_then(Field::target).and_then(dictionary::kind);
        match target.zip(row.fields.get(field).and_then(Value::text)) {
            Some((target, reference)) => self.resolve_within(target, reference, row.division, division),
            None => Ok(None),
        }
    }

    /// The alias of the record that a field of a row means, by which an import elsewhere finds it: a credit code, a hashed
    /// identity number; what is written if the record is not here, none if its name says enough.
    pub(crate) fn alias_in_words(
        &self,
        kind: &Kind,
        row: &Row,
        field: &str,
    ) -> Result<Option<String>, ReplicaError> {
        let Some(written) = row.fields.get(field).and_then(Value::text) else { return Ok(None) };
        let Some(mut target) = kind.field(field).and_then(Field::target).and_then(dictionary::kind) else {
            return Ok(None);
        };
        let Some(mut id) = self.means(kind, row, field)? else { return Ok(Some(written.to_owned())) };
        while let Some([by]) = target.same_by() {
            let Some(through) = self.row(target, &id)? else { break };
            let Some(further) = self.means(target, &through, by)? else { break };
            (target, id) = (
                target.field(by).and_then(Field::target).and_then(dictionary::kind).unwrap_or(target),
                further,
            );
        }
        let fields = self.row(target, &id)?.map(|row| row.fields).unwrap_or_default();
        let aliases = target.aliases(&fields);
        let number = aliases.into_iter().find(|alias| !alias.starts_with("name:"));
        let nameless = target.is_sealed().then(|| id.to_string());
        Ok(number.or(nameless))
    }

    /// Nobody is above itself: where a field names a record of the same kind, as a Party organization's superior, what
    /// stands above the record that is being written does not lead back to it. `own`: its id, unless it is being made.
    /// Superiors that two chose apart from one another may do so, and are a finding then (rules/integrity).
    pub(crate) fn check_above(
        &self,
        kind: &'static Kind,
        own: Option<&RecordId>,
        change: &Fields,
        merged: &Fields,
        near: DivisionCode,
    ) -> Result<(), ReplicaError> {
        let upwards = |field: &&Field| field.target() == Some(kind.name) && change.contains_key(field.name);
        for field in kind.fields.iter().filter(upwards) {
            let above_itself =
                || ReplicaError::Problems(vec![Problem::error(Some(field), Trouble::AboveItself)]);
            let (mut near, mut seen) = (near, BTreeSet::new());
            let mut above = merged.get(field.name).and_then(Value::text).map(str::to_owned);
            while let Some(reference) = above {
                let Some(id) = self.resolve(kind, &reference, near)? else {
                    if own.is_none() && kind.aliases(merged).contains(&reference) {
                        return Err(above_itself());
                    }
                    break;
                };
                if own == Some(&id) {
                    return Err(above_itself());
                }
                let Some(row) = self.row(kind, &id)?.filter(|_| seen.insert(id)) else { break };
                near = row.division;
                above = row.fields.get(field.name).and_then(Value::text).map(str::to_owned);
            }
        }
        Ok(())
    }

    /// A change without the references that only say in other words what the record says already.
    pub(crate) fn without_same_references(
        &self,
        kind: &Kind,
        before: &Fields,
        mut change: Fields,
        near: DivisionCode,
    ) -> Result<Fields, ReplicaError> {
        for field in kind.fields {
            let Some(target) = field.target().and_then(dictionary::kind) else { continue };
            let texts = [before, &change].map(|fields| fields.get(field.name).and_then(Value::text));
            let [Some(old), Some(new)] = texts else { continue };
            if old != new
                && let Some(id) = self.resolve(target, new, near)?
                && self.resolve(target, old, near)? == Some(id)
            {
                change.remove(field.name);
            }
        }
        Ok(change)
    }

    /// The division that owns a record of these fields: named in them, or that of the record it lies with. `None` if
    /// they name none, or the other record is not here.
    pub fn owner_of(
        &self,
        kind: &Kind,
        fields: &Fields,
        near: DivisionCode,
    ) -> Result<Option<DivisionCode>, ReplicaError> {
        match kind.owner(fields, &self.divisions) {
            Owner::Division(division) => Ok(Some(division)),
            Owner::Nobody => Ok(None),
            Owner::With { kind, reference } => {
                let Some(kind) = dictionary::kind(kind) else { return Ok(None) };
                let Some(id) = self.resolve(kind, reference, near)? else { return Ok(None) };
                Ok(self.row(kind, &id)?.map(|row| row.division))
            }
        }
    }

    /// What makes rows the same record, as one text: the natural key, or what the fields of which it is made name. The
    /// same record is named in one way, however it was written.
    pub fn identity_of(
        &self,
        kind: &Kind,
        fields: &Fields,
        near: DivisionCode,
    ) -> Result<Option<String>, ReplicaError> {
        let Some(same) = kind.same_by() else {
            let secret = kind.same_by_secret().and_then(|field| fields.get(field)).and_then(Value::text);
            let secret = secret.map(|secret| format!("secret:{secret}"));
            return Ok(secret.or_else(|| kind.natural_key(fields)).or_else(|| alike(kind, fields)));
        };
        let mut parts = Vec::new();
        for name in same {
            let Some(Value::Text(text)) = fields.get(*name) else { return Ok(None) };
            let target = kind.field(name).and_then(Field::target).and_then(dictionary::kind);
            let id = target.map(|target| self.resolve(target, text, near)).transpose()?.flatten();
            parts.push(id.map_or_else(|| text.clone(), |id| id.to_string()));
        }
        Ok(Some(parts.join("+")))
    }

    /// The living records that are the same as one of these fields, made first first.
    pub fn find_same(
        &self,
        kind: &'static Kind,
        fields: &Fields,
        near: DivisionCode,
    ) -> Result<Vec<RecordId>, ReplicaError> {
        let Some(same) = kind.same_by() else {
            let secret = kind.same_by_secret().and_then(|field| fields.get(field)).and_then(Value::text);
            if let Some(secret) = secret {
                let found = self.with_people(|people| people.numbered(secret))?;
                let mut ids: Vec<RecordId> = found.into_iter().map(|(id, _)| id).collect();
                ids.sort();
                return Ok(ids);
            }
            return match kind.natural_key(fields) {
                Some(key) => self.find_natural(kind, &key),
                None => self.find_alike(kind, fields),
            };
        };
        let Some(first) = same.first() else { return Ok(Vec::new()) };
        let Some(reference) = fields.get(*first).and_then(Value::text) else { return Ok(Vec::new()) };
        let Some(target) = kind.field(first).and_then(Field::target).and_then(dictionary::kind) else {
            return Ok(Vec::new());
        };
        let candidates = match self.resolve(target, reference, near)? {
            Some(id) => self.referrers_by(target, &id, kind, first)?,
            None => self.naming(kind, first, reference)?,
        };
        let wanted = self.identity_of(kind, fields, near)?;
        let mut found = Vec::new();
        for id in candidates {
            let Some(row) = self.row(kind, &id)? else { continue };
            let identity = self.identity_of(kind, &row.fields, row.division)?;
            found.extend((row.deleted.is_none() && identity == wanted).then_some(id));
        }
        found.sort();
        Ok(found)
    }

    /// The people here who look like one of whom no number is known.
    fn find_alike(&self, kind: &'static Kind, fields: &Fields) -> Result<Vec<RecordId>, ReplicaError> {
        let (Some(wanted), Some(Value::Text(name))) = (alike(kind, fields), fields.get("name")) else {
            return Ok(Vec::new());
        };
        let named = self.with_people(|people| people.named(name))?;
        let mut found = Vec::new();
        for (id, _) in named {
            let row = self.row(kind, &id)?.map(|row| self.opened(kind, &id, &row.fields, None));
            found.extend(row.filter(|row| alike(kind, row).as_ref() == Some(&wanted)).map(|_| id));
        }
        Ok(found)
    }

    /// The references of a kind's living records whose records are not here: record, field and what is written.
    pub fn open_references(
        &self,
        kind: &Kind,
    ) -> Result<Vec<(RecordId, &'static str, String)>, ReplicaError> {
        let refs: Vec<&'static Field> = kind.fields.iter().filter(|field| field.target().is_some()).collect();
        let mut rows = Vec::new();
        self.each_row(kind, |id, row| {
            rows.push((id, row));
            true
        })?;
        let mut open = Vec::new();
        for (id, row) in rows {
            for field in &refs {
                let Some(text) = row.fields.get(field.name).and_then(Value::text) else { continue };
                if self.means(kind, &row, field.name)?.is_none() {
                    open.push((id, field.name, text.to_owned()));
                }
            }
        }
        Ok(open)
    }
}

/// What two rows say in the same way that are taken for the same record though no number is known of them.
fn alike(kind: &Kind, fields: &Fields) -> Option<String> {
    let part = |name: &&str| fields.get(*name).and_then(Value::text).map(compact).unwrap_or_default();
    let parts: Vec<String> = kind.alike_by().iter().map(part).collect();
    // Without a name nobody is like anybody.
    parts.first().filter(|name| !name.is_empty())?;
    Some(format!("alike:{}", parts.join("|")))
}
