//! The owner's row, as functions write and read it.

use super::{
    context::Writer,
    failure::{CallError, Failure},
};
use greenroom_actors::{
    identity::{
        self,
        command::UserPatch,
        field::{Field, Value, Writer as FieldWriter},
        row::UserRow,
    },
    text::typed,
    user::Command,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest name, in characters (product contract, section 3.9).
const NAME_CHARS_MAX: usize = 100;

/// A gender, as forms offer it.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub(super) enum Gender {
    #[serde(rename = "male")]
    Male,
    #[serde(rename = "female")]
    Female,
    #[serde(rename = "non-binary")]
    NonBinary,
    #[serde(rename = "prefer_not_to_say")]
    PreferNotToSay,
}

impl Gender {
    /// The stored word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
            Self::NonBinary => "non-binary",
            Self::PreferNotToSay => "prefer_not_to_say",
        }
    }
}

/// A name as it is stored: 1 to 100 characters.
pub(super) fn checked_name(name: &str) -> Result<Arc<str>, Failure> {
    let name = checked_text("name", name)?;
    match name.chars().count() {
        1..=NAME_CHARS_MAX => Ok(name),
        _ => Err(Failure::field("name", "1 to 100 characters")),
    }
}

/// Typed text of one field as it is stored, without blanks around it.
pub(super) fn checked_text(field: &'static str, text: &str) -> Result<Arc<str>, Failure> {
    match typed(text.trim()) {
        Ok(text) => Ok(text.as_ref().into()),
        Err(error) => Err(Failure::field(field, error.to_string())),
    }
}

/// Changes the row. A new name is also what the workspace speaks in.
pub(super) async fn set(writer: &Writer, by: FieldWriter, patch: UserPatch) -> Result<(), CallError> {
    let name = patch.name.clone();
    writer.ask_identity(identity::Command::UpdateUser { writer: by, patch }).await?;
    if let Some(name) = name {
        writer.ask(Command::SetName(name.as_ref().to_owned()), name.len()).await?;
    }
    Ok(())
}

/// A field that holds text.
pub(super) fn text(row: &UserRow, field: Field) -> Option<String> {
    match row.extra.get(field)? {
        Value::Text(text) => Some(text.as_ref().to_owned()),
        Value::List(_) | Value::Flag(_) => None,
    }
}

/// A field that holds a list.
pub(super) fn list(row: &UserRow, field: Field) -> Option<Vec<String>> {
    match row.extra.get(field)? {
        Value::List(items) => Some(items.iter().map(|item| item.as_ref().to_owned()).collect()),
        Value::Text(_) | Value::Flag(_) => None,
    }
}

/// A field that holds true or false.
pub(super) fn flag(row: &UserRow, field: Field) -> bool {
    row.extra.get(field) == Some(Value::Flag(true))
}
