//! What a node says on one connection to its hub: papers first, then a session that stays until it breaks, is of no use
//! any more, or nobody wants it.

use crate::commands::words;
use crate::service::dial::{End, LOOK, Worker, silent};
use crate::service::engine::{OpenSession, SessionEvent};
use crate::service::home::{CERTIFICATE, Failure, REGISTRY, link_failure, take_edition};
use crate::service::output::write_file;
use crate::service::time::now;
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::sync::session::Closing;
use huiliu_link::{Connection, LinkError, Movement, PeerIdentity, Pumped, Purpose, enrol};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// A connection that was there before somebody asked and answers nothing for so long has gone stale: a new one is tried.
const STALE: Duration = Duration::from_secs(3);
/// So long somebody who asked waits for two sides that both say they are not level yet.
const LEVEL_WITHIN: Duration = Duration::from_secs(20);
/// After a verdict of "not level" it is asked anew, first after this time, then after twice as long each, and at last no
/// more often than that.
const ASK_AFTER: Duration = Duration::from_millis(300);
const ASK_AT_LEAST: Duration = Duration::from_secs(60);
/// After so many of them on one connection another is tried.
const ASKS: u32 = 5;
/// What waits between the connection and the engine: the next frame, while the one before it waits for room.
const INCOMING_FRAMES: usize = 1;
const GOODBYE_LIMIT: Duration = Duration::from_secs(3);

/// A session under way.
struct Talk {
    /// When its connection was made.
    begun: Instant,
    /// What the hub does not take: how many stretches, and the first reason. It stays so as long as the session.
    refused: Option<(usize, u16)>,
    /// Feeds that end here because what follows cannot be sent: how many, and the first reason. It stays so too.
    withheld: Option<(usize, u16)>,
    /// How often it was asked anew since both were level, and when it is to be next.
    asks: u32,
    ask_at: Option<Instant>,
}

impl Worker {
    /// Everything that is said on one connection.
    pub(super) async fn talk(&mut self, connection: &Connection) -> End {
        match self.try_talk(connection).await {
            Ok(end) | Err(end) => end,
        }
    }

    async fn try_talk(&mut self, connection: &Connection) -> Result<End, End> {
        self.renew_if_due(connection).await?;
        let opened = self.patiently(Some(connection), connection.open(Purpose::Session)).await?;
        let stream = opened.map_err(|e| link_failure(&e))?;
        let session = self.parts.engine.open(None).await.map_err(stopped)?;
        // An engine at work is not a hub that is silent.
        self.moved_at = Instant::now();
        let OpenSession { id, frames, mut events, inlet } = session;
        let (incoming, mut arrived) = mpsc::channel(INCOMING_FRAMES);
        let pump = huiliu_link::pump(stream, frames, incoming);
        self.set_state(Some(pump.transport()), None);
        let mut talk = Talk { begun: Instant::now(), refused: None, withheld: None, asks: 0, ask_at: None };
        let (mut movement, mut look) = (Movement::default(), interval(LOOK));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            let looks = !self.waiting.is_empty() || talk.ask_at.is_some();
            // In this order: what the session told before somebody asked is no answer to them.
            let step = tokio::select! { biased;
                event = events.recv() => self.told(event, &mut talk, connection, id).await,
                goes_on = self.wish() => match goes_on {
                    true => {
                        // What moved before is no answer to what is asked now.
                        movement.moved(connection);
                        let asked = self.ask(id).await;
                        if self.waiting.len() == 1 {
                            self.asked_at = self.moved_at;
                        }
                        asked
                    }
                    false => Err(End::Over),
                },
                _ = look.tick(), if looks => {
                    // What is at work here, or came, is no silence of the hub's.
                    if movement.moved(connection) || inlet.is_busy() || self.parts.engine.is_behind() {
                        self.moved_at = Instant::now();
                    }
                    self.look(&mut talk, id).await
                }
                arrival = arrived.recv() => match arrival {
                    Some(Pumped::Frame(frame)) => {
                        let taken = inlet.frame(frame).await;
                        self.moved_at = Instant::now();
                        taken.map_err(|error| stopped(error).into())
                    }
                    Some(Pumped::Ended(how)) => Err(ended(how).into()),
                    None => Err(ended(Ok(())).into()),
                },
            };
            if let Err(end) = step {
                break end;
            }
        };
        self.parts.engine.hang_up(id);
        // What was acknowledged must have left before the connection goes; to a hub that hears nothing it cannot.
        if !self.is_silent() && !matches!(end, End::Again) {
            let _ = timeout(GOODBYE_LIMIT, pump.close(huiliu_link::quic::GOODBYE, "")).await;
        }
        Ok(end)
    }

    /// The session tells something.
    async fn told(
        &mut self,
        event: Option<SessionEvent>,
        talk: &mut Talk,
        connection: &Connection,
        id: crate::SessionId,
    ) -> Result<(), End> {
        self.moved_at = Instant::now();
        match event {
            Some(SessionEvent::Level(true)) => {
                self.backoff.reset();
                // Whoever is let in has its grant.
                let let_in = self.parts.engine.call(|replica, _| replica.remember_revoked(None)).await;
                if let Ok(Err(error)) = let_in {
                    tracing::warn!(%error, "that the grant holds was not remembered");
                }
                let matched = self.parts.engine.call(|replica, now| replica.match_people(now)).await;
                match matched.map_err(stopped)? {
                    // What was written just now goes out before anybody is told that both are level.
                    Ok(true) => return self.ask(id).await,
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "people were not matched"),
                }
                (talk.asks, talk.ask_at) = (0, None);
                self.hub_works_on.store(0, Ordering::Relaxed);
                let asked = self.waiting.len();
                self.fetch_edition(connection).await?;
                let later = self.waiting.split_off(asked);
                self.answer(&Ok(()));
                self.waiting = later;
                match (self.waiting.is_empty(), self.always) {
                    // Who asked meanwhile may have saved something before.
                    (false, _) => self.ask(id).await,
                    (true, true) => Ok(()),
                    (true, false) => Err(End::Level),
                }
            }
            Some(SessionEvent::Level(false)) => self.not_level(talk),
            Some(SessionEvent::Refused(count, reason)) => {
                let (before, first) = talk.refused.unwrap_or((0, reason));
                talk.refused = Some((before + count, first));
                Ok(())
            }
            Some(SessionEvent::Withheld(count, reason)) => {
                let (before, first) = talk.withheld.unwrap_or((0, reason));
                talk.withheld = Some((before + count, first));
                Ok(())
            }
            Some(SessionEvent::PeerWorks(waiting)) => {
                let waiting = usize::try_from(waiting).unwrap_or(usize::MAX);
                // While it gets on with it, it is not yet the time to ask why both are not level.
                if self.hub_works_on.swap(waiting, Ordering::Relaxed) > waiting {
                    self.level_by = None;
                }
                Ok(())
            }
            Some(SessionEvent::Closing(closing)) => Err(closed(&closing).into()),
            Some(SessionEvent::Failed) => Err(Failure::new(1, Say::ReadOnly).into()),
            None => Err(ended(Ok(())).into()),
        }
    }

    /// Both have said what they hold, and it is not the same. What the hub refuses stays so; all else may be on its
    /// way: it is asked anew, and in the end on another connection.
    fn not_level(&mut self, talk: &mut Talk) -> Result<(), End> {
        if let Some((count, reason)) = talk.refused {
            let [zh, en] = [Lang::Zh, Lang::En].map(|lang| words::reason(reason, lang));
            self.answer(&Err(Failure::new(4, Say::EntriesRefused { count, zh, en })));
            if !self.always {
                return Err(End::Level);
            }
        } else if let Some((count, reason)) = talk.withheld {
            let [zh, en] = [Lang::Zh, Lang::En].map(|lang| words::reason(reason, lang));
            self.answer(&Err(Failure::new(3, Say::FeedsWithheld { count, zh, en })));
            if !self.always {
                return Err(End::Level);
            }
        } else if talk.asks >= ASKS {
            return Err(End::Again);
        }
        let by = *self.level_by.get_or_insert_with(|| Instant::now() + LEVEL_WITHIN);
        if !self.waiting.is_empty() && Instant::now() >= by {
            self.answer(&Err(Failure::new(1, Say::NotLevelYet)));
            if !self.always {
                return Err(End::Level);
            }
        }
        let pause = ASK_AFTER.saturating_mul(1 << talk.asks.min(16)).min(ASK_AT_LEAST);
        talk.asks += 1;
        talk.ask_at = Some(Instant::now() + pause);
        Ok(())
    }

    /// Asks the hub whether both are level.
    async fn ask(&mut self, id: crate::SessionId) -> Result<(), End> {
        let asked = self.parts.engine.ask(id).await;
        // The engine may have been at work for long: only from now on is it the hub that is waited for.
        self.moved_at = Instant::now();
        Ok(asked.map_err(stopped)?)
    }

    /// Looks at the clock: whether it is time to ask anew, whether somebody waits in vain.
    async fn look(&mut self, talk: &mut Talk, id: crate::SessionId) -> Result<(), End> {
        if talk.ask_at.is_some_and(|at| at <= Instant::now()) {
            talk.ask_at = None;
            self.ask(id).await?;
        }
        if self.is_silent() {
            return Err(silent().into());
        }
        let stale = !self.waiting.is_empty()
            && talk.begun < self.asked_at
            && talk.ask_at.is_none()
            && self.moved_at <= self.asked_at
            && self.asked_at.elapsed() >= STALE;
        if stale { Err(End::Again) } else { Ok(()) }
    }

    /// Renews the certificate at two thirds of its life, on the connection it opened.
    async fn renew_if_due(&mut self, connection: &Connection) -> Result<(), End> {
        let path = self.parts.directory.join(CERTIFICATE);
        let held = std::fs::read(&path).ok().and_then(|der| PeerIdentity::read(&der).ok());
        let seconds = (now() / 1000) as i64;
        let due =
            held.is_none_or(|held| seconds >= held.not_before + (held.not_after - held.not_before) * 2 / 3);
        if !due {
            return Ok(());
        }
        let parts = self.parts.clone();
        let renewed = enrol::renew(connection, &parts.hub_key, &parts.key, seconds);
        let renewed = self.patiently(Some(connection), renewed).await?;
        let (fresh, _) = renewed.map_err(|e| link_failure(&e))?;
        Ok(write_file(&path, &fresh)?)
    }

    /// Fetches the edition of the registry that the tree uses, once, if the program does not carry it.
    async fn fetch_edition(&mut self, connection: &Connection) -> Result<(), End> {
        let missing = self.parts.engine.call(|replica, _| replica.missing_edition()).await;
        let Some(wanted) = missing.map_err(stopped)? else { return Ok(()) };
        let fetched = connection.request(Purpose::Blob, wanted.0.to_vec());
        let packed = self.patiently(Some(connection), fetched).await?.map_err(|e| link_failure(&e))?;
        let kept = packed.clone();
        let taken = self.parts.engine.call(move |replica, _| take_edition(replica, &packed, &wanted)).await;
        if taken.map_err(stopped)?.map_err(Failure::from)? {
            write_file(&self.parts.directory.join(REGISTRY), &kept)?;
        }
        Ok(())
    }
}

fn stopped(_: crate::service::engine::NoAnswer) -> Failure {
    Failure::new(1, Say::ServiceDied)
}

/// The connection ended before both were level.
fn ended(how: Result<(), LinkError>) -> Failure {
    match how {
        Ok(()) => silent(),
        Err(error) => link_failure(&error),
    }
}

fn closed(closing: &Closing) -> Failure {
    match closing {
        Closing::Busy(_) => Failure::new(5, Say::Busy),
        closing => Failure::new(4, words::closing(closing)),
    }
}
