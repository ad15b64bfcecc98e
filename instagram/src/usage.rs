//! How busy the platform says an account and the app are.

use crate::json::Raw;
use std::time::Duration;

/// The app's header: percentages.
pub(crate) const APP_USAGE: &str = "x-app-usage";
/// The account's header: one list per id, one object per type, percentages.
pub(crate) const ACCOUNT_USAGE: &str = "x-business-use-case-usage";
/// The most ids read of the account's header (platform limit).
const IDS_MAX: usize = 32;
/// The longest pause believed: nothing the platform announces lasts longer than its rolling day.
pub const PAUSE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Usage announced with one answer. A header that is missing or unreadable leaves its part empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The highest of the account's values, in percent. At 100 calls are refused.
    pub account_percent: Option<u16>,
    /// The highest of the app's values, in percent.
    pub app_percent: Option<u16>,
    /// Estimated time to regain access, at most [`PAUSE_MAX`]; `None` while there is access.
    pub regain: Option<Duration>,
}

impl Usage {
    /// Reads the two headers' values.
    #[must_use]
    pub fn parse(app: Option<&[u8]>, account: Option<&[u8]>) -> Self {
        let mut usage = Self::default();
        if let Some(app) = app.and_then(object) {
            usage.app_percent = highest(app);
        }
        let Some(account) = account.and_then(object) else { return usage };
        for (_, list) in account.members().flatten().take(IDS_MAX) {
            for kind in list.elements().flatten().take(IDS_MAX) {
                usage.account_percent = usage.account_percent.max(highest(kind));
                let minutes = kind.get("estimated_time_to_regain_access").and_then(Raw::int).unwrap_or(0);
                usage.regain = usage.regain.max(pause(minutes.saturating_mul(60)));
            }
        }
        usage
    }

    /// The highest of all values, in percent.
    #[must_use]
    pub fn percent(&self) -> Option<u16> {
        self.account_percent.max(self.app_percent)
    }
}

/// A pause of that many seconds, at most [`PAUSE_MAX`]; `None` when there is nothing to wait for.
pub(crate) fn pause(secs: i64) -> Option<Duration> {
    let secs = u64::try_from(secs).ok().filter(|&secs| secs > 0)?;
    Some(Duration::from_secs(secs).min(PAUSE_MAX))
}

/// `Retry-After` in seconds; the form with a date is not used by the platform and ignored.
pub(crate) fn retry_after(value: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    pause(if is_number { text.parse().unwrap_or(i64::MAX) } else { 0 })
}

fn object(value: &[u8]) -> Option<Raw<'_>> {
    Raw::whole(value).ok().filter(|raw| raw.is_object())
}

fn highest(values: Raw<'_>) -> Option<u16> {
    ["call_count", "total_time", "total_cputime"]
        .into_iter()
        .filter_map(|name| percent(values.get(name)?))
        .max()
}

/// A percentage, rounded down; the platform documents whole numbers.
fn percent(value: Raw<'_>) -> Option<u16> {
    let digits = value.bytes().split(|&byte| byte == b'.').next()?;
    let number = std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?;
    Some(u16::try_from(number).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usage(app: &str, account: &str) -> Usage {
        Usage::parse(Some(app.as_bytes()), Some(account.as_bytes()))
    }

    #[test]
    fn documented_headers_are_read() {
        let read = usage(
            r#"{"call_count":28,"total_time":25,"total_cputime":25}"#,
            r#"{"17841400000000001":[{"type":"instagram","call_count":85,"total_cputime":20,"total_time":22,"estimated_time_to_regain_access":0}]}"#,
        );
        assert_eq!(read, Usage { account_percent: Some(85), app_percent: Some(28), regain: None });
        assert_eq!(read.percent(), Some(85));
    }

    #[test]
    fn the_highest_of_all_ids_and_types_counts() {
        let read = usage(
            "{}",
            r#"{"1":[{"call_count":1},{"total_time":100,"estimated_time_to_regain_access":7}],"2":[{"total_cputime":99.9,"estimated_time_to_regain_access":3}]}"#,
        );
        let expected =
            Usage { account_percent: Some(100), app_percent: None, regain: Some(Duration::from_secs(420)) };
        assert_eq!(read, expected);
    }

    #[test]
    fn unreadable_headers_are_ignored() {
        for odd in [
            "",
            "x",
            "[]",
            "5",
            r#"{"a":5}"#,
            r#"{"a":[5]}"#,
            r#"{"call_count":"many"}"#,
            r#"{"call_count":-1}"#,
        ] {
            assert_eq!(usage(odd, odd), Usage::default(), "{odd}");
        }
        assert_eq!(Usage::parse(None, None), Usage::default());
        let forever = usage("{}", r#"{"1":[{"estimated_time_to_regain_access":9223372036854775807}]}"#);
        assert_eq!(forever.regain, Some(PAUSE_MAX));
    }

    #[test]
    fn retry_after_is_in_seconds_and_bounded() {
        assert_eq!(retry_after(b" 30 "), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(b"99999999999999999999"), Some(PAUSE_MAX));
        for none in ["", "0", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "1.5"] {
            assert_eq!(retry_after(none.as_bytes()), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_headers_never_panic(app: Vec<u8>, account: Vec<u8>) {
            let _ = Usage::parse(Some(&app), Some(&account));
            let _ = retry_after(&app);
        }
    }
}
