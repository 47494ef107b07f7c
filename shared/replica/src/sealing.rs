//! Between what people type and read and what documents hold: references, copies, hashes, and what is sealed.

use crate::error::ReplicaError;
use crate::reads::Purpose;
use crate::replica::Replica;
use huiliu_core::model::check_characters::{check_citizen_id, check_uscc};
use huiliu_core::model::dictionary::{self, Field, FieldType, Kind};
use huiliu_core::model::values::text::compact;
use huiliu_core::model::{DivisionCode, Fields, Level, Problem, RecordId, Sensitivity, Trouble, Value};
use huiliu_core::sync::seal::{Key, Wrap, open_value, seal_value};
use std::collections::BTreeSet;

/// The words with which an alias begins.
const ALIASES: [&str; 3] = ["id:", "uscc:", "name:"];

impl Replica {
    /// What a person or a table has written, as a record keeps it: references by id or alias, hashes of identity numbers,
    /// copies of what other records say. Fields that are so already stay as they are. `near`: where it is written.
    pub fn prepare(
        &self,
        kind: &'static Kind,
        given: &Fields,
        near: DivisionCode,
    ) -> Result<Fields, ReplicaError> {
        let (mut fields, mut problems) = (given.clone(), Vec::new());
        for field in kind.fields {
            let value = given.get(field.name);
            match (field.ty, value) {
                (FieldType::Ref(target), Some(Value::Text(text))) => {
                    match self.reference(target, text, near)? {
                        Ok(reference) => {
                            if field.import_only {
                                fields.extend(self.division_of(target, &reference, near)?);
                            }
                            fields.insert(field.name.to_owned(), Value::Text(reference));
                        }
                        Err(trouble) => problems.push(Problem::error(Some(field), trouble)),
                    }
                }
                // A number that changes takes its hash with it: who cannot make the new one leaves none.
                (FieldType::KeyedHash(of), _) if given.contains_key(of) => {
                    let hash = match field.is_retired {
                        true => Value::Null,
                        false => self.match_for(&given[of], near),
                    };
                    fields.insert(field.name.to_owned(), hash);
                }
                _ => {}
            }
        }
        if !problems.is_empty() {
            return Err(ReplicaError::Problems(problems));
        }
        Ok(fields)
    }

    /// What names a branch in a person's own row says where the person belongs.
    fn division_of(
        &self,
        target: &str,
        reference: &str,
        near: DivisionCode,
    ) -> Result<Option<(String, Value)>, ReplicaError> {
        let Some(kind) = dictionary::kind(target) else { return Ok(None) };
        let Some(id) = self.resolve(kind, reference, near)? else { return Ok(None) };
        let row = self.row(kind, &id)?;
        Ok(row.map(|row| ("division".to_owned(), Value::Text(row.division.to_string()))))
    }

    /// What a new record copies from those that it names, where nothing was written.
    pub(crate) fn copies(
        &self,
        kind: &'static Kind,
        fields: &Fields,
        near: DivisionCode,
    ) -> Result<Fields, ReplicaError> {
        let mut copies = Fields::new();
        for field in kind.fields.iter().filter(|field| !fields.contains_key(field.name)) {
            let by = field.copied_from.and_then(|by| kind.field(by));
            let target = by.and_then(Field::target).and_then(dictionary::kind);
            let named = by.and_then(|by| fields.get(by.name)).and_then(Value::text);
            let Some((target, reference)) = target.zip(named) else { continue };
            let Some(id) = self.resolve(target, reference, near)? else { continue };
            let Some(row) = self.row(target, &id)? else { continue };
            let value =
                row.fields.get(field.name).map(|value| self.open_field(target, &id, field.name, value, None));
            // What cannot be read here is copied by who can.
            let value = value.filter(|value| !matches!(value, Value::Sealed(_)));
            copies.extend(value.map(|value| (field.name.to_owned(), value)));
        }
        Ok(copies)
    }

    /// A reference as it is kept, or why it means nothing.
    fn reference(
        &self,
        target: &'static str,
        text: &str,
        near: DivisionCode,
    ) -> Result<Result<String, Trouble>, ReplicaError> {
        let Some(kind) = dictionary::kind(target) else { return Ok(Ok(text.to_owned())) };
        // An export writes 测试甲（id:…）: the name is for people.
        let inner = text.rsplit_once(['（', '(']).map(|(_, inner)| inner.trim_end_matches(['）', ')']));
        let names =
            |word: &str| word.parse::<RecordId>().is_ok() || ALIASES.iter().any(|it| word.starts_with(it));
        let text = inner.filter(|inner| names(inner)).unwrap_or(text);
        let alias = if names(text) {
            text.to_owned()
        } else {
            match self.alias_of(target, text, near)? {
                Ok(alias) => alias,
                Err(trouble) => return Ok(Err(trouble)),
            }
        };
        Ok(Ok(self.resolve(kind, &alias, near)?.map_or(alias, |id| id.to_string())))
    }

    /// What people write for a record, as an alias of it.
    fn alias_of(
        &self,
        target: &'static str,
        text: &str,
        near: DivisionCode,
    ) -> Result<Result<String, Trouble>, ReplicaError> {
        let word = compact(text).to_uppercase();
        match target {
            "person" | "instructor" if check_citizen_id(&word).is_ok() => {
                let found = self.with_people(|people| people.numbered(&word))?;
                // Of several records of one person the one that was made first.
                let first = self.nearest(near, found).into_iter().take(1).collect();
                self.person_meant(target, first)
            }
            // What looks like a number and is none must not be taken for a name.
            "person" | "instructor" if word.bytes().filter(u8::is_ascii_digit).count() > 8 => {
                let fault = check_citizen_id(&word).err();
                Ok(Err(fault.map_or(Trouble::ReferenceUnknown, Trouble::from)))
            }
            "person" | "instructor" => {
                let found = self.with_people(|people| people.named(text))?;
                self.person_meant(target, self.nearest(near, found))
            }
            "social_org" if check_uscc(&word).is_ok() => Ok(Ok(format!("uscc:{word}"))),
            _ => Ok(Ok(format!("name:{word}"))),
        }
    }

    /// The one person that is meant, or the instructor that this person is. Who is not here cannot be kept as a reference:
    /// name and number would tell who it is.
    fn person_meant(
        &self,
        target: &'static str,
        found: Vec<RecordId>,
    ) -> Result<Result<String, Trouble>, ReplicaError> {
        let [one] = found.as_slice() else {
            return Ok(Err(match found.len() {
                0 => Trouble::ReferenceUnknown,
                count => Trouble::ReferenceSeveral { count },
            }));
        };
        let (Some(people), Some(kind)) = (dictionary::kind("person"), dictionary::kind(target)) else {
            return Ok(Err(Trouble::ReferenceUnknown));
        };
        let id = match kind.same_by() {
            Some([by]) => self.referrers_by(people, one, kind, by)?.into_iter().next(),
            _ => Some(*one),
        };
        Ok(id.map(|id| id.to_string()).ok_or(Trouble::ReferenceUnknown))
    }

    /// Of records with their owners those that are nearest to a division: its own and those below it, else those of its
    /// county, else all. Made first first.
    pub(crate) fn nearest(
        &self,
        near: DivisionCode,
        mut found: Vec<(RecordId, DivisionCode)>,
    ) -> Vec<RecordId> {
        found.sort();
        let county = self.county_of(near);
        let within = |of: DivisionCode| -> Vec<RecordId> {
            let inside = found.iter().filter(|(_, owner)| self.divisions.is_within(*owner, of));
            inside.map(|(id, _)| *id).collect()
        };
        let tiers = [within(near), within(county)];
        let close = tiers.into_iter().find(|tier| !tier.is_empty());
        close.unwrap_or_else(|| found.iter().map(|(id, _)| *id).collect())
    }

    /// Fields as people read them: what is sealed opened, as far as its key is here; what is secret only for a purpose.
    pub fn opened(&self, kind: &Kind, id: &RecordId, fields: &Fields, purpose: Option<&Purpose>) -> Fields {
        let open = |(name, value): (&String, &Value)| {
            (name.clone(), self.open_field(kind, id, name, value, purpose))
        };
        fields.iter().map(open).collect()
    }

    /// One field's value as people read it, still sealed if its key is not here, or if it is secret and nobody says what
    /// it is read for.
    pub fn open_field(
        &self,
        kind: &Kind,
        id: &RecordId,
        name: &str,
        value: &Value,
        purpose: Option<&Purpose>,
    ) -> Value {
        let class = kind.field(name).map_or(Sensitivity::Personal, |field| field.sensitivity);
        match value {
            Value::Sealed(_) if class == Sensitivity::Secret && purpose.is_none() => value.clone(),
            Value::Sealed(bytes) => {
                let keys = self.keychain.keys_of(id, class);
                let opened = keys.iter().find_map(|key| open_value(key, id, name, bytes));
                opened.unwrap_or_else(|| value.clone())
            }
            clear => clear.clone(),
        }
    }

    /// Fields as a document holds them: sealed where the dictionary says so, without what tables alone have.
    pub(crate) fn sealed(
        &mut self,
        kind: &'static Kind,
        id: &RecordId,
        owner: DivisionCode,
        fields: &Fields,
    ) -> Result<Fields, ReplicaError> {
        let mut sealed = Fields::new();
        for (name, value) in fields {
            let field = kind.field(name);
            if field.is_some_and(|field| field.import_only) {
                continue;
            }
            let class = field.map_or(Sensitivity::Open, |field| field.sensitivity);
            let value = match (class, value) {
                (Sensitivity::Open, value) | (_, value @ (Value::Null | Value::Sealed(_))) => value.clone(),
                (class, clear) => {
                    self.may_seal(field, id, owner, class)?;
                    seal_value(&self.person_key(id, class, owner)?, id, name, clear)
                }
            };
            sealed.insert(name.clone(), value);
        }
        Ok(sealed)
    }

    /// Whether a sealed field of a record may be written here: its key must be here, or the record have none yet, and
    /// what stays in the county is written there. A secret key that stayed in another county, when the record came from
    /// there, opens nothing here: whoever has the card writes the number again, under a new one.
    fn may_seal(
        &self,
        field: Option<&'static Field>,
        id: &RecordId,
        owner: DivisionCode,
        class: Sensitivity,
    ) -> Result<(), ReplicaError> {
        let no = |trouble| Err(ReplicaError::Problems(vec![Problem::error(field, trouble)]));
        if class == Sensitivity::Secret && !self.may_hold_secrets(self.home.division, owner) {
            return no(Trouble::SecretBelow);
        }
        let is_near =
            |division| class != Sensitivity::Secret || self.county_of(division) == self.county_of(owner);
        // What others have wrapped where the record has never been keeps nobody from writing.
        let stays = self.stays(id)?.into_iter().map(|stay| stay.channel.division);
        let places: BTreeSet<DivisionCode> = stays.chain([owner]).collect();
        let counts =
            |wrap: &&Wrap| wrap.class == class && places.contains(&wrap.division) && is_near(wrap.division);
        let mut wraps = self.keychain.wraps_of(id).filter(counts).peekable();
        let has_key = wraps.peek().is_some();
        if has_key && !wraps.any(|wrap| self.keychain.opened(wrap).is_some()) {
            return no(Trouble::SealedUnread);
        }
        Ok(())
    }

    /// Whether devices of a division may hold the secret keys of another: its own, and, up to the county, those below.
    pub(crate) fn may_hold_secrets(&self, holder: DivisionCode, division: DivisionCode) -> bool {
        holder == division || holder.level() >= Level::County && self.divisions.is_within(division, holder)
    }

    /// A record has come to another division: whoever can open its keys wraps them for its people.
    pub(crate) fn wrap_for_owner(&mut self, id: &RecordId, owner: DivisionCode) -> Result<(), ReplicaError> {
        for class in [Sensitivity::Personal, Sensitivity::Secret] {
            let may = class == Sensitivity::Personal || self.may_hold_secrets(self.home.division, owner);
            let known = self.keychain.keys_under(id, class, owner);
            let keys = self.keys_from_stays(id, class)?;
            let missing: Vec<Key> = keys.difference(&known).cloned().collect();
            if !may || missing.is_empty() {
                continue;
            }
            let under = self.division_key(owner, class);
            for key in missing {
                let wrap = huiliu_core::sync::seal::wrap(&under, id, &key);
                self.keychain.keep(huiliu_core::sync::person_keys::Kept::Wrap(wrap));
            }
        }
        Ok(())
    }
}
