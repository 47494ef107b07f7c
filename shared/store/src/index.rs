//! The index: a cache of what the journal says, behind a narrow trait; in sled in [`crate::cache`].

use crate::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// An ordered map of bytes that may be lost and computed again.
pub trait Index: Send {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// Calls `each` with every key from `from` up to and not including `to`, in order, until it says false.
    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError>;
    /// Makes all changes or none.
    fn commit(&mut self, changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Result<(), StoreError>;
    /// Forgets everything.
    fn clear(&mut self) -> Result<(), StoreError>;
}

/// An index with changes that are seen at once and committed together.
pub struct Working {
    index: Box<dyn Index>,
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Working {
    /// Without changes yet.
    pub fn new(index: Box<dyn Index>) -> Self {
        Self { index, changes: BTreeMap::new() }
    }

    /// How many changes wait to be committed.
    pub fn pending(&self) -> usize {
        self.changes.len()
    }

    /// Commits what waits.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        if self.changes.is_empty() { Ok(()) } else { self.index.commit(std::mem::take(&mut self.changes)) }
    }

    /// Forgets what waits to be committed.
    pub fn discard(&mut self) {
        self.changes.clear();
    }

    /// Forgets everything, what waits included.
    pub fn clear(&mut self) -> Result<(), StoreError> {
        self.changes.clear();
        self.index.clear()
    }

    /// The value of a key. A value that does not decode is damage of the cache.
    pub fn get<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        let bytes = match self.changes.get(key) {
            Some(changed) => changed.clone(),
            None => self.index.get(key)?,
        };
        bytes.map(|bytes| from_bytes(&bytes)).transpose()
    }

    /// Gives a key a value.
    pub fn put<T: Serialize>(&mut self, key: Vec<u8>, value: &T) {
        let bytes = postcard::to_allocvec(value).expect("rows have a postcard form");
        self.changes.insert(key, Some(bytes));
    }

    /// Removes a key.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// Every key that begins with `prefix`, without the prefix, and its value, in order.
    pub fn list<T: DeserializeOwned>(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        let mut found = Vec::new();
        self.each(prefix, &[], |key, value: T| {
            found.push((key.to_vec(), value));
            true
        })?;
        Ok(found)
    }

    /// Calls `each` with every key that begins with `prefix` and is not before `prefix` + `from`, without the prefix,
    /// in order, until it says false.
    pub fn each<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
        from: &[u8],
        mut each: impl FnMut(&[u8], T) -> bool,
    ) -> Result<(), StoreError> {
        let (start, end) = ([prefix, from].concat(), after_prefix(prefix));
        let mut changed = self.changes.range(start.clone()..end.clone()).peekable();
        let (mut failure, mut going) = (None, true);
        let mut give = |key: &[u8], value: &[u8]| match from_bytes(value) {
            Ok(value) => each(&key[prefix.len()..], value),
            Err(error) => {
                failure = Some(error);
                false
            }
        };
        self.index.scan(&start, &end, &mut |key, value| {
            while let Some((earlier, value)) = changed.next_if(|(changed, _)| changed.as_slice() < key) {
                going = going && value.as_ref().is_none_or(|value| give(earlier, value));
            }
            let replaced = changed.next_if(|(changed, _)| changed.as_slice() == key);
            going = going
                && match replaced {
                    Some((_, Some(value))) => give(key, value),
                    Some((_, None)) => true,
                    None => give(key, value),
                };
            going
        })?;
        for (key, value) in changed {
            going = going && value.as_ref().is_none_or(|value| give(key, value));
        }
        failure.map_or(Ok(()), Err)
    }
}

fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|e| StoreError::Index(format!("a row does not decode: {e}")))
}

/// The first key after all that begin with `prefix`.
fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![u8::MAX; 64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryIndex;

    #[test]
    fn changes_are_seen_before_they_are_committed() {
        let mut working = Working::new(Box::new(MemoryIndex::default()));
        for key in [1_u8, 3, 5] {
            working.put(vec![b'a', key], &key);
        }
        working.commit().unwrap();
        working.put(vec![b'a', 2], &2_u8);
        working.put(vec![b'a', 3], &33_u8);
        working.put(vec![b'a', 9], &9_u8);
        working.remove(vec![b'a', 5]);
        working.put(vec![b'b', 0], &0_u8);
        let seen: Vec<u8> = working.list(b"a").unwrap().into_iter().map(|(_, value)| value).collect();
        assert_eq!(seen, [1, 2, 33, 9]);
        let mut first = Vec::new();
        working
            .each(b"a", &[2], |_, value: u8| {
                first.push(value);
                first.len() < 2
            })
            .unwrap();
        assert_eq!(first, [2, 33]);
    }
}
