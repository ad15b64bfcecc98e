//! Steps 14 to 17: window, quota, text, outbox.

use super::super::{
    User, UserEvent, budget,
    calendar::Month,
    compose,
    decision::{HrnSource, Silence, StepOutcome, Verdict},
    hrn_queue,
    outgoing::{self, Message},
    question::{Case, Part},
    trail::Trail,
};
use crate::{
    Draft, Timestamp,
    automation::Automation,
    outbox::{Author, Content, Kind},
    text,
};
use std::sync::Arc;

/// Answers with the fixed text or template of an automation.
pub(super) fn fixed(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    automation: &Arc<Automation>,
    trail: &mut Trail,
) -> Verdict {
    let Some(ends_at) = budget::window(draft, now, case, trail) else {
        return budget::window_closed(draft, now, case);
    };
    let contents = match compose::fixed(draft, &case.person, automation) {
        Ok(contents) => contents,
        Err(unfit) => {
            trail.dm_so(16, StepOutcome::Stopped, unfit.as_str());
            return hrn_queue::raise(
                draft,
                now,
                case,
                HrnSource::Failure,
                unfit.as_str(),
                unfit.reason(),
                &[],
            );
        }
    };
    let Some(month) = budget::reserve(draft, now, trail) else { return budget::exhausted(draft, now, case) };
    trail.dm(16, StepOutcome::Passed);
    enqueue(draft, now, case, Author::Automation, contents, (month, ends_at), trail)
}

/// Answers with a text of the model that was found fit.
pub(in super::super) fn send_text(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    content: Content,
    month: Month,
    trail: &mut Trail,
) -> Verdict {
    // The model took its time: the window is looked at again.
    let Some(ends_at) = budget::window(draft, now, case, trail) else {
        draft.emit(UserEvent::SendReleased(month));
        return budget::window_closed(draft, now, case);
    };
    let author = if case.rule.is_some() { Author::Automation } else { Author::Sidekick };
    enqueue(draft, now, case, author, vec![content], (month, ends_at), trail)
}

fn enqueue(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    author: Author,
    contents: Vec<Content>,
    (month, ends_at): (Month, Timestamp),
    trail: &mut Trail,
) -> Verdict {
    let fired = outgoing::firing_of(case);
    let message = Message {
        case,
        kind: Kind::Dm { to: case.person.clone() },
        author,
        part: Part::First,
        reserved: Some(month),
        fired,
        window_ends_at: ends_at,
    };
    match outgoing::enqueue(draft, now, &message, contents) {
        Ok(outbound) => {
            trail.dm(17, StepOutcome::Passed);
            super::super::trail::queued(outbound)
        }
        Err(error) => {
            draft.emit(UserEvent::SendReleased(month));
            trail.dm_so(17, StepOutcome::Stopped, error.to_string());
            outgoing::refused(draft, now, case, &error)
        }
    }
}

/// Confirms an opt-out, once, when the workspace answers at all.
pub(in super::super) fn confirm_opt_out(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: Case,
    trail: &mut Trail,
) -> Verdict {
    let silent = Verdict::NoReply(Silence::OptedOut);
    let blocked =
        draft.contacts.get(&case.person).is_none_or(|contact| contact.blocked || contact.hrn.is_some());
    let Some(reply) = draft.settings.opt_out_reply.clone() else { return silent };
    if blocked || !draft.settings.auto_reply || draft.is_frozen() {
        return silent;
    }
    let Some(ends_at) = budget::window(draft, now, &case, trail) else { return silent };
    let body = text::cut_bytes_at_sentence(&reply, crate::outbox::TEXT_BYTES_MAX);
    let message = Message {
        case: &case,
        kind: Kind::Dm { to: case.person.clone() },
        author: Author::Automation,
        part: Part::OptOut,
        reserved: None,
        fired: None,
        window_ends_at: ends_at,
    };
    match outgoing::enqueue(draft, now, &message, vec![Content::Text(body.into())]) {
        Ok(outbound) => super::super::trail::queued(outbound),
        Err(_closed_or_full) => silent,
    }
}
