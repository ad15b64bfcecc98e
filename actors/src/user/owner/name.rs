//! The name of the owner or business.

use super::super::{Rejection, Reply, User, UserEvent};
use crate::{
    Draft,
    automation::{FieldCode, FieldError},
};

/// Longest name, in characters (product rule).
const NAME_CHARS_MAX: usize = 100;

/// Sets the owner's or business's name.
pub(in super::super) fn set_name(draft: &mut Draft<User>, name: &str) -> Result<Reply, Rejection> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let error = FieldError::new("name", FieldCode::Invalid, "1 to 100 characters");
        return Err(Rejection::Invalid(vec![error]));
    }
    draft.emit(UserEvent::Named(name.into()));
    Ok(Reply::Done)
}
