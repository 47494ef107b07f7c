//! The programs' log, on stderr: `HUILIU_LOG` says how much. Some of what stands in it was written by others, such as the
//! reason with which a peer closes; it stays on its line and steers no terminal.

use crate::commands::words::steers;
use std::fmt::{self, Write};
use std::io::IsTerminal;
use tracing::field::Field;
use tracing::subscriber::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::util::SubscriberInitExt;

/// From now on events are written to stderr.
pub(super) fn begin() {
    let filter = EnvFilter::try_from_env("HUILIU_LOG").unwrap_or_else(|_| "warn".into());
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = std::io::stderr().is_terminal() && !is_plain;
    subscriber(std::io::stderr, filter, colours).init();
}

fn subscriber<W>(writer: W, filter: EnvFilter, colours: bool) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .with_writer(writer)
        .with_env_filter(filter)
        .with_ansi(colours)
        .fmt_fields(debug_fn(write_field).delimited(" "))
        .finish()
}

fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let name = field.name();
    match name {
        "message" => write!(Calm(writer), "{value:?}"),
        // What the bridge from the `log` crate says of where it was said.
        _ if name.starts_with("log.") => Ok(()),
        _ => {
            write!(writer, "{name}=")?;
            write!(Calm(writer), "{value:?}")
        }
    }
}

/// Writes what steers a terminal or breaks a line in a form that does not.
struct Calm<'a, 'w>(&'a mut Writer<'w>);

impl Write for Calm<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match steers(c) {
            true => write!(self.0, "{}", c.escape_default()),
            false => self.0.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_peer_wrote_forges_no_line_and_steers_no_terminal() {
        let lines = Lines::default();
        let target = lines.clone();
        let reason = "汇流\n2026-11-28T08:00:00Z  WARN forged\r\u{1b}[2J\u{9b}31m\u{202e}\u{2028}end";
        tracing::subscriber::with_default(subscriber(move || target.clone(), "info".into(), false), || {
            tracing::info!(error = %reason, quoted = reason, "a handshake failed");
            tracing::info!("refused: {reason}");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text:?}");
        assert!(!text.replace('\n', "").chars().any(steers), "{text:?}");
        assert!(text.contains(r"error=汇流\n2026-11-28T08:00:00Z  WARN forged\r\u{1b}[2J"), "{text}");
        assert!(text.contains("a handshake failed error="), "{text}");
    }

    #[test]
    fn colours_are_for_terminals() {
        for (colours, escapes) in [(true, true), (false, false)] {
            let lines = Lines::default();
            let target = lines.clone();
            let subscriber = subscriber(move || target.clone(), "info".into(), colours);
            tracing::subscriber::with_default(subscriber, || tracing::warn!("seen"));
            assert_eq!(lines.0.lock().unwrap().contains(&0x1b), escapes);
        }
    }
}
