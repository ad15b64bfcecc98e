//! One declaration per setting: purpose, unit, default and bounds stand beside the field, and from that one place come
//! the type, the default, the check at start and the printed reference.

use std::{fmt, ops::RangeInclusive, time::Duration};

/// What the reference says about one setting.
#[derive(Clone, Debug)]
pub struct SettingDoc {
    /// Full key, for instance `server.listen`.
    pub key: String,
    /// What it is for.
    pub purpose: String,
    /// Unit of the value.
    pub unit: &'static str,
    /// Default as text.
    pub default: String,
    /// Bounds as text, when there are any.
    pub bounds: Option<String>,
    /// Whether the value is masked wherever it is shown.
    pub secret: bool,
}

/// A value that is wrong, with its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("setting {key}: {problem}")]
pub struct SettingError {
    /// Full key.
    pub key: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// A value that has bounds.
pub(super) trait Bounded: PartialOrd + fmt::Display + Sized {
    fn check(&self, bounds: &RangeInclusive<Self>) -> Result<(), String> {
        if bounds.contains(self) {
            return Ok(());
        }
        Err(format!("{self} is not between {} and {}", bounds.start(), bounds.end()))
    }
}

impl Bounded for u64 {}
impl Bounded for u32 {}
impl Bounded for usize {}
impl Bounded for Span {}

/// A span of time, written `250ms`, `4s`, `10m`, `1h 30m` or as ISO 8601.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// Whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::SignedDuration::try_from(self.0) {
            Ok(span) => write!(f, "{span:#}"),
            Err(_) => write!(f, "{}s", self.0.as_secs()),
        }
    }
}

impl serde::Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let span: jiff::SignedDuration = text.parse().map_err(|_| {
            serde::de::Error::custom(format!("{text:?} is no span of time such as 250ms, 4s, 10m or 1h"))
        })?;
        Duration::try_from(span).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A secret setting: never printed, whatever asks.
#[derive(Clone, Default)]
pub struct Secret(secrecy::SecretString);

impl Secret {
    /// A secret from text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(secrecy::SecretString::from(text.into()))
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        secrecy::ExposeSecret::expose_secret(&self.0)
    }

    /// Whether nothing was configured.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// For rooms that take `secrecy` types.
    pub fn to_secret_string(&self) -> secrecy::SecretString {
        self.0.clone()
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "" } else { "********" })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether a setting's type is masked; decided by the type, so that it cannot be forgotten.
pub(super) trait Masked {
    const SECRET: bool = false;
}
macro_rules! plain {
    ($($t:ty),* $(,)?) => { $(impl Masked for $t {})* };
}
plain!(u64, u32, usize, bool, String, Span, std::net::SocketAddr, std::path::PathBuf, Vec<String>);
impl Masked for Secret {
    const SECRET: bool = true;
}
impl Masked for Vec<Secret> {
    const SECRET: bool = true;
}
impl<T: Masked> Masked for Option<T> {
    const SECRET: bool = T::SECRET;
}
pub(super) const fn is_secret<T: Masked>(_: &T) -> bool {
    T::SECRET
}

/// How a default is written in the reference.
pub(super) fn text_of<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(serde_json::Value::Null) => String::new(),
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Declares a section: `struct Name = "key" { /// purpose \n field: Type = default, "unit" [, bounds]; … }`.
macro_rules! section {
    (
        $(#[doc = $section_doc:expr])+
        pub struct $name:ident = $section:literal {
            $( $(#[doc = $doc:expr])+ $field:ident : $type:ty = $default:expr, $unit:literal $(, $bounds:expr)? ; )+
        }
    ) => {
        $(#[doc = $section_doc])+
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )+ }
            }
        }

        impl $name {
            /// Documentation of every setting of this section.
            pub fn docs() -> Vec<$crate::config::SettingDoc> {
                let default = Self::default();
                vec![ $( $crate::config::SettingDoc {
                    key: concat!($section, ".", stringify!($field)).to_owned(),
                    purpose: [$($doc.trim()),+].join(" "),
                    unit: $unit,
                    default: $crate::config::settings::text_of(&default.$field),
                    bounds: section!(@bounds $type $(, $bounds)?),
                    secret: $crate::config::settings::is_secret(&default.$field),
                }, )+ ]
            }

            /// Checks every bound; collects all that is wrong.
            pub fn check(&self, problems: &mut Vec<$crate::config::SettingError>) {
                let _ = &problems;
                $( section!(@check self, problems, concat!($section, ".", stringify!($field)), $field $(, $bounds)?); )+
            }
        }
    };
    (@bounds $type:ty) => { None };
    (@bounds $type:ty, $bounds:expr) => {{
        let bounds: std::ops::RangeInclusive<$type> = $bounds;
        Some(format!("{} to {}", bounds.start(), bounds.end()))
    }};
    (@check $self:ident, $problems:ident, $key:expr, $field:ident) => {};
    (@check $self:ident, $problems:ident, $key:expr, $field:ident, $bounds:expr) => {
        if let Err(problem) = $crate::config::settings::Bounded::check(&$self.$field, &$bounds) {
            $problems.push($crate::config::SettingError { key: $key.to_owned(), problem });
        }
    };
}
pub(super) use section;
