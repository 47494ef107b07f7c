//! Greeting: Hello and Welcome, by which two sides tell each other where their feeds stand.

use super::{Closing, Greeting, Output, Session};
use crate::model::Channel;
use crate::sync::feed::{FeedId, Incarnation};
use crate::sync::keys::Hash;
use crate::sync::ledger::Ledger;
use crate::sync::message::{
    Frontier, HAS_FURTHER, Hello, MOST_IN_FRONTIER, MOST_LISTED, Message, Tag, VERSIONS, WITH_EDITIONS,
    Welcome, tag,
};
use std::collections::{BTreeMap, BTreeSet};

impl Session {
    pub(super) fn hello(&mut self, pending: u64, ledger: &Ledger) {
        let (folded, digest) = self.folded(ledger).unzip();
        let folded = folded.unwrap_or_default();
        let frontier = self.frontier(ledger, &folded);
        let has_further = frontier.len() > MOST_IN_FRONTIER && !self.in_parts;
        let frontier = self.last_part(frontier);
        self.hello = Greeting {
            folded,
            pending,
            combined: Some(ledger.combined_for(&self.me)),
            held: self.everything_shared(ledger),
            believed: self.peer_has.clone(),
        };
        let hello = Hello {
            versions: VERSIONS,
            features: if has_further { HAS_FURTHER } else { 0 },
            device: self.me,
            incarnation: ledger.incarnation,
            salt: self.salt,
            combined: ledger.combined_for(&self.me),
            frontier: Some(frontier),
            folded: digest,
            pending,
        };
        self.send(Message::Hello(hello));
    }

    /// The closed feeds both may see, unless the peer has folded others.
    fn folded(&self, ledger: &Ledger) -> Option<(BTreeMap<FeedId, u64>, [u8; 16])> {
        ledger.folded_for(&self.dialer()).filter(|_| !self.unfolded)
    }

    /// Where the feeds both may see stand here, but for those that are folded.
    fn frontier(&mut self, ledger: &Ledger, folded: &BTreeMap<FeedId, u64>) -> Frontier {
        self.learn_tags(ledger);
        let channels: BTreeSet<Channel> = ledger.channels_for(&self.dialer()).into_iter().collect();
        let shared = ledger.heads().filter(|(feed, _)| channels.contains(&feed.channel));
        let told = shared.filter(|(feed, _)| !folded.contains_key(*feed));
        told.map(|(feed, head)| (tag(&self.salt, feed), head.number)).collect()
    }

    /// Sends a frontier that does not fit one message in parts, and gives back the last. To a peer that knows no parts
    /// only one is told: it then sends what is held here already, which is waste and no harm.
    fn last_part(&mut self, mut frontier: Frontier) -> Frontier {
        while frontier.len() > MOST_IN_FRONTIER {
            let rest = frontier.split_off(MOST_IN_FRONTIER);
            if !self.in_parts {
                return frontier;
            }
            self.send(Message::Further(std::mem::replace(&mut frontier, rest)));
        }
        frontier
    }

    pub(super) fn learn_tags(&mut self, ledger: &Ledger) {
        if self.tags.len() < ledger.heads().count() {
            self.tags = ledger.heads().map(|(feed, _)| (tag(&self.salt, feed), *feed)).collect();
        }
    }

    /// Listener: Hello. Changes nothing here but what is known of the caller.
    pub(super) fn greeted(&mut self, hello: Hello, ledger: &Ledger) {
        if hello.versions.0 > VERSIONS.1 || hello.versions.1 < VERSIONS.0 {
            return self.send(Message::Welcome(Welcome::Upgrade(VERSIONS.0, VERSIONS.1)));
        }
        if hello.device != self.peer {
            return self.outputs.push_back(Output::Close(Closing::Stranger));
        }
        self.outputs.push_back(Output::Pending(hello.pending));
        if self.speaks < WITH_EDITIONS && hello.versions.1 >= WITH_EDITIONS {
            self.speaks = hello.versions.1.min(VERSIONS.1);
            self.in_parts = true;
            self.send(Message::Welcome(Welcome::Speaks(VERSIONS.1)));
        }
        let mut told = std::mem::take(&mut self.further);
        if hello.features & HAS_FURTHER != 0 && self.in_parts {
            return self.send(Message::Welcome(Welcome::Continue));
        }
        told.extend(hello.frontier.unwrap_or_default());
        // What is on its way to it may come too early by now, if it has taken something out: it is sent again.
        self.sent.clear();
        self.salt = hello.salt;
        self.tags.clear();
        self.learn_tags(ledger);
        self.open = true;
        if hello.combined == ledger.combined_for(&self.peer) && !ledger.behind {
            self.peer_has = self.everything_shared(ledger);
            self.send(Message::Welcome(Welcome::Same));
            self.set_level(true);
            return;
        }
        let folded = match hello.folded {
            None => BTreeMap::new(),
            Some(theirs) => match ledger.folded_for(&self.peer) {
                Some((folded, ours)) if ours == theirs => folded,
                _ => {
                    self.open = false;
                    return self.send(Message::Welcome(Welcome::Unfold));
                }
            },
        };
        self.take_frontier(&told, &folded);
        let frontier = self.frontier(ledger, &folded);
        let frontier = self.last_part(frontier);
        let heads = self.heads_of_peer(hello.incarnation, ledger);
        self.seen_of_ours(ledger);
        self.send(Message::Welcome(Welcome::Send { frontier, heads }));
    }

    /// A listener that was set back to an older copy: the caller holds more of its feeds than it has itself.
    fn seen_of_ours(&mut self, ledger: &Ledger) {
        let ahead = self.peer_has.iter().filter(|(feed, number)| {
            feed.device == self.me
                && feed.incarnation == ledger.incarnation
                && **number > ledger.head(feed).number
        });
        let seen = ahead.map(|(feed, number)| Output::SeenUnderOurName(*feed, *number, Hash::ZERO));
        self.outputs.extend(seen.collect::<Vec<_>>());
    }

    /// The caller's own feeds: those it writes now, and those of which it holds something else than is held here.
    fn heads_of_peer(&self, newest: Incarnation, ledger: &Ledger) -> Vec<(Channel, Incarnation, u64, Hash)> {
        let own = ledger.heads().filter(|(feed, head)| {
            let other = self.peer_has.get(*feed).copied().unwrap_or(0) != head.number;
            feed.device == self.peer && (feed.incarnation == newest || other)
        });
        let own = own.map(|(feed, head)| (feed.channel, feed.incarnation, head.number, head.hash));
        // Those it writes now first: the others are told in the next session, should there be too many.
        let (mut heads, others): (Vec<_>, Vec<_>) =
            own.partition(|(_, incarnation, ..)| *incarnation == newest);
        heads.extend(others);
        heads.truncate(MOST_LISTED);
        heads
    }

    pub(super) fn everything_shared(&self, ledger: &Ledger) -> BTreeMap<FeedId, u64> {
        let channels: BTreeSet<Channel> = ledger.channels_for(&self.dialer()).into_iter().collect();
        let shared = ledger.heads().filter(|(feed, _)| channels.contains(&feed.channel));
        shared.map(|(feed, head)| (*feed, head.number)).collect()
    }

    /// What the peer holds, from its frontier and what both have folded. Tags of feeds that are not here say only that it
    /// has more.
    fn take_frontier(&mut self, frontier: &[(Tag, u64)], folded: &BTreeMap<FeedId, u64>) {
        self.peer_has =
            frontier.iter().filter_map(|(tag, number)| Some((*self.tags.get(tag)?, *number))).collect();
        self.peer_has.extend(folded);
    }

    /// Forgets what was sent beyond what the peer has just said it holds, unless it is still on its way there: what the
    /// peer left with us because it came too early is offered again.
    fn offer_again(&mut self, believed: &BTreeMap<FeedId, u64>) {
        self.sent = self.pace.on_the_way();
        self.sent.retain(|feed, sent| {
            let has = self.peer_has.get(feed).copied().unwrap_or(0);
            *sent > has && has >= believed.get(feed).copied().unwrap_or(0)
        });
    }

    /// Dialer: the answer to Hello.
    pub(super) fn welcomed(&mut self, welcome: Welcome, ledger: &Ledger) {
        match welcome {
            Welcome::Same => {
                self.open = true;
                self.unsure.clear();
                let hello = std::mem::take(&mut self.hello);
                self.said = hello.combined;
                self.asked = false;
                self.outputs.push_back(Output::Holds { held: hello.held.clone(), proved: true });
                self.peer_has = hello.held;
                // What was saved since the Hello is not in its answer; Done comes when that has arrived too.
                if self.said == Some(ledger.combined_for(&self.me)) && !ledger.behind {
                    self.set_level(true);
                }
            }
            Welcome::Send { frontier, heads } => {
                self.open = true;
                // A hub that has not said what it speaks is of the first version: now that is sure.
                self.unsure.clear();
                self.learn_tags(ledger);
                let Greeting { folded, believed, .. } = std::mem::take(&mut self.hello);
                let mut told = std::mem::take(&mut self.further);
                told.extend(frontier);
                self.take_frontier(&told, &folded);
                // What went out with the Hello after entries that the peer does not hold, or no longer, was too early.
                self.offer_again(&believed);
                self.left.clear();
                // A Hello asks anew: what both have said before it is no answer to it.
                self.said = None;
                self.outputs.push_back(Output::Holds { held: self.peer_has.clone(), proved: false });
                for (channel, incarnation, number, hash) in heads {
                    let feed = FeedId { channel, device: self.me, incarnation };
                    self.outputs.push_back(Output::SeenUnderOurName(feed, number, hash));
                }
            }
            Welcome::Unfold => {
                self.unfolded = true;
                self.hello(self.hello.pending, ledger);
            }
            Welcome::Continue if !self.in_parts => {
                self.in_parts = true;
                self.hello(self.hello.pending, ledger);
            }
            Welcome::Continue => self.outputs.push_back(Output::Close(Closing::Nonsense)),
            Welcome::Speaks(highest) => {
                self.speaks = highest.min(VERSIONS.1);
                self.unsure.clear();
            }
            Welcome::Busy(seconds) => self.outputs.push_back(Output::Close(Closing::Busy(seconds))),
            Welcome::Upgrade(low, high) => self.outputs.push_back(Output::Close(Closing::Upgrade(low, high))),
        }
    }
}
