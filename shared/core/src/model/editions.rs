//! Editions of the dictionary's machine rules: what was once judged legal stays so under a stricter dictionary.
//!
//! A field's rule at the gate (type, sensitivity, whether it may still be written) may change. The rule of today stands
//! in the field, the earlier ones in its history. A run of entries names the lowest edition under which all of them are
//! legal, so that an older program goes on reading what a newer one writes as long as nothing newer is in it, and a
//! program that does not know an edition waits instead of refusing.

use super::dictionary::{Field, FieldType, Kind, Sensitivity};
use super::value::Value;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An edition of the dictionary. Numbers are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct DictionaryEdition(pub u32);

impl DictionaryEdition {
    /// That of every run from before there were editions, and of every run that names none.
    pub const FIRST: Self = Self(1);
    /// The one that this program writes at most. 2: `person.id_hash` is written no more.
    pub const NEWEST: Self = Self(2);

    /// Whether this program knows its rules.
    pub fn is_known(self) -> bool {
        (Self::FIRST..=Self::NEWEST).contains(&self)
    }

    /// The editions that this program knows, the lowest first.
    pub fn known() -> impl Iterator<Item = Self> {
        (Self::FIRST.0..=Self::NEWEST.0).map(Self)
    }
}

impl fmt::Display for DictionaryEdition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What the gate asks of a field's values.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum GateRule {
    /// Values of a type, sealed or in clear.
    Holds(FieldType, Sensitivity),
    /// Nothing is written any more; what is there may be emptied.
    Retired,
}

/// What the gate asked of a field up to an edition.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Earlier {
    /// The last edition in which it was so.
    pub last: DictionaryEdition,
    /// What it was.
    pub rule: GateRule,
}

impl Field {
    /// What the gate asks of the field's values in an edition. A field is as old as its first rule: no earlier program
    /// meant anything by its name.
    pub fn gate_rule(&self, edition: DictionaryEdition) -> GateRule {
        let earlier = self.earlier.iter().find(|earlier| edition <= earlier.last);
        match earlier {
            Some(earlier) => earlier.rule,
            None if self.is_retired => GateRule::Retired,
            None => GateRule::Holds(self.ty, self.sensitivity),
        }
    }
}

impl Kind {
    /// Whether the gate's rules for its fields have ever changed: else every edition judges its records alike.
    pub fn has_history(&self) -> bool {
        self.fields.iter().any(|field| !field.earlier.is_empty())
    }

    /// The lowest edition under which the gate lets all these values into a record; `None` if there is no such edition.
    pub fn lowest_edition<'a>(
        &self,
        values: impl Iterator<Item = (&'a str, &'a Value)> + Clone,
    ) -> Option<DictionaryEdition> {
        DictionaryEdition::known().find(|edition| {
            values.clone().all(|(name, value)| self.check_types(name, value, *edition).is_ok())
        })
    }

    /// Whether a value was, or is, legal in a field under any edition that this program knows.
    pub fn was_ever_legal(&self, name: &str, value: &Value) -> bool {
        DictionaryEdition::known().any(|edition| self.check_types(name, value, edition).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dictionary;

    /// A field that was open and became sealed after edition 1.
    const SEALED_SINCE: Field =
        Field::new("name", "姓名", "name", FieldType::Text { max: 50 }).personal().was(&[Earlier {
            last: DictionaryEdition::FIRST,
            rule: GateRule::Holds(FieldType::Text { max: 50 }, Sensitivity::Open),
        }]);

    #[test]
    fn a_field_is_judged_by_the_rule_of_the_edition() {
        let [first, newest] = [DictionaryEdition::FIRST, DictionaryEdition::NEWEST];
        assert!(matches!(SEALED_SINCE.gate_rule(first), GateRule::Holds(_, Sensitivity::Open)));
        assert!(matches!(SEALED_SINCE.gate_rule(newest), GateRule::Holds(_, Sensitivity::Personal)));
    }

    #[test]
    fn what_was_legal_once_has_an_edition_and_what_never_was_has_none() {
        let person = dictionary::kind("person").unwrap();
        let lowest = |name, value: &Value| person.lowest_edition([(name, value)].into_iter());
        let hash = Value::of("a26dc81657006b836721969b0767385d");
        assert_eq!(lowest("id_hash", &hash), Some(DictionaryEdition::FIRST));
        assert!(person.check_types("id_hash", &hash, DictionaryEdition::NEWEST).is_err());
        assert_eq!(lowest("id_hash", &Value::Null), Some(DictionaryEdition::FIRST));
        assert_eq!(lowest("name", &Value::of("测试甲")), None, "a name is sealed in every edition");
        assert!(person.has_history() && !dictionary::kind("social_org").unwrap().has_history());
    }

    #[test]
    fn every_history_ascends_and_ends_before_today() {
        for kind in dictionary::kinds() {
            for field in kind.fields {
                let ends: Vec<_> = field.earlier.iter().map(|earlier| earlier.last).collect();
                assert!(ends.is_sorted(), "{}.{}", kind.name, field.name);
                assert!(ends.iter().all(|last| *last < DictionaryEdition::NEWEST));
            }
        }
    }
}
