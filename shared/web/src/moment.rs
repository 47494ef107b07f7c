//! Times as people of the office read them.

use huiliu_core::model::Date;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// China has one time zone, and no summer time since 1991.
const BEIJING_MS: u64 = 8 * HOUR_MS;

/// Milliseconds since 1970 UTC as Beijing time: `2026-11-20 10:42:07`.
pub fn moment(ms: u64) -> String {
    let ms = ms.saturating_add(BEIJING_MS);
    let date = i64::try_from(ms / DAY_MS).ok().and_then(Date::from_days);
    let Some(date) = date else { return "?".to_owned() };
    let seconds = ms % DAY_MS / 1000;
    format!("{date} {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beijing_time() {
        assert_eq!(moment(0), "1970-01-01 08:00:00");
        assert_eq!(moment(1_790_000_000_000), "2026-09-21 22:13:20");
        assert_eq!(moment(1_790_006_400_000 - 1), "2026-09-21 23:59:59");
        assert_eq!(moment(u64::MAX), "?");
    }
}
