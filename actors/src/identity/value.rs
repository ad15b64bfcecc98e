//! Small values of the auth side. Those that are secret, or seal one, show nothing in `Debug`.

pub use crate::sealed::Sealed;

use super::{
    field::{Invalid, Problem},
    limits::ROW_ID_BYTES_MAX,
};
use crate::id::{from_text, text_value};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};
use std::{fmt, sync::Arc};

text_value! {
    /// Id of a row (account, session): opaque, 1 to [`super::limits::ROW_ID_BYTES_MAX`] bytes.
    RowId shown;
    /// A password hash as it is stored: an Argon2id PHC string, or the scrypt form of the previous deployment.
    PasswordHash hidden;
    /// An e-mail address in lower case. Syntax is the door's business.
    Email hidden;
}

from_text! { RowId PasswordHash }

impl Email {
    /// The address in lower case.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_lowercase().into())
    }
}

/// The id has a length that rows may have.
pub(super) fn check_row_id(id: &RowId) -> Result<(), Invalid> {
    let problem = match id.as_str().len() {
        0 => Problem::Empty,
        len if len > ROW_ID_BYTES_MAX => Problem::TooLong(ROW_ID_BYTES_MAX),
        _ => return Ok(()),
    };
    Err(Invalid { field: "id", problem })
}

/// SHA-256 of a secret text: a session token, a one-time token, an OAuth state.
///
/// The texts are long and random, so that a plain hash is enough: nothing can be looked up or guessed from it. Written
/// as 64 lower-case hex characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a text.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// The first of all in their order.
    pub const FIRST: Self = Self([0; 32]);

    /// 64 lower-case hex characters.
    #[must_use]
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.0
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0xf])
            .map(|half| char::from(DIGITS[usize::from(half)]))
            .collect()
    }

    /// The hash from [`SecretHash::hex`].
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut hash = [0; 32];
        if pairs.len() != hash.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(hash))
    }

    /// Its first byte.
    #[must_use]
    pub const fn first_byte(&self) -> u8 {
        self.0[0]
    }

    /// A number that looks random and is not.
    #[must_use]
    pub fn low(&self) -> u64 {
        self.0.iter().rev().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| D::Error::custom("not 64 hex characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_sha_256_in_hex_and_come_back() {
        let hash = SecretHash::of("abc");
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.hex(), hex);
        assert_eq!(SecretHash::from_hex(hex), Some(hash));
        let bytes = rmp_serde::to_vec_named(&hash).unwrap();
        assert_eq!(rmp_serde::from_slice::<SecretHash>(&bytes).unwrap(), hash);
        for bad in ["", &hex[1..], &format!("{hex}0"), &hex.to_uppercase(), &hex.replace('b', "g")] {
            assert_eq!(SecretHash::from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_secret_and_no_address() {
        let email = Email::new("Ada@Example.com");
        assert_eq!(email.as_str(), "ada@example.com");
        let shown = format!(
            "{email:?} {:?} {:?} {:?}",
            PasswordHash::from("$argon2id$x"),
            Sealed::from("token"),
            SecretHash::of("token")
        );
        assert_eq!(shown, "Email(..) PasswordHash(..) Sealed(..) SecretHash(..)");
    }
}
