//! The tickets of a hub, which it must know whatever becomes of its machine: one that was used is used for ever.

use super::city;
use huiliu_core::sync::Hash;
use huiliu_tests::harness::world::{HUB, IndexFound, World};

const TICKET: [u8; 8] = *b"ticket 1";
const EXPIRES: u64 = 4_000_000_000;

fn secret() -> Hash {
    Hash::of(&[b"a secret"])
}

fn issue(world: &mut World) {
    let now = world.time_at(HUB);
    let hub = world.replica(HUB);
    let issued = hub.issue_ticket(TICKET, secret(), "330203".parse().unwrap(), EXPIRES, "经办人", now);
    issued.unwrap();
}

/// By whom the ticket was used, as the hub's book has it; None if there is no such ticket.
fn used_by(world: &mut World) -> Option<Option<String>> {
    let ticket = world.replica(HUB).tickets().find(&TICKET, &secret())?;
    assert_eq!((ticket.division.to_string().as_str(), ticket.expires), ("330203", EXPIRES));
    Some(ticket.used.map(|(_, name, _)| name))
}

#[test]
fn a_ticket_is_known_by_its_secret_alone_and_at_once() {
    let mut world = city();
    assert_eq!(used_by(&mut world), None);
    issue(&mut world);
    assert_eq!(used_by(&mut world), Some(None));
    let book = world.replica(HUB).tickets().clone();
    assert!(book.find(&TICKET, &Hash::of(&[b"another"])).is_none());
    assert!(book.find(b"ticket 2", &secret()).is_none());
    let (now, device) = (world.time_at(HUB), world.replica("haishu").device());
    world.replica(HUB).use_ticket(TICKET, device, "海曙", now).unwrap();
    // Whoever holds the book need not ask for it again.
    assert_eq!(book.find(&TICKET, &secret()).and_then(|ticket| ticket.used).unwrap().0, device);
}

#[test]
fn a_used_ticket_stays_used_whatever_index_the_hub_finds() {
    for found in [IndexFound::Same, IndexFound::Older, IndexFound::Empty] {
        let mut world = city();
        issue(&mut world);
        let (now, devices) =
            (world.time_at(HUB), ["haishu", "yuyao"].map(|name| world.replica(name).device()));
        world.replica(HUB).use_ticket(TICKET, devices[0], "海曙", now).unwrap();
        world.replica(HUB).use_ticket(TICKET, devices[1], "余姚", now).unwrap();
        world.go_down(HUB);
        world.restart(HUB, found).unwrap();
        assert_eq!(used_by(&mut world), Some(Some("海曙".into())), "the first use counts");
    }
}

#[test]
fn what_was_not_saved_is_not_in_the_book() {
    let mut world = city();
    world.replica(HUB).group_commits();
    issue(&mut world);
    let device = world.replica("haishu").device();
    world.replica(HUB).flush().unwrap();
    let now = world.time_at(HUB);
    // The append is taken, the sync is not.
    world.machine(HUB).disk.fill_after(1);
    world.replica(HUB).use_ticket(TICKET, device, "海曙", now).unwrap();
    assert_eq!(used_by(&mut world), Some(Some("海曙".into())));
    assert!(world.replica(HUB).flush().is_err());
    assert_eq!(used_by(&mut world), Some(None));
}
