//! Dropping what is pending when a person steps in.

use super::{
    User, UserEvent,
    decision::{CancelReason, DecisionNo, Verdict},
    question::{Case, Origin, Question},
    relay,
    sweep::{self, Target},
    trail::conclude,
};
use crate::{
    Draft, Timestamp,
    id::Igsid,
    outbox::{self, Author, Scope, ThreadId},
};
use std::sync::Arc;

/// The outbox's word for a contact that can not be reached.
pub(super) const UNREACHABLE: &str = "unreachable";

/// Drops the burst, the question and the waiting automatic messages of one thread.
pub(super) fn pending(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, reason: CancelReason) {
    pending_until(draft, now, person, Timestamp::MAX, reason);
}

/// The same for what answers nothing newer than an instant.
pub(super) fn pending_until(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    until: Timestamp,
    reason: CancelReason,
) {
    let last = draft.contacts.get(person).and_then(|contact| contact.thread.burst.as_ref()?.texts.last());
    if last.is_some_and(|no| written_at(draft, person, *no) <= until) {
        burst(draft, now, person, reason);
    }
    let asked = |user: &User, question: &Question| {
        question.case.person == *person && answered_from(user, &question.case) <= until
    };
    questions(draft, now, reason, asked);
    let user: &User = draft;
    let mut chosen = |item: &outbox::Outbound| {
        let context = user.replies.get(&item.id);
        item.author != Author::Human
            && context.is_none_or(|context| answered_from(user, &context.case) <= until)
    };
    let (thread, to_outbox) = (ThreadId::from(person), to_outbox(reason));
    let decided = user.outbox.cancel_where(now, Scope::Thread(&thread), &mut chosen, &to_outbox);
    relay::emit_all(draft, now, decided);
}

/// When the newest words were written that a case answers.
fn answered_from(user: &User, case: &Case) -> Timestamp {
    match &case.origin {
        Origin::Comment(from) => from.at,
        Origin::Texts(texts) => texts.last().map_or(Timestamp::MIN, |no| written_at(user, &case.person, *no)),
    }
}

/// When a message was written; long ago when both it and its decision have left.
fn written_at(user: &User, person: &Igsid, no: DecisionNo) -> Timestamp {
    let in_thread = user.contacts.get(person).and_then(|contact| contact.thread.get(no));
    let at = in_thread.map(|message| message.at).or_else(|| Some(user.decisions.get(&no)?.at));
    at.unwrap_or(Timestamp::MIN)
}

/// Drops the burst of one thread.
pub(super) fn burst(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, reason: CancelReason) {
    let Some(burst) = draft.contacts.get(person).and_then(|contact| contact.thread.burst.clone()) else {
        return;
    };
    draft.emit(UserEvent::BurstSet { person: person.clone(), burst: None });
    if let Some(no) = burst.texts.last() {
        conclude(draft, now, *no, Verdict::Cancelled(reason));
    }
}

/// Drops the questions and waiting messages of one automation.
pub(super) fn of_automation(draft: &mut Draft<User>, now: Timestamp, automation: &str) {
    sweep::begin(draft, now, Target::Automation(automation.into()), CancelReason::AutomationGone);
}

/// Drops everything that is pending: bursts, questions, waiting messages; those of people too when `by_hand`.
pub(super) fn everything(draft: &mut Draft<User>, now: Timestamp, reason: CancelReason, by_hand: bool) {
    let target = if by_hand { Target::Everything } else { Target::Automatic };
    sweep::begin(draft, now, target, reason);
}

fn questions(
    draft: &mut Draft<User>,
    now: Timestamp,
    reason: CancelReason,
    chosen: impl Fn(&User, &Question) -> bool,
) {
    if draft.questions.is_empty() {
        return;
    }
    let open: Vec<Arc<Question>> =
        draft.questions.values().filter(|question| chosen(draft, question)).cloned().collect();
    for question in open {
        close_question(draft, &question);
        conclude(draft, now, question.case.no, Verdict::Cancelled(reason));
    }
}

/// Closes a question and gives its reserved reply back.
pub(super) fn close_question(draft: &mut Draft<User>, question: &Question) {
    draft.emit(UserEvent::QuestionClosed(question.id));
    if let Some(month) = question.reserved {
        draft.emit(UserEvent::SendReleased(month));
    }
}

/// Stable name of a reason.
pub(super) const fn name(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::HrnSet => "hrn_set",
        CancelReason::OwnerAnswered => "owner_answered",
        CancelReason::AutomationGone => "automation_gone",
        CancelReason::ContactPaused => "contact_paused",
        CancelReason::AutoReplyOff => "auto_reply_off",
        CancelReason::Disconnected => "disconnected",
        CancelReason::ThreadTaken => "thread_taken",
        CancelReason::Unsent => "unsent",
        CancelReason::Frozen => "frozen",
        CancelReason::Owner => "cancelled_by_owner",
        CancelReason::DependencyFailed => "dependency_failed",
        CancelReason::SafetyStop => "safety_stop",
        CancelReason::Unreachable => UNREACHABLE,
    }
}

/// The reason in the outbox's words.
pub(super) fn to_outbox(reason: CancelReason) -> outbox::CancelReason {
    match reason {
        CancelReason::HrnSet => outbox::CancelReason::Hrn,
        CancelReason::OwnerAnswered => outbox::CancelReason::HumanTakeover,
        CancelReason::AutomationGone => outbox::CancelReason::AutomationGone,
        CancelReason::ContactPaused => outbox::CancelReason::Paused,
        CancelReason::AutoReplyOff => outbox::CancelReason::RepliesOff,
        CancelReason::Disconnected => outbox::CancelReason::Disconnected,
        CancelReason::ThreadTaken => outbox::CancelReason::Other("thread_taken".into()),
        CancelReason::Unsent => outbox::CancelReason::CauseUnsent,
        CancelReason::Frozen => outbox::CancelReason::Quota,
        CancelReason::Owner => outbox::CancelReason::ByPerson,
        CancelReason::DependencyFailed => outbox::CancelReason::DependencyEnded,
        CancelReason::SafetyStop => outbox::CancelReason::Other("safety_stop".into()),
        CancelReason::Unreachable => outbox::CancelReason::Other(UNREACHABLE.into()),
    }
}

/// The outbox's reason in the words of records.
pub(super) fn from_outbox(reason: &outbox::CancelReason) -> CancelReason {
    match reason {
        outbox::CancelReason::Hrn => CancelReason::HrnSet,
        outbox::CancelReason::HumanTakeover => CancelReason::OwnerAnswered,
        outbox::CancelReason::AutomationGone => CancelReason::AutomationGone,
        outbox::CancelReason::Paused | outbox::CancelReason::Blocked | outbox::CancelReason::OptedOut => {
            CancelReason::ContactPaused
        }
        outbox::CancelReason::RepliesOff => CancelReason::AutoReplyOff,
        outbox::CancelReason::Disconnected => CancelReason::Disconnected,
        outbox::CancelReason::CauseUnsent => CancelReason::Unsent,
        outbox::CancelReason::Quota => CancelReason::Frozen,
        outbox::CancelReason::DependencyEnded => CancelReason::DependencyFailed,
        outbox::CancelReason::ByPerson
        | outbox::CancelReason::Superseded
        | outbox::CancelReason::Dismissed
        | outbox::CancelReason::BroadcastOver => CancelReason::Owner,
        outbox::CancelReason::Other(code) if &**code == "thread_taken" => CancelReason::ThreadTaken,
        outbox::CancelReason::Other(code) if &**code == "safety_stop" => CancelReason::SafetyStop,
        outbox::CancelReason::Other(code) if &**code == UNREACHABLE => CancelReason::Unreachable,
        outbox::CancelReason::Other(_) => CancelReason::Owner,
    }
}
