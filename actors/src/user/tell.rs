//! Telling the owner: notifications, rows of the activity list, rows of the history.

use super::{
    User, UserEvent,
    action_log::{Action, ActionLog, ActionResult},
    calendar::Month,
    history::{ACTION_LOGS, messages_of},
    notification::{Notification, NotificationKind},
    question::{Case, Origin},
    thread::{Leaving, Message},
    usage::Quota,
};
use crate::{
    Draft, Timestamp,
    id::{Igsid, Mid},
    outbox::OutboundId,
};
use greenroom_persistence::HistoryRow;
use serde::Serialize;
use std::{borrow::Cow, sync::Arc};

/// One row of a history stream.
#[expect(clippy::expect_used, reason = "plain data of this crate always encodes; anything else is a bug")]
pub(super) fn row<T: Serialize>(stream: impl Into<String>, no: u64, value: &T) -> HistoryRow {
    let bytes = rmp_serde::to_vec_named(value).expect("plain data encodes");
    HistoryRow { stream: stream.into(), no, bytes }
}

/// Puts a message in its thread; what no longer fits leaves to the history. Without a contact it goes there at once.
pub(super) fn record_message(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    message: Message,
    opens_window: bool,
) {
    let leaving = match draft.contacts.get(person) {
        None => Some(row(messages_of(person), message.no.0, &message)),
        Some(contact) => contact.thread.leaving(message.at, message.no).map(|leaving| match leaving {
            Leaving::Newcomer => row(messages_of(person), message.no.0, &message),
            Leaving::Oldest(oldest) => row(messages_of(person), oldest.no.0, oldest.as_ref()),
        }),
    };
    if let Some(row) = leaving {
        draft.row(row);
    }
    draft.emit(UserEvent::MessageRecorded {
        person: person.clone(),
        message: Arc::new(message),
        opens_window,
        now,
    });
}

/// Tells the owner something.
pub(super) fn notify(draft: &mut Draft<User>, at: Timestamp, kind: NotificationKind) {
    if let Some(oldest) = draft.notifications.leaving() {
        let row = row("notifications", oldest.no, oldest.as_ref());
        draft.row(row);
    }
    let no = draft.next_side;
    draft.emit(UserEvent::Notified(Arc::new(Notification { no, at, kind, read_at: None })));
}

/// Tells the owner, once a month and level, that a quota is nearly or wholly used up.
pub(super) fn warn_of_quota(draft: &mut Draft<User>, now: Timestamp, quota: Quota) {
    let month = Month::of(now);
    if let Some(percent) = draft.usage.warning_due(quota, month, draft.contacts.len()) {
        draft.emit(UserEvent::QuotaWarned { quota, month, percent });
        notify(draft, now, NotificationKind::QuotaUsed { quota, percent });
    }
}

/// What a row of the activity list says beside its case.
pub(super) struct Entry {
    pub result: ActionResult,
    pub text: Option<Arc<str>>,
    pub message_id: Option<Mid>,
    pub outbound: Option<OutboundId>,
    pub error_code: Option<Cow<'static, str>>,
}

impl Entry {
    /// A row without a message.
    pub(super) fn of(result: ActionResult, error_code: &'static str) -> Self {
        Self {
            result,
            text: None,
            message_id: None,
            outbound: None,
            error_code: Some(Cow::Borrowed(error_code)),
        }
    }
}

/// Adds a row to the activity list.
pub(super) fn log(draft: &mut Draft<User>, at: Timestamp, case: &Case, entry: Entry) {
    let account = draft.integration.as_ref().map_or("", |integration| integration.account.as_str());
    let (thread_id, action, webhook_mid) = match &case.origin {
        Origin::Texts(texts) => {
            let mid = texts.last().and_then(|no| {
                draft.contacts.get(&case.person).and_then(|contact| contact.thread.get(*no)?.mid.clone())
            });
            let action = if case.rule.is_some() { Action::DmAutomationTriggered } else { Action::SentReply };
            (format!("{account}:{}", case.person), action, mid)
        }
        Origin::Comment(comment) => (
            format!("{}:comment:{}", comment.account, comment.comment.id),
            Action::CommentAutomationTriggered,
            None,
        ),
    };
    let row = ActionLog {
        no: draft.next_side,
        at,
        action,
        result: entry.result,
        thread_id: thread_id.into(),
        recipient: Some(case.person.clone()),
        automation_id: case.rule.as_ref().map(|rule| Arc::clone(&rule.id)),
        automation_title: case.rule.as_ref().map(|rule| Arc::clone(&rule.title)),
        trigger_word: case.rule.as_ref().map(|rule| Arc::clone(&rule.trigger)),
        text: entry.text,
        message_id: entry.message_id,
        webhook_mid,
        outbound: entry.outbound,
        decision: Some(case.no),
        error_code: entry.error_code,
        public_reply_result: None,
    };
    put_log(draft, row);
}

fn put_log(draft: &mut Draft<User>, log: ActionLog) {
    if let Some(oldest) = draft.logs.leaving() {
        let row = row(ACTION_LOGS, oldest.no, oldest.as_ref());
        draft.row(row);
    }
    draft.emit(UserEvent::Logged(Arc::new(log)));
}
