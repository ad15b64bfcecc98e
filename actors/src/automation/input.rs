//! What clients send to make and to change an automation. Unknown properties are refused.

use crate::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

/// A new automation as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AutomationInput {
    /// At most 120 characters.
    pub title: String,
    /// At most 1000 characters.
    pub description: Option<String>,
    /// The first trigger. May be left out when `triggers` has one.
    pub trigger_word: Option<String>,
    /// More triggers; at most 20 in all, 100 characters each.
    pub triggers: Option<Vec<String>>,
    /// `word` unless said otherwise.
    pub match_mode: Option<String>,
    /// Off unless said otherwise.
    pub typo_tolerance: Option<bool>,
    /// Name of a response type.
    pub response_type: String,
    /// Text, prompt, or a JSON array of elements.
    pub response_content: String,
    /// In the future.
    pub expires_at: Option<Timestamp>,
    /// `dm` unless said otherwise.
    pub trigger_scope: Option<String>,
    /// A post. Comments need at least one.
    pub post_id: Option<String>,
    /// More posts; at most 50 in all.
    pub post_ids: Option<Vec<String>>,
    /// At most 300 characters and one link; blank is none. Kept only for comments.
    pub comment_reply_text: Option<String>,
    /// Further wordings of it, at most ten. Ignored without it.
    pub comment_reply_variants: Option<Vec<String>>,
    /// Off unless said otherwise.
    pub hrn_enforced: Option<bool>,
    /// At most 30 days; none unless said otherwise.
    pub cooldown_seconds: Option<u32>,
}

/// A change of an automation: what is absent stays. An explicit null clears what can be cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AutomationPatch {
    /// See [`AutomationInput::title`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// See [`AutomationInput::description`].
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "clearable")]
    pub description: Option<Option<String>>,
    /// Replaces the first trigger, and keeps the others unless `triggers` is there too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_word: Option<String>,
    /// Replaces all triggers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triggers: Option<Vec<String>>,
    /// See [`AutomationInput::match_mode`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_mode: Option<String>,
    /// See [`AutomationInput::typo_tolerance`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typo_tolerance: Option<bool>,
    /// See [`AutomationInput::response_type`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_type: Option<String>,
    /// See [`AutomationInput::response_content`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_content: Option<String>,
    /// See [`AutomationInput::expires_at`].
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "clearable")]
    pub expires_at: Option<Option<Timestamp>>,
    /// See [`AutomationInput::trigger_scope`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_scope: Option<String>,
    /// Replaces all posts, together with `post_ids`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_id: Option<String>,
    /// Replaces all posts, together with `post_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_ids: Option<Vec<String>>,
    /// See [`AutomationInput::comment_reply_text`].
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "clearable")]
    pub comment_reply_text: Option<Option<String>>,
    /// See [`AutomationInput::comment_reply_variants`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment_reply_variants: Option<Vec<String>>,
    /// See [`AutomationInput::hrn_enforced`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hrn_enforced: Option<bool>,
    /// See [`AutomationInput::cooldown_seconds`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown_seconds: Option<u32>,
    /// Switches on or off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
}

/// Tells null (clear) from absent (keep), as serde's `deserialize_with` of a field with a default.
///
/// # Errors
/// When what is there is no such value.
pub fn clearable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_clears_and_absence_keeps() {
        let patch: AutomationPatch = serde_json::from_str(r#"{"expiresAt":null,"title":"x"}"#).unwrap();
        assert_eq!((patch.expires_at, patch.description.clone()), (Some(None), None));
        let bytes = rmp_serde::to_vec_named(&patch).unwrap();
        assert_eq!(rmp_serde::from_slice::<AutomationPatch>(&bytes).unwrap(), patch);
    }

    #[test]
    fn what_is_not_the_clients_is_refused() {
        for key in ["userId", "commentReplyCount", "createdAt", "id"] {
            let json = format!(r#"{{"{key}":"1"}}"#);
            assert!(serde_json::from_str::<AutomationInput>(&json).is_err(), "{key}");
            assert!(serde_json::from_str::<AutomationPatch>(&json).is_err(), "{key}");
        }
    }
}
