//! `signed_request`: how the platform announces that an account removed the app or asks for its data to be deleted.
//!
//! `base64url(signature) "." base64url(payload)`; the signature is over the second part as received, still encoded.

use crate::{ids::AppScopedId, json::Raw, signature::SecretList, time::UnixMillis};
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::time::Duration;

/// The longest request read, in bytes (platform limit).
pub const SIGNED_REQUEST_BYTES_MAX: usize = 8 * 1024;
/// How far ahead of now a request may claim to be issued (product rule).
pub const ISSUED_AHEAD_MAX: Duration = Duration::from_secs(10 * 60);
/// How old a request may be (product rule).
pub const ISSUED_AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(false),
);

/// A verified request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    /// The account it is about. Documented as the app-scoped id; look the professional id up too.
    pub user_id: AppScopedId,
    /// When the platform issued it.
    pub issued_at: UnixMillis,
    /// The index of the secret that signed it.
    pub secret_index: usize,
}

/// Why a request is not trusted. Answer 400 without detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SignedRequestError {
    /// Not two non-empty base64url parts, or longer than [`SIGNED_REQUEST_BYTES_MAX`].
    #[error("signed request malformed")]
    Malformed,
    /// No configured secret made this signature.
    #[error("signature matches no secret")]
    Mismatch,
    /// The payload is not an object with an account id and an instant.
    #[error("signed request has an unreadable payload")]
    Payload,
    /// Another algorithm than HMAC-SHA256 is claimed.
    #[error("signed request claims another algorithm")]
    Algorithm,
    /// Issued too long ago or in the future.
    #[error("signed request is outside of its time")]
    Stale,
}

impl SecretList {
    /// Verifies a `signed_request` as of `now`. The payload is parsed only after the signature matched.
    ///
    /// # Errors
    /// [`SignedRequestError`]; nothing must be done then.
    pub fn open_signed_request(
        &self,
        text: &str,
        now: UnixMillis,
    ) -> Result<SignedRequest, SignedRequestError> {
        if text.len() > SIGNED_REQUEST_BYTES_MAX {
            return Err(SignedRequestError::Malformed);
        }
        let (signature, payload) = text.split_once('.').ok_or(SignedRequestError::Malformed)?;
        if signature.is_empty() || payload.is_empty() || payload.contains('.') {
            return Err(SignedRequestError::Malformed);
        }
        let claimed: [u8; 32] =
            decode(signature)?.try_into().map_err(|_: Vec<u8>| SignedRequestError::Malformed)?;
        let json = decode(payload)?;
        let secret_index = self.matching(payload.as_bytes(), &claimed).ok_or(SignedRequestError::Mismatch)?;
        let (user_id, issued_at) = read(&json)?;
        if issued_at > now.plus(ISSUED_AHEAD_MAX) || issued_at.plus(ISSUED_AGE_MAX) < now {
            return Err(SignedRequestError::Stale);
        }
        Ok(SignedRequest { user_id, issued_at, secret_index })
    }
}

/// Base64url with or without padding; the plain alphabet's `+` and `/` are tolerated.
fn decode(part: &str) -> Result<Vec<u8>, SignedRequestError> {
    let url_safe: String = part
        .chars()
        .map(|letter| match letter {
            '+' => '-',
            '/' => '_',
            other => other,
        })
        .collect();
    BASE64.decode(url_safe).map_err(|_| SignedRequestError::Malformed)
}

fn read(json: &[u8]) -> Result<(AppScopedId, UnixMillis), SignedRequestError> {
    let payload = Raw::whole(json).ok().filter(|raw| raw.is_object()).ok_or(SignedRequestError::Payload)?;
    let algorithm = payload.get("algorithm").and_then(Raw::str).ok_or(SignedRequestError::Algorithm)?;
    if !algorithm.eq_ignore_ascii_case("HMAC-SHA256") {
        return Err(SignedRequestError::Algorithm);
    }
    let user_id = payload.get("user_id").and_then(|raw| AppScopedId::from_json(raw).ok());
    let issued_at = payload.get("issued_at").and_then(Raw::int).map(UnixMillis::from_secs);
    user_id.zip(issued_at).ok_or(SignedRequestError::Payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::hmac_sha256;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    const SECRET: &str = "fictional_app_secret_0123456789ab";
    const VECTOR: &str = "k-pKyA5W6VgbreV75dHVLTqEp3HWfYLRcaU4j5TRVUE.eyJ1c2VyX2lkIjoiMjYwMDAwMDAwMDAwMDAwMDEiLCJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9hdCI6MTc2NzIyNTYwMH0";
    const NOW: UnixMillis = UnixMillis::from_secs(1_767_225_700);

    fn open_at(text: &str, now: UnixMillis) -> Result<SignedRequest, SignedRequestError> {
        SecretList::new(["other".into(), SECRET.into()]).unwrap().open_signed_request(text, now)
    }

    fn open(text: &str) -> Result<SignedRequest, SignedRequestError> {
        open_at(text, NOW)
    }

    fn signed(payload: &str) -> String {
        let encoded = URL_SAFE_NO_PAD.encode(payload);
        let signature = hmac_sha256(&SECRET.into(), encoded.as_bytes());
        format!("{}.{encoded}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn the_published_vector_verifies_with_and_without_padding() {
        let expected = SignedRequest {
            user_id: AppScopedId::parse("26000000000000001").unwrap(),
            issued_at: UnixMillis::from_secs(1_767_225_600),
            secret_index: 1,
        };
        assert_eq!(open(VECTOR), Ok(expected.clone()));
        let (signature, payload) = VECTOR.split_once('.').unwrap();
        assert_eq!(open(&format!("{signature}=.{payload}")), Ok(expected.clone()));
        assert_eq!(open(&VECTOR.replacen('-', "+", 1)), Ok(expected));
    }

    #[test]
    fn forgeries_are_refused() {
        let (signature, payload) = VECTOR.split_once('.').unwrap();
        let decoded = URL_SAFE_NO_PAD.decode(payload).unwrap();
        let over_decoded = URL_SAFE_NO_PAD.encode(hmac_sha256(&SECRET.into(), &decoded));
        assert_eq!(open(&format!("{over_decoded}.{payload}")), Err(SignedRequestError::Mismatch));
        assert_eq!(open(&format!("{payload}.{signature}")), Err(SignedRequestError::Malformed));
        let flipped = format!("l{}.{payload}", &signature[1..]);
        assert_eq!(open(&flipped), Err(SignedRequestError::Mismatch));
        for malformed in ["", ".", "a.", ".a", "abc", "a.b.c", &format!("{VECTOR}.x"), &"a".repeat(8193)] {
            assert_eq!(open(malformed), Err(SignedRequestError::Malformed), "{malformed}");
        }
    }

    #[test]
    fn a_signed_payload_must_still_make_sense() {
        let case = |payload: &str| open(&signed(payload)).map(|request| request.user_id.to_string());
        let id = Ok("26000000000000001".to_owned());
        assert_eq!(
            case(r#"{"user_id":26000000000000001,"algorithm":"hmac-sha256","issued_at":1767225600}"#),
            id
        );
        for (payload, error) in [
            (r#"{"user_id":"1","algorithm":"none","issued_at":1767225600}"#, SignedRequestError::Algorithm),
            (r#"{"user_id":"1","issued_at":1767225600}"#, SignedRequestError::Algorithm),
            (r#"{"algorithm":"HMAC-SHA256","issued_at":1767225600}"#, SignedRequestError::Payload),
            (
                r#"{"user_id":1.5,"algorithm":"HMAC-SHA256","issued_at":1767225600}"#,
                SignedRequestError::Payload,
            ),
            (r#"{"user_id":"1","algorithm":"HMAC-SHA256"}"#, SignedRequestError::Payload),
            ("[]", SignedRequestError::Payload),
            ("x", SignedRequestError::Payload),
        ] {
            assert_eq!(case(payload), Err(error), "{payload}");
        }
    }

    #[test]
    fn requests_have_their_time() {
        let at = |secs: i64| open_at(VECTOR, UnixMillis::from_secs(1_767_225_600 + secs)).map(drop);
        assert_eq!(at(-600), Ok(()));
        assert_eq!(at(-601), Err(SignedRequestError::Stale));
        assert_eq!(at(7 * 86_400), Ok(()));
        assert_eq!(at(7 * 86_400 + 1), Err(SignedRequestError::Stale));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics_and_never_verifies(text: String) {
            prop_assert!(open(&text).is_err());
        }
    }
}
