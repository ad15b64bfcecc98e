//! Automations at work: what matched, what rests, and what was withdrawn meanwhile.

use super::{
    User, UserEvent,
    action_log::ActionResult,
    decision::{CancelReason, RuleUsed, Silence, StepOutcome, Verdict},
    question::{Ask, Case, Origin},
    tell::{self, Entry},
    trail::Trail,
};
use crate::{
    Draft, Timestamp,
    automation::{Automation, Match, Response},
    id::Igsid,
    outbox::Fingerprint,
};
use std::{sync::Arc, time::Duration};

/// The automation of a match, and what the record keeps of it.
pub(super) fn used(draft: &Draft<User>, found: &Match) -> Option<(Arc<Automation>, RuleUsed)> {
    let automation = draft.automations.get(found.automation.as_str())?;
    let rule = RuleUsed {
        id: found.automation.shared(),
        title: automation.content.title.as_str().into(),
        version: automation.version,
        trigger: Arc::clone(&found.trigger),
    };
    Some((Arc::clone(automation), rule))
}

/// The automation behind a record, while it can fire.
pub(super) fn live(draft: &Draft<User>, rule: &RuleUsed) -> Option<Arc<Automation>> {
    draft.automations.get(&rule.id).filter(|automation| automation.is_active).cloned()
}

/// It fired less than a while ago.
pub(super) fn fired_within(draft: &Draft<User>, now: Timestamp, firing: Fingerprint, rest: Duration) -> bool {
    draft.fired.get(firing).is_some_and(|at| now < Timestamp::from_millis(at) + rest)
}

/// Notes with a contact that an automation matched what it wrote, once.
pub(super) fn note_match(draft: &mut Draft<User>, person: &Igsid) {
    if draft.contacts.get(person).is_some_and(|contact| !contact.trigger_matched) {
        draft.emit(UserEvent::TriggerMatched { person: person.clone() });
    }
}

/// The end of a case that the model was to answer, when the owner has switched Sidekick off since, or its automation
/// has run out or answers in another way. A model takes its time: looked at before each costly or visible step.
pub(super) fn withdrawn(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    ask: Ask,
    trail: &mut Trail,
) -> Option<Verdict> {
    let (code, detail, verdict) = if case.rule.as_ref().is_some_and(|rule| !still_prompts(draft, now, rule)) {
        let verdict = Verdict::Cancelled(CancelReason::AutomationGone);
        ("automation_gone", "the automation has ended or changed since", verdict)
    } else if ask == Ask::Sidekick && !draft.settings.sidekick {
        ("sidekick_off", "Sidekick was switched off meanwhile", Verdict::NoReply(Silence::NoMatch))
    } else {
        return None;
    };
    match &case.origin {
        Origin::Texts(_) => {
            trail.dm_so(12, StepOutcome::Stopped, detail);
            // Somebody wrote what was to be answered: no longer by itself.
            draft.emit(UserEvent::FollowUpSet { person: case.person.clone(), needed: true });
        }
        Origin::Comment(_) => trail.comment_so(5, StepOutcome::Stopped, detail),
    }
    tell::log(draft, now, case, Entry::of(ActionResult::Skipped, code));
    Some(verdict)
}

fn still_prompts(user: &User, now: Timestamp, rule: &RuleUsed) -> bool {
    user.automations.get(&rule.id).is_some_and(|automation| {
        automation.is_live(now) && matches!(automation.content.response, Response::AiPrompt(_))
    })
}
