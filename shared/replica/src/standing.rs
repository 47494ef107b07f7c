//! Whether the hub still takes what this device writes. A device whose grant has ended gets no more sessions, so it
//! seldom sees the entry that ended it: what it was told instead is remembered.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::model::messages::{Lang, Say};

/// The code of a refusal, as connections are closed with it.
pub const REFUSED: u32 = 1;
/// The code of the refusal that is for good: the device's grant has ended.
pub const REVOKED: u32 = 2;

/// The file beside the journal that remembers the sentence, in both languages; empty or absent while all is well.
const TOLD: &str = "revoked";

impl Replica {
    /// Why nothing can be written here any more, in Chinese and in English, if the hub has ended this device's grant.
    pub fn revoked(&self) -> Option<(String, String)> {
        if let Some(revocation) = self.authority().revocation(&self.device()) {
            let say = Say::DeviceRevoked { reason: revocation.reason.clone() };
            return Some((say.text(Lang::Zh), say.text(Lang::En)));
        }
        let told = self.told_revoked.as_deref()?;
        let (zh, en) = told.split_once('\n').unwrap_or((told, told));
        Some((zh.to_owned(), en.to_owned()))
    }

    /// Remembers, durably, what the hub said when it ended this device's grant; `None` when it lets the device in.
    pub fn remember_revoked(&mut self, told: Option<(&str, &str)>) -> Result<(), ReplicaError> {
        let told = told.map(|(zh, en)| format!("{zh}\n{en}"));
        if told != self.told_revoked {
            let bytes = told.as_deref().unwrap_or_default().as_bytes();
            self.journal.disk().replace(TOLD, bytes)?;
            self.told_revoked = told;
        }
        Ok(())
    }

    /// Reads what [`Replica::remember_revoked`] wrote.
    pub(crate) fn read_standing(&mut self) -> Result<(), ReplicaError> {
        let disk = self.journal.disk();
        if let Some(length) = disk.length(TOLD)?.filter(|length| *length > 0) {
            let bytes = disk.read(TOLD, 0, length as usize)?;
            self.told_revoked = Some(String::from_utf8_lossy(&bytes).into_owned());
        }
        Ok(())
    }
}
