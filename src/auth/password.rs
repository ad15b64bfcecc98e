//! Passwords: their length, how they are stored, and how imported ones are checked.
//!
//! New hashes are Argon2id of the NFKC-normalised text, as PHC strings. Hashes of the predecessor are
//! `salt:key` of scrypt, where the salt is used as text; they are replaced after the next successful check.

use super::error::{AuthError, Refusal};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use icu_normalizer::ComposingNormalizerBorrowed;
use rand::TryCryptoRng;
use std::{fmt, hint};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::random::NoRandomness;

/// Shortest password, in UTF-16 code units.
pub const LENGTH_MIN: usize = 8;
/// Longest password, in UTF-16 code units.
pub const LENGTH_MAX: usize = 128;
/// Memory, passes and lanes of new hashes: OWASP's first choice for Argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Most memory (KiB), passes and lanes that a stored hash may ask for.
const COST_MAX: (u32, u32, u32) = (256 * 1024, 10, 8);
/// scrypt of the predecessor: log2(N), r, p and the length of the key.
const SCRYPT: (u8, u32, u32, usize) = (14, 16, 1, 64);
/// What is hashed for users that do not exist.
const NOBODYS_SALT: [u8; 16] = *b"nobody lives her";

/// A password that may be hashed: of at most [`LENGTH_MAX`]. Wiped from memory when dropped, never shown.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// Why a text cannot be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LengthError {
    /// Below [`LENGTH_MIN`].
    #[error("password too short")]
    TooShort,
    /// Above [`LENGTH_MAX`].
    #[error("password too long")]
    TooLong,
}

impl From<LengthError> for AuthError {
    fn from(error: LengthError) -> Self {
        match error {
            LengthError::TooShort => Refusal::PasswordTooShort.into(),
            LengthError::TooLong => Refusal::PasswordTooLong.into(),
        }
    }
}

impl Password {
    /// One that somebody chooses.
    ///
    /// # Errors
    /// [`LengthError`].
    pub fn chosen(text: &str) -> Result<Self, LengthError> {
        if length(text) < LENGTH_MIN {
            return Err(LengthError::TooShort);
        }
        Self::attempted(text)
    }

    /// One that somebody claims to have chosen, however short.
    ///
    /// # Errors
    /// [`LengthError::TooLong`].
    pub fn attempted(text: &str) -> Result<Self, LengthError> {
        if length(text) > LENGTH_MAX {
            return Err(LengthError::TooLong);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Equivalent typings of one password are one password.
    fn normalized(&self) -> Zeroizing<String> {
        Zeroizing::new(ComposingNormalizerBorrowed::new_nfkc().normalize(&self.0).into_owned())
    }
}

/// As scripts count: UTF-16 code units.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Random bytes that make equal passwords look different.
#[derive(Clone, Copy, Debug)]
pub struct Salt([u8; 16]);

impl Salt {
    /// A fresh one.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(rng: &mut (impl TryCryptoRng + ?Sized)) -> Result<Self, NoRandomness> {
        let mut bytes = [0; 16];
        rng.try_fill_bytes(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Match {
        /// The stored form is of another kind or cheaper than today's: store a new one, if it is still the same.
        needs_rehash: bool,
    },
    /// It is not, or there is none.
    Mismatch,
}

/// The machine could not hash. Not the password's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("hashing failed")]
pub struct HashError;

/// The form that is stored. Takes tens of milliseconds and 19 MiB: call it on a thread that may be blocked.
///
/// # Errors
/// [`HashError`].
pub fn hash(password: &Password, salt: Salt) -> Result<String, HashError> {
    let normalized = password.normalized();
    let hash = hasher()?.hash_password_with_salt(normalized.as_bytes(), &salt.0).map_err(|_| HashError)?;
    Ok(hash.to_string())
}

/// Whether it is the password. Without a stored form, or with one that nobody wrote, the work is done all the same and
/// the time tells nothing. Blocks like [`hash`].
///
/// # Errors
/// [`HashError`].
pub fn verify(password: &Password, stored: Option<&str>) -> Result<Verdict, HashError> {
    match stored.and_then(Stored::parse) {
        Some(Stored::Argon2 { hash, needs_rehash }) => {
            let normalized = password.normalized();
            let matches = hasher()?.verify_password(normalized.as_bytes(), &*hash).is_ok();
            Ok(if matches { Verdict::Match { needs_rehash } } else { Verdict::Mismatch })
        }
        Some(Stored::Scrypt { salt, key }) => {
            let matches = scrypt_key(password, salt)?.ct_eq(key.as_slice());
            Ok(if matches.into() { Verdict::Match { needs_rehash: true } } else { Verdict::Mismatch })
        }
        None => {
            hint::black_box(hash(password, Salt(NOBODYS_SALT))?);
            Ok(Verdict::Mismatch)
        }
    }
}

enum Stored<'a> {
    Argon2 { hash: Box<PasswordHash>, needs_rehash: bool },
    Scrypt { salt: &'a str, key: Vec<u8> },
}

impl<'a> Stored<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        if text.starts_with("$argon2id$") {
            let hash = Box::new(PasswordHash::new(text).ok()?);
            let params = Params::try_from(&*hash).ok()?;
            let cost = (params.m_cost(), params.t_cost(), params.p_cost());
            let is_sane = cost.0 <= COST_MAX.0 && cost.1 <= COST_MAX.1 && cost.2 <= COST_MAX.2;
            return is_sane.then_some(Self::Argon2 { hash, needs_rehash: cost != COST });
        }
        let (salt, key) = text.split_once(':')?;
        let is_hex = |text: &str| text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
        if salt.len() != 32 || key.len() != 2 * SCRYPT.3 || !is_hex(salt) || !is_hex(key) {
            return None;
        }
        let pairs = key.as_bytes().chunks_exact(2);
        let key = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        Some(Self::Scrypt { salt, key: key.collect::<Option<_>>()? })
    }
}

fn hasher() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(COST.0, COST.1, COST.2, None).map_err(|_| HashError)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The salt is the text of 32 hexadecimal digits, not the bytes that they spell.
fn scrypt_key(password: &Password, salt: &str) -> Result<Zeroizing<[u8; SCRYPT.3]>, HashError> {
    let params = scrypt::Params::new(SCRYPT.0, SCRYPT.1, SCRYPT.2).map_err(|_| HashError)?;
    let mut key = Zeroizing::new([0; SCRYPT.3]);
    let normalized = password.normalized();
    scrypt::scrypt(normalized.as_bytes(), salt.as_bytes(), &params, key.as_mut_slice())
        .map_err(|_| HashError)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H1 to H5 of the contract, and the vector of the import: password, its decomposed spelling, stored form.
    const IMPORTED: [(&str, &str, &str); 6] = [
        (
            "password123",
            "password123",
            "00112233445566778899aabbccddeeff:73122e887cfc14f91396cdef78dfe4b9dec28d459037601c4904cedba5a637ab97b39b40c236df5d42881d0109ca8cf0f85e39dbaba2911c190915bd8f30fe85",
        ),
        (
            "correct horse battery staple",
            "correct horse battery staple",
            "f7c380d77d7af5821e20d50b14270e72:e812c6cb14e8136b9b05fff36bbce6ce10fd503b65a0759045383baf867d114b12c757c06910a2cba8eec302408dc89855799e7b0e6da229c01ea89b892f8f56",
        ),
        (
            "p\u{e4}ssw\u{f6}rd\u{2460}\u{ff12}\u{ff13}",
            "pa\u{308}sswo\u{308}rd\u{2460}\u{ff12}\u{ff13}",
            "0f0e0d0c0b0a09080706050403020100:ec24a7b1ced7a7a7229c3db6411ca92ca191271ce80ffb908c3434116d47ac31852b8846b2c9ffdafa8fd89649134a2cff1933634e0e187f3aae66e3632c091c",
        ),
        (
            "пароль🔑",
            "пароль🔑",
            "ffffffffffffffffffffffffffffffff:66000b96bce2df19f4f7e5106931692d18e883575698e159f46f30eecfc77845a257295ce89bfcb0f16003119683d22c67b21139529b1df0270c60c8674429ee",
        ),
        (
            "password123",
            "password123",
            "65b2a87e3f4d65b66f99506343622ade:f11119df61d4f3faf074920c104c4fec02f53948ed05f081de6eb44c3ad5bd242ba310fbda4c1c326431a6d9f2e29be5b3a4a07dc85a6db585014d44bed941c7",
        ),
        (
            "Pa\u{308}ssw\u{ff4f}rd\u{fb01}",
            "P\u{e4}sswordfi",
            "000102030405060708090a0b0c0d0e0f:efc19d9da9989c12fb7462567a9dcc9fec13e597abee89bb4be97335dc9db426df4354a280fea10a1f04309f8087ae42d8cc553b661a0bc1730c097453e75bf0",
        ),
    ];

    fn attempt(text: &str, stored: Option<&str>) -> Verdict {
        verify(&Password::attempted(text).unwrap(), stored).unwrap()
    }

    #[test]
    fn imported_hashes_verify_in_every_spelling_and_ask_to_be_replaced() {
        for (password, spelled, stored) in IMPORTED {
            assert_eq!(attempt(password, Some(stored)), Verdict::Match { needs_rehash: true }, "{password}");
            if spelled != password {
                assert_eq!(attempt(spelled, Some(stored)), Verdict::Match { needs_rehash: true });
            }
        }
        let (password, _, stored) = IMPORTED[0];
        assert_eq!(attempt(&format!("{password}x"), Some(stored)), Verdict::Mismatch);
    }

    #[test]
    fn a_new_hash_is_argon2id_of_the_normalized_text() {
        let password = Password::chosen("pa\u{308}ssword").unwrap();
        let stored = hash(&password, Salt([7; 16])).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(attempt("p\u{e4}ssword", Some(&stored)), Verdict::Match { needs_rehash: false });
        assert_eq!(attempt("password", Some(&stored)), Verdict::Mismatch);
        assert_ne!(stored, hash(&password, Salt([8; 16])).unwrap());
    }

    #[test]
    fn a_cheaper_hash_asks_to_be_replaced_and_a_monstrous_one_never_matches() {
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
        let stored = cheap.hash_password_with_salt(b"password123", b"0123456789abcdef").unwrap().to_string();
        assert_eq!(attempt("password123", Some(&stored)), Verdict::Match { needs_rehash: true });
        let monstrous = stored.replace("m=64", "m=4194304");
        assert_eq!(attempt("password123", Some(&monstrous)), Verdict::Mismatch);
    }

    #[test]
    fn what_nobody_wrote_never_matches() {
        let (password, _, stored) = IMPORTED[0];
        let odd =
            [stored.to_uppercase(), format!("{stored} "), stored[1..].to_owned(), "$argon2id$".to_owned()];
        for stored in odd.iter().map(String::as_str).chain(["", "password123", ":"]) {
            assert!(Stored::parse(stored).is_none(), "{stored}");
        }
        assert_eq!(attempt(password, None), Verdict::Mismatch);
    }

    #[test]
    fn lengths_are_counted_as_scripts_do() {
        let chosen = |text: &str| Password::chosen(text).err();
        assert_eq!(chosen("🔑🔑🔑🔑"), None, "four keys are eight units");
        assert_eq!(chosen("🔑🔑🔑"), Some(LengthError::TooShort));
        assert_eq!(chosen("äöüäöüä"), Some(LengthError::TooShort));
        assert_eq!(chosen(&"x".repeat(128)), None);
        assert_eq!(chosen(&"x".repeat(129)), Some(LengthError::TooLong));
        assert!(Password::attempted("").is_ok());
        assert_eq!(format!("{:?}", Password::attempted("hunter2").unwrap()), "Password");
    }
}
