//! A secret in its encrypted envelope.

use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// A secret in its encrypted envelope: opened by the door or the outlet, never here. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(Arc<str>);

impl Sealed {
    /// The envelope, for the one who can open it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

impl From<&str> for Sealed {
    fn from(envelope: &str) -> Self {
        Self(envelope.into())
    }
}

impl From<String> for Sealed {
    fn from(envelope: String) -> Self {
        Self(envelope.into())
    }
}
