//! The plan, and new contacts that wait for room in it.

use super::super::{
    User, UserEvent, backlog, calendar::Month, cancel, decision::CancelReason, dm, line::LineName, plan::Plan,
};
use crate::{Draft, Timestamp};

/// Events of new contacts taken up by one command.
const OVERFLOW_BATCH_MAX: usize = 32;

/// The plan changed: new contacts that waited come in as far as there is room.
pub(in super::super) fn set_plan(draft: &mut Draft<User>, now: Timestamp, plan: Plan) {
    draft.emit(UserEvent::PlanSet(plan));
    if draft.is_frozen() {
        cancel::everything(draft, now, CancelReason::Frozen, false);
    }
    take_overflow(draft, now);
}

/// Takes up events of new contacts while the plan has room. They are recorded, not answered: they are late.
pub(in super::super) fn take_overflow(draft: &mut Draft<User>, now: Timestamp) {
    if draft.overflow.is_empty() {
        return;
    }
    for done in 0..OVERFLOW_BATCH_MAX {
        let Some(held) = draft.overflow.first().cloned() else { break };
        if done > 0 && draft.is_full() {
            break;
        }
        if !dm::take_up(draft, now, &held) {
            return draft.emit(UserEvent::OverflowTried(now));
        }
        draft.emit(UserEvent::OverflowTaken(held.no));
    }
    if draft.overflow.is_empty() {
        return draft.emit(UserEvent::OverflowTried(now));
    }
    if !draft.overflow_open {
        draft.emit(UserEvent::OverflowOpened(now));
    }
    backlog::ask(draft, now, LineName::Overflow);
}

/// When new contacts that wait may find room: at once while they are taken up, else at the start of the month after the
/// first of them came.
pub(in super::super) fn overflow_due(user: &User) -> Option<Timestamp> {
    if user.overflow_open {
        return user.overflow.next_due();
    }
    let first_at = user.overflow.first_at()?;
    let since = user.overflow_tried_at.unwrap_or(first_at).max(first_at);
    Some(Month::of(since).next().start())
}
