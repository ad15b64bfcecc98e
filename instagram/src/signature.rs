//! Signatures of deliveries: HMAC-SHA256 over the raw body bytes, as received, before any parsing.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;

/// The header that carries the signature. The legacy `X-Hub-Signature` is ignored.
pub const SIGNATURE_HEADER: &str = "x-hub-signature-256";
/// The most secrets tried for one delivery: two products' secrets, each with a predecessor during a rotation.
pub const SECRETS_MAX: usize = 8;

const PREFIX: &[u8] = b"sha256=";
const HEX: &[u8; 16] = b"0123456789abcdef";

type Sha256Hmac = Hmac<Sha256>;

/// Why a delivery is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SignatureError {
    /// No signature header.
    #[error("signature missing")]
    Missing,
    /// More than one signature header.
    #[error("signature given more than once")]
    Repeated,
    /// Not `sha256=` and 64 hexadecimal digits.
    #[error("signature malformed")]
    Malformed,
    /// No configured secret made this signature for this body.
    #[error("signature matches no secret")]
    Mismatch,
}

/// Why a list of secrets is unusable. Refuse to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretListError {
    /// No secret at all.
    #[error("no app secret configured")]
    None,
    /// One of them is empty (or only white space): it would accept forgeries.
    #[error("an app secret is empty")]
    Empty,
    /// More than [`SECRETS_MAX`].
    #[error("more than {SECRETS_MAX} app secrets configured")]
    TooMany,
}

/// The app secrets a signature may be made with, in configuration order. At least one, none empty.
#[derive(Clone)]
pub struct SecretList {
    /// Keyed once; cloning a keyed state is cheaper than deriving it for each delivery.
    keyed: Vec<Sha256Hmac>,
}

impl fmt::Debug for SecretList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretList({} redacted)", self.keyed.len())
    }
}

impl SecretList {
    /// Takes the configured secrets.
    ///
    /// # Errors
    /// [`SecretListError`] when the list or one of its members is empty, or it is longer than [`SECRETS_MAX`].
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Result<Self, SecretListError> {
        let mut keyed = Vec::new();
        for secret in secrets {
            if secret.expose_secret().trim().is_empty() {
                return Err(SecretListError::Empty);
            }
            if keyed.len() == SECRETS_MAX {
                return Err(SecretListError::TooMany);
            }
            keyed.push(keyed_with(secret.expose_secret().as_bytes()));
        }
        if keyed.is_empty() { Err(SecretListError::None) } else { Ok(Self { keyed }) }
    }

    /// Checks the values of all [`SIGNATURE_HEADER`] headers of a delivery against its raw body, in constant time per
    /// secret. Answers the index of the secret that matched.
    ///
    /// # Errors
    /// [`SignatureError`]; the delivery must then be refused and nothing of it kept.
    pub fn verify<'h>(
        &self,
        headers: impl IntoIterator<Item = &'h [u8]>,
        body: &[u8],
    ) -> Result<usize, SignatureError> {
        let mut headers = headers.into_iter();
        let header = headers.next().ok_or(SignatureError::Missing)?;
        if headers.next().is_some() {
            return Err(SignatureError::Repeated);
        }
        let claimed = parse(header).ok_or(SignatureError::Malformed)?;
        self.matching(body, &claimed).ok_or(SignatureError::Mismatch)
    }

    /// The index of the secret whose HMAC over `message` is `claimed`.
    pub(crate) fn matching(&self, message: &[u8], claimed: &[u8; 32]) -> Option<usize> {
        self.keyed.iter().position(|keyed| {
            let mut mac = keyed.clone();
            mac.update(message);
            bool::from(mac.finalize().into_bytes().as_slice().ct_eq(claimed))
        })
    }
}

/// The signature header's value for `body`: `sha256=` and 64 lower-case hexadecimal digits.
#[must_use]
pub fn sign(secret: &SecretString, body: &[u8]) -> String {
    let mut mac = keyed_with(secret.expose_secret().as_bytes());
    mac.update(body);
    let mut text = String::with_capacity(PREFIX.len() + 64);
    text.push_str("sha256=");
    push_hex(&mut text, &mac.finalize().into_bytes());
    text
}

/// HMAC-SHA256 of `message`, for the other formats that use it.
#[must_use]
pub fn hmac_sha256(secret: &SecretString, message: &[u8]) -> [u8; 32] {
    let mut mac = keyed_with(secret.expose_secret().as_bytes());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn keyed_with(secret: &[u8]) -> Sha256Hmac {
    Sha256Hmac::new_from_slice(secret).expect("hmac accepts any key length")
}

/// Appends lower-case hexadecimal digits.
pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

fn parse(header: &[u8]) -> Option<[u8; 32]> {
    let (prefix, digits) = header.split_at_checked(PREFIX.len())?;
    if !prefix.eq_ignore_ascii_case(PREFIX) || digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_digit(*pair.first()?)? << 4 | hex_digit(*pair.get(1)?)?;
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "fictional_app_secret_0123456789ab";
    const BODY: &str = r#"{"object":"instagram","entry":[{"id":"17841400000000001","time":1767225600000,"messaging":[{"sender":{"id":"900000000000001"},"recipient":{"id":"17841400000000001"},"timestamp":1767225599000,"message":{"mid":"m_fict_0001","text":"Caf\u00e9 \u2615 link\/price"}}]}]}"#;
    const SIGNATURE: &str = "sha256=af88bb717df6fe29f1b2cdffed5bd1e6b4a54b47443788c4f37af3f449e036db";
    const RESERIALISED: &str = "sha256=6164d8423e7845fb024cbee0b7db4455ab7414f1da9a07a800346581469dc4f3";
    const EMPTY: &str = "sha256=859583df9580f0b38b248853389bf6f3f5e5940c2b28b7b14ba6c75e04361bd2";

    fn secrets(texts: &[&str]) -> SecretList {
        SecretList::new(texts.iter().map(|&text| SecretString::from(text))).unwrap()
    }

    fn check(header: &str, body: &[u8]) -> Result<usize, SignatureError> {
        secrets(&["another secret", SECRET]).verify([header.as_bytes()], body)
    }

    #[test]
    fn the_published_vectors_hold() {
        assert_eq!(BODY.len(), 265);
        assert_eq!(sign(&SECRET.into(), BODY.as_bytes()), SIGNATURE);
        assert_eq!(sign(&SECRET.into(), b""), EMPTY);
        assert_eq!(check(SIGNATURE, BODY.as_bytes()), Ok(1));
        assert_eq!(check(EMPTY, b""), Ok(1));
        let reserialised = BODY.replace("\\u00e9", "é").replace("\\u2615", "☕").replace("\\/", "/");
        assert_eq!(reserialised.len(), 257);
        assert_eq!(sign(&SECRET.into(), reserialised.as_bytes()), RESERIALISED);
        assert_eq!(check(RESERIALISED, BODY.as_bytes()), Err(SignatureError::Mismatch));
    }

    #[test]
    fn prefix_and_digits_may_have_either_case() {
        assert_eq!(check(&SIGNATURE.to_uppercase(), BODY.as_bytes()), Ok(1));
    }

    #[test]
    fn malformed_headers_are_refused() {
        let digits = &SIGNATURE[7..];
        let headers = [
            "",
            "sha256=",
            digits,
            &format!("sha1={digits}"),
            &format!("sha256={}", &digits[..63]),
            &format!("sha256={digits}0"),
            &format!("sha256={}g", &digits[..63]),
            &format!(" {SIGNATURE}"),
            &format!("sha256= {digits}"),
        ];
        for header in headers {
            assert_eq!(check(header, BODY.as_bytes()), Err(SignatureError::Malformed), "{header:?}");
        }
    }

    #[test]
    fn none_or_two_headers_are_refused() {
        let list = secrets(&[SECRET]);
        assert_eq!(list.verify([], BODY.as_bytes()), Err(SignatureError::Missing));
        let twice = [SIGNATURE.as_bytes(), SIGNATURE.as_bytes()];
        assert_eq!(list.verify(twice, BODY.as_bytes()), Err(SignatureError::Repeated));
    }

    #[test]
    fn empty_secrets_never_become_a_list() {
        assert_eq!(SecretList::new([]).unwrap_err(), SecretListError::None);
        for empty in ["", "  \n"] {
            let refused = SecretList::new([SECRET.into(), empty.into()]);
            assert_eq!(refused.unwrap_err(), SecretListError::Empty);
        }
        let nine = (0..=SECRETS_MAX).map(|_| SecretString::from(SECRET));
        assert_eq!(SecretList::new(nine).unwrap_err(), SecretListError::TooMany);
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", secrets(&[SECRET])), "SecretList(1 redacted)");
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_a_flipped_bit_does_not(
            secret in "[a-z0-9]{1,80}", mut body: Vec<u8>, at: prop::sample::Index, bit in 0..8_u32,
        ) {
            let list = secrets(&[&secret]);
            let header = sign(&secret.as_str().into(), &body);
            prop_assert_eq!(list.verify([header.as_bytes()], &body), Ok(0));
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] ^= 1 << bit;
                prop_assert_eq!(list.verify([header.as_bytes()], &body), Err(SignatureError::Mismatch));
            }
        }

        #[test]
        fn a_changed_header_is_the_same_or_refused(
            at: prop::sample::Index, byte: u8, way in 0..4_u8, body: Vec<u8>,
        ) {
            let header = sign(&SECRET.into(), &body).into_bytes();
            let at = at.index(header.len());
            let mut changed = header.clone();
            match way {
                0 => changed[at] = byte,
                1 => changed.insert(at, byte),
                2 => drop(changed.remove(at)),
                _ => changed.truncate(at),
            }
            let is_same = changed.eq_ignore_ascii_case(&header);
            let found = secrets(&[SECRET]).verify([changed.as_slice()], &body);
            prop_assert_eq!(found.is_ok(), is_same, "{:?}", String::from_utf8_lossy(&changed));
        }

        #[test]
        fn arbitrary_headers_never_panic(header: Vec<u8>) {
            let _ = secrets(&[SECRET]).verify([header.as_slice()], b"x");
        }
    }
}
