//! What clients write, in the words of the core.

use crate::functions::{
    clearable,
    failure::{CallError, Failure},
};
use greenroom_actors::user::{
    contact::{Sentiment, Stage},
    contact_change::Write,
    contact_filter::{ContactFilter, ContactSort, SEARCH_CHARS_MAX},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest id that is looked up.
const ID_CHARS_MAX: usize = 128;
/// Most entries of a list in an argument (product rule).
const ENTRIES_MAX: usize = 50;
/// Highest lead score.
const SCORE_MAX: u32 = 100;

/// Place in the sales process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::functions) enum StageWord {
    New,
    Lead,
    FollowUp,
    Ghosted,
}

impl From<StageWord> for Stage {
    fn from(word: StageWord) -> Self {
        match word {
            StageWord::New => Self::New,
            StageWord::Lead => Self::Lead,
            StageWord::FollowUp => Self::FollowUp,
            StageWord::Ghosted => Self::Ghosted,
        }
    }
}

impl From<Stage> for StageWord {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::New => Self::New,
            Stage::Lead => Self::Lead,
            Stage::FollowUp => Self::FollowUp,
            Stage::Ghosted => Self::Ghosted,
        }
    }
}

/// Mood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::functions) enum SentimentWord {
    Hot,
    Warm,
    Cold,
    Ghosted,
    Neutral,
}

impl From<SentimentWord> for Sentiment {
    fn from(word: SentimentWord) -> Self {
        match word {
            SentimentWord::Hot => Self::Hot,
            SentimentWord::Warm => Self::Warm,
            SentimentWord::Cold => Self::Cold,
            SentimentWord::Ghosted => Self::Ghosted,
            SentimentWord::Neutral => Self::Neutral,
        }
    }
}

impl From<Sentiment> for SentimentWord {
    fn from(mood: Sentiment) -> Self {
        match mood {
            Sentiment::Hot => Self::Hot,
            Sentiment::Warm => Self::Warm,
            Sentiment::Cold => Self::Cold,
            Sentiment::Ghosted => Self::Ghosted,
            Sentiment::Neutral => Self::Neutral,
        }
    }
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum SortWord {
    /// By name.
    Name,
    /// By the instant of the last message.
    LastMessage,
    /// By lead score.
    LeadScore,
    /// By lead value.
    LeadValue,
    /// By the instant since which a person is needed; only those where one is.
    HrnTime,
    /// By our last message; only those to be written to.
    FollowUp,
}

impl From<SortWord> for ContactSort {
    fn from(word: SortWord) -> Self {
        match word {
            SortWord::Name => Self::Name,
            SortWord::LastMessage => Self::LastMessage,
            SortWord::LeadScore => Self::Score,
            SortWord::LeadValue => Self::Value,
            SortWord::HrnTime => Self::HrnTime,
            SortWord::FollowUp => Self::FollowUp,
        }
    }
}

/// Which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Order {
    /// Smallest first.
    #[default]
    Asc,
    /// Largest first.
    Desc,
}

/// Which contacts: those to which all of it applies.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(inline)]
pub(super) struct FilterArgs {
    /// Contained in name, last message, notes or a tag, in any case. At most 200 characters.
    search: Option<String>,
    /// One of these.
    stages: Option<Vec<StageWord>>,
    /// One of these.
    sentiments: Option<Vec<SentimentWord>>,
    /// At least one of these.
    tags: Option<Vec<String>>,
    /// A person is needed, or not.
    requires_human_response: Option<bool>,
    /// To be written to, or not.
    followup_needed: Option<bool>,
    /// 0 to 100.
    score_min: Option<f64>,
    /// 0 to 100.
    score_max: Option<f64>,
    /// Whole dollars.
    value_min: Option<f64>,
    /// Whole dollars.
    value_max: Option<f64>,
}

impl FilterArgs {
    /// The filter in the words of the core.
    pub(super) fn read(self) -> Result<ContactFilter, CallError> {
        if self.search.as_ref().is_some_and(|search| search.chars().count() > SEARCH_CHARS_MAX) {
            return Err(Failure::field("filter.search", "at most 200 characters").into());
        }
        let tags = self.tags.unwrap_or_default();
        if tags.len() > ENTRIES_MAX {
            return Err(Failure::field("filter.tags", "at most 50 tags").into());
        }
        let score = |field: &'static str, value: Option<f64>| -> Result<Option<u8>, CallError> {
            let Some(value) = value else { return Ok(None) };
            Ok(u8::try_from(whole(field, value, SCORE_MAX)?).ok())
        };
        let value = |field: &'static str, value: Option<f64>| -> Result<Option<u32>, CallError> {
            value.map(|value| whole(field, value, u32::MAX)).transpose()
        };
        Ok(ContactFilter {
            search: self.search.filter(|search| !search.trim().is_empty()),
            stages: self.stages.unwrap_or_default().into_iter().map(Stage::from).collect(),
            sentiments: self.sentiments.unwrap_or_default().into_iter().map(Sentiment::from).collect(),
            tags: tags.iter().map(|tag| Arc::from(tag.trim().to_lowercase())).collect(),
            hrn: self.requires_human_response,
            followup_needed: self.followup_needed,
            score_min: score("filter.scoreMin", self.score_min)?,
            score_max: score("filter.scoreMax", self.score_max)?,
            value_min: value("filter.valueMin", self.value_min)?,
            value_max: value("filter.valueMax", self.value_max)?,
        })
    }
}

/// A whole number from 0 on.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole and in range"
)]
pub(super) fn whole(field: &'static str, value: f64, max: u32) -> Result<u32, CallError> {
    if value.fract() != 0.0 || !(0.0..=f64::from(max)).contains(&value) {
        return Err(Failure::field(field, format!("a whole number from 0 to {max}")).into());
    }
    Ok(value as u32)
}

/// An id that can be one.
pub(in crate::functions) fn id(field: &'static str, id: &str) -> Result<(), CallError> {
    if id.is_empty() || id.chars().count() > ID_CHARS_MAX {
        return Err(Failure::field(field, "1 to 128 characters").into());
    }
    Ok(())
}

/// New values of fields: absent ones stay, null clears.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::functions) struct FieldsArgs {
    /// Which contact.
    pub(in crate::functions) contact_id: String,
    #[serde(default)]
    stage: Option<StageWord>,
    #[serde(default)]
    sentiment: Option<SentimentWord>,
    /// 0 to 100.
    #[serde(default, deserialize_with = "clearable")]
    lead_score: Option<Option<f64>>,
    /// Whole dollars.
    #[serde(default, deserialize_with = "clearable")]
    lead_value: Option<Option<f64>>,
    /// At most 500 characters.
    #[serde(default, deserialize_with = "clearable")]
    next_action: Option<Option<String>>,
    /// At most 10000 characters.
    #[serde(default, deserialize_with = "clearable")]
    notes: Option<Option<String>>,
}

impl FieldsArgs {
    /// The fields in the words of the core.
    pub(in crate::functions) fn read(
        self,
    ) -> Result<greenroom_actors::user::contact_change::ContactPatch, CallError> {
        let number = |field: &'static str, value: Option<Option<f64>>, max: u32| match value {
            None => Ok(None),
            Some(None) => Ok(Some(Write::Clear)),
            Some(Some(value)) => whole(field, value, max).map(|value| Some(Write::Set(value))),
        };
        let text = |text: Option<Option<String>>| {
            text.map(|text| text.map_or(Write::Clear, |text| Write::Set(Arc::from(text))))
        };
        let score = number("leadScore", self.lead_score, SCORE_MAX)?;
        Ok(greenroom_actors::user::contact_change::ContactPatch {
            stage: self.stage.map(Stage::from),
            sentiment: self.sentiment.map(Sentiment::from),
            lead_score: score.map(|score| match score {
                Write::Set(score) => u8::try_from(score).map_or(Write::Clear, Write::Set),
                Write::Clear => Write::Clear,
            }),
            lead_value: number("leadValue", self.lead_value, u32::MAX)?,
            next_action: text(self.next_action),
            notes: text(self.notes),
        })
    }
}
