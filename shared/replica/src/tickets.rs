//! Tickets: what the hub's notebook says of them, kept in memory. Whoever comes with one is a stranger, and a stranger's
//! word is judged without asking the engine or reading the index.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::model::DivisionCode;
use huiliu_core::sync::control::{self, Note};
use huiliu_core::sync::{DeviceId, Entry, EntryKind, Hash};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The name of a ticket in the hub's books.
pub type TicketId = [u8; 8];

/// A ticket, as the hub remembers it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuedTicket {
    /// SHA-256 of its secret.
    pub secret: Hash,
    /// For which division.
    pub division: DivisionCode,
    /// When it expires, seconds since 1970 UTC.
    pub expires: u64,
    /// By which device, under what name and when (milliseconds since 1970 UTC) it was used.
    pub used: Option<(DeviceId, String, u64)>,
}

/// All tickets of a hub. Clones are the same book, which can be read while the engine is at work.
#[derive(Clone, Default)]
pub struct TicketBook(Arc<RwLock<Pages>>);

#[derive(Default)]
struct Pages {
    issued: BTreeMap<TicketId, (Hash, DivisionCode, u64)>,
    used: BTreeMap<TicketId, (DeviceId, String, u64)>,
}

impl TicketBook {
    /// The ticket that has this name and this secret.
    pub fn find(&self, id: &TicketId, secret: &Hash) -> Option<IssuedTicket> {
        let pages = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (known, division, expires) = *pages.issued.get(id)?;
        let used = pages.used.get(id).cloned();
        (known == *secret).then_some(IssuedTicket { secret: known, division, expires, used })
    }

    /// Takes in what a note says of a ticket; the first use counts. Notes may come in any order.
    pub(crate) fn learn(&self, note: &Note) {
        let mut pages = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match note {
            Note::TicketIssued { id, secret, division, expires } => {
                pages.issued.insert(*id, (*secret, *division, *expires));
            }
            Note::TicketUsed { id, device, name, at } => {
                pages.used.entry(*id).or_insert_with(|| (*device, name.clone(), *at));
            }
            _ => {}
        }
    }

    fn replace(&self, pages: Pages) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pages;
    }
}

impl Replica {
    /// Remembers an issued ticket.
    pub fn issue_ticket(
        &mut self,
        id: TicketId,
        secret: Hash,
        division: DivisionCode,
        expires: u64,
        who: &str,
        now: u64,
    ) -> Result<(), ReplicaError> {
        self.note(&Note::TicketIssued { id, secret, division, expires }, who, now);
        self.commit().map(|_| ())
    }

    /// Remembers that a ticket was used.
    pub fn use_ticket(
        &mut self,
        id: TicketId,
        device: DeviceId,
        name: &str,
        now: u64,
    ) -> Result<(), ReplicaError> {
        self.note(&Note::TicketUsed { id, device, name: name.to_owned(), at: now }, "huiliu", now);
        self.commit().map(|_| ())
    }

    /// The tickets ever issued.
    pub fn tickets(&self) -> &TicketBook {
        &self.tickets
    }

    /// Forgets the tickets, as the rest of what is held: the index or the journal tells of them again.
    pub(crate) fn forget_tickets(&self) {
        self.tickets.replace(Pages::default());
    }

    /// Reads the tickets from the index.
    pub(crate) fn load_tickets(&self) -> Result<(), ReplicaError> {
        self.locals(EntryKind::NOTE)?.iter().for_each(|entry| self.learn_ticket(entry));
        Ok(())
    }

    /// Takes in what an entry of the notebook says of a ticket.
    pub(crate) fn learn_ticket(&self, entry: &Entry) {
        if let (EntryKind::NOTE, Some(note)) = (entry.kind, control::decode::<Note>(&entry.payload)) {
            self.tickets.learn(&note);
        }
    }
}
