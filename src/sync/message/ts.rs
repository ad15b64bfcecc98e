//! Points in the order of commits, as the wire shows them: base64 of 8 bytes, little-endian.

use crate::sync::Ts;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, de::Error};

impl Ts {
    /// Last one that is allowed.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// The form on the wire.
    #[must_use]
    pub fn to_wire(self) -> String {
        BASE64_STANDARD.encode(self.0.to_le_bytes())
    }

    /// Reads the form on the wire.
    #[must_use]
    pub fn from_wire(text: &str) -> Option<Self> {
        let bytes = <[u8; 8]>::try_from(BASE64_STANDARD.decode(text).ok()?).ok()?;
        Some(Self(u64::from_le_bytes(bytes))).filter(|ts| *ts <= Self::MAX)
    }
}

impl<'de> Deserialize<'de> for Ts {
    fn deserialize<D: Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(text)?;
        Self::from_wire(&text).ok_or_else(|| D::Error::custom("no timestamp"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_have_the_form_of_the_contract() {
        for (ts, wire) in [(0, "AAAAAAAAAAA="), (1, "AQAAAAAAAAA="), (1000, "6AMAAAAAAAA=")] {
            assert_eq!(Ts(ts).to_wire(), wire);
            assert_eq!(Ts::from_wire(wire), Some(Ts(ts)));
        }
        for wrong in ["", "AAAA", "AAAAAAAAAAA", "AAAAAAAAAIA=", "AQAAAAAAAAAA"] {
            assert_eq!(Ts::from_wire(wrong), None, "{wrong}");
        }
    }
}
