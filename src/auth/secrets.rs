//! The secrets that sign cookies and links: the first one signs, all of them verify, so that they can be rotated.

use crate::config::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

type Sha256Hmac = Hmac<Sha256>;

/// Shortest secret, in bytes: shorter ones can be guessed from one cookie.
pub const SECRET_BYTES_MIN: usize = 16;

/// Why there are no usable secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// None at all.
    #[error("at least one secret is needed")]
    None,
    /// Too many to try on each request.
    #[error("at most {} secrets", Secrets::COUNT_MAX)]
    TooMany,
    /// One that can be guessed.
    #[error("a secret has fewer than {SECRET_BYTES_MIN} bytes")]
    TooShort,
}

/// Secrets, keyed once. The key of an HMAC is the secret's UTF-8 text, as the predecessor used it.
#[derive(Clone)]
pub struct Secrets {
    signing: Sha256Hmac,
    previous: Vec<Sha256Hmac>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} redacted)", 1 + self.previous.len())
    }
}

impl Secrets {
    /// Most secrets at once.
    pub const COUNT_MAX: usize = 8;

    /// From text, the current one first.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub fn new(texts: &[Secret]) -> Result<Self, SecretsError> {
        if texts.len() > Self::COUNT_MAX {
            return Err(SecretsError::TooMany);
        }
        if texts.iter().any(|text| text.expose().len() < SECRET_BYTES_MIN) {
            return Err(SecretsError::TooShort);
        }
        let mut keyed = texts.iter().map(|text| keyed_with(text.expose().as_bytes()));
        let signing = keyed.next().ok_or(SecretsError::None)?;
        Ok(Self { signing, previous: keyed.collect() })
    }

    /// HMAC-SHA256 under the signing secret.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        self.signing.clone().chain_update(message).finalize().into_bytes().into()
    }

    /// Whether any secret made this signature; in constant time per secret.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        std::iter::once(&self.signing)
            .chain(&self.previous)
            .any(|keyed| keyed.clone().chain_update(message).verify_slice(signature).is_ok())
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn keyed_with(secret: &[u8]) -> Sha256Hmac {
    Sha256Hmac::new_from_slice(secret).expect("hmac accepts any key length")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The secret of the contract's vectors.
    pub(crate) const VECTOR_SECRET: &str = "spec-vector-secret-0123456789-ABCDEFGHIJ";

    pub(crate) fn secrets(texts: &[&str]) -> Secrets {
        Secrets::new(&texts.iter().copied().map(Secret::new).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_first_signs_and_all_verify() {
        let old = secrets(&["previous-secret-000000"]);
        let both = secrets(&["current-secret-1111111", "previous-secret-000000"]);
        let new = secrets(&["current-secret-1111111"]);
        assert!(both.verify(b"x", &old.sign(b"x")) && new.verify(b"x", &both.sign(b"x")));
        assert!(!old.verify(b"x", &both.sign(b"x")) && !both.verify(b"y", &old.sign(b"x")));
        assert!(!both.verify(b"x", &old.sign(b"x")[..31]) && !both.verify(b"x", b""));
    }

    #[test]
    fn unusable_lists_are_refused() {
        assert_eq!(Secrets::new(&[]).unwrap_err(), SecretsError::None);
        assert_eq!(Secrets::new(&[Secret::new("fifteen bytes..")]).unwrap_err(), SecretsError::TooShort);
        assert_eq!(Secrets::new(&vec![Secret::new(VECTOR_SECRET); 9]).unwrap_err(), SecretsError::TooMany);
        assert!(!format!("{:?}", secrets(&[VECTOR_SECRET])).contains("vector"));
    }
}
