//! Steps 14 and 15: the reply window and the quota of the plan.

use super::{
    User, UserEvent,
    action_log::ActionResult,
    calendar::Month,
    contact::REPLY_WINDOW,
    decision::{Silence, StepOutcome, Verdict},
    question::{Case, Origin},
    tell::{self, Entry},
    trail::Trail,
    usage::Quota,
};
use crate::{Draft, Timestamp};

/// The end of the reply window, when it is open for this case. A text that is itself older than the window is not
/// answered, even when the person wrote again since: whoever wrote again gets an answer to that.
pub(super) fn window(
    draft: &Draft<User>,
    now: Timestamp,
    case: &Case,
    trail: &mut Trail,
) -> Option<Timestamp> {
    let contact = draft.contacts.get(&case.person)?;
    let ends_at = contact.window_ends_at()?;
    let newest = match &case.origin {
        Origin::Texts(texts) => {
            texts.iter().filter_map(|no| contact.thread.get(*no)).map(|text| text.at).max()
        }
        Origin::Comment(comment) => Some(comment.at),
    };
    let own_end = newest.map_or(ends_at, |at| at + REPLY_WINDOW);
    let left = own_end.min(ends_at).as_millis().saturating_sub(now.as_millis());
    trail.window(left);
    if left <= 0 {
        trail.dm_so(14, StepOutcome::Stopped, "the reply window is closed");
        return None;
    }
    trail.dm(14, StepOutcome::Passed);
    Some(ends_at)
}

/// The window is closed: the owner is asked to follow up.
pub(super) fn window_closed(draft: &mut Draft<User>, now: Timestamp, case: &Case) -> Verdict {
    draft.emit(UserEvent::FollowUpSet { person: case.person.clone(), needed: true });
    tell::log(draft, now, case, Entry::of(ActionResult::Blocked, "window_closed"));
    Verdict::NoReply(Silence::WindowClosed)
}

/// Reserves a reply of the month, in one step with the check. `None` when none is left.
pub(super) fn reserve(draft: &mut Draft<User>, now: Timestamp, trail: &mut Trail) -> Option<Month> {
    let reserved = take(draft, now, trail);
    trail.dm(15, outcome_of(reserved));
    reserved
}

/// The same for a comment.
pub(super) fn reserve_for_comment(
    draft: &mut Draft<User>,
    now: Timestamp,
    trail: &mut Trail,
) -> Option<Month> {
    let reserved = take(draft, now, trail);
    trail.comment(7, outcome_of(reserved));
    reserved
}

fn take(draft: &mut Draft<User>, now: Timestamp, trail: &mut Trail) -> Option<Month> {
    let month = Month::of(now);
    let left = draft.usage.sends_left(month);
    if left == Some(0) {
        return None;
    }
    draft.emit(UserEvent::SendReserved(month));
    trail.sends_left(left.map(|left| left - 1));
    tell::warn_of_quota(draft, now, Quota::Sends);
    Some(month)
}

const fn outcome_of(reserved: Option<Month>) -> StepOutcome {
    if reserved.is_some() { StepOutcome::Passed } else { StepOutcome::Stopped }
}

/// No reply is left this month.
pub(super) fn exhausted(draft: &mut Draft<User>, now: Timestamp, case: &Case) -> Verdict {
    tell::warn_of_quota(draft, now, Quota::Sends);
    tell::log(draft, now, case, Entry::of(ActionResult::Blocked, "quota_exhausted"));
    Verdict::NoReply(Silence::QuotaExhausted)
}
