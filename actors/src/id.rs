//! Ids that several rooms of the core share. Each is opaque text behind an `Arc`, cheap to clone.

use serde::{Deserialize, Serialize};
use std::{borrow::Borrow, fmt, sync::Arc};

/// Types that are opaque text behind an `Arc`. `Debug` shows the text (`shown`) or only the name (`hidden`).
macro_rules! text_value {
    ($($(#[$doc:meta])* $name:ident $shown:tt;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The shared text, without copying.
            #[must_use]
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $crate::id::text_value!(@debug $shown $name self f)
            }
        }
    )*};
    (@debug shown $name:ident $self:ident $f:ident) => { $f.write_str(&$self.0) };
    (@debug hidden $name:ident $self:ident $f:ident) => { $f.write_str(concat!(stringify!($name), "(..)")) };
}
pub(crate) use text_value;

/// Any text is such a value.
macro_rules! from_text {
    ($($name:ident)*) => {$(
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

    )*};
}
pub(crate) use from_text;

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        text_value! { $($(#[$doc])* $name shown;)* }
        from_text! { $($name)* }
        $(
        impl From<Arc<str>> for $name {
            fn from(text: Arc<str>) -> Self {
                Self(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        )*
    };
}

text_id! {
    /// An Instagram account id: the professional id or the app-scoped one. Decimal text, beyond 2^53.
    AccountId;
    /// A person as one Instagram account sees them (Instagram-scoped id). Decimal text.
    Igsid;
    /// A direct message. At most 1024 characters.
    Mid;
    /// A comment. Decimal text.
    CommentId;
    /// A post, reel, story or live broadcast. Decimal text.
    MediaId;
    /// The unique name of an inbound event: `{account}:{kind}:{discriminator}`. A second arrival is a duplicate.
    EventKey;
    /// An automation of a workspace. At most 128 characters.
    AutomationId;
    /// The id of a contact that clients see. Stable; says nothing of Instagram.
    ContactId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_and_write_as_plain_text() {
        let id = Igsid::from("900000000000001");
        let bytes = rmp_serde::to_vec_named(&id).unwrap();
        assert_eq!(bytes, rmp_serde::to_vec_named("900000000000001").unwrap());
        assert_eq!(rmp_serde::from_slice::<Igsid>(&bytes).unwrap(), id);
    }
}
