//! Comments whose post the platform did not name: it is looked up before automations of posts are matched (product rule).
//! Without an answer only automations for every post can match.

use super::{
    User, UserEffect, UserEvent,
    command::CommentPost,
    comment,
    decision::{DecisionNo, Skip, Verdict},
    held::{HeldEvent, LOOK_UP_LEASE, LookUp},
    inbound::{InboundComment, InboundEvent, InboundItem},
    trail::conclude,
};
use crate::{
    Draft, Timestamp,
    automation::{EventScope, MatchQuery},
    id::CommentId,
    text,
};
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Most comments whose posts are waited for; further ones are matched without.
pub const POSTLESS_MAX: usize = 200;

/// A comment whose post is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postless {
    /// The comment and its decision.
    pub held: HeldEvent,
    /// State of the look-up.
    pub look_up: LookUp,
}

/// Comments whose posts are waited for.
pub type PostlessComments = OrdMap<CommentId, Arc<Postless>>;

/// The post decides: it is not known, and an automation would answer the comment below one of its posts.
pub(super) fn is_wanted(user: &User, now: Timestamp, comment: &InboundComment) -> bool {
    let Some(text) = comment.text.as_deref() else { return false };
    if comment.media.is_some() || comment.original_media.is_some() || user.postless.len() >= POSTLESS_MAX {
        return false;
    }
    let live = user.automations.iter().filter(|automation| automation.is_live(now));
    let posts: Vec<&str> =
        live.flat_map(|automation| automation.content.post_ids.iter().map(|post| post.as_str())).collect();
    let text = text::normalise(text);
    let query = MatchQuery { text: &text, scope: EventScope::Comment, media_ids: &posts, now };
    !posts.is_empty() && user.automations.matcher().find(&query).is_some_and(|found| found.post_scoped)
}

/// Asks which post it is. Until when an answer is waited for.
pub(super) fn ask(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    comment: &InboundComment,
    no: DecisionNo,
) -> Timestamp {
    let held = HeldEvent { no, event: Arc::clone(event) };
    let look_up = LookUp { person: None, in_flight: false, due: now, tries: 0 };
    send(draft, now, &comment.id, Postless { held, look_up })
}

fn send(draft: &mut Draft<User>, now: Timestamp, comment: &CommentId, mut waiting: Postless) -> Timestamp {
    let due = now + LOOK_UP_LEASE;
    waiting.look_up.in_flight = true;
    waiting.look_up.due = due;
    draft.emit(UserEvent::PostlessSet { comment: comment.clone(), waiting: Arc::new(waiting) });
    if let Some(access) = draft.access() {
        draft.effect(UserEffect::LookUpComment { comment: comment.clone(), access });
    }
    due
}

/// A look-up is due. One without an outcome, or without a usable connection, failed.
pub(super) fn due(draft: &mut Draft<User>, now: Timestamp, comment: &CommentId) {
    let Some(waiting) = draft.postless.get(comment).cloned() else { return };
    let is_usable = draft.integration.as_ref().is_some_and(|integration| integration.is_usable(now));
    if is_usable && !waiting.look_up.in_flight {
        send(draft, now, comment, Postless::clone(&waiting));
    } else {
        failed(draft, now, comment, &waiting, None);
    }
}

/// A look-up ended: the comment goes on, or it is tried again.
pub(super) fn looked_up(draft: &mut Draft<User>, now: Timestamp, comment: &CommentId, found: &CommentPost) {
    let Some(waiting) = draft.postless.get(comment).cloned() else { return };
    match found {
        CommentPost::Failed { retry_after } => failed(draft, now, comment, &waiting, *retry_after),
        CommentPost::Missing => go_on(draft, now, comment, &waiting.held),
        CommentPost::Found { media, live } => {
            let mut event = InboundEvent::clone(&waiting.held.event);
            if let InboundItem::Comment(inbound) = &mut event.item {
                inbound.media = Some(media.clone());
                inbound.live |= *live;
            }
            go_on(draft, now, comment, &HeldEvent { no: waiting.held.no, event: Arc::new(event) });
        }
    }
}

fn failed(
    draft: &mut Draft<User>,
    now: Timestamp,
    comment: &CommentId,
    waiting: &Postless,
    announced: Option<Duration>,
) {
    match waiting.look_up.again(now, announced) {
        Some(look_up) => {
            conclude(draft, now, waiting.held.no, Verdict::Collecting { until: look_up.due });
            let waiting = Arc::new(Postless { look_up, held: waiting.held.clone() });
            draft.emit(UserEvent::PostlessSet { comment: comment.clone(), waiting });
        }
        None => go_on(draft, now, comment, &waiting.held),
    }
}

fn go_on(draft: &mut Draft<User>, now: Timestamp, comment: &CommentId, held: &HeldEvent) {
    draft.emit(UserEvent::PostlessClosed(comment.clone()));
    let InboundItem::Comment(inbound) = &held.event.item else { return };
    if draft.is_foreign_account(&held.event.account) {
        return conclude(draft, now, held.no, Verdict::Skipped(Skip::OtherAccount));
    }
    comment::found_out(draft, now, &held.event, inbound, held.no);
}

/// Looks again whose answer was lost with the activation.
pub(super) fn recover(draft: &mut Draft<User>, now: Timestamp) {
    let lost: Vec<(CommentId, Arc<Postless>)> = draft
        .postless
        .iter()
        .filter(|(_, waiting)| waiting.look_up.in_flight)
        .map(|(comment, waiting)| (comment.clone(), Arc::clone(waiting)))
        .collect();
    for (comment, waiting) in lost {
        // The rest is asked for again when its lease ends.
        if draft.is_full() {
            return;
        }
        send(draft, now, &comment, Postless::clone(&waiting));
    }
}
