//! The one place that reads the clock, and how times are printed.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 UTC.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// A time as RFC 3339 UTC, to the second: 2026-11-22T07:30:00Z.
pub fn rfc3339(millis: u64) -> String {
    let at = jiff::Timestamp::from_second((millis / 1000) as i64);
    at.map_or_else(|_| millis.to_string(), |at| at.to_string())
}
