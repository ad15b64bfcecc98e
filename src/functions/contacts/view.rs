//! A contact, for clients.

use super::words::{SentimentWord, StageWord};
use crate::functions::{When, word};
use greenroom_actors::user::{
    contact::{Contact, FieldSource},
    contact_filter::shown_name,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// A contact. What is not known is absent; zero and empty texts are there.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) struct ContactView {
    /// The same as `id`.
    #[serde(rename = "_id")]
    row_id: String,
    /// When it was made, in milliseconds since 1970.
    #[serde(rename = "_creationTime")]
    creation_time: f64,
    id: String,
    /// Handle, or `Unknown`.
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    /// Expires within days.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_pic_url: Option<String>,
    /// Newest inbound text.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_message: Option<String>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<When>,
    stage: StageWord,
    sentiment: SentimentWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lead_score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<String>,
    /// Whole dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    lead_value: Option<f64>,
    followup_needed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    followup_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    followup_snoozed_until: Option<When>,
    requires_human_response: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    human_response_set_at: Option<When>,
    /// Why a person is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    hrn_reason: Option<String>,
    /// What was noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    hrn_signals: Option<Vec<String>>,
    /// `heuristic`, `classifier`, `automation`, `manual`, `failure` or `attachment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    hrn_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hrn_resolved_at: Option<When>,
    /// `user`, `tool` or `ai`.
    #[serde(skip_serializing_if = "Option::is_none")]
    hrn_resolved_by: Option<String>,
    /// In alphabetical order.
    tags: Vec<String>,
    trigger_matched: bool,
    blocked: bool,
    /// The person wants no automatic messages.
    opted_out: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_until: Option<When>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_inbound_at: Option<When>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_outbound_at: Option<When>,
    /// `automation`, `sidekick`, `human` or `follow_up`.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_outbound_kind: Option<String>,
    /// Automatic messages are possible until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    window_ends_at: Option<When>,
    /// A person may write until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    human_window_ends_at: Option<When>,
    /// Who set the stage: `user`, `tool` or `ai`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentiment_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score_source: Option<String>,
    created_at: When,
    updated_at: When,
}

impl ContactView {
    #[expect(clippy::cast_precision_loss, reason = "instants are far below 2^53")]
    pub(super) fn new(contact: &Contact) -> Self {
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        let source = |source: &Option<FieldSource>| source.as_ref().map(word);
        let (id, crm, hrn) = (contact.id.to_string(), &contact.crm, contact.hrn.as_ref());
        Self {
            row_id: id.clone(),
            creation_time: contact.created_at.as_millis() as f64,
            id,
            name: shown_name(contact).to_owned(),
            display_name: text(&contact.display_name),
            profile_pic_url: text(&contact.profile_pic_url),
            last_message: text(&contact.last_message),
            timestamp: contact.last_message_at.map(When),
            stage: contact.stage.into(),
            sentiment: contact.sentiment.into(),
            notes: text(&crm.notes),
            lead_score: contact.lead_score.map(f64::from),
            next_action: text(&crm.next_action),
            lead_value: crm.lead_value.map(f64::from),
            followup_needed: contact.followup_needed,
            followup_message: text(&crm.followup_message),
            followup_snoozed_until: crm.followup_snoozed_until.map(When),
            requires_human_response: hrn.is_some(),
            human_response_set_at: hrn.map(|hrn| When(hrn.set_at)),
            hrn_reason: hrn.map(|hrn| hrn.reason.to_string()),
            hrn_signals: hrn.map(|hrn| hrn.signals.iter().map(|signal| signal.to_string()).collect()),
            hrn_source: hrn.map(|hrn| word(&hrn.source)),
            hrn_resolved_at: contact.hrn_resolved_at.map(When),
            hrn_resolved_by: source(&contact.hrn_resolved_by),
            tags: tags(contact),
            trigger_matched: contact.trigger_matched,
            blocked: contact.blocked,
            opted_out: contact.opted_out_at.is_some(),
            paused_until: contact.paused_until.map(When),
            last_inbound_at: contact.last_inbound_at.map(When),
            last_outbound_at: contact.last_outbound_at.map(When),
            last_outbound_kind: contact.last_outbound_kind.as_ref().map(word),
            window_ends_at: contact.window_ends_at().map(When),
            human_window_ends_at: contact.human_window_ends_at().map(When),
            stage_source: source(&crm.stage_source),
            sentiment_source: source(&crm.sentiment_source),
            score_source: source(&crm.score_source),
            created_at: When(contact.created_at),
            updated_at: When(contact.updated_at),
        }
    }
}

/// Tags in alphabetical order.
pub(super) fn tags(contact: &Contact) -> Vec<String> {
    let mut tags: Vec<String> = contact.crm.tags.iter().map(|tag| tag.to_string()).collect();
    tags.sort_unstable();
    tags
}
