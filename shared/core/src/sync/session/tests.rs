//! A dialer's side, message by message.

use super::super::control::reason;
use super::*;
use crate::model::Class;
use crate::sync::authority::Authority;
use crate::sync::feed::{Head, Incarnation};
use crate::sync::keys::{DeviceKey, Hash};
use crate::sync::message::{Frontier, Welcome};

/// The seed of the hub's key.
const HUB: u8 = 1;

/// A node that holds three entries of its own in a channel that everybody may see.
fn node() -> (Ledger, FeedId) {
    let (hub, me) = (DeviceKey::from_seed([HUB; 32]), DeviceKey::from_seed([2; 32]));
    let city = "3302".parse().unwrap();
    let mut ledger = Ledger::new(me.device(), Incarnation([7; 8]));
    ledger.authority = Some(Authority::new(hub.public(), city));
    let channel = Channel::published(city, Class::Open);
    let feed = FeedId { channel, device: me.device(), incarnation: ledger.incarnation };
    stand_at(&mut ledger, feed, 3);
    (ledger, feed)
}

fn stand_at(ledger: &mut Ledger, feed: FeedId, number: u64) {
    ledger.advance(feed, Head { number, hash: Hash([number as u8; 32]), grant: Hash::ZERO });
}

fn dial(ledger: &Ledger) -> Session {
    let hub = DeviceKey::from_seed([HUB; 32]).device();
    Session::dial(hub, [5; 8], BTreeMap::new(), 3, START_BYTES, ledger)
}

/// Everything the session wants now; what it wants to load is loaded at once.
fn drive(session: &mut Session, ledger: &Ledger) -> Vec<Output> {
    let mut wanted = Vec::new();
    while let Some(output) = session.poll(ledger) {
        if let Output::Load { wants, .. } = &output {
            let heads = wants.iter().map(|(feed, ..)| (*feed, ledger.head(feed).number)).collect();
            session.handle(Input::Loaded { batch: vec![0], read: 1, heads }, ledger, 0);
        }
        wanted.push(output);
    }
    wanted
}

fn hear(session: &mut Session, ledger: &Ledger, message: Message) -> Vec<Output> {
    session.handle(Input::Frame(encode(&message)), ledger, 0);
    drive(session, ledger)
}

fn welcome(frontier: Frontier) -> Message {
    Message::Welcome(Welcome::Send { frontier, heads: Vec::new() })
}

fn ack(frontier: Frontier) -> Message {
    Message::Ack(Ack { frontier, credit: CREDIT_BYTES })
}

const OTHER: Combined = Combined { digest: [9; 16], sums: [9; 16] };

fn loads(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::Load { .. })).count()
}

fn says(outputs: &[Output], wanted: fn(&Message) -> bool) -> bool {
    outputs
        .iter()
        .any(|output| matches!(output, Output::Send(frame) if decode(frame).is_ok_and(|said| wanted(&said))))
}

fn verdicts(outputs: &[Output]) -> Vec<bool> {
    let verdict = |output: &Output| match output {
        Output::Level(verified) => Some(*verified),
        _ => None,
    };
    outputs.iter().filter_map(verdict).collect()
}

#[test]
fn what_the_peer_left_with_us_is_offered_again_when_we_ask_anew() {
    let (ledger, _) = node();
    let mut session = dial(&ledger);
    assert_eq!(loads(&drive(&mut session, &ledger)), 1, "with the first flight");
    assert_eq!(loads(&hear(&mut session, &ledger, welcome(vec![]))), 0, "it is still on its way");
    // Answered, and nothing of it taken: it came too early, or with something that did, and is offered once more.
    assert_eq!(loads(&hear(&mut session, &ledger, ack(vec![]))), 1);
    assert!(says(&hear(&mut session, &ledger, ack(vec![])), |said| matches!(said, Message::Done(_))));
    assert_eq!(verdicts(&hear(&mut session, &ledger, Message::Done(OTHER))), [false]);
    session.handle(Input::Ask, &ledger, 0);
    drive(&mut session, &ledger);
    let asked = hear(&mut session, &ledger, Message::Done(OTHER));
    assert!(says(&asked, |said| matches!(said, Message::Hello(_))));
    assert_eq!(loads(&hear(&mut session, &ledger, welcome(vec![]))), 1);
}

#[test]
fn an_asked_session_gives_a_verdict_though_nothing_is_left_to_send() {
    let (ledger, feed) = node();
    let mut session = dial(&ledger);
    drive(&mut session, &ledger);
    let held = vec![(session.tag(&feed), 3)];
    hear(&mut session, &ledger, welcome(vec![]));
    hear(&mut session, &ledger, ack(held.clone()));
    hear(&mut session, &ledger, Message::Done(OTHER));
    session.handle(Input::Ask, &ledger, 0);
    drive(&mut session, &ledger);
    hear(&mut session, &ledger, Message::Done(OTHER));
    let greeted = hear(&mut session, &ledger, welcome(held));
    assert!(says(&greeted, |said| matches!(said, Message::Done(_))));
    assert_eq!(verdicts(&hear(&mut session, &ledger, Message::Done(OTHER))), [false]);
}

#[test]
fn what_is_saved_while_an_answer_is_under_way_is_no_difference() {
    let (mut ledger, feed) = node();
    let mut session = dial(&ledger);
    drive(&mut session, &ledger);
    hear(&mut session, &ledger, welcome(vec![]));
    let tag = session.tag(&feed);
    let done = hear(&mut session, &ledger, ack(vec![(tag, 3)]));
    assert!(says(&done, |said| matches!(said, Message::Done(_))));
    let before = ledger.combined_for(&ledger.device);
    stand_at(&mut ledger, feed, 4);
    session.handle(Input::Grew, &ledger, 0);
    assert_eq!(loads(&drive(&mut session, &ledger)), 1);
    assert_eq!(verdicts(&hear(&mut session, &ledger, Message::Done(before))), []);
    let done = hear(&mut session, &ledger, ack(vec![(tag, 4)]));
    assert!(says(&done, |said| matches!(said, Message::Done(_))));
    let level = Message::Done(ledger.combined_for(&ledger.device));
    assert_eq!(verdicts(&hear(&mut session, &ledger, level)), [true]);
}

/// Closes the feed where it stands.
fn close(ledger: &mut Ledger, feed: FeedId) {
    let head = ledger.head(&feed);
    ledger.close(feed, head.number, head.hash);
}

fn greeting(outputs: &[Output]) -> Option<crate::sync::message::Hello> {
    outputs.iter().find_map(|output| match output {
        Output::Send(frame) => match decode(frame) {
            Ok(Message::Hello(hello)) => Some(hello),
            _ => None,
        },
        _ => None,
    })
}

#[test]
fn closed_feeds_are_named_only_to_a_peer_that_has_folded_others() {
    let (mut ledger, feed) = node();
    let over = FeedId { incarnation: Incarnation([6; 8]), ..feed };
    stand_at(&mut ledger, over, 9);
    close(&mut ledger, over);
    let mut session = dial(&ledger);
    let hello = greeting(&drive(&mut session, &ledger)).unwrap();
    assert_eq!(hello.frontier, Some(vec![(session.tag(&feed), 3)]));
    let (folded, digest) = ledger.folded_for(&ledger.device).unwrap();
    assert_eq!((folded, hello.folded), ([(over, 9)].into(), Some(digest)));
    // The peer has come to the same: it holds the closed feed, though nobody names it.
    let hub = DeviceKey::from_seed([HUB; 32]).device();
    let mut agreed = Session::dial(hub, [5; 8], [(over, 9)].into(), 3, START_BYTES, &ledger);
    drive(&mut agreed, &ledger);
    let held = vec![(agreed.tag(&feed), 3)];
    hear(&mut agreed, &ledger, ack(held.clone()));
    let greeted = hear(&mut agreed, &ledger, welcome(held));
    assert!(says(&greeted, |said| matches!(said, Message::Done(_))), "nothing is left to send");
    // It has not: everything is named.
    let again = greeting(&hear(&mut session, &ledger, Message::Welcome(Welcome::Unfold))).unwrap();
    assert_eq!((again.folded, again.frontier.map(|named| named.len())), (None, Some(2)));
    assert_eq!(again.pending, 3);
}

#[test]
fn a_closed_feed_that_grows_is_named_again() {
    let (mut ledger, feed) = node();
    close(&mut ledger, feed);
    assert!(ledger.is_folded(&feed));
    stand_at(&mut ledger, feed, 4);
    assert!(!ledger.is_folded(&feed));
    assert_eq!(ledger.folded_for(&ledger.device), None);
}

/// A hub and a node that hold so many feeds of others in the channel that both may see, and each some of its own.
fn large(feeds: u32) -> (Ledger, Ledger) {
    let (mut node, _) = node();
    let hub_key = DeviceKey::from_seed([HUB; 32]);
    let city = "3302".parse().unwrap();
    let mut hub = Ledger::new(hub_key.device(), Incarnation([1; 8]));
    hub.authority = Some(Authority::new(hub_key.public(), city));
    let channel = Channel::published(city, Class::Open);
    for n in 0..feeds {
        let mut incarnation = [9; 8];
        incarnation[..4].copy_from_slice(&n.to_be_bytes());
        for (ledger, number) in [(&mut hub, u64::MAX - 2), (&mut node, u64::MAX - 1)] {
            let feed = FeedId { channel, device: node_device(), incarnation: Incarnation(incarnation) };
            stand_at(ledger, feed, number);
        }
    }
    (hub, node)
}

fn node_device() -> DeviceId {
    DeviceKey::from_seed([2; 32]).device()
}

/// What both say to each other until nobody says anything more; each frame must be a message for its receiver.
fn converse(mut sides: [(Session, &Ledger); 2]) -> Vec<Message> {
    let mut said = Vec::new();
    loop {
        let before = said.len();
        for at in [0, 1] {
            let frames: Vec<Vec<u8>> = {
                let (session, ledger) = &mut sides[at];
                let outputs = drive(session, ledger).into_iter();
                outputs
                    .filter_map(|it| if let Output::Send(frame) = it { Some(frame) } else { None })
                    .collect()
            };
            for frame in frames {
                let message = decode(&frame).unwrap_or_else(|why| panic!("{why}: {} bytes", frame.len()));
                // What is loaded in these tests is no batch.
                if !matches!(message, Message::Batch(_)) {
                    let (session, ledger) = &mut sides[1 - at];
                    session.handle(Input::Frame(frame), ledger, 0);
                }
                said.push(message);
            }
        }
        if said.len() == before {
            return said;
        }
    }
}

#[test]
fn however_many_feeds_there_are_every_frame_fits_its_receiver() {
    for feeds in [7_000, 17_000] {
        let (hub, node) = large(feeds);
        let dialer = Session::dial(hub.device, [5; 8], BTreeMap::new(), 0, START_BYTES, &node);
        let listener = Session::listen(node.device, START_BYTES, &hub);
        let said = converse([(dialer, &node), (listener, &hub)]);
        let parts = said.iter().filter(|message| matches!(message, Message::Further(_))).count();
        assert_eq!(parts > 0, feeds > 8_000, "{feeds}");
        let told: usize = said
            .iter()
            .filter_map(|message| match message {
                Message::Welcome(Welcome::Send { frontier, .. }) => Some(frontier.len()),
                _ => None,
            })
            .sum();
        assert!(told > 0, "the hub has told where it stands");
    }
}

#[test]
fn an_older_hub_is_told_only_what_it_reads() {
    let (hub, node) = large(17_000);
    let mut dialer = Session::dial(hub.device, [5; 8], BTreeMap::new(), 0, START_BYTES, &node);
    let newer = |message: &Message| {
        matches!(message, Message::Working(_) | Message::Withheld(_) | Message::Further(_))
            || matches!(message, Message::Welcome(Welcome::Speaks(_) | Welcome::Continue))
    };
    let mut told = drive(&mut dialer, &node);
    told.extend(hear(&mut dialer, &node, welcome(Vec::new())));
    for output in &told {
        if let Output::Send(frame) = output {
            assert!(!newer(&decode(frame).expect("every frame is a message")));
        }
    }
}

#[test]
fn what_cannot_be_sent_is_named_and_ends_its_feed_alone() {
    let (ledger, feed) = node();
    let mut dialer = dial(&ledger);
    drive(&mut dialer, &ledger);
    hear(&mut dialer, &ledger, Message::Welcome(Welcome::Speaks(2)));
    hear(&mut dialer, &ledger, welcome(Vec::new()));
    let withheld = vec![Refused { feed, number: 1, reason: reason::TOO_LARGE_TO_SEND }];
    dialer.handle(Input::Withheld(withheld), &ledger, 0);
    let outputs = drive(&mut dialer, &ledger);
    assert!(says(&outputs, |message| matches!(message, Message::Withheld(list) if list.len() == 1)));
    assert!(outputs.iter().any(|output| matches!(output, Output::Withheld(_))), "it is told here too");
    assert!(!outputs.iter().any(|output| matches!(output, Output::Close(_))), "the session goes on");
}

#[test]
fn what_needs_a_newer_peer_waits_until_it_has_said_what_it_speaks() {
    let (ledger, feed) = node();
    let mut dialer = dial(&ledger);
    let needs = || Input::Withheld(vec![Refused { feed, number: 1, reason: reason::NEEDS_NEWER }]);
    dialer.handle(needs(), &ledger, 0);
    let outputs = drive(&mut dialer, &ledger);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Withheld(_))), "nothing is sure yet");
    let outputs = hear(&mut dialer, &ledger, welcome(Vec::new()));
    assert_eq!(loads(&outputs), 1, "an older hub: looked at once more, and told then");
    dialer.handle(needs(), &ledger, 0);
    let outputs = drive(&mut dialer, &ledger);
    assert!(outputs.iter().any(|output| matches!(output, Output::Withheld(_))));
}

#[test]
fn who_waits_and_understands_it_is_told_that_it_is_worked_on() {
    let (hub, node) = large(3);
    for speaks in [VERSIONS.0, VERSIONS.1] {
        let mut dialer = Session::dial(hub.device, [5; 8], BTreeMap::new(), 0, START_BYTES, &node);
        let mut listener = Session::listen(node.device, START_BYTES, &hub);
        assert!(!listener.is_waited_for(), "nobody has come yet");
        for output in drive(&mut dialer, &node) {
            let Output::Send(frame) = output else { continue };
            let Ok(Message::Hello(mut hello)) = decode(&frame) else { continue };
            hello.versions.1 = speaks;
            hear(&mut listener, &hub, Message::Hello(hello));
        }
        assert_eq!(listener.is_waited_for(), speaks >= WITH_EDITIONS);
        assert!(!dialer.is_waited_for(), "a hub waits for nobody");
    }
}
