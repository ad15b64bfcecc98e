//! The queue of contacts that need a person.

use super::{
    User, UserEvent,
    action_log::ActionResult,
    cancel, comment,
    contact::Hrn,
    decision::{CancelReason, HrnSource, Verdict},
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
    let hrn = Hrn {
        set_at: now,
        source,
        category: category.into(),
        reason: text::cut_chars(reason, REASON_CHARS_MAX).0.into(),
        signals: signals.to_vec(),
        answered_at: None,
    };
    let verdict = Verdict::Hrn { source, category: hrn.category.clone(), signals: hrn.signals.clone() };
    if let Origin::Comment(from) = &case.origin {
        comment::ensure_contact(draft, now, from);
    }
    tell::log(
        draft,
        now,
        case,
        Entry { error_code: Some(hrn.category.clone()), ..Entry::of(ActionResult::Hrn, "") },
    );
    lock(draft, now, &case.person, hrn, false);
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
    let urgent = assessment.class.notifies_immediately();
    let verdict =
        raise(draft, now, case, HrnSource::Heuristic, assessment.class.as_str(), assessment.reason, &signals);
    if urgent {
        let category = assessment.class.as_str().into();
        tell::notify(
            draft,
            now,
            NotificationKind::HumanNeeded { person: case.person.clone(), category, urgent },
        );
    }
    verdict
}

/// Sets the lock of a contact. Without one, for lack of room in the plan or because the platform did not say who wrote,
/// there is nothing to lock, and the owner is told all the same.
pub(super) fn lock(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, hrn: Hrn, urgent: bool) {
    cancel::pending(draft, now, person, CancelReason::HrnSet);
    let known = draft.contacts.get(person);
    if known.is_some_and(|contact| contact.hrn.is_some()) {
        return;
    }
    let (category, known) = (hrn.category.clone(), known.is_some());
    if known {
        draft.emit(UserEvent::HrnSet { person: person.clone(), hrn: Arc::new(hrn) });
    }
    tell::notify(draft, now, NotificationKind::HumanNeeded { person: person.clone(), category, urgent });
}
