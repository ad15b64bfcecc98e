//! What the engine did, as the owner's activity list shows it.

use super::decision::DecisionNo;
use crate::{
    Timestamp,
    id::{Igsid, Mid},
    outbox::OutboundId,
    slices,
};
use imbl::Vector;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, sync::Arc};

/// Rows kept in memory; older ones leave to the history stream `action_logs`.
pub const ACTION_LOGS_MAX: usize = 200;

/// One row. A reply by an automation is a row of the automations' list and of Sidekick's list; both refer to the same
/// outbox item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionLog {
    /// Number in the workspace, growing.
    pub no: u64,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub action: Action,
    /// What came of it.
    pub result: ActionResult,
    /// `<account>:<person>` or `<account>:comment:<comment>`.
    pub thread_id: Arc<str>,
    /// Whom it concerned.
    pub recipient: Option<Igsid>,
    /// Automation id, when one matched.
    pub automation_id: Option<Arc<str>>,
    /// Its title then; stays when the automation is deleted.
    pub automation_title: Option<Arc<str>>,
    /// The trigger that hit.
    pub trigger_word: Option<Arc<str>>,
    /// Text that was sent; empty for templates.
    pub text: Option<Arc<str>>,
    /// Id that Instagram gave the message.
    pub message_id: Option<Mid>,
    /// Inbound message that caused it.
    pub webhook_mid: Option<Mid>,
    /// Outbox item.
    pub outbound: Option<OutboundId>,
    /// Decision behind it.
    pub decision: Option<DecisionNo>,
    /// Short stable code of a failure or a reason.
    pub error_code: Option<Cow<'static, str>>,
    /// Result of the public reply, for rows of comments.
    pub public_reply_result: Option<ActionResult>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// An automation matched a message.
    DmAutomationTriggered,
    /// An automation matched a comment.
    CommentAutomationTriggered,
    /// Sidekick, or nobody, acted on a message.
    SentReply,
    /// A public reply under a comment.
    PublicReply,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionResult {
    /// Delivered.
    Sent,
    /// Not delivered.
    Failed,
    /// Not known whether it was delivered.
    Unknown,
    /// No quota.
    Blocked,
    /// A switch was in the way, or the reply was dropped before it went.
    Skipped,
    /// Left to a person.
    Hrn,
}

/// Recent rows, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionLogs(Vector<Arc<ActionLog>>);

impl ActionLogs {
    /// The same rows, shared.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        slices::same_rows(&self.0, &other.0)
    }

    /// Newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ActionLog>> {
        self.0.iter().rev()
    }

    /// The one that leaves when another comes.
    #[must_use]
    pub fn leaving(&self) -> Option<&Arc<ActionLog>> {
        (self.0.len() >= ACTION_LOGS_MAX).then(|| self.0.front()).flatten()
    }

    /// Drops what is older.
    pub(super) fn forget(&mut self, before: Timestamp) {
        self.0.retain(|row| row.at >= before);
    }

    pub(super) fn push(&mut self, row: Arc<ActionLog>) {
        if self.0.len() >= ACTION_LOGS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(row);
    }

    /// Drops what the rows say of a person.
    pub(super) fn forget_person(&mut self, person: &Igsid) {
        let about = |row: &Arc<ActionLog>| row.recipient.as_ref() == Some(person);
        if !self.0.iter().any(about) {
            return;
        }
        for row in self.0.iter_mut().filter(|row| row.recipient.as_ref() == Some(person)) {
            let row = Arc::make_mut(row);
            row.thread_id = "".into();
            row.recipient = None;
            row.text = None;
            row.message_id = None;
            row.webhook_mid = None;
        }
    }

    pub(super) fn set_public_reply(&mut self, decision: DecisionNo, result: ActionResult) {
        let row =
            self.0.iter_mut().rev().find(|row| {
                row.decision == Some(decision) && row.action == Action::CommentAutomationTriggered
            });
        if let Some(row) = row {
            Arc::make_mut(row).public_reply_result = Some(result);
        }
    }
}
