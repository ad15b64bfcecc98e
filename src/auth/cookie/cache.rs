//! The copy of a session in a cookie, in its compact form: unpadded base64url of
//! `{"session": S, "expiresAt": ms, "signature": sig}`.

use crate::auth::secrets::Secrets;
use base64::{
    Engine,
    engine::{GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_URL_SAFE_NO_PAD,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Seconds that a copy is used.
pub const CACHE_LIFETIME: u32 = 300;
/// The layout of the copied objects; a copy of another layout is not used.
const VERSION: &str = "1";
/// Base64url whose last character may carry unused bits and padding, as other writers leave them.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// What is copied: the objects as compact JSON, as they are answered.
#[derive(Clone, Copy, Debug)]
pub struct SessionCopy<'a> {
    /// The session object.
    pub session: &'a RawValue,
    /// The user object.
    pub user: &'a RawValue,
    /// When the copy was made, in Unix milliseconds.
    pub now_ms: i64,
}

impl SessionCopy<'_> {
    /// The cookie's value.
    pub(super) fn seal(&self, secrets: &Secrets) -> String {
        let expires = self.now_ms + i64::from(CACHE_LIFETIME) * 1000;
        let copied = format!(
            r#"{{"session":{},"user":{},"updatedAt":{},"version":"{VERSION}"}}"#,
            self.session, self.user, self.now_ms
        );
        let signature = BASE64_URL_SAFE_NO_PAD.encode(secrets.sign(signed_text(&copied, expires).as_bytes()));
        let text = format!(r#"{{"session":{copied},"expiresAt":{expires},"signature":"{signature}"}}"#);
        BASE64_URL_SAFE_NO_PAD.encode(text)
    }
}

/// A copy that may stand in for the database.
#[derive(Debug)]
pub struct CachedSession {
    /// The session object, as it was written.
    pub session: Box<RawValue>,
    /// The user object, as it was written.
    pub user: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    session: Box<RawValue>,
    expires_at: i64,
    signature: String,
}

#[derive(Deserialize)]
struct Copied {
    session: Box<RawValue>,
    user: Box<RawValue>,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionKeys {
    token: String,
    expires_at: jiff::Timestamp,
}

impl CachedSession {
    /// The text that was signed is what came, character by character: a writer's spelling of numbers and order of keys
    /// is kept because nothing is written anew.
    pub(super) fn open(secrets: &Secrets, value: &str, token: &str, now_ms: i64) -> Option<Self> {
        let bytes = LENIENT.decode(value).ok()?;
        let envelope: Envelope = serde_json::from_slice(&bytes).ok()?;
        let text = signed_text(envelope.session.get(), envelope.expires_at);
        let signature = LENIENT.decode(&envelope.signature).ok()?;
        if !secrets.verify(text.as_bytes(), &signature) || envelope.expires_at <= now_ms {
            return None;
        }
        let copied: Copied = serde_json::from_str(envelope.session.get()).ok()?;
        let keys: SessionKeys = serde_json::from_str(copied.session.get()).ok()?;
        let lives = keys.expires_at.as_millisecond() > now_ms;
        let is_same = bool::from(subtle::ConstantTimeEq::ct_eq(keys.token.as_bytes(), token.as_bytes()));
        let is_readable = copied.version.as_deref().is_none_or(|version| version == VERSION);
        (lives && is_same && is_readable).then_some(Self { session: copied.session, user: copied.user })
    }
}

/// The copy with `expiresAt` as its last key.
fn signed_text(copied: &str, expires: i64) -> String {
    match copied.strip_suffix('}') {
        Some(open) => format!(r#"{open},"expiresAt":{expires}}}"#),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::secrets::tests::{VECTOR_SECRET, secrets};

    /// Vector S1 of the contract.
    const SIGNED: &str = r#"{"session":{"expiresAt":"2100-01-01T00:00:00.000Z","token":"AbCdEfGhIjKlMnOpQrStUvWxYz012345","createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z","ipAddress":"","userAgent":"","userId":"UserIdUserIdUserIdUserIdUserId01","id":"SessSessSessSessSessSessSessSess"},"user":{"name":"FromCache","email":"vector@example.com","emailVerified":false,"image":null,"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z","id":"UserIdUserIdUserIdUserIdUserId01"},"updatedAt":1767225600000,"version":"1","expiresAt":4102444800000}"#;
    const SIGNATURE: &str = "J3QUhtFL7ELK8VwSM9LiVdt4iSue0LRAz3I1OSUNeLg";
    const TOKEN: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz012345";
    const EXPIRES: i64 = 4_102_444_800_000;

    fn copied() -> String {
        SIGNED.replace(r#","expiresAt":4102444800000}"#, "}")
    }

    fn vector() -> String {
        let text = format!(r#"{{"session":{},"expiresAt":{EXPIRES},"signature":"{SIGNATURE}"}}"#, copied());
        BASE64_URL_SAFE_NO_PAD.encode(text)
    }

    fn open(value: &str, token: &str, now_ms: i64) -> Option<CachedSession> {
        CachedSession::open(&secrets(&[VECTOR_SECRET]), value, token, now_ms)
    }

    #[test]
    fn the_vector_is_signed_and_read_alike() {
        let secrets = secrets(&[VECTOR_SECRET]);
        assert_eq!(signed_text(&copied(), EXPIRES), SIGNED);
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(secrets.sign(SIGNED.as_bytes())), SIGNATURE);
        let cached = open(&vector(), TOKEN, 1_767_225_600_000).unwrap();
        assert!(cached.user.get().starts_with(r#"{"name":"FromCache""#), "{}", cached.user);
        assert!(cached.session.get().contains(TOKEN));
    }

    #[test]
    fn what_is_written_is_read_back_until_it_ends() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let session = raw(r#"{"token":"t","expiresAt":"2026-01-08T00:00:00.000Z","n":1.50}"#);
        let user = raw(r#"{"id":"u"}"#);
        let now_ms = 1_767_225_600_000;
        let copy = SessionCopy { session: &session, user: &user, now_ms };
        let value = copy.seal(&secrets(&[VECTOR_SECRET]));
        assert_eq!(open(&value, "t", now_ms + 299_999).unwrap().session.get(), session.get());
        assert!(open(&value, "t", now_ms + 300_000).is_none());
        assert!(open(&value, "other", now_ms).is_none());
    }

    #[test]
    fn another_hand_is_noticed() {
        let now = 1_767_225_600_000;
        let forged = |from: &str, to: &str| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(vector()).unwrap();
            BASE64_URL_SAFE_NO_PAD.encode(String::from_utf8(bytes).unwrap().replace(from, to))
        };
        assert!(open(&forged("FromCache", "Forged"), TOKEN, now).is_none());
        assert!(
            open(&forged(r#""expiresAt":4102444800000,"#, r#""expiresAt":4102444800001,"#), TOKEN, now)
                .is_none()
        );
        for garbage in ["", "!", "e30", "bnVsbA", "eyJzZXNzaW9uIjoxfQ"] {
            assert!(open(garbage, TOKEN, now).is_none(), "{garbage}");
        }
    }
}
