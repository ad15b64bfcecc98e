//! The name of an entity in every store.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, sync::Arc};

/// Longest kind, in bytes.
pub const KIND_MAX: usize = 16;
/// Longest key, in bytes. Imported ids are opaque text of at most 128 characters.
pub const KEY_MAX: usize = 256;

/// Kind and key of an entity, for instance `user/0198…`. Cheap to clone.
///
/// A kind is 1 to [`KIND_MAX`] bytes of `[a-z]`; a key is 1 to [`KEY_MAX`] bytes without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId(Arc<str>);

/// Why a text is no entity id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntityIdError {
    /// The kind is empty, too long or has other characters than `[a-z]`.
    #[error("entity kind must be 1 to 16 characters of a-z")]
    Kind,
    /// The key is empty, too long or has control characters.
    #[error("entity key must be 1 to 256 bytes without control characters")]
    Key,
}

impl EntityId {
    /// The id of the entity `key` of `kind`.
    ///
    /// # Errors
    /// When either part breaks the rules of [`EntityId`].
    pub fn new(kind: &str, key: &str) -> Result<Self, EntityIdError> {
        if kind.is_empty() || kind.len() > KIND_MAX || !kind.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err(EntityIdError::Kind);
        }
        if key.is_empty() || key.len() > KEY_MAX || key.chars().any(char::is_control) {
            return Err(EntityIdError::Key);
        }
        Ok(Self(format!("{kind}/{key}").into()))
    }

    /// Reads the form that [`fmt::Display`] writes.
    ///
    /// # Errors
    /// When the text is not `kind/key`.
    pub fn parse(text: &str) -> Result<Self, EntityIdError> {
        let (kind, key) = text.split_once('/').ok_or(EntityIdError::Kind)?;
        Self::new(kind, key)
    }

    /// The part before the first `/`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.split_once('/').map_or("", |(kind, _)| kind)
    }

    /// The part after the first `/`.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, key)| key)
    }

    /// The whole, as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for EntityId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EntityId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_slashes_in_the_key() {
        let id = EntityId::new("user", "a/b").unwrap();
        assert_eq!((id.kind(), id.key()), ("user", "a/b"));
        assert_eq!(EntityId::parse(id.as_str()).unwrap(), id);
    }

    #[test]
    fn bad_parts_are_refused() {
        assert_eq!(EntityId::new("User", "x"), Err(EntityIdError::Kind));
        assert_eq!(EntityId::new("", "x"), Err(EntityIdError::Kind));
        assert_eq!(EntityId::new("user", ""), Err(EntityIdError::Key));
        assert_eq!(EntityId::new("user", "a\nb"), Err(EntityIdError::Key));
        assert_eq!(EntityId::new("user", &"x".repeat(KEY_MAX + 1)), Err(EntityIdError::Key));
    }
}
