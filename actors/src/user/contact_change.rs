//! What a person, or a tool for them, can change of contacts.

use super::{
    contact::{FieldSource, Sentiment, Stage, TAG_CHARS_MAX},
    contact_filter::ContactFilter,
};
use crate::{
    Timestamp,
    automation::{FieldCode, FieldError},
    id::{ContactId, Igsid},
    text,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most contacts named by one change of many.
pub const NAMED_MAX: usize = 500;
/// Longest next action, in characters (product rule).
pub const NEXT_ACTION_CHARS_MAX: usize = 500;

/// A change of one contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ContactChange {
    /// Change fields.
    Edit(ContactPatch),
    /// The same after the owner followed up: no follow-up is needed any more.
    FollowedUp(ContactPatch),
    /// Leave the thread to a person, or not any more.
    Hrn {
        /// It needs one.
        needed: bool,
        /// Why, at most 300 characters.
        reason: Option<String>,
    },
    /// The owner should write to the contact; when not, that rests until the contact writes, 7 days at most.
    FollowUp {
        /// Needed.
        needed: bool,
    },
    /// Add a tag. Refused when it is there, or ten others are.
    AddTag(String),
    /// Remove a tag; fine when it is not there.
    RemoveTag(String),
    /// Delete the contact with everything it wrote and was written. Who writes again is a new contact.
    Delete,
}

/// New values of fields; absent ones stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactPatch {
    /// Place in the sales process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Mood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<Sentiment>,
    /// 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_score: Option<Write<u8>>,
    /// Whole dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_value: Option<Write<u32>>,
    /// At most [`NEXT_ACTION_CHARS_MAX`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<Write<Arc<str>>>,
    /// At most [`super::contact::NOTES_CHARS_MAX`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<Write<Arc<str>>>,
}

/// A value, or that there is none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write<T> {
    /// This one.
    Set(T),
    /// None.
    Clear,
}

impl<T> Write<T> {
    /// The value to store.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Clear => None,
        }
    }
}

/// Which contacts a change of many is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// These, at most [`NAMED_MAX`]. Ids that name no contact are passed over.
    Named(Vec<ContactId>),
    /// All that match now.
    Matching(ContactFilter),
}

/// A change of many contacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ManyChange {
    /// Add a tag where there is room for one.
    Tag(Arc<str>),
    /// Remove a tag.
    Untag(Arc<str>),
    /// Set the stage.
    Stage(Stage),
    /// Set the mood.
    Sentiment(Sentiment),
    /// Leave the threads to a person, or not any more.
    Hrn(bool),
    /// Delete the contacts.
    Delete,
}

/// A change of many contacts that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bulk {
    /// Number in the workspace.
    pub no: u64,
    /// What is done.
    pub change: ManyChange,
    /// Who asked.
    pub by: FieldSource,
    /// When. Contacts that came later are not meant.
    pub at: Timestamp,
    /// Who is left.
    pub left: Left,
}

/// Contacts that a change of many has not come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Left {
    /// These.
    Named(Vec<Igsid>),
    /// All that match, in the order of their ids.
    Matching {
        /// What they have in common.
        filter: Arc<ContactFilter>,
        /// Those up to this one are done.
        after: Option<Igsid>,
    },
}

/// A tag as it is kept: composed, trimmed, in lower case.
///
/// # Errors
/// When nothing is left of it, or it is too long.
pub fn tag(typed: &str) -> Result<Arc<str>, FieldError> {
    let wrong = |code, message| FieldError::new("tag", code, message);
    let tag =
        text::typed(typed).map_err(|_| wrong(FieldCode::Invalid, "control characters are not allowed"))?;
    let tag = tag.trim().to_lowercase();
    if tag.is_empty() {
        return Err(wrong(FieldCode::Required, "1 to 24 characters"));
    }
    if tag.contains(['\n', '\t']) {
        return Err(wrong(FieldCode::Invalid, "control characters are not allowed"));
    }
    if tag.chars().count() > TAG_CHARS_MAX {
        return Err(wrong(FieldCode::TooLong, "at most 24 characters"));
    }
    Ok(tag.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_one_form() {
        assert_eq!(tag("  VIP Ä\u{301} ").as_deref(), Ok("vip ä\u{301}"));
        assert_eq!(tag(&"x".repeat(24)).map(|tag| tag.len()), Ok(24));
        for wrong in ["", "   ", "a\u{0}b", "a\nb", &"x".repeat(25)] {
            assert!(tag(wrong).is_err(), "{wrong:?}");
        }
    }
}
