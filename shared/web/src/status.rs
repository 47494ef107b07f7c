//! The status page: one look says whether all is well, whether the machine may be shut down, and what to do.

use crate::layout::page;
use crate::moment::moment;
use crate::view::{CoverageView, Notice, PeerState, PeerView, Role, StatusView};
use huiliu_core::model::Lang;
use huiliu_core::model::dictionary::kind;
use huiliu_core::model::messages::Words;
use maud::{Markup, html};

/// The status page of a replica.
pub fn status_page(view: &StatusView, lang: Lang) -> Markup {
    let title = match view.role {
        Role::Node => Words::NodeTitle,
        Role::Hub => Words::HubTitle,
    };
    let body = html! {
        header class="head" {
            div class="head-name" {
                h1 { (view.title) }
                p class="place" {
                    (view.division_name) " " span class="code" { (view.division_code) } " · " (role(view.role, lang))
                }
            }
            (pill(view, lang))
        }
        main {
            (light(view, lang))
            (notices(view, lang))
            (numbers(view, lang))
            @if view.role == Role::Hub { (nodes(&view.peers, lang)) }
            @if let Some(table) = &view.coverage { (coverage(table, lang)) }
        }
        footer class="foot" {
            span { (Words::AsOf { at: moment(view.as_of) }.text(lang)) }
            span class="version" { (Words::Version { version: view.version.clone() }.text(lang)) }
        }
    };
    page(&format!("{} {}", title.text(lang), view.title), true, lang, &body)
}

fn role(role: Role, lang: Lang) -> String {
    match role {
        Role::Node => Words::RoleNode.text(lang),
        Role::Hub => Words::RoleHub.text(lang),
    }
}

/// How good or bad something is. Each has a colour and a shape of its own, and always stands beside a word.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Waiting,
    Bad,
    Quiet,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Waiting => "waiting",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
        }
    }

    fn shape(self) -> &'static str {
        match self {
            Self::Good => "✔",
            Self::Waiting => "▲",
            Self::Bad => "✖",
            Self::Quiet => "○",
        }
    }
}

fn sign(tone: Tone) -> Markup {
    html! { span class="shape" aria-hidden="true" { (tone.shape()) } }
}

/// The word for the whole: what stops work, then what waits for a person, then what waits for the network.
fn pill(view: &StatusView, lang: Lang) -> Markup {
    let attention = view.conflicts + view.quarantined;
    let (tone, word) = if view.notices.iter().any(Notice::stops_work) {
        (Tone::Bad, Words::PillStopped)
    } else if attention > 0 {
        (Tone::Waiting, Words::PillAttention { count: attention })
    } else if view.role == Role::Hub && view.transport.is_some() {
        (Tone::Good, Words::PillListening)
    } else if view.role == Role::Hub {
        (Tone::Bad, Words::PillSilent)
    } else if view.pending > 0 {
        (Tone::Waiting, Words::PillPending { count: view.pending })
    } else if view.transport.is_none() {
        (Tone::Quiet, Words::PillOffline)
    } else if view.verified_at.is_some() {
        (Tone::Good, Words::PillVerified)
    } else {
        (Tone::Quiet, Words::PillSent)
    };
    html! { p class={ "pill " (tone.class()) } role="status" { (sign(tone)) " " (word.text(lang)) } }
}

/// The big light: may this machine be shut down (node), or is everybody level (hub).
fn light(view: &StatusView, lang: Lang) -> Markup {
    let (tone, word, why) = match view.role {
        Role::Node => shutdown(view),
        Role::Hub => arrived(&view.peers),
    };
    html! {
        section class={ "light " (tone.class()) } {
            div class="lamp" aria-hidden="true" { (tone.shape()) }
            div class="light-text" {
                h2 { (word.text(lang)) }
                p { (why.text(lang)) }
                @if view.role == Role::Hub && in_use(&view.peers).count() > 0 {
                    p class="strong" { (count_level(&view.peers).text(lang)) }
                }
            }
        }
    }
}

/// Green only when the hub has acknowledged everything and all was found equal.
fn shutdown(view: &StatusView) -> (Tone, Words, Words) {
    if view.pending > 0 {
        (Tone::Waiting, Words::ShutdownNo, Words::ShutdownPending { count: view.pending })
    } else if view.verified_at.is_none() {
        (Tone::Waiting, Words::ShutdownNo, Words::ShutdownUnverified)
    } else {
        (Tone::Good, Words::ShutdownYes, Words::ShutdownYesWhy)
    }
}

fn arrived(peers: &[PeerView]) -> (Tone, Words, Words) {
    if in_use(peers).count() == 0 {
        (Tone::Quiet, Words::ArrivedNobody, Words::ArrivedNobodyWhy)
    } else if in_use(peers).all(is_level) {
        (Tone::Good, Words::ArrivedYes, Words::ArrivedYesWhy)
    } else {
        (Tone::Waiting, Words::ArrivedNo, Words::ArrivedNoWhy)
    }
}

fn in_use(peers: &[PeerView]) -> impl Iterator<Item = &PeerView> {
    peers.iter().filter(|peer| peer.state != PeerState::Revoked)
}

fn is_level(peer: &PeerView) -> bool {
    peer.pending == Some(0)
}

fn count_level(peers: &[PeerView]) -> Words {
    let level = in_use(peers).filter(|peer| is_level(peer)).count();
    Words::Arrived { level, all: in_use(peers).count() }
}

fn notices(view: &StatusView, lang: Lang) -> Markup {
    let program = match view.role {
        Role::Node => "huiliu-node",
        Role::Hub => "huiliu-hub",
    };
    let (grave, others): (Vec<&Notice>, Vec<&Notice>) = view.notices.iter().partition(|one| one.stops_work());
    let quiet = view.notices.is_empty() && view.conflicts == 0 && view.quarantined == 0;
    html! {
        @if !quiet {
            section class="notices" aria-label=(Words::Notices.text(lang)) {
                @for one in grave.into_iter().chain(others) { (notice(one, lang)) }
                @if view.conflicts > 0 {
                    (to_do(&Words::ConflictsWhat.text(lang), &format!("{program} conflict list")))
                }
                @if view.quarantined > 0 {
                    (to_do(&Words::QuarantineWhat.text(lang), &format!("{program} quarantine list")))
                }
            }
        }
    }
}

fn notice(notice: &Notice, lang: Lang) -> Markup {
    let tone = if notice.stops_work() { Tone::Bad } else { Tone::Waiting };
    let (what, then) = match notice {
        Notice::ReadOnly { why } => (Words::ReadOnly, why.clone()),
        Notice::Revoked { why } => (Words::Revoked, why.clone()),
        Notice::DiskLow { free_bytes } => {
            (Words::DiskLow { megabytes: free_bytes / 1_000_000 }, Words::DiskLowWhat.text(lang))
        }
        Notice::NewIncarnation { incarnation, why } => {
            (Words::NewIncarnation { incarnation: incarnation.clone() }, why.clone())
        }
    };
    html! {
        div class={ "notice " (tone.class()) } {
            p class="strong" { (sign(tone)) " " (what.text(lang)) }
            p { (then) }
        }
    }
}

fn to_do(what: &str, command: &str) -> Markup {
    html! {
        div class="notice waiting" { p { (sign(Tone::Waiting)) " " (what) " " code { (command) } } }
    }
}

fn numbers(view: &StatusView, lang: Lang) -> Markup {
    let unfinished = [
        (Words::Pending, view.pending, view.role == Role::Node),
        (Words::Conflicts, view.conflicts, true),
        (Words::Quarantined, view.quarantined, true),
    ];
    html! {
        section class="numbers" aria-label=(Words::Numbers.text(lang)) {
            div class="cards" {
                @for (name, count) in &view.records { (card(&kind_label(name, lang), *count, false)) }
                @for (word, count, _) in unfinished.iter().filter(|(_, _, shown)| *shown) {
                    (card(&word.text(lang), *count, *count > 0))
                }
            }
            dl class="facts" {
                div {
                    dt { (Words::VerifiedAt.text(lang)) }
                    dd {
                        @match view.verified_at {
                            Some(at) => { (moment(at)) }
                            None => { (Words::Never.text(lang)) }
                        }
                    }
                }
                div { dt { (Words::Link.text(lang)) } dd { (link(view, lang)) } }
            }
        }
    }
}

fn link(view: &StatusView, lang: Lang) -> String {
    match (view.role, &view.transport) {
        (Role::Node, Some(transport)) => transport.clone(),
        (Role::Node, None) => Words::LinkNone.text(lang),
        (Role::Hub, Some(transport)) => format!("{} {transport}", Words::LinkListening.text(lang)),
        (Role::Hub, None) => Words::LinkNotListening.text(lang),
    }
}

/// The label of a kind, from the dictionary.
fn kind_label(name: &str, lang: Lang) -> String {
    kind(name).map_or(name, |kind| lang.pick(kind.label, kind.label_en)).to_owned()
}

fn card(label: &str, count: u64, stands_out: bool) -> Markup {
    html! {
        div class={ "card" @if stands_out { " stands-out" } } {
            div class="count" { (grouped(count)) }
            div class="label" { (label) }
        }
    }
}

/// Thousands apart: 300,000.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn nodes(peers: &[PeerView], lang: Lang) -> Markup {
    html! {
        @if !peers.is_empty() {
            section class="nodes" {
                h2 { (Words::Nodes.text(lang)) }
                table {
                    thead {
                        tr {
                            @for head in [Words::Device, Words::Division, Words::State, Words::LastSeen] {
                                th scope="col" { (head.text(lang)) }
                            }
                            th scope="col" class="number" { (Words::Pending.text(lang)) }
                        }
                    }
                    tbody { @for peer in peers { (node(peer, lang)) } }
                }
            }
        }
    }
}

fn coverage(table: &CoverageView, lang: Lang) -> Markup {
    html! {
        section class="nodes coverage" {
            h2 { (Words::Coverage.text(lang)) }
            p class="note" { (table.note) }
            table {
                thead {
                    tr {
                        @for (at, head) in table.head.iter().enumerate() {
                            th scope="col" class=[(at > 0).then_some("number")] { (head) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (at, cell) in row.iter().enumerate() {
                                @if at == 0 { th scope="row" { (cell) } } @else { td class="number" { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn node(peer: &PeerView, lang: Lang) -> Markup {
    let (tone, state) = match peer.state {
        PeerState::Online => (Tone::Good, Words::StateOnline),
        PeerState::Offline => (Tone::Waiting, Words::StateOffline),
        PeerState::Invited => (Tone::Quiet, Words::StateInvited),
        PeerState::Revoked => (Tone::Bad, Words::StateRevoked),
    };
    html! {
        tr {
            th scope="row" { (peer.device) }
            td { (peer.division_name) " " span class="code" { (peer.division_code) } }
            td class={ "state " (tone.class()) } { (sign(tone)) " " (state.text(lang)) }
            td class="time" {
                @match peer.last_seen {
                    Some(at) => { (moment(at)) }
                    None => { (Words::Never.text(lang)) }
                }
            }
            td class="number" {
                @match peer.pending {
                    Some(count) => { (grouped(count)) }
                    None => span class="unknown" { (Words::Unknown.text(lang)) }
                }
            }
        }
    }
}
