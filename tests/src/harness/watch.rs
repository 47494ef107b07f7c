//! The watch: looks at every frame a replica sends and at what each holds, with nothing but the rule of who may see
//! what. It knows the divisions by their codes' digits alone.

use super::world::{HUB, HUB_DIVISION, World};
use huiliu_core::model::{Channel, DivisionCode, Scope};
use huiliu_core::sync::message::{Compare, Message, Tag, decode, tag};
use huiliu_core::sync::{FeedId, Hash, wire};
use huiliu_store::journal::file_name;
use huiliu_store::keyring::KEYRING;

/// Whether a replica of `division` may see `channel`: its own and those below, what is published above, and the hub's
/// word, which is everybody's.
pub fn may_see(division: DivisionCode, channel: Channel) -> bool {
    let (own, other) = (division.to_string(), channel.division.to_string());
    let (below, above) = (other.starts_with(&own), own.starts_with(&other));
    match channel.scope {
        Scope::Own => below,
        Scope::Published => below || above || other == HUB_DIVISION,
        Scope::Local => own == other,
    }
}

fn stands_in(canary: &[u8], bytes: &[u8]) -> bool {
    bytes.windows(canary.len()).any(|part| part == canary)
}

/// Reads a batch only to learn whose feeds are in it.
struct FeedsOnly<'a> {
    known: &'a dyn Fn(&Tag) -> Option<FeedId>,
}

impl wire::Receiving for FeedsOnly<'_> {
    fn feed(&self, tag: &Tag) -> Option<FeedId> {
        (self.known)(tag)
    }
    fn grant_at(&self, _: &FeedId, _: u64) -> Option<Hash> {
        Some(Hash::ZERO)
    }
    fn change_at(&self, _: &FeedId, _: u64) -> Option<Hash> {
        Some(Hash::ZERO)
    }
}

impl World {
    /// Looks at a frame that `from` sends on a node's link: nothing out of scope may be in it, and what an Ack says is
    /// durable must be so for ever.
    pub(super) fn look_at(&mut self, node: &'static str, from: &'static str, frame: &[u8]) {
        let Ok(message) = decode(frame) else {
            self.violations.push(format!("{from} sends what is no message"));
            return;
        };
        let Some(link) = self.links.get_mut(node) else { return };
        if let Message::Hello(hello) = &message {
            link.salt = Some(hello.salt);
        }
        let Some(salt) = link.salt else { return };
        let Some(replica) = self.machines[from].replica.as_ref() else { return };
        let known = |wanted: &Tag| {
            replica.ledger().heads().map(|(feed, _)| *feed).find(|feed| tag(&salt, feed) == *wanted)
        };
        let division = self.machines[node].division;
        let may = |feed: &FeedId| {
            let control =
                feed.channel.scope == Scope::Published && feed.channel.division.to_string() == HUB_DIVISION;
            may_see(division, feed.channel)
                && feed.channel.is_shared()
                && (from != HUB || control || !self.revoked.contains(node))
        };
        let (mut told, mut promised): (Vec<FeedId>, Vec<(FeedId, u64)>) = (Vec::new(), Vec::new());
        // A batch is compressed: what is in it is looked at one by one.
        let mut clear: Vec<Vec<u8>> = vec![frame.to_vec()];
        match &message {
            Message::Hello(hello) => {
                told.extend(hello.frontier.iter().flatten().filter_map(|(tag, _)| known(tag)));
            }
            Message::Welcome(huiliu_core::sync::message::Welcome::Send { frontier, .. }) => {
                told.extend(frontier.iter().filter_map(|(tag, _)| known(tag)));
            }
            Message::Batch(batch) => {
                match wire::decode(batch, &FeedsOnly { known: &known }) {
                    Ok(runs) => {
                        told.extend(runs.iter().map(|run| run.feed));
                        clear.extend(runs.into_iter().flat_map(|run| run.entries).map(|entry| entry.payload));
                    }
                    // A batch may refer to feeds by tag that only the receiver can name any more.
                    Err(wire::BadBatch::Dangling) => {}
                    Err(why) => self.violations.push(format!("{from} sends what nobody reads: {why}")),
                }
                if node != from || !self.level.contains_key(node) {
                    self.level.insert(node, false);
                }
            }
            Message::Ack(ack) => {
                promised.extend(ack.frontier.iter().filter_map(|(tag, number)| Some((known(tag)?, *number))));
            }
            // On a link on which frames were changed, a fingerprint may have been.
            // The search for where a feed's branches part tells nothing of records.
            Message::Compare(Compare::Chains(_) | Compare::Common(_)) => {}
            Message::Compare(_) if !link.tampered => {
                self.violations
                    .push(format!("{node} and hub hold the same entries and their records differ"));
            }
            _ => {}
        }
        if let Some(feed) = told.iter().find(|feed| !may(feed)) {
            self.violations.push(format!("{from} tells {feed} on the link of {node}"));
        }
        let shown = |canary: &&Vec<u8>| clear.iter().any(|bytes| stands_in(canary, bytes));
        if let Some(canary) = self.canaries.iter().find(shown) {
            let canary = String::from_utf8_lossy(canary);
            self.violations.push(format!("{from} sends {canary} in clear"));
        }
        let acknowledged = &mut self.machine(from).acknowledged;
        for (feed, number) in promised {
            let highest = acknowledged.entry(feed).or_default();
            *highest = number.max(*highest);
        }
    }

    /// Nothing a replica holds may be outside its scope.
    pub(super) fn hold_scope(&mut self, name: &'static str) {
        let machine = &self.machines[name];
        let Some(replica) = machine.replica.as_ref() else { return };
        let outside = replica.ledger().heads().find(|(feed, _)| !may_see(machine.division, feed.channel));
        if let Some((feed, _)) = outside {
            self.violations.push(format!("{name} holds {feed}, which is not its to see"));
        }
    }

    /// What a replica holds, and so may show and tell, must be what a power cut would leave now: every entry, and the
    /// keys that open them.
    pub fn hold_durable(&mut self, name: &str) {
        let machine = &self.machines[name];
        let Some(replica) = machine.replica.as_ref() else { return };
        let (end, keys) = replica.held_until();
        // No simulated journal is long enough for a second segment.
        let journal = format!("journal/{}", file_name(end.segment));
        let unsure = [(journal.as_str(), end.offset), (KEYRING, keys)]
            .into_iter()
            .find(|(file, length)| *length > 0 && !machine.disk.is_durable(file, *length));
        if let Some((file, _)) = unsure {
            self.violations.push(format!("{name} shows or tells what is not durable: the end of {file}"));
        }
    }

    /// What a replica has said is durable must be there.
    pub fn hold_promises(&mut self, name: &'static str) {
        if !self.runs(name) {
            return;
        }
        let rewound = self.rewound(name);
        let machine = self.machine(name);
        // Of what follows where a feed's branches part, the other branch is promised anew when it has come.
        machine.acknowledged.retain(|feed, _| !rewound.contains(feed));
        let machine = &self.machines[name];
        let Some(replica) = machine.replica.as_ref() else { return };
        let broken =
            machine.acknowledged.iter().find(|(feed, number)| replica.ledger().head(feed).number < **number);
        if let Some((feed, number)) = broken {
            self.violations.push(format!("{name} has acknowledged {feed} up to {number} and lost it"));
        }
    }
}
