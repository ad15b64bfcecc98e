//! Values of the protocol: what arguments, results and error data are made of.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub(super) use encode::write_text;
use std::collections::BTreeMap;

/// Deepest nesting of arrays and objects.
pub(super) const DEPTH_MAX: usize = 64;
/// Longest key of an object, in characters.
pub(super) const KEY_CHARS_MAX: usize = 1024;

/// A value. Every number of the JSON text is a 64-bit float; `$integer`, `$float` and `$bytes` carry the rest.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A `bigint` of the client.
    Integer(i64),
    /// A `number` of the client.
    Float(f64),
    /// Text.
    Text(String),
    /// An `ArrayBuffer` of the client.
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<Value>),
    /// Fields by name, in the order of their names. An absent field is an absent key, never a null.
    Object(BTreeMap<String, Value>),
}

/// A text that is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(String);

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `convex_encoded_json`: what the clients understand; nothing is lost.
    Encoded,
    /// `json`: integers as decimal text, bytes as base64 text, what is no finite number as its name.
    Clean,
}

impl Value {
    /// The text, when it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, when it is a float.
    #[must_use]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth, when it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The elements, when it is a list.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The fields, when it is an object.
    #[must_use]
    pub const fn as_object(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// A field of an object.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Self> {
        self.as_object()?.get(field)
    }
}

impl From<serde_json::Value> for Value {
    /// Numbers become floats, as everywhere in the protocol; integers beyond 2^53 are rounded.
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(truth) => Self::Bool(truth),
            serde_json::Value::Number(number) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(fields) => {
                Self::Object(fields.into_iter().map(|(key, value)| (key, Self::from(value))).collect())
            }
        }
    }
}
