//! The queue of contacts that need a person.

use super::{
    User, UserEvent,
    action_log::ActionResult,
    cancel, comment,
    contact::Hrn,
    decision::{CancelReason, DecisionNo, HrnSource, Verdict},
    dm,
    notification::NotificationKind,
    question::{Case, Origin},
    tell::{self, Entry},
};
use crate::{Draft, Timestamp, hrn::Assessment, id::Igsid, text};
use std::{borrow::Cow, sync::Arc};

/// Most signals kept with a lock.
pub const SIGNALS_MAX: usize = 10;
/// Longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 300;

/// Leaves a thread to a person, and cancels what is pending there. An older lock keeps its reason and its instant.
pub(super) fn raise(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    source: HrnSource,
    category: impl Into<Cow<'static, str>>,
    reason: &str,
    signals: &[Arc<str>],
) -> Verdict {
    enter(draft, now, case, entry(now, source, category.into(), reason, signals.to_vec()), false)
}

fn entry(
    now: Timestamp,
    source: HrnSource,
    category: Cow<'static, str>,
    reason: &str,
    signals: Vec<Arc<str>>,
) -> Hrn {
    let reason = text::cut_chars(reason, REASON_CHARS_MAX).0.into();
    Hrn { set_at: now, source, category, reason, signals, answered_at: None, updated_at: None }
}

fn enter(draft: &mut Draft<User>, now: Timestamp, case: &Case, hrn: Hrn, urgent: bool) -> Verdict {
    let verdict =
        Verdict::Hrn { source: hrn.source, category: hrn.category.clone(), signals: hrn.signals.clone() };
    if let Origin::Comment(from) = &case.origin {
        comment::ensure_contact(draft, now, case, from);
    }
    tell::log(
        draft,
        now,
        case,
        Entry { error_code: Some(hrn.category.clone()), ..Entry::of(ActionResult::Hrn, "") },
    );
    lock(draft, now, &case.person, hrn, urgent);
    verdict
}

/// The same for what the rules on the text saw.
pub(super) fn raise_assessed(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    assessment: &Assessment,
) -> Verdict {
    let signals: Vec<Arc<str>> =
        assessment.signals.iter().take(SIGNALS_MAX).map(|signal| Arc::from(*signal)).collect();
    let category = assessment.class.as_str().into();
    let hrn = entry(now, HrnSource::Heuristic, category, assessment.reason, signals);
    enter(draft, now, case, hrn, assessment.class.notifies_immediately())
}

/// The person of a locked thread wrote again: its entry waits anew, and what can not be put off is told.
pub(super) fn wrote_again(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, no: DecisionNo) {
    let contact = draft.contacts.get(person);
    let assessment = contact.and_then(|contact| dm::hard(&contact.thread, &[no]));
    draft.emit(UserEvent::HrnUpdated { person: person.clone(), at: now });
    if let Some(assessment) = assessment.filter(|assessment| assessment.class.notifies_immediately()) {
        tell_urgently(draft, now, person, assessment.class.as_str().into());
    }
}

/// Tells of a thread that is locked already, unless the owner has that to read yet.
fn tell_urgently(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, category: Cow<'static, str>) {
    let kind = NotificationKind::HumanNeeded { person: person.clone(), category, urgent: true };
    let is_told = draft.notifications.iter().any(|told| told.read_at.is_none() && told.kind == kind);
    if !is_told {
        tell::notify(draft, now, kind);
    }
}

/// Sets the lock of a contact. Without one, for lack of room in the plan or because the platform did not say who wrote,
/// there is nothing to lock, and the owner is told all the same.
pub(super) fn lock(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, hrn: Hrn, urgent: bool) {
    cancel::pending(draft, now, person, CancelReason::HrnSet);
    let known = draft.contacts.get(person);
    if known.is_some_and(|contact| contact.hrn.is_some()) {
        if urgent {
            tell_urgently(draft, now, person, hrn.category);
        }
        return;
    }
    let (category, known) = (hrn.category.clone(), known.is_some());
    if known {
        draft.emit(UserEvent::HrnSet { person: person.clone(), hrn: Arc::new(hrn) });
    }
    tell::notify(draft, now, NotificationKind::HumanNeeded { person: person.clone(), category, urgent });
}
