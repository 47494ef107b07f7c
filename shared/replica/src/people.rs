//! The living people here by name and by identity number. Both are sealed on the disk, so the index is kept in memory
//! alone: read once when somebody asks, and kept up with every record that changes.

use crate::error::ReplicaError;
use crate::reads::Purpose;
use crate::replica::Replica;
use huiliu_core::model::dictionary;
use huiliu_core::model::values::text::compact;
use huiliu_core::model::{DivisionCode, Fields, Kind, RecordId, Value};
use huiliu_store::rows::Row;
use std::collections::{BTreeMap, BTreeSet};

/// A person, as far as the keys here open the record.
#[derive(Clone, PartialEq, Eq, Default)]
struct Known {
    name: Option<String>,
    number: Option<String>,
}

/// People by name and by number.
#[derive(Default)]
pub(crate) struct People {
    names: BTreeMap<String, BTreeSet<RecordId>>,
    numbers: BTreeMap<String, BTreeSet<RecordId>>,
    known: BTreeMap<RecordId, (Known, DivisionCode)>,
}

impl People {
    /// A record is now so; `None`: it lives no more.
    fn put(&mut self, id: RecordId, now: Option<(Known, DivisionCode)>) {
        let before = match &now {
            Some(now) => self.known.insert(id, now.clone()),
            None => self.known.remove(&id),
        };
        if let Some((before, _)) = before {
            forget(&mut self.names, before.name, &id);
            forget(&mut self.numbers, before.number, &id);
        }
        if let Some((known, _)) = now {
            let parts = [(&mut self.names, known.name), (&mut self.numbers, known.number)];
            for (index, word) in parts {
                if let Some(word) = word {
                    index.entry(word).or_default().insert(id);
                }
            }
        }
    }

    /// Those of a name, with their owners.
    pub(crate) fn named(&self, name: &str) -> Vec<(RecordId, DivisionCode)> {
        self.of(self.names.get(&compact(name)))
    }

    /// Those of an identity number, with their owners.
    pub(crate) fn numbered(&self, number: &str) -> Vec<(RecordId, DivisionCode)> {
        self.of(self.numbers.get(number))
    }

    fn of(&self, ids: Option<&BTreeSet<RecordId>>) -> Vec<(RecordId, DivisionCode)> {
        let ids = ids.into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.known.get(id)?.1))).collect()
    }

    /// The records that share an identity number, group by group.
    pub(crate) fn twins(&self) -> Vec<Vec<RecordId>> {
        let shared = self.numbers.values().filter(|ids| ids.len() > 1);
        shared.map(|ids| ids.iter().copied().collect()).collect()
    }
}

fn forget(index: &mut BTreeMap<String, BTreeSet<RecordId>>, word: Option<String>, id: &RecordId) {
    let Some(word) = word else { return };
    if let Some(ids) = index.get_mut(&word) {
        ids.remove(id);
        if ids.is_empty() {
            index.remove(&word);
        }
    }
}

impl Replica {
    fn known(&self, kind: &Kind, id: &RecordId, fields: &Fields) -> Known {
        let text = |field: &str| {
            let value = fields.get(field)?;
            match self.open_field(kind, id, field, value, Some(&Purpose::Comparing)) {
                Value::Text(text) => Some(text),
                _ => None,
            }
        };
        Known { name: text("name").map(|name| compact(&name)), number: text("id_number") }
    }

    /// The people here, read once until keys come that may open more of them.
    pub(crate) fn with_people<T>(&self, look: impl FnOnce(&People) -> T) -> Result<T, ReplicaError> {
        if self.people.borrow().is_none() {
            let mut people = People::default();
            if let Some(kind) = dictionary::kind("person") {
                self.each_row(kind, |id, row| {
                    people.put(id, Some((self.known(kind, &id, &row.fields), row.division)));
                    true
                })?;
            }
            self.people.replace(Some(people));
        }
        Ok(look(self.people.borrow().as_ref().expect("read above")))
    }

    /// The living people here whose identity number this is, by its whole value.
    pub fn people_numbered(&self, number: &str) -> Result<Vec<RecordId>, ReplicaError> {
        Ok(self.with_people(|people| people.numbered(number))?.into_iter().map(|(id, _)| id).collect())
    }

    /// A person's row has changed.
    pub(crate) fn keep_people(&self, kind: &Kind, id: &RecordId, row: Option<&Row>) {
        if kind.name != "person" || self.people.borrow().is_none() {
            return;
        }
        let living = row.filter(|row| row.deleted.is_none());
        let now = living.map(|row| (self.known(kind, id, &row.fields), row.division));
        if let Some(people) = self.people.borrow_mut().as_mut() {
            people.put(*id, now);
        }
    }

    /// Keys have come, or all rows are others: the people are read anew when somebody asks.
    pub(crate) fn forget_people(&self) {
        self.people.replace(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str, number: &str) -> Option<(Known, DivisionCode)> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some((Known { name: text(name), number: text(number) }, "330203".parse().unwrap()))
    }

    #[test]
    fn people_are_found_as_they_are_now() {
        let (zhang, li) = (RecordId([1; 16]), RecordId([2; 16]));
        let mut people = People::default();
        people.put(zhang, known("测试甲", "1"));
        people.put(li, known("测试甲", "2"));
        assert_eq!(people.named("测 试甲").len(), 2);
        assert_eq!(people.twins(), Vec::<Vec<RecordId>>::new());
        people.put(li, known("测试乙", "1"));
        assert_eq!(people.named("测试甲").iter().map(|one| one.0).collect::<Vec<_>>(), [zhang]);
        assert_eq!((people.numbered("2").len(), people.twins()), (0, vec![vec![zhang, li]]));
        people.put(zhang, None);
        people.put(zhang, None);
        assert_eq!((people.named("测试甲").len(), people.numbered("1").len()), (0, 1));
        people.put(li, known("", ""));
        assert_eq!((people.names.len(), people.numbers.len()), (0, 0), "nothing is left of what was");
    }
}
