//! Secret fields at rest: XChaCha20-Poly1305 under a ring of keys.
//!
//! A sealed field is text, so that it fits wherever the plain one did:
//!
//! ```text
//! gr1.<key id>.<base64url(nonce, 24 bytes | ciphertext | tag, 16 bytes)>
//! ```
//!
//! The tenant and the name of the field are authenticated with it: a sealed value copied to another tenant or another
//! field does not open. The first key of the ring seals; every key of the ring opens. To rotate, put a new key first,
//! seal again what [`Keyring::needs_rotation`], then drop the old key.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand::TryCryptoRng;
use std::fmt;
use zeroize::Zeroizing;

/// Marks a sealed field and its version.
const PREFIX: &str = "gr1";
/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce; long enough to be chosen at random for ever.
const NONCE_BYTES: usize = 24;
/// Longest key id, in bytes.
pub const KEY_ID_BYTES_MAX: usize = 32;
/// Most keys in a ring: the current one and those still being rotated out.
pub const KEYS_MAX: usize = 16;
/// Longest field that is sealed, in bytes. Tokens and keys of providers are far below.
pub const PLAIN_BYTES_MAX: usize = 64 * 1024;

/// Why a field was not sealed or opened. Never carries any of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// A key text is not `<id>:<base64url of 32 bytes>`.
    #[error(
        "a key must be written as <id>:<base64url of 32 bytes>, with an id of 1 to 32 characters of a-z, 0-9 and -"
    )]
    BadKey,
    /// No key, too many keys, or two with one id.
    #[error("a key ring must have 1 to 16 keys with different ids")]
    BadKeyring,
    /// The text is no sealed field.
    #[error("not a sealed field")]
    NotSealed,
    /// The field is sealed under a key that is not in the ring.
    #[error("the field is sealed under a key that is not in the key ring")]
    UnknownKey,
    /// The field was changed, or belongs to another tenant, field or key.
    #[error("the sealed field does not open: it was altered or belongs elsewhere")]
    Altered,
    /// The field is longer than [`PLAIN_BYTES_MAX`].
    #[error("a secret field may have at most 65536 bytes")]
    TooLong,
    /// The source of randomness failed.
    #[error("no randomness available")]
    NoRandomness,
}

/// One key and its id. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Key {
    id: String,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl Key {
    /// A key from an id (1 to 32 characters of `a-z`, `0-9`, `-`) and its bytes.
    ///
    /// # Errors
    /// [`SecretError::BadKey`] when the id breaks its rule.
    pub fn new(id: &str, bytes: Zeroizing<[u8; KEY_BYTES]>) -> Result<Self, SecretError> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if id.is_empty() || id.len() > KEY_ID_BYTES_MAX || !id.bytes().all(legal) {
            return Err(SecretError::BadKey);
        }
        Ok(Self { id: id.to_owned(), bytes })
    }

    /// A new key.
    ///
    /// # Errors
    /// When the id breaks its rule or the randomness fails.
    pub fn generate(id: &str, rng: &mut impl TryCryptoRng) -> Result<Self, SecretError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rng.try_fill_bytes(bytes.as_mut_slice()).map_err(|_| SecretError::NoRandomness)?;
        Self::new(id, bytes)
    }

    /// Reads `<id>:<base64url of 32 bytes>`.
    ///
    /// # Errors
    /// [`SecretError::BadKey`].
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let (id, encoded) = text.trim().split_once(':').ok_or(SecretError::BadKey)?;
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|_| SecretError::BadKey)?;
        let decoded = Zeroizing::new(decoded);
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if decoded.len() != KEY_BYTES {
            return Err(SecretError::BadKey);
        }
        bytes.copy_from_slice(&decoded);
        Self::new(id, bytes)
    }

    /// The form that [`Key::parse`] reads, for a key file that only its owner can read.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}:{}", self.id, BASE64_URL_SAFE_NO_PAD.encode(self.bytes.as_slice())))
    }

    /// The id, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.bytes).into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Whose field it is. Part of what is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The tenant, for instance a user id.
    pub tenant: &'a str,
    /// The name of the field, for instance `instagram.access_token`.
    pub name: &'a str,
}

impl Field<'_> {
    /// Tenant and name, with lengths so that no two pairs give the same bytes.
    fn associated_data(self) -> Vec<u8> {
        let mut data = Vec::with_capacity(16 + self.tenant.len() + self.name.len());
        for part in [self.tenant, self.name] {
            data.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        data
    }
}

/// The keys that open fields; the first one also seals.
#[derive(Clone, Debug)]
pub struct Keyring {
    current: Key,
    older: Vec<Key>,
}

impl Keyring {
    /// A ring of 1 to [`KEYS_MAX`] keys, the current one first.
    ///
    /// # Errors
    /// [`SecretError::BadKeyring`] when there is none, too many, or an id twice.
    pub fn new(keys: Vec<Key>) -> Result<Self, SecretError> {
        let twice = keys.iter().enumerate().any(|(at, key)| keys.iter().skip(at + 1).any(|k| k.id == key.id));
        if twice || keys.len() > KEYS_MAX {
            return Err(SecretError::BadKeyring);
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or(SecretError::BadKeyring)?;
        Ok(Self { current, older: keys.collect() })
    }

    /// Reads one key per line, the current one first. Empty lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// When a line is no key, or the ring is not valid.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self::new(lines.map(Key::parse).collect::<Result<_, _>>()?)
    }

    /// Seals a field under the current key, with a fresh nonce.
    ///
    /// # Errors
    /// When it is too long or the randomness fails.
    pub fn seal(
        &self,
        field: Field<'_>,
        plain: &str,
        rng: &mut impl TryCryptoRng,
    ) -> Result<String, SecretError> {
        if plain.len() > PLAIN_BYTES_MAX {
            return Err(SecretError::TooLong);
        }
        let mut nonce = [0; NONCE_BYTES];
        rng.try_fill_bytes(&mut nonce).map_err(|_| SecretError::NoRandomness)?;
        let payload = Payload { msg: plain.as_bytes(), aad: &field.associated_data() };
        let sealed = self.current.cipher().encrypt(&XNonce::from(nonce), payload);
        let mut envelope = nonce.to_vec();
        envelope.extend_from_slice(&sealed.map_err(|_| SecretError::TooLong)?);
        Ok(format!("{PREFIX}.{}.{}", self.current.id, BASE64_URL_SAFE_NO_PAD.encode(envelope)))
    }

    /// Opens a sealed field. What it returns wipes itself when dropped.
    ///
    /// # Errors
    /// When it is no sealed field, its key is not in the ring, or it does not authenticate.
    pub fn open(&self, field: Field<'_>, sealed: &str) -> Result<Zeroizing<String>, SecretError> {
        let (id, encoded) = split(sealed)?;
        let key = self.key(id).ok_or(SecretError::UnknownKey)?;
        let envelope = BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|_| SecretError::NotSealed)?;
        let (nonce, ciphertext) =
            envelope.split_first_chunk::<NONCE_BYTES>().ok_or(SecretError::NotSealed)?;
        let payload = Payload { msg: ciphertext, aad: &field.associated_data() };
        let plain = key.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| SecretError::Altered)?;
        match String::from_utf8(plain) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(SecretError::Altered)
            }
        }
    }

    /// Whether a field is sealed under another key than the current one, and should be sealed anew.
    ///
    /// # Errors
    /// [`SecretError::NotSealed`] when it is no sealed field.
    pub fn needs_rotation(&self, sealed: &str) -> Result<bool, SecretError> {
        Ok(split(sealed)?.0 != self.current.id)
    }

    /// Id of the key that a field is sealed under. It is no secret.
    ///
    /// # Errors
    /// [`SecretError::NotSealed`].
    pub fn key_of(sealed: &str) -> Result<&str, SecretError> {
        Ok(split(sealed)?.0)
    }

    /// Ids of the keys that only open.
    pub fn older_ids(&self) -> impl Iterator<Item = &str> {
        self.older.iter().map(Key::id)
    }

    /// Id of the key that seals.
    #[must_use]
    pub fn current_id(&self) -> &str {
        &self.current.id
    }

    fn key(&self, id: &str) -> Option<&Key> {
        std::iter::once(&self.current).chain(&self.older).find(|key| key.id == id)
    }
}

/// Key id and encoded envelope.
fn split(sealed: &str) -> Result<(&str, &str), SecretError> {
    let rest = sealed.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.'));
    rest.and_then(|rest| rest.split_once('.')).ok_or(SecretError::NotSealed)
}

#[cfg(test)]
mod tests;
