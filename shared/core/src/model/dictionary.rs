//! The dictionary: the one place that knows a record kind's fields, labels, types, code tables and sensitivity.
//!
//! Forms, import, export, templates, validation and reports all read it. To add a field: one line in the kind's file
//! under `kinds/`; nothing else.

use super::channel::Class;
use super::check::Problem;
use super::divisions::Divisions;
use super::editions::Earlier;
use super::ids::{DivisionCode, KindId, Level};
use super::value::{Fields, Value};
use super::values::text::{plain, without_bracket};
use serde::{Deserialize, Serialize};

pub use super::code_table::{Code, CodeTable};
pub use super::kinds::{kind, kind_by_id, kind_of_word, kinds};

/// A kind of record.
#[derive(Debug)]
pub struct Kind {
    /// Its number in entries and keys; never reused.
    pub id: KindId,
    /// Its name in commands and JSON: `social_org`.
    pub name: &'static str,
    /// What a clerk calls it: 社会组织.
    pub label: &'static str,
    /// The same in English.
    pub label_en: &'static str,
    /// Whether its records name or describe one person.
    pub class: Class,
    /// Its fields, in the order of forms and tables.
    pub fields: &'static [Field],
    pub(super) rules: Rules,
}

/// What a kind decides by more than one field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Who owns the record.
    pub(super) owner: Owns,
    /// What makes two rows the same record.
    pub(super) identity: Identity,
    /// The words by which a field of another record names this one before it is here, besides its id.
    pub(super) aliases: fn(&Fields) -> Vec<String>,
    /// What a new record gets where nothing was written; `None` if no place is known yet.
    pub(super) defaults: fn(&Fields, Option<DivisionCode>, &Divisions) -> Fields,
    /// What follows from other fields unless somebody says otherwise.
    pub(super) derived: fn(&Fields) -> Fields,
    /// Checks across fields.
    pub(super) check: fn(&'static Kind, &Fields, &Divisions, &mut Vec<Problem>),
}

/// How a kind's records find their owner.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owns {
    /// These of their own fields name a division.
    Named(&'static [&'static str], fn(&Fields, &Divisions) -> Option<DivisionCode>),
    /// They lie where the record lies that this field names.
    With(&'static str),
}

/// What makes two rows of a kind the same record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Identity {
    /// A key made of their fields.
    Key(fn(&Fields) -> Option<String>),
    /// They say the same in all of these fields, of which the first names another record.
    Same(&'static [&'static str]),
    /// The same number in a secret field, or, where none is known, the same in all of these.
    SecretOrAlike(&'static str, &'static [&'static str]),
}

/// Who owns a record, as far as its own fields tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Owner<'a> {
    /// A division.
    Division(DivisionCode),
    /// Whoever owns the record of this kind that is named so.
    With {
        /// The kind of that record.
        kind: &'static str,
        /// Its id, or an alias of it.
        reference: &'a str,
    },
    /// Nobody is named.
    Nobody,
}

/// A field of a kind.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Field {
    /// Its name in commands, JSON and documents: `org_type`.
    pub name: &'static str,
    /// What a clerk calls it, and the column's header: 类型.
    pub label: &'static str,
    /// The same in English.
    pub label_en: &'static str,
    /// Other headers that mean it: 社会组织类型.
    pub synonyms: &'static [&'static str],
    /// What it holds.
    pub ty: FieldType,
    /// Whether it must be filled in.
    pub required: Required,
    /// Who may read it.
    pub sensitivity: Sensitivity,
    /// The code a new record gets.
    pub default: Option<&'static str>,
    /// For the end of a period: the field of its beginning. A cell 2018-05-21至2023-05-20 fills both.
    pub begins: Option<&'static str>,
    /// Tables have the column when they are read; the record does not keep it.
    pub import_only: bool,
    /// The field that names the record of whose field of the same name this one is a copy.
    pub copied_from: Option<&'static str>,
    /// Nothing is written into it any more: records from before keep what they have.
    pub is_retired: bool,
    /// What the gate asked of it in earlier editions of the dictionary, the earliest first.
    pub earlier: &'static [Earlier],
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum FieldType {
    /// Text of at most `max` characters.
    Text {
        /// The most characters.
        max: usize,
    },
    /// One of a table of codes, as the code.
    Code(&'static CodeTable),
    /// The code of a division of certain levels.
    Division {
        /// The highest level it may have.
        highest: Level,
        /// The lowest level it may have.
        lowest: Level,
        /// The field that names the division within which a bare name is looked for.
        within: Option<&'static str>,
    },
    /// A division code that the tree need not know yet.
    NewDivision,
    /// Division codes joined by commas.
    Divisions,
    /// Some of a table of codes, joined by commas.
    Codes(&'static CodeTable),
    /// A day, 2018-05-21.
    Date,
    /// A month, 1985-01.
    Month,
    /// Money in fen.
    Money,
    /// A whole number.
    Int {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// Yes or no.
    Bool,
    /// A unified social credit code (GB 32100-2015).
    Uscc,
    /// A citizen's identity number (GB 11643).
    CitizenId,
    /// The hash of another field under a key that some hold: nobody types it, and without the key nobody guesses it.
    KeyedHash(&'static str),
    /// Another record: its id, or one of its aliases until it is here.
    Ref(&'static str),
}

/// Whether a field must be filled in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Required {
    /// It may be empty.
    No,
    /// It may not.
    Yes,
    /// It may not, unless another field holds a code.
    Unless {
        /// The other field.
        field: &'static str,
        /// The code that excuses.
        code: &'static str,
    },
}

/// Who may read a field, and whether a message may repeat its value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Sensitivity {
    /// Whoever sees the record.
    Open,
    /// Sealed under the person's key; never repeated in messages, lists or logs.
    Personal,
    /// As personal, under the second key that the hub does not hold; masked without a purpose.
    Secret,
}

impl Kind {
    /// What people of a language call it.
    pub fn title(&self, lang: super::messages::Lang) -> &'static str {
        lang.pick(self.label, self.label_en)
    }

    /// The field of a name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field that a column header or a word means: its label, a synonym, its name or its English label.
    ///
    /// Blanks, a star, a colon and a trailing bracket (注册资金（万元）) do not matter.
    pub fn field_by_label(&self, label: &str) -> Option<&'static Field> {
        [plain(label), plain(without_bracket(label))].iter().filter(|label| !label.is_empty()).find_map(
            |label| {
                let means = |word: &str| plain(word) == *label;
                self.fields.iter().find(|field| {
                    let names = [field.label, field.name, field.label_en];
                    names.into_iter().any(means) || field.synonyms.iter().any(|word| means(word))
                })
            },
        )
    }

    /// Who owns a record of these fields.
    pub fn owner<'a>(&self, fields: &'a Fields, divisions: &Divisions) -> Owner<'a> {
        match self.rules.owner {
            Owns::Named(_, named) => named(fields, divisions).map_or(Owner::Nobody, Owner::Division),
            Owns::With(name) => {
                let kind = self.field(name).and_then(Field::target);
                let named = kind.zip(fields.get(name).and_then(Value::text));
                named.map_or(Owner::Nobody, |(kind, reference)| Owner::With { kind, reference })
            }
        }
    }

    /// The field by which a record lies where another does, if it is one.
    pub fn lies_with(&self) -> Option<&'static str> {
        match self.rules.owner {
            Owns::Named(..) => None,
            Owns::With(name) => Some(name),
        }
    }

    /// The fields that say who owns a record.
    pub fn owner_fields(&self) -> &[&'static str] {
        match &self.rules.owner {
            Owns::Named(fields, _) => fields,
            Owns::With(name) => std::slice::from_ref(name),
        }
    }

    /// What makes two rows the same record; `None` if the fields do not say enough, or if the kind has no such key.
    pub fn natural_key(&self, fields: &Fields) -> Option<String> {
        match self.rules.identity {
            Identity::Key(key) => key(fields),
            Identity::Same(_) | Identity::SecretOrAlike(..) => None,
        }
    }

    /// The fields in which two rows of the same record say the same, for a kind without a natural key. The first names
    /// another record.
    pub fn same_by(&self) -> Option<&'static [&'static str]> {
        match self.rules.identity {
            Identity::Key(_) | Identity::SecretOrAlike(..) => None,
            Identity::Same(fields) => Some(fields),
        }
    }

    /// The secret field by which two rows are the same record. It is compared in memory alone.
    pub fn same_by_secret(&self) -> Option<&'static str> {
        match self.rules.identity {
            Identity::SecretOrAlike(field, _) => Some(field),
            Identity::Key(_) | Identity::Same(_) => None,
        }
    }

    /// The fields by which two rows are taken for the same record where their natural key is not known.
    pub fn alike_by(&self) -> &'static [&'static str] {
        match self.rules.identity {
            Identity::SecretOrAlike(_, fields) => fields,
            Identity::Key(_) | Identity::Same(_) => &[],
        }
    }

    /// Whether it has fields that are sealed.
    pub fn is_sealed(&self) -> bool {
        self.fields.iter().any(Field::is_sealed)
    }

    /// The words by which a field of another record may name this one, besides its id.
    pub fn aliases(&self, fields: &Fields) -> Vec<String> {
        (self.rules.aliases)(fields)
    }

    /// The fields that a record keeps and a person can fill in.
    pub fn typed_fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().filter(|field| !field.import_only && field.is_typed())
    }

    /// The columns that a table of the kind may have.
    pub fn columns(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().filter(|field| field.is_typed())
    }

    /// The fields that a NEW record gets where these say nothing. `place`: where it is being made, if that is known.
    ///
    /// Never apply them to a record that exists: they would overwrite what somebody chose.
    pub fn defaults(&self, fields: &Fields, place: Option<DivisionCode>, divisions: &Divisions) -> Fields {
        (self.rules.defaults)(fields, place, divisions)
    }
}

impl Kind {
    /// What a change of a record brings with it: fields that follow from others (DOMAIN 2.2: management by type and
    /// supervising unit), where the change does not name them and they still are what the record's other fields made
    /// them. What a person has chosen against the rule stays.
    pub fn follow(&self, before: &Fields, change: &Fields) -> Fields {
        let mut after = before.clone();
        after.extend(change.iter().map(|(name, value)| (name.clone(), value.clone())));
        let (was, is) = ((self.rules.derived)(before), (self.rules.derived)(&after));
        let unchosen = |name: &String| !change.contains_key(name) && before.get(name) == was.get(name);
        is.into_iter().filter(|(name, value)| unchosen(name) && before.get(name) != Some(value)).collect()
    }
}

impl Field {
    /// A field that may be empty and that everybody may read.
    pub(super) const fn new(
        name: &'static str,
        label: &'static str,
        label_en: &'static str,
        ty: FieldType,
    ) -> Self {
        Self {
            name,
            label,
            label_en,
            synonyms: &[],
            ty,
            required: Required::No,
            sensitivity: Sensitivity::Open,
            default: None,
            begins: None,
            import_only: false,
            copied_from: None,
            is_retired: false,
            earlier: &[],
        }
    }

    /// Sealed under the person's key.
    pub(super) const fn personal(self) -> Self {
        Self { sensitivity: Sensitivity::Personal, ..self }
    }

    /// Sealed under the person's second key, which the hub does not hold.
    pub(super) const fn secret(self) -> Self {
        Self { sensitivity: Sensitivity::Secret, ..self }
    }

    /// A column of tables that the record does not keep.
    pub(super) const fn import_only(self) -> Self {
        Self { import_only: true, ..self }
    }

    /// A copy of the field of the same name of the record that another field names.
    pub(super) const fn copied_from(self, field: &'static str) -> Self {
        Self { copied_from: Some(field), ..self }
    }

    /// Written no more; `earlier` says what it held.
    pub(super) const fn retired(self, earlier: &'static [Earlier]) -> Self {
        Self { is_retired: true, earlier, ..self }
    }

    /// With the gate's rules of earlier editions.
    #[cfg_attr(not(test), expect(dead_code, reason = "the first field that becomes stricter needs it"))]
    pub(super) const fn was(self, earlier: &'static [Earlier]) -> Self {
        Self { earlier, ..self }
    }

    /// With other headers.
    pub(super) const fn also(self, synonyms: &'static [&'static str]) -> Self {
        Self { synonyms, ..self }
    }

    /// Must be filled in.
    pub(super) const fn required(self) -> Self {
        Self { required: Required::Yes, ..self }
    }

    /// Must be filled in unless another field holds a code.
    pub(super) const fn required_unless(self, field: &'static str, code: &'static str) -> Self {
        Self { required: Required::Unless { field, code }, ..self }
    }

    /// With the code of a new record.
    pub(super) const fn or(self, code: &'static str) -> Self {
        Self { default: Some(code), ..self }
    }

    /// The end of a period that begins in another field.
    pub(super) const fn ends(self, begins: &'static str) -> Self {
        Self { begins: Some(begins), ..self }
    }

    /// The label in a language.
    pub fn title(&self, lang: super::messages::Lang) -> &'static str {
        lang.pick(self.label, self.label_en)
    }

    /// Whether a message, a list or a log may repeat its value. What names a person in a table does so in clear.
    pub fn may_echo(&self) -> bool {
        self.sensitivity == Sensitivity::Open && !matches!(self.ty, FieldType::Ref("person" | "instructor"))
    }

    /// Whether it is sealed before it enters a document.
    pub fn is_sealed(&self) -> bool {
        self.sensitivity != Sensitivity::Open
    }

    /// Whether a person fills it in; else it follows from others.
    pub fn is_typed(&self) -> bool {
        !self.is_retired && !matches!(self.ty, FieldType::KeyedHash(_))
    }

    /// Whether it holds several items in one text, as [`super::values::list`] writes them.
    pub fn is_list(&self) -> bool {
        matches!(self.ty, FieldType::Codes(_) | FieldType::Divisions)
    }

    /// The kind of the record it names, if it names one.
    pub fn target(&self) -> Option<&'static str> {
        match self.ty {
            FieldType::Ref(kind) => Some(kind),
            _ => None,
        }
    }

    /// The table, if it holds codes.
    pub fn codes(&self) -> Option<&'static CodeTable> {
        match self.ty {
            FieldType::Code(table) | FieldType::Codes(table) => Some(table),
            _ => None,
        }
    }
}
