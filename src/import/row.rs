//! Rows as the previous deployment stored them: columns in snake case, instants without a zone that mean UTC.
//!
//! A column that is missing counts as null; unknown ones are ignored.

use greenroom_actors::Timestamp;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};

/// Rows of the auth tables.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rows {
    /// Table `user`.
    pub users: Vec<UserRow>,
    /// Table `session`.
    pub sessions: Vec<SessionRow>,
    /// Table `account`.
    pub accounts: Vec<AccountRow>,
    /// Table `verification`; of these only pending password resets are taken over.
    pub verifications: Vec<VerificationRow>,
}

/// A row of `user`.
#[derive(Debug, Deserialize)]
pub struct UserRow {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) email: String,
    #[serde(default)]
    pub(super) email_verified: Option<bool>,
    #[serde(default)]
    pub(super) image: Option<String>,
    #[serde(default)]
    pub(super) created_at: Column,
    #[serde(default)]
    pub(super) updated_at: Column,
    /// The product's columns.
    #[serde(flatten)]
    pub(super) extra: Map<String, Value>,
}

/// A row of `session`.
#[derive(Deserialize)]
pub struct SessionRow {
    pub(super) id: String,
    pub(super) token: String,
    pub(super) user_id: String,
    pub(super) expires_at: Column,
    #[serde(default)]
    pub(super) created_at: Column,
    #[serde(default)]
    pub(super) updated_at: Column,
    #[serde(default)]
    pub(super) ip_address: Option<String>,
    #[serde(default)]
    pub(super) user_agent: Option<String>,
}

/// A row of `account`.
#[derive(Deserialize)]
pub struct AccountRow {
    pub(super) id: String,
    pub(super) account_id: String,
    pub(super) provider_id: String,
    pub(super) user_id: String,
    #[serde(default)]
    pub(super) access_token: Option<String>,
    #[serde(default)]
    pub(super) refresh_token: Option<String>,
    #[serde(default)]
    pub(super) id_token: Option<String>,
    #[serde(default)]
    pub(super) access_token_expires_at: Column,
    #[serde(default)]
    pub(super) refresh_token_expires_at: Column,
    #[serde(default)]
    pub(super) scope: Option<String>,
    #[serde(default)]
    pub(super) password: Option<String>,
    #[serde(default)]
    pub(super) created_at: Column,
    #[serde(default)]
    pub(super) updated_at: Column,
}

/// A row of `verification`.
#[derive(Deserialize)]
pub struct VerificationRow {
    pub(super) identifier: String,
    pub(super) value: String,
    pub(super) expires_at: Column,
    #[serde(default)]
    pub(super) created_at: Column,
}

macro_rules! hides_secrets {
    ($($name:ident)*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

hides_secrets! { SessionRow AccountRow VerificationRow }

/// An instant in a column; nothing when it is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Column(pub(super) Option<Timestamp>);

impl Column {
    pub(super) fn or(self, other: Timestamp) -> Timestamp {
        self.0.unwrap_or(other)
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(Self(None)) };
        instant(&text).map(|at| Self(Some(at))).ok_or_else(|| D::Error::custom("no instant"))
    }
}

/// `2026-01-02 03:04:05.678`, with `T` or a space; with a zone that is the zone, without one it is UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let civil = || {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    Some(Timestamp::from_millis(zoned.or_else(civil)?.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_without_a_zone_are_utc() {
        let millis = |text| instant(text).map(Timestamp::as_millis);
        assert_eq!(millis("2026-01-01T00:00:00.123"), Some(1_767_225_600_123));
        assert_eq!(millis("2026-01-01 00:00:00.123"), Some(1_767_225_600_123));
        assert_eq!(millis("2026-01-01T01:00:00.123+01:00"), Some(1_767_225_600_123));
        assert_eq!(millis("2026-01-01T00:00:00.123Z"), Some(1_767_225_600_123));
        assert_eq!(millis("yesterday"), None);
    }

    #[test]
    fn columns_may_be_missing_and_unknown() {
        let rows: Rows = serde_json::from_value(serde_json::json!({
            "users": [{"id": "u", "email": "a@b.cd", "leftover": 1}],
            "accounts": [{"id": "a", "account_id": "u", "provider_id": "credential", "user_id": "u", "issuer": "x"}],
        }))
        .unwrap();
        assert_eq!(rows.users[0].created_at, Column(None));
        assert!(rows.accounts[0].password.is_none() && rows.sessions.is_empty());
    }
}
