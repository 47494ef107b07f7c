//! Places: how many guests there may be at once, of one line and of all, and who gives way when there is none left.
//!
//! A line is what one household, office or county is given: an IPv4 address, or 64 bits of IPv6. A flood from one line
//! crowds out nobody but its own guests, and a flood from many takes places from those lines that have most.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Where a guest comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Line(IpAddr);

impl Line {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = u128::from(v6) >> 64 << 64;
                Self(Ipv6Addr::from(network).into())
            }
            v4 => Self(v4),
        }
    }
}

/// How many guests there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of one line.
    pub(crate) each: usize,
    /// Of all.
    pub(crate) all: usize,
    /// So long a guest need not give way: what it came for takes a round trip.
    pub(crate) youth: Duration,
}

/// Who has a place. Pure: the caller brings the time.
#[derive(Debug)]
struct Guests<T> {
    limits: Limits,
    next: u64,
    /// In order of coming.
    present: BTreeMap<u64, Guest<T>>,
    lines: BTreeMap<Line, usize>,
}

#[derive(Debug)]
struct Guest<T> {
    line: Line,
    since: Instant,
    /// Does not give way.
    stays: bool,
    ticket: T,
}

impl<T> Guests<T> {
    fn new(limits: Limits) -> Self {
        Self { limits, next: 0, present: BTreeMap::new(), lines: BTreeMap::new() }
    }

    fn of(&self, line: &Line) -> usize {
        self.lines.get(line).copied().unwrap_or(0)
    }

    /// Gives a guest a place: its number, and who gave way for it. None if there is no place and nobody has to.
    fn enter(&mut self, line: Line, now: Instant, ticket: T) -> Option<(u64, Option<T>)> {
        let gone = if self.of(&line) >= self.limits.each {
            let eldest = self.eldest(now, |other| *other == line)?;
            self.leave(eldest)
        } else if self.present.len() >= self.limits.all {
            let most = self.lines.values().copied().max().unwrap_or(0);
            let eldest = self.eldest(now, |other| self.of(other) == most)?;
            self.leave(eldest)
        } else {
            None
        };
        let number = self.next;
        self.next += 1;
        self.present.insert(number, Guest { line, since: now, stays: false, ticket });
        *self.lines.entry(line).or_default() += 1;
        Some((number, gone))
    }

    /// Who gives way of some lines: whoever has been there longest, unless that is not long.
    fn eldest(&self, now: Instant, is_meant: impl Fn(&Line) -> bool) -> Option<u64> {
        let mut guests = self.present.iter().filter(|(_, guest)| is_meant(&guest.line) && !guest.stays);
        let (number, guest) = guests.next()?;
        (now.duration_since(guest.since) >= self.limits.youth).then_some(*number)
    }

    fn leave(&mut self, number: u64) -> Option<T> {
        let guest = self.present.remove(&number)?;
        if let Some(guests) = self.lines.get_mut(&guest.line) {
            *guests -= 1;
            if *guests == 0 {
                self.lines.remove(&guest.line);
            }
        }
        Some(guest.ticket)
    }
}

/// Places that tasks share.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Mutex<Guests<oneshot::Sender<Infallible>>>>);

impl Places {
    pub(crate) fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Guests::new(limits))))
    }

    /// How many guests there are of a line, and of all.
    pub(crate) fn taken(&self, line: &Line) -> (usize, usize) {
        let guests = self.guests();
        (guests.of(line), guests.present.len())
    }

    /// Takes a place, for which another may have to give way; None if there is none.
    pub(crate) fn enter(&self, line: Line) -> Option<Place> {
        let (ticket, called) = oneshot::channel();
        // Whoever gives way is called by the drop of its ticket.
        let (number, _) = self.guests().enter(line, Instant::now(), ticket)?;
        Some(Place { places: self.clone(), number, called })
    }

    fn guests(&self) -> MutexGuard<'_, Guests<oneshot::Sender<Infallible>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    number: u64,
    called: oneshot::Receiver<Infallible>,
}

impl Place {
    /// Resolves when its guest has to give way.
    pub(crate) async fn lost(&mut self) {
        // Nothing is ever sent: the other end is dropped with the guest.
        let _ = (&mut self.called).await;
    }

    /// What the application may do with it.
    pub(crate) fn seat(&self) -> Seat {
        Seat { places: self.places.clone(), number: self.number }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.guests().leave(self.number);
    }
}

/// The place of a stranger, as the application sees it.
#[derive(Clone, Debug)]
pub struct Seat {
    places: Places,
    number: u64,
}

impl Seat {
    /// The stranger has shown that it was invited: it gives way to nobody.
    pub fn keep(&self) {
        if let Some(guest) = self.places.guests().present.get_mut(&self.number) {
            guest.stays = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { each: 3, all: 6, youth: Duration::from_secs(1) };

    fn line(text: &str) -> Line {
        Line::of(text.parse().unwrap())
    }

    #[test]
    fn a_line_is_an_address_or_a_network_of_64_bits() {
        assert_eq!(line("::ffff:192.0.2.1"), line("192.0.2.1"));
        assert_ne!(line("192.0.2.1"), line("192.0.2.2"));
        assert_eq!(line("2001:db8:1:2::1"), line("2001:db8:1:2:ffff::9"));
        assert_ne!(line("2001:db8:1:2::1"), line("2001:db8:1:3::1"));
    }

    #[test]
    fn the_eldest_of_a_crowded_line_gives_way_once_it_has_had_its_time() {
        let (mut guests, now) = (Guests::new(LIMITS), Instant::now());
        let later = now + LIMITS.youth;
        for name in ["a", "b", "c"] {
            assert!(matches!(guests.enter(line("192.0.2.1"), now, name), Some((_, None))));
        }
        assert!(guests.enter(line("192.0.2.1"), now, "too early").is_none());
        assert!(matches!(guests.enter(line("192.0.2.2"), now, "another line"), Some((_, None))));
        let (number, gone) = guests.enter(line("192.0.2.1"), later, "d").unwrap();
        assert_eq!(gone, Some("a"));
        assert_eq!(guests.leave(number), Some("d"));
        assert!(matches!(guests.enter(line("192.0.2.1"), later, "e"), Some((_, None))), "one has left");
    }

    #[test]
    fn where_all_is_taken_the_line_that_has_most_gives_way() {
        let (mut guests, now) = (Guests::new(LIMITS), Instant::now());
        guests.enter(line("192.0.2.9"), now, "honest").unwrap();
        for (address, name) in [("192.0.2.1", "a"), ("192.0.2.1", "b"), ("192.0.2.1", "c")] {
            guests.enter(line(address), now, name).unwrap();
        }
        for name in ["d", "e"] {
            guests.enter(line("192.0.2.2"), now, name).unwrap();
        }
        let (_, gone) = guests.enter(line("192.0.2.3"), now + LIMITS.youth, "new").unwrap();
        assert_eq!(gone, Some("a"), "and not the honest one, though it came first");
        assert_eq!((guests.present.len(), guests.of(&line("192.0.2.1"))), (6, 2));
    }

    #[tokio::test]
    async fn whoever_has_shown_an_invitation_keeps_its_place_and_others_are_called() {
        let places = Places::new(Limits { youth: Duration::ZERO, ..LIMITS });
        let mut first = places.enter(line("192.0.2.1")).unwrap();
        let mut second = places.enter(line("192.0.2.1")).unwrap();
        let _third = places.enter(line("192.0.2.1")).unwrap();
        first.seat().keep();
        let fourth = places.enter(line("192.0.2.1")).unwrap();
        second.lost().await;
        drop(second);
        assert_eq!(places.taken(&line("192.0.2.1")), (3, 3), "who was called has left already");
        fourth.seat().keep();
        let _fifth = places.enter(line("192.0.2.1")).unwrap();
        for place in [&first, &fourth] {
            assert!(place.places.guests().present.contains_key(&place.number));
        }
        let still_there = tokio::time::timeout(Duration::from_millis(10), first.lost());
        assert!(still_there.await.is_err());
    }
}
