//! Bad bytes: honest items changed by chance but with their lengths and checksums made right, put to everything that
//! reads what others wrote. The same mutant for the same seed and number, always.
//!
//! [`mutate`] changes bytes and [`chunk`] the parts of an Automerge change; a [`Target`] makes mutants of its kind and
//! says what came of each; [`campaign`] runs many and measures; [`corpus`] keeps one of each that once broke something.

pub mod batch;
pub mod campaign;
pub mod change;
pub mod chunk;
pub mod corpus;
pub mod entry;
pub mod frame;
pub mod honest;
pub mod hub;
pub mod mutate;
pub mod naked;
pub mod specimens;
pub mod ticket;
pub mod watch;

/// What came of a mutant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It was let in, and everything that must hold then holds.
    Accepted,
    /// It was refused, for this reason.
    Refused(String),
}

impl Fate {
    /// A refusal with an error's words, numbers left out so that equal ones are counted together.
    pub fn refused(why: impl ToString) -> Self {
        let why = why.to_string();
        let words = why.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty());
        Self::Refused(words.collect::<Vec<_>>().join("N"))
    }
}

/// Something that reads bytes which others wrote.
pub trait Target {
    /// The mutant of this number.
    fn mutant(&self, seed: u64, number: u64) -> Vec<u8>;
    /// Honest items of its kind, for the corpus.
    fn honest(&self) -> Vec<Vec<u8>>;
    /// Reads the bytes; an error tells what must never be. A panic is one too.
    fn judge(&mut self, bytes: &[u8]) -> Result<Fate, String>;
    /// After a number of mutants: whatever must hold between them.
    fn rest(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// The names of the targets, in the order in which `all` takes them.
pub const TARGETS: [&str; 7] = ["frame", "batch", "entry", "point", "ticket", "change", "hub"];

/// The target of a name.
pub fn target(name: &str) -> Option<Box<dyn Target>> {
    Some(match name {
        "frame" => Box::new(frame::Frames::new()),
        "batch" => Box::new(batch::Batches::new()),
        "entry" => Box::new(entry::Segments::new()),
        "point" => Box::new(entry::Points::new()),
        "ticket" => Box::new(ticket::Tickets::new()),
        "change" => Box::new(change::Changes::new()),
        "hub" => Box::new(hub::Hub::new()),
        _ => return None,
    })
}
