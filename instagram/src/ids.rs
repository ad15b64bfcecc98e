//! The platform's identifiers: opaque text, compared as text, never through a binary floating point number.
//!
//! An identifier arrives as a JSON string or as a JSON integer; of an integer the decimal text is taken exactly. Ids
//! end up in request paths, so what they may contain is checked when they are made, and they are percent-encoded as
//! one segment all the same.

use crate::json::Raw;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, sync::Arc};

/// The longest decimal identifier, in characters (platform limit as far as seen, with a wide margin).
pub const ID_CHARS_MAX: usize = 64;
/// The longest message id, in characters; real ones exceed 150 (product rule).
pub const MID_CHARS_MAX: usize = 1024;

/// Why a text is not an identifier. Says nothing about the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IdError {
    /// Nothing there.
    #[error("identifier is empty")]
    Empty,
    /// Longer than [`ID_CHARS_MAX`] or [`MID_CHARS_MAX`].
    #[error("identifier is too long")]
    TooLong,
    /// A character that this kind of identifier does not have.
    #[error("identifier has a character it must not have")]
    BadCharacter,
    /// Neither a string nor a whole number without an exponent.
    #[error("identifier is neither a string nor a whole number")]
    NotAnId,
}

/// RFC 3986 unreserved characters stay, everything else is encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.').remove(b'~');

/// An identifier as one path segment, percent-encoded.
pub(crate) fn segment(id: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(id, SEGMENT)
}

fn check_decimal(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > ID_CHARS_MAX {
        return Err(IdError::TooLong);
    }
    let allowed = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    if text.bytes().all(allowed) { Ok(()) } else { Err(IdError::BadCharacter) }
}

fn check_mid(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    // `.` and `..` have no encoding that URL parsers do not resolve as path steps.
    if text == "." || text == ".." {
        return Err(IdError::BadCharacter);
    }
    // Bytes first: counting characters of a text that can not be too long is wasted work.
    if text.len() > MID_CHARS_MAX && text.chars().count() > MID_CHARS_MAX {
        return Err(IdError::TooLong);
    }
    if text.chars().any(char::is_control) { Err(IdError::BadCharacter) } else { Ok(()) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a text.
            ///
            /// # Errors
            /// [`IdError`] when the text is empty, too long, or has a character it must not have.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                $check(text)?;
                Ok(Self(text.into()))
            }

            /// The identifier's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The identifier's text, shared.
            #[must_use]
            pub fn into_inner(self) -> Arc<str> {
                self.0
            }

            /// Reads a JSON string or whole number, exactly.
            pub(crate) fn from_json(value: Raw<'_>) -> Result<Self, IdError> {
                Self::parse(&value.id_text().ok_or(IdError::NotAnId)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = deserializer.deserialize_any(TextOrInteger)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    };
}

id!(
    /// The professional account's id: `user_id` of `/me`, `entry[].id` of webhooks, a path segment.
    AccountId,
    check_decimal
);
id!(
    /// The account's app-scoped id: `id` of `/me`, `user_id` of a signed request.
    AppScopedId,
    check_decimal
);
id!(
    /// A person as one professional account sees them; the same person has another one elsewhere.
    Igsid,
    check_decimal
);
id!(
    /// A comment.
    CommentId,
    check_decimal
);
id!(
    /// A post, reel or story.
    MediaId,
    check_decimal
);
id!(
    /// A message. Opaque; no control characters, at most [`MID_CHARS_MAX`] characters.
    Mid,
    check_mid
);

/// Accepts a string or an integer of up to 64 bits; a number that went through floating point is refused.
struct TextOrInteger;

impl de::Visitor<'_> for TextOrInteger {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an identifier: a string or a whole number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

/// The two ids of one connected account. Deliveries may name the account by either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountIds {
    /// The professional id.
    pub professional: AccountId,
    /// The app-scoped id, where known.
    pub app_scoped: Option<AppScopedId>,
}

impl AccountIds {
    /// Whether `id` is one of the two.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.professional.as_str() == id || self.app_scoped.as_ref().is_some_and(|own| own.as_str() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_ids_are_1_to_64_of_digits_and_underscore() {
        assert_eq!(Igsid::parse("900000000000001").unwrap().as_str(), "900000000000001");
        assert!(CommentId::parse(&"1".repeat(64)).is_ok());
        assert!(MediaId::parse("123_456").is_ok());
        for (bad, why) in [
            ("", IdError::Empty),
            ("../me", IdError::BadCharacter),
            ("1?fields=x", IdError::BadCharacter),
            ("1.0", IdError::BadCharacter),
            ("-1", IdError::BadCharacter),
            ("١", IdError::BadCharacter),
        ] {
            assert_eq!(Igsid::parse(bad), Err(why), "{bad}");
        }
        assert_eq!(CommentId::parse(&"1".repeat(65)), Err(IdError::TooLong));
    }

    #[test]
    fn mids_are_opaque_but_bounded_and_printable() {
        assert!(Mid::parse("aWdfZAG1faXRlbTo/+=:é").is_ok());
        assert!(Mid::parse(&"é".repeat(1024)).is_ok());
        assert_eq!(Mid::parse(&"é".repeat(1025)), Err(IdError::TooLong));
        for bad in ["a\nb", "a\0", "a\u{85}", ".", ".."] {
            assert_eq!(Mid::parse(bad), Err(IdError::BadCharacter), "{bad:?}");
        }
    }

    #[test]
    fn json_integers_are_taken_exactly() {
        for (json, text) in [
            ("17841400000000001", Some("17841400000000001")),
            ("\"17841400000000001\"", Some("17841400000000001")),
            ("9007199254740993", Some("9007199254740993")),
            ("123456789012345678901234567890", Some("123456789012345678901234567890")),
            ("1.0", None),
            ("1e3", None),
            ("-5", None),
            ("null", None),
            ("true", None),
            ("{}", None),
            ("012", None),
        ] {
            let read = AccountId::from_json(Raw::whole(json.as_bytes()).unwrap());
            assert_eq!(read.ok().as_ref().map(AccountId::as_str), text, "{json}");
        }
        assert_eq!(
            serde_json::from_str::<AccountId>("9007199254740993").unwrap().as_str(),
            "9007199254740993"
        );
        assert!(serde_json::from_str::<AccountId>("1e3").is_err());
    }

    #[test]
    fn a_segment_can_not_change_the_request() {
        assert_eq!(segment("../me?x=1#y/é").to_string(), "..%2Fme%3Fx%3D1%23y%2F%C3%A9");
    }
}
