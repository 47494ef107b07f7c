//! Runs that are here and do not continue their feed, because what came before them was damaged or lost. They are read
//! from the journal no second time and fetched for nothing no second time: when the hole is filled they join.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::sync::feed::check_run;
use huiliu_core::sync::{FeedId, Head, PublicKey, Run};
use huiliu_store::rows::ParkedRow;
use huiliu_store::{Span, keys};

impl Replica {
    /// Remembers a run that lies behind a hole of its feed.
    pub(crate) fn park(&mut self, run: &Run, span: Span) {
        self.parked.entry(run.feed).or_default().insert(run.first, span);
        let row = ParkedRow { feed: run.feed, first: run.first, span };
        self.index.put(keys::parked(&run.feed, run.first), &row);
    }

    fn unpark(&mut self, feed: &FeedId, first: u64) {
        self.index.remove(keys::parked(feed, first));
        if let Some(runs) = self.parked.get_mut(feed) {
            runs.remove(&first);
            if runs.is_empty() {
                self.parked.remove(feed);
            }
        }
    }

    /// Reads what the index knows of parked runs.
    pub(crate) fn load_parked(&mut self) -> Result<(), ReplicaError> {
        for (_, row) in self.index.list::<ParkedRow>(&keys::all_parked())? {
            self.parked.entry(row.feed).or_default().insert(row.first, row.span);
        }
        Ok(())
    }

    /// What is parked of a feed behind a number is no part of it any more: another branch counts.
    pub(crate) fn drop_parked(&mut self, feed: &FeedId, after: u64) {
        let runs = self.parked.get(feed).into_iter().flatten();
        let gone: Vec<u64> = runs.map(|(first, _)| *first).filter(|first| *first > after).collect();
        gone.into_iter().for_each(|first| self.unpark(feed, first));
    }

    /// Where these runs lie: those that are parked where they are, the others after the journal's end.
    pub(crate) fn place(&mut self, runs: &[Run]) -> Result<Vec<Span>, ReplicaError> {
        if self.parked.is_empty() {
            return Ok(self.journal.append(runs)?);
        }
        let parked: Vec<Option<Span>> = runs.iter().map(|run| self.parked_span(run)).collect();
        let new = runs.iter().zip(&parked).filter(|(_, span)| span.is_none());
        let new: Vec<Run> = new.map(|(run, _)| run.clone()).collect();
        let mut appended = self.journal.append(&new)?.into_iter();
        for (run, _) in runs.iter().zip(&parked).filter(|(_, span)| span.is_some()) {
            self.unpark(&run.feed, run.first);
        }
        Ok(parked.into_iter().filter_map(|span| span.or_else(|| appended.next())).collect())
    }

    fn parked_span(&self, run: &Run) -> Option<Span> {
        let span = *self.parked.get(&run.feed)?.get(&run.first)?;
        self.journal.read(&run.feed, run.first, span).is_ok_and(|parked| parked == *run).then_some(span)
    }

    /// The feed has grown: what is parked right behind its head joins, if it is of the same chain.
    pub(crate) fn join_parked(&mut self, feed: &FeedId) -> Result<(), ReplicaError> {
        while let Some((first, span)) = self.parked.get(feed).and_then(|runs| runs.first_key_value()) {
            let (first, span, head) = (*first, *span, self.ledger.head(feed));
            if first > head.number + 1 {
                break;
            }
            let run = if first == head.number + 1 { self.read_run(feed, first, span)? } else { None };
            self.unpark(feed, first);
            let Some(run) = run.filter(|run| self.continues(run, &head)) else { continue };
            self.note_refusals(&run);
            if let Some(previous) = self.register_held(&run, span) {
                self.apply_run(&run, previous)?;
            }
        }
        Ok(())
    }

    fn continues(&self, run: &Run, head: &Head) -> bool {
        self.author_key(&run.feed).is_some_and(|author| check_run(&author, head, run).is_ok())
    }

    /// The key with which the points of a feed are signed, if it is known.
    pub(crate) fn author_key(&self, feed: &FeedId) -> Option<PublicKey> {
        if feed.device == self.device() {
            return Some(self.key.public());
        }
        if feed.device == self.home.root.device() {
            return Some(self.home.root.clone());
        }
        self.authority().last_grant_of(&feed.device).map(|(_, grant)| grant.key.clone())
    }

    /// The holes of feeds: the first number that is missing before something that is here.
    pub fn holes(&self) -> Vec<(FeedId, u64)> {
        self.parked.keys().map(|feed| (*feed, self.ledger.head(feed).number + 1)).collect()
    }
}
