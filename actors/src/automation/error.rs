//! What is wrong with a field, for forms and for code.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Kind of a [`FieldError`]. Stable: clients switch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FieldCode {
    /// Missing or blank.
    Required,
    /// More characters or bytes than allowed.
    TooLong,
    /// More entries than allowed.
    TooMany,
    /// Not one of the allowed values.
    NotAllowed,
    /// Not of the right form.
    Invalid,
    /// The same twice.
    Duplicate,
    /// An instant that is not in the future.
    Past,
    /// Outside the allowed range.
    OutOfRange,
}

/// One thing that is wrong with what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// Path as the client wrote it, for instance `responseContent[0].buttons[1].url`.
    pub field: Cow<'static, str>,
    /// Kind.
    pub code: FieldCode,
    /// For people; repeats nothing that was typed but the name of an unknown placeholder.
    pub message: Cow<'static, str>,
}

impl FieldError {
    /// An error of a field.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        code: FieldCode,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

/// One thing that may be saved and is probably not what the owner wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldWarning {
    /// Path as the client wrote it.
    pub field: Cow<'static, str>,
    /// For people.
    pub message: Cow<'static, str>,
}
