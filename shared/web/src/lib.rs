//! The pages that a replica shows on its own machine.
//!
//! This crate turns plain views into HTML and knows nothing else: no journal, no documents, no engine, no clock. The
//! programs fill a [`StatusView`] and serve the [`router`] on loopback, behind the host list of [`guard`].
//!
//! Every page works without scripts, in Chromium 78, on paper, and with one of two languages; every sentence stands in
//! the core's catalogue. Loopback is not trust: each answer carries the headers of `shield`, and only GET is answered.
//!
//! To add a page: a view in [`view`], its page beside `status`, one route in `routes`, its sentences in the core's catalogue.

mod assets;
mod layout;
mod moment;
mod routes;
mod shield;
mod status;
pub mod view;

pub use huiliu_core::model::Lang;
pub use moment::moment;
pub use routes::{Provider, router};
pub use shield::{Guard, guard, loopback_hosts};
pub use status::status_page;
pub use view::{CoverageView, Notice, PeerState, PeerView, Role, StatusView};
