//! The tokens in links of mails that verify or change an address: stateless, HS256, an hour long.

use super::{
    error::{AuthError, Refusal, TokenUse},
    secrets::Secrets,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// Seconds that a token is good for.
pub const LIFETIME_S: i64 = 3600;
/// `{"alg":"HS256"}`, exactly.
const HEADER: &str = "eyJhbGciOiJIUzI1NiJ9";
/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Which step of a change of address a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestType {
    /// The owner of the old address agrees.
    #[serde(rename = "change-email-confirmation")]
    ChangeConfirmation,
    /// The owner of the new address proves it.
    #[serde(rename = "change-email-verification")]
    ChangeVerification,
}

/// What a token says. Tokens of the predecessor have no user id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailClaims {
    /// The present address, lower case.
    pub email: String,
    /// The new address, in a change.
    pub update_to: Option<String>,
    /// The step of a change.
    pub request_type: Option<RequestType>,
    /// The user.
    pub user_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_type: Option<RequestType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    crit: Option<serde_json::Value>,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailTokenError {
    /// Signature, structure or algorithm are wrong.
    #[error("invalid token")]
    Invalid,
    /// It was right once.
    #[error("token expired")]
    Expired,
}

impl From<EmailTokenError> for AuthError {
    fn from(error: EmailTokenError) -> Self {
        match error {
            EmailTokenError::Invalid => Self::InvalidToken(TokenUse::EmailVerification),
            EmailTokenError::Expired => Refusal::TokenExpired.into(),
        }
    }
}

/// A token that is good for [`LIFETIME_S`] from `now_s` (Unix seconds).
#[must_use]
pub fn issue(secrets: &Secrets, claims: EmailClaims, now_s: i64) -> String {
    let EmailClaims { email, update_to, request_type, user_id } = claims;
    write(secrets, &Payload { email, update_to, request_type, user_id, iat: now_s, exp: now_s + LIFETIME_S })
}

fn write(secrets: &Secrets, payload: &Payload) -> String {
    // A struct of texts and numbers always becomes JSON.
    let payload = serde_json::to_vec(payload).unwrap_or_default();
    let signed = format!("{HEADER}.{}", BASE64_URL_SAFE_NO_PAD.encode(payload));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(secrets.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// What a token says, at `now_s` (Unix seconds).
///
/// # Errors
/// [`EmailTokenError`]; expired is said only of a token that is genuine.
pub fn read(secrets: &Secrets, token: &str, now_s: i64) -> Result<EmailClaims, EmailTokenError> {
    let payload = genuine(secrets, token).ok_or(EmailTokenError::Invalid)?;
    if payload.exp <= now_s {
        return Err(EmailTokenError::Expired);
    }
    let Payload { email, update_to, request_type, user_id, .. } = payload;
    Ok(EmailClaims { email, update_to, request_type, user_id })
}

fn genuine(secrets: &Secrets, token: &str) -> Option<Payload> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
    let header: Header = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    if header.alg != "HS256" || header.crit.is_some() || !secrets.verify(signed.as_bytes(), &signature) {
        return None;
    }
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::secrets::tests::{VECTOR_SECRET, secrets};

    const J1: &str = "eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6InZlY3RvckBleGFtcGxlLmNvbSIsInVzZXJJZCI6IlVzZXJJZFVzZXJJZFVzZXJJZFVzZXJJZFVzZXJJZDAxIiwiaWF0IjoxNzUwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDB9.Gm42TXZDq0y1Non1-3_IargprG6vU5n4xBJ20IK6bds";
    const J2: &str = "eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6InZlY3RvckBleGFtcGxlLmNvbSIsImlhdCI6MTc1MDAwMDAwMCwiZXhwIjo0MTAyNDQ0ODAwfQ.y2wcrzloFosIYGRpHC4kWQnb4JjNDIT4RFGXCH3hzzU";
    const J3: &str = "eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6InZlY3RvckBleGFtcGxlLmNvbSIsImlhdCI6MTc1MDAwMDAwMCwiZXhwIjoxNzUwMDAzNjAwfQ.ep7VkEZEju-W_J3eKt9GgoeKPmflFONqEK7PNN_oaXg";
    const J4: &str = "eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6InZlY3RvckBleGFtcGxlLmNvbSIsInVwZGF0ZVRvIjoidmVjdG9yMkBleGFtcGxlLmNvbSIsInJlcXVlc3RUeXBlIjoiY2hhbmdlLWVtYWlsLXZlcmlmaWNhdGlvbiIsInVzZXJJZCI6IlVzZXJJZFVzZXJJZFVzZXJJZFVzZXJJZFVzZXJJZDAxIiwiaWF0IjoxNzUwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDB9.6inFKNjP9Xjxppvb21ThJJKsMk2QFqZ3LR6YlUTukh8";
    const ISSUED: i64 = 1_750_000_000;
    const NOW: i64 = 1_767_225_600;

    fn claims(user: bool, update: bool) -> EmailClaims {
        EmailClaims {
            email: "vector@example.com".to_owned(),
            update_to: update.then(|| "vector2@example.com".to_owned()),
            request_type: update.then_some(RequestType::ChangeVerification),
            user_id: user.then(|| "UserIdUserIdUserIdUserIdUserId01".to_owned()),
        }
    }

    fn at(token: &str, now_s: i64) -> Result<EmailClaims, EmailTokenError> {
        read(&secrets(&[VECTOR_SECRET]), token, now_s)
    }

    #[test]
    fn the_vectors_are_read() {
        assert_eq!(at(J1, NOW), Ok(claims(true, false)));
        assert_eq!(at(J2, NOW), Ok(claims(false, false)));
        assert_eq!(at(J3, NOW), Err(EmailTokenError::Expired));
        assert_eq!(at(J4, NOW), Ok(claims(true, true)));
    }

    #[test]
    fn the_vectors_are_written_byte_for_byte() {
        let secrets = secrets(&[VECTOR_SECRET]);
        let written = |claims: EmailClaims, exp| {
            let EmailClaims { email, update_to, request_type, user_id } = claims;
            write(&secrets, &Payload { email, update_to, request_type, user_id, iat: ISSUED, exp })
        };
        assert_eq!(written(claims(true, false), 4_102_444_800), J1);
        assert_eq!(written(claims(true, true), 4_102_444_800), J4);
        assert_eq!(issue(&secrets, claims(false, false), ISSUED), J3);
    }

    #[test]
    fn a_token_ends_after_an_hour() {
        assert!(at(J3, ISSUED + LIFETIME_S - 1).is_ok());
        assert_eq!(at(J3, ISSUED + LIFETIME_S), Err(EmailTokenError::Expired));
    }

    #[test]
    fn anything_else_is_invalid() {
        let (signed, signature) = J1.rsplit_once('.').unwrap();
        let (_, payload) = signed.split_once('.').unwrap();
        let with_header = |header: &str| {
            let signed = format!("{}.{payload}", BASE64_URL_SAFE_NO_PAD.encode(header));
            let mac = secrets(&[VECTOR_SECRET]).sign(signed.as_bytes());
            format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac))
        };
        let unsigned = format!("{}.{payload}.", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        for wrong in [
            "abc",
            "",
            "..",
            &unsigned,
            &with_header(r#"{"alg":"HS512"}"#),
            &with_header(r#"{"alg":"HS256","crit":["x"]}"#),
            &with_header("no json"),
            &format!("{signed}.{}", &signature[1..]),
            &format!("{J1}="),
            &J1.replace("InVzZXJJZCI6", "InVzZXJJZCJ6"),
            &"x".repeat(TOKEN_BYTES_MAX + 1),
        ] {
            assert_eq!(at(wrong, NOW), Err(EmailTokenError::Invalid), "{wrong}");
        }
        let other = secrets(&["another-secret-0123456789"]);
        assert_eq!(read(&other, J1, NOW), Err(EmailTokenError::Invalid));
        assert_eq!(
            read(&other, J3, NOW),
            Err(EmailTokenError::Invalid),
            "expired is said of genuine ones only"
        );
        let rotated = secrets(&["another-secret-0123456789", VECTOR_SECRET]);
        assert!(read(&rotated, J1, NOW).is_ok());
        assert!(at(&with_header(r#"{"typ":"JWT","alg":"HS256"}"#), NOW).is_ok());
    }
}
