//! The outbox at work: starting what is due, and what follows when messages come to their end (step 18; comments 9 to
//! 12).

use super::{
    User, UserEffect, UserEvent,
    action_log::ActionResult,
    cancel, comment, connection,
    decision::{DecisionNo, Delivery, DeliveryState, Silence, StepOutcome, Verdict},
    disclosure, echo,
    effect::SendRequest,
    history,
    integration::Status,
    notification::NotificationKind,
    owner,
    question::{Case, CommentCase, Origin, Part, ReplyContext},
    tell::{self, Entry},
    thread::{Author, Message},
    trail::Trail,
};
use crate::{
    Draft, Timestamp,
    id::{CommentId, Igsid},
    outbox::{
        self, CancelReason, Consequence, Decided, End, Guard, Kind, Notice, Outbound, OutboundId,
        OutboxEffect, OutboxEvent, STEPS_PER_TICK_MAX, State, ThreadId,
    },
};
use std::{borrow::Cow, sync::Arc};

/// Why a message is held in quiet hours.
const QUIET_HOURS: &str = "quiet_hours";

/// Starts what is due, up to a bounded number of steps; more follows in the next tick, at once. A tick takes at least
/// one, so that other work never holds the outbox up for long.
pub(super) fn pump(draft: &mut Draft<User>, now: Timestamp, in_tick: bool) {
    for done in 0..STEPS_PER_TICK_MAX {
        if draft.is_full() && !(in_tick && done == 0) {
            return;
        }
        let user: &User = draft;
        let Some(step) = user.outbox.advance(now, &mut |item| guard(user, now, item)) else { return };
        emit_all(draft, now, step.decided);
        if let Some(effect) = step.effect {
            run(draft, effect);
        }
    }
}

/// What the outbox does not know: looked at again right before each attempt.
fn guard(user: &User, now: Timestamp, item: &Outbound) -> Guard {
    match in_the_way(user, now, item) {
        Guard::Go if item.is_automatic() => quiet_hours(user, now, item),
        other => other,
    }
}

/// Automatic messages wait for the end of the quiet hours, unless their window closes before.
fn quiet_hours(user: &User, now: Timestamp, item: &Outbound) -> Guard {
    match user.settings.quiet_hours.as_ref().and_then(|hours| hours.ends_at(now)) {
        Some(until) if until < item.last_start() => Guard::Hold { until, reason: QUIET_HOURS.into() },
        _ => Guard::Go,
    }
}

fn in_the_way(user: &User, now: Timestamp, item: &Outbound) -> Guard {
    if let Some(reason) = user.sweeps.of_message(item) {
        return Guard::Cancel(cancel::to_outbox(reason));
    }
    if user.is_foreign(item) {
        return Guard::Cancel(CancelReason::Disconnected);
    }
    if item.author == outbox::Author::Human {
        return Guard::Go;
    }
    let context = user.replies.get(&item.id);
    let is_opt_out = context.is_some_and(|context| context.part == Part::OptOut);
    if !user.settings.auto_reply {
        return Guard::Cancel(CancelReason::RepliesOff);
    }
    if user.is_frozen() {
        return Guard::Cancel(CancelReason::Quota);
    }
    if let Some(rule) = &item.automation
        && user
            .automations
            .get(rule.as_str())
            .is_none_or(|automation| !automation.is_active && !automation.ran_out())
    {
        return Guard::Cancel(CancelReason::AutomationGone);
    }
    let Some(person) = context.map(|context| &context.case.person) else { return Guard::Go };
    let Some(contact) = user.contacts.get(person) else {
        let taken_over = user.takeovers.until(person).is_some_and(|until| now < until);
        return if taken_over { Guard::Cancel(CancelReason::HumanTakeover) } else { Guard::Go };
    };
    if contact.blocked {
        Guard::Cancel(CancelReason::Blocked)
    } else if contact.hrn.is_some() {
        Guard::Cancel(CancelReason::Hrn)
    } else if contact.opted_out_at.is_some() && !is_opt_out {
        Guard::Cancel(CancelReason::OptedOut)
    } else if contact.thread_taken {
        Guard::Cancel(CancelReason::Other("thread_taken".into()))
    } else if contact.is_paused(now) && !is_opt_out {
        Guard::Cancel(CancelReason::Paused)
    } else if contact.is_unreachable(now) {
        Guard::Cancel(CancelReason::Other(cancel::UNREACHABLE.into()))
    } else {
        Guard::Go
    }
}

fn run(draft: &mut Draft<User>, effect: OutboxEffect) {
    let Some(access) = draft.access() else { return };
    match effect {
        OutboxEffect::Send { id, attempt } => {
            let Some(item) = draft.outbox.get(id) else { return };
            let State::Sending { lease_until, started_at } = item.state else { return };
            let by_human_agent = is_late_by_hand(draft, item, started_at);
            let (kind, content) = (item.kind.clone(), item.content.clone());
            let automatic = item.is_automatic();
            let request = SendRequest {
                outbound: id,
                attempt,
                kind,
                content,
                automatic,
                by_human_agent,
                access,
                lease_until,
            };
            draft.effect(UserEffect::Send(request));
        }
        OutboxEffect::Read { id, read, since } => {
            let Some(item) = draft.outbox.get(id) else { return };
            let effect = match &item.kind {
                Kind::PublicReply { comment } => UserEffect::ReadCommentReplies {
                    outbound: id,
                    read,
                    comment: top_of(draft, id).unwrap_or_else(|| comment.clone()),
                    since,
                    access,
                },
                Kind::Dm { to } => UserEffect::ReadConversation {
                    outbound: id,
                    read,
                    person: Some(to.clone()),
                    comment: None,
                    since,
                    access,
                },
                Kind::PrivateReply { comment, person, .. } => UserEffect::ReadConversation {
                    outbound: id,
                    read,
                    person: person.clone(),
                    comment: Some(comment.clone()),
                    since,
                    access,
                },
            };
            draft.effect(effect);
        }
    }
}

/// A message of a person that may come later than automatic ones may.
fn is_late_by_hand(user: &User, item: &Outbound, started_at: Timestamp) -> bool {
    let Kind::Dm { to } = &item.kind else { return false };
    let ends_at = user.contacts.get(to).and_then(|contact| contact.window_ends_at());
    !item.is_automatic() && ends_at.is_some_and(|ends_at| started_at + outbox::WINDOW_MARGIN > ends_at)
}

/// The comment that a public reply hangs below when it answers a reply (platform rule).
fn top_of(user: &User, public_reply: OutboundId) -> Option<CommentId> {
    match &user.replies.get(&public_reply)?.case.origin {
        Origin::Comment(from) => from.comment.parent.clone(),
        Origin::Texts(_) => None,
    }
}

/// Emits what the outbox decided, and does what follows.
pub(super) fn emit_all(draft: &mut Draft<User>, now: Timestamp, decided: Decided) {
    for event in decided.events {
        emit(draft, now, event);
    }
    for consequence in decided.consequences {
        follow(draft, now, consequence);
    }
}

/// Emits one event of the outbox, and settles the messages that came to their end by it.
pub(super) fn emit(draft: &mut Draft<User>, now: Timestamp, event: OutboxEvent) {
    let ended: Option<(Vec<OutboundId>, End)> = event.ends().map(|(ids, end)| (ids.to_vec(), end));
    let resent = match &event {
        OutboxEvent::Resent { of, item, .. } => Some((*of, item.id)),
        OutboxEvent::Archived { ids } => {
            archive(draft, ids);
            None
        }
        OutboxEvent::EchoSettled { message_id, ours: Some(_) } => {
            draft.emit(UserEvent::EchoDropped(message_id.clone()));
            None
        }
        _ => None,
    };
    if let Some((of, to)) = resent
        && let Some(context) = draft.replies.get(&of).cloned()
    {
        // The reservation of the old message, if any, goes on with the new one.
        draft.emit(UserEvent::ReplyUnbound(of));
        draft.emit(UserEvent::ReplyBound { outbound: to, context });
        draft.emit(UserEvent::Outbox(event));
        return;
    }
    draft.emit(UserEvent::Outbox(event));
    if let Some((ids, end)) = ended {
        if end == End::Delivered {
            connection::permitted(draft);
        }
        for id in ids {
            settle(draft, now, id, end);
        }
    }
}

/// Messages at their end leave: their rows go to the history.
fn archive(draft: &mut Draft<User>, ids: &[OutboundId]) {
    for id in ids {
        if let Some(item) = draft.outbox.get(*id) {
            let row = tell::row(history::OUTBOUND, id.get(), item);
            if !draft.is_forgotten(item) {
                draft.row(row);
            }
        }
        if let Some(context) = draft.replies.get(id).cloned() {
            if let Some(month) = context.reserved {
                draft.emit(UserEvent::SendReleased(month));
            }
            draft.emit(UserEvent::ReplyUnbound(*id));
        }
    }
}

fn settle(draft: &mut Draft<User>, now: Timestamp, id: OutboundId, end: End) {
    let Some(context) = draft.replies.get(&id).cloned() else { return };
    match end {
        End::Delivered => delivered(draft, now, id, &context),
        End::Unknown => {
            let verdict = Verdict::NotDelivered { outbound: id };
            ended(draft, now, id, &context, DeliveryState::Unknown, "outcome unknown", Some(verdict));
            log(draft, now, id, &context, ActionResult::Unknown, Some("unknown".into()));
        }
        End::Failed(class) => {
            give_back(draft, id, &context);
            let verdict = Verdict::NotDelivered { outbound: id };
            let reason = format!("{class:?}").to_lowercase();
            ended(draft, now, id, &context, DeliveryState::Failed, reason.clone(), Some(verdict));
            log(draft, now, id, &context, ActionResult::Failed, Some(reason.into()));
        }
        End::Expired => {
            give_back(draft, id, &context);
            ended(
                draft,
                now,
                id,
                &context,
                DeliveryState::Expired,
                "the reply window closed first",
                Some(Verdict::NoReply(Silence::WindowClosed)),
            );
            draft.emit(UserEvent::FollowUpSet { person: context.case.person.clone(), needed: true });
            log(draft, now, id, &context, ActionResult::Failed, Some("window_closed".into()));
        }
        End::Cancelled => cancelled(draft, now, id, &context),
    }
}

/// A message that did not go gives its reservation and its firing back. It stays bound: it may be replayed.
fn give_back(draft: &mut Draft<User>, id: OutboundId, context: &ReplyContext) {
    if let Some(month) = context.reserved {
        draft.emit(UserEvent::SendReleased(month));
    }
    if let Some(fingerprint) = context.fired {
        draft.emit(UserEvent::FiringForgotten(fingerprint));
    }
    if context.reserved.is_some() || context.fired.is_some() {
        let context = ReplyContext { reserved: None, fired: None, ..context.clone() };
        draft.emit(UserEvent::ReplyBound { outbound: id, context: Arc::new(context) });
    }
}

fn cancelled(draft: &mut Draft<User>, now: Timestamp, id: OutboundId, context: &ReplyContext) {
    let reason = match draft.outbox.get(id).map(|item| &item.state) {
        Some(State::Cancelled { reason, .. }) => reason.clone(),
        _ => CancelReason::ByPerson,
    };
    let dismissed = reason == CancelReason::Dismissed;
    let comes_back = reason == CancelReason::DependencyEnded;
    give_back(draft, id, context);
    if !dismissed {
        let why = cancel::from_outbox(&reason);
        ended(
            draft,
            now,
            id,
            context,
            DeliveryState::Cancelled,
            format!("{why:?}").to_lowercase(),
            Some(Verdict::Cancelled(why)),
        );
        log(draft, now, id, context, ActionResult::Skipped, Some(cancel::name(why).into()));
    }
    if !comes_back {
        draft.emit(UserEvent::ReplyUnbound(id));
    }
}

fn delivered(draft: &mut Draft<User>, now: Timestamp, id: OutboundId, context: &ReplyContext) {
    let Some(item) = draft.outbox.get(id).cloned() else { return };
    let is_private_reply = matches!(item.kind, Kind::PrivateReply { .. });
    if let Some(month) = context.reserved {
        draft.emit(UserEvent::SendCommitted { month, private_reply: is_private_reply });
    }
    draft.emit(UserEvent::ReplyUnbound(id));
    if let Part::PublicReply { .. } = context.part {
        draft.emit(UserEvent::PublicReplyLogged { decision: context.case.no, result: ActionResult::Sent });
        let mut trail = Trail::resume(context.case.no, now);
        trail.comment(11, StepOutcome::Passed);
        return trail.write(draft);
    }
    if let Origin::Comment(from) = &context.case.origin {
        comment::ensure_contact(draft, now, &context.case, from);
    }
    record(draft, now, &item, &context.case);
    if item.is_automatic()
        && let outbox::Content::Text(text) = &item.content
    {
        disclosure::delivered(draft, now, &context.case.person, text);
    }
    if context.part == Part::Later {
        return;
    }
    log(draft, now, id, context, ActionResult::Sent, None);
    let verdict = match context.part {
        Part::First => Some(Verdict::Replied { outbound: id }),
        _ => None,
    };
    ended(draft, now, id, context, DeliveryState::Sent, "", verdict);
    if let Origin::Comment(from) = &context.case.origin {
        comment::after_private_reply(draft, now, id, &context.case, from);
    }
}

/// The platform said whom a private reply went to, after a comment that did not say who wrote it: the reply is that
/// person's from here on.
pub(super) fn person_learnt(draft: &mut Draft<User>, id: OutboundId, person: &Igsid) {
    let Some(context) = draft.replies.get(&id).cloned() else { return };
    let Origin::Comment(from) = &context.case.origin else { return };
    if from.comment.person.is_some() || context.part != Part::First {
        return;
    }
    let mut from = CommentCase::clone(from);
    from.comment.person = Some(person.clone());
    let case =
        Case { person: person.clone(), origin: Origin::Comment(Arc::new(from)), ..context.case.clone() };
    let context = ReplyContext { case, ..ReplyContext::clone(&context) };
    draft.emit(UserEvent::ReplyBound { outbound: id, context: Arc::new(context) });
}

/// Puts a delivered message in its thread.
fn record(draft: &mut Draft<User>, now: Timestamp, item: &Outbound, case: &Case) {
    let mid = match &item.state {
        State::Sent { message_id, .. } => message_id.clone(),
        _ => None,
    };
    let known = draft
        .contacts
        .get(&case.person)
        .is_some_and(|contact| mid.as_ref().is_some_and(|mid| contact.thread.by_mid(mid).is_some()));
    if known {
        return;
    }
    let author = match (item.author, &case.rule) {
        (outbox::Author::Human, _) => Author::Owner,
        (outbox::Author::Automation, Some(rule)) => Author::Automation(Arc::clone(&rule.id)),
        (outbox::Author::Automation, None) => Author::Automation("workspace".into()),
        (outbox::Author::Sidekick, _) => Author::Sidekick,
    };
    let text = item.content.visible_text().map(Arc::from);
    let message = Message {
        no: DecisionNo(draft.next_no),
        mid,
        at: now,
        author,
        text,
        cut: false,
        attachments: Arc::from([]),
        reply_to: None,
        revision: 0,
        unsent: false,
        unsupported: false,
        reaction: None,
        seen: false,
        payload: None,
        tap: false,
        outbound: Some(item.id),
    };
    tell::record_message(draft, now, &case.person, message, false);
}

fn ended(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: OutboundId,
    context: &ReplyContext,
    state: DeliveryState,
    reason: impl Into<Cow<'static, str>>,
    verdict: Option<Verdict>,
) {
    let reason: Cow<'static, str> = reason.into();
    let mut trail = Trail::resume(context.case.no, now);
    let arrived = state == DeliveryState::Sent;
    if matches!(context.part, Part::PublicReply { .. }) {
        let result =
            if state == DeliveryState::Unknown { ActionResult::Unknown } else { ActionResult::Failed };
        draft.emit(UserEvent::PublicReplyLogged { decision: context.case.no, result });
        trail.comment_so(11, StepOutcome::Stopped, reason);
        return trail.write(draft);
    }
    let outcome = if arrived { StepOutcome::Passed } else { StepOutcome::Stopped };
    match (&context.case.origin, arrived) {
        (Origin::Texts(_), true) => trail.dm(18, outcome),
        (Origin::Texts(_), false) => trail.dm_so(18, outcome, reason.clone()),
        (Origin::Comment(_), true) => trail.comment(9, outcome),
        (Origin::Comment(_), false) => trail.comment_so(12, outcome, reason.clone()),
    }
    let mid = match draft.outbox.get(id).map(|item| &item.state) {
        Some(State::Sent { message_id, .. }) => message_id.clone(),
        _ => None,
    };
    trail.delivery(Delivery { state, at: now, mid, reason: (!reason.is_empty()).then_some(reason) });
    match verdict.filter(|_| context.part == Part::First) {
        Some(verdict) => trail.end(draft, verdict),
        None => trail.write(draft),
    }
}

fn log(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: OutboundId,
    context: &ReplyContext,
    result: ActionResult,
    error_code: Option<Cow<'static, str>>,
) {
    if !matches!(context.part, Part::First | Part::OptOut | Part::Manual) {
        return;
    }
    let item = draft.outbox.get(id);
    let text = item.and_then(|item| item.content.visible_text()).map(Arc::from);
    let message_id = item.and_then(|item| match &item.state {
        State::Sent { message_id, .. } => message_id.clone(),
        _ => None,
    });
    let entry = Entry { result, text, message_id, outbound: Some(id), error_code };
    tell::log(draft, now, &context.case, entry);
}

/// The person of a thread, when there is such a contact.
fn person_of(draft: &Draft<User>, thread: &ThreadId) -> Option<Igsid> {
    match thread {
        ThreadId::Person(person) => draft.contacts.contains_key(person).then(|| person.clone()),
        ThreadId::Comment(_) => None,
    }
}

fn follow(draft: &mut Draft<User>, now: Timestamp, consequence: Consequence) {
    match consequence {
        Consequence::VerifyToken { .. } => connection::verify_token(draft, now),
        Consequence::PermissionMissing { code, .. } => {
            connection::set_status(draft, Status::Limited, "a permission is missing");
            tell::notify(draft, now, NotificationKind::PermissionMissing { code });
        }
        Consequence::FlagUnreachable { thread, until } => {
            if let Some(person) = person_of(draft, &thread) {
                draft.emit(UserEvent::UnreachableSet { person, until });
            }
        }
        Consequence::PauseThread { thread } => {
            if let Some(person) = person_of(draft, &thread) {
                cancel::pending(draft, now, &person, super::decision::CancelReason::ThreadTaken);
                draft.emit(UserEvent::ThreadTaken { person, taken: true });
            }
        }
        Consequence::DisableAutomation { automation, refusal } => {
            owner::give_up_automation(draft, now, automation.as_str(), &refusal);
        }
        Consequence::NeedsHuman { id, thread } => {
            if let Some(person) = person_of(draft, &thread) {
                draft.emit(UserEvent::FollowUpSet { person, needed: true });
            }
            if draft.outbox.get(id).is_some_and(|item| matches!(item.state, State::Failed { .. })) {
                tell::notify(draft, now, NotificationKind::DeliveryFailed { outbound: id });
            }
        }
        Consequence::HumanAnswered { thread, message_id, sent_at } => {
            echo::settled_as_human(draft, now, &thread, &message_id, sent_at);
        }
        Consequence::AppLimited { until } => draft.effect(UserEffect::LimitApp { until }),
        Consequence::NotifyOwner(notice) => {
            let kind = match notice {
                Notice::DeliveryUnknown { id } => NotificationKind::DeliveryUnknown { outbound: id },
                Notice::SafetyStop { until, message } => NotificationKind::SafetyStop { until, message },
                Notice::SlowedDown { until } => NotificationKind::SlowedDown { until },
                Notice::ManyUnreachable => NotificationKind::ManyUnreachable,
            };
            tell::notify(draft, now, kind);
        }
    }
}
