//! What Sidekick and automations did in messages, on the wire.

use crate::functions::{context::Reader, when::When, word};
use greenroom_actors::user::action_log::{Action, ActionLog};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// A reply in a thread, or why there was none.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogView {
    id: String,
    platform: &'static str,
    thread_id: String,
    recipient_id: Option<String>,
    /// `sent_reply`.
    action: &'static str,
    text: Option<String>,
    /// What came of it: `sent`, `failed`, `unknown`, `blocked`, `skipped`, `hrn`.
    result: String,
    created_at: When,
    message_id: Option<String>,
    /// The handle; null when it is not known.
    recipient_username: Option<String>,
}

impl LogView {
    pub(super) fn new(reader: &Reader, log: &ActionLog) -> Self {
        let person = log.recipient.as_ref();
        let known = person.and_then(|person| reader.user().contacts.get(person));
        Self {
            id: log.no.to_string(),
            platform: "instagram",
            thread_id: log.thread_id.to_string(),
            recipient_id: person.map(|person| person.as_str().to_owned()),
            action: "sent_reply",
            text: log.text.as_deref().map(str::to_owned),
            result: word(&log.result),
            created_at: When(log.at),
            message_id: log.message_id.as_ref().map(|id| id.as_str().to_owned()),
            recipient_username: known.and_then(|contact| contact.username.as_deref()).map(str::to_owned),
        }
    }
}

/// Rows of messages at hand, newest first. What happened to comments is in the list of automations.
pub(super) fn of_messages(reader: &Reader) -> impl Iterator<Item = &Arc<ActionLog>> {
    reader.user().logs.iter().filter(|log| is_of_message(log))
}

pub(super) const fn is_of_message(log: &ActionLog) -> bool {
    matches!(log.action, Action::SentReply | Action::DmAutomationTriggered)
}
