//! `match-key replace`: a county replaces the key by which counties compare identity numbers.

use crate::Replica;
use crate::commands::records::may_write;
use crate::commands::request::{Answer, Context};
use crate::matching::MatchKey;
use crate::service::home::Failure;
use huiliu_core::model::messages::Say;
use serde_json::json;

/// Draws a new key and offers it to the hub, in place of one that is lost or that somebody has who should not.
pub fn replace(replica: &mut Replica, context: &Context) -> Result<Answer, Failure> {
    may_write(replica)?;
    let say = match replica.match_key_state() {
        None => return Err(Failure::new(4, Say::MatchKeyOfCounties)),
        Some(MatchKey::Unnamed) => return Err(Failure::new(1, Say::NoMatchKey)),
        // One that was offered may never have come; the hub takes up one of them.
        Some(MatchKey::Offered | MatchKey::Here | MatchKey::Missing) => {
            replica.offer_match_key(context.now)?;
            Say::MatchKeyReplaced
        }
    };
    Ok(Answer::good(json!({ "v": 1, "match_key": word(replica) }), say.text(context.lang())))
}

/// How it stands with the match key, as `--json` says it; null where none is kept.
pub fn word(replica: &Replica) -> Option<&'static str> {
    replica.match_key_state().map(|state| match state {
        MatchKey::Unnamed => "none",
        MatchKey::Offered => "offered",
        MatchKey::Missing => "missing",
        MatchKey::Here => "here",
    })
}
