//! Generated values: ids, tokens, states. All from a cryptographic source that is handed in.

use rand::TryCryptoRng;
use zeroize::Zeroizing;

/// The machine gives no random numbers; nothing may be made without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no random numbers available")]
pub struct NoRandomness;

/// A kind of generated value: alphabet and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ids of rows.
    Id,
    /// Session tokens.
    SessionToken,
    /// Tokens of a password reset.
    ResetToken,
    /// Tokens of an account deletion.
    DeletionToken,
    /// OAuth states.
    State,
    /// PKCE verifiers.
    CodeVerifier,
}

const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LOWER: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const UNRESERVED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Random bytes drawn at once.
const DRAW_BYTES: usize = 64;

impl Kind {
    const fn parts(self) -> (&'static [u8], usize) {
        match self {
            Self::Id | Self::SessionToken => (ALPHANUMERIC, 32),
            Self::ResetToken => (ALPHANUMERIC, 24),
            Self::DeletionToken => (LOWER, 32),
            Self::State => (UNRESERVED, 32),
            Self::CodeVerifier => (UNRESERVED, 128),
        }
    }

    /// A fresh value.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(self, rng: &mut (impl TryCryptoRng + ?Sized)) -> Result<String, NoRandomness> {
        let (alphabet, length) = self.parts();
        // Bytes beyond the largest multiple of the alphabet's size would favour its beginning.
        let fair = 256 - 256 % alphabet.len();
        let mut text = String::with_capacity(length);
        let mut draw = Zeroizing::new([0_u8; DRAW_BYTES]);
        while text.len() < length {
            rng.try_fill_bytes(draw.as_mut_slice()).map_err(|_| NoRandomness)?;
            let usable = draw.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
            let room = length - text.len();
            text.extend(usable.map(|byte| char::from(alphabet[byte % alphabet.len()])).take(room));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};
    use std::collections::BTreeMap;

    #[test]
    fn lengths_and_alphabets_of_the_contract() {
        let mut rng = StdRng::seed_from_u64(1);
        for (kind, length, extra) in [
            (Kind::Id, 32, ""),
            (Kind::SessionToken, 32, ""),
            (Kind::ResetToken, 24, ""),
            (Kind::DeletionToken, 32, ""),
            (Kind::State, 32, "-_"),
            (Kind::CodeVerifier, 128, "-_"),
        ] {
            let value = kind.generate(&mut rng).unwrap();
            assert_eq!(value.len(), length);
            assert!(value.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c)), "{value}");
            assert_ne!(value, kind.generate(&mut rng).unwrap());
        }
        let deletion = Kind::DeletionToken.generate(&mut rng).unwrap();
        assert!(!deletion.contains(|c: char| c.is_ascii_uppercase()));
    }

    #[test]
    fn no_character_is_favoured() {
        let mut rng = StdRng::seed_from_u64(7);
        let mut seen: BTreeMap<char, u32> = BTreeMap::new();
        for _ in 0..4_000 {
            for c in Kind::Id.generate(&mut rng).unwrap().chars() {
                *seen.entry(c).or_default() += 1;
            }
        }
        // 128,000 draws over 62 characters: about 2,065 each; a plain remainder would give the first ones a fifth more.
        assert_eq!(seen.len(), 62);
        assert!(seen.values().all(|count| (1_850..2_280).contains(count)), "{seen:?}");
    }
}
