//! Steps 9 to 13: what to do with a finished burst.

use super::{
    super::{
        User, UserEvent,
        action_log::ActionResult,
        asking, budget, control,
        decision::{HrnSource, RuleUsed, Silence, StepOutcome, Verdict},
        hrn_queue,
        keys::{self, Place},
        model::Classification,
        question::{Ask, Case, Origin, Question},
        rules,
        settings::AckPolicy,
        tell::{self, Entry},
        thread::{BURST_CHARS_MAX, Thread},
        trail::Trail,
    },
    judge, reply,
};
use crate::{
    Draft, Timestamp,
    automation::{Automation, EventScope, MatchQuery, Response},
    hrn::{self, Class},
    id::Igsid,
    text,
};
use std::sync::Arc;

/// Decides the answer to a burst whose wait is over.
pub(in super::super) fn answer_burst(draft: &mut Draft<User>, now: Timestamp, person: &Igsid) {
    let Some(burst) = draft.contacts.get(person).and_then(|contact| contact.thread.burst.clone()) else {
        return;
    };
    draft.emit(UserEvent::BurstSet { person: person.clone(), burst: None });
    let Some(no) = burst.texts.last().copied() else { return };
    let mut trail = Trail::resume(no, now);
    trail.dm(8, StepOutcome::Passed);
    let case = Case {
        no,
        key: burst.cause.clone(),
        person: person.clone(),
        origin: Origin::Texts(burst.texts.clone()),
        rule: None,
    };
    let verdict = match draft.sweeps.of_case(&case) {
        Some(reason) => Verdict::Cancelled(reason),
        None => answer(draft, now, case, &mut trail),
    };
    trail.end(draft, verdict);
}

/// Steps 9 to 13 and, when no question is open, 14 to 17.
pub(super) fn answer(draft: &mut Draft<User>, now: Timestamp, case: Case, trail: &mut Trail) -> Verdict {
    if let Some(verdict) = in_the_way(draft, now, &case, trail) {
        return verdict;
    }
    let Some(contact) = draft.contacts.get(&case.person).cloned() else {
        return Verdict::NoReply(Silence::Empty);
    };
    let words = words(&contact.thread, &case);
    if words.text.trim().is_empty() && !words.has_attachment {
        trail.dm_so(8, StepOutcome::Stopped, "taken back meanwhile");
        return Verdict::NoReply(Silence::Unsent);
    }
    let assessment = match &case.origin {
        Origin::Texts(texts) => judge::judge(&contact.thread, texts, &words.text, words.has_attachment),
        Origin::Comment(_) => return Verdict::NoReply(Silence::NotAnswerable),
    };
    if let Class::Hard(category) = assessment.class {
        trail.dm_so(9, StepOutcome::Stopped, category.as_str());
        return hrn_queue::raise_assessed(draft, now, &case, &assessment);
    }
    trail.dm_so(9, StepOutcome::Passed, assessment.class.as_str());
    let matched = find(draft, now, &contact.thread, &case, &words);
    let case = match matched {
        None => {
            trail.dm_so(10, StepOutcome::Passed, "no automation matches");
            case
        }
        Some((automation, rule)) => {
            trail.rule(&rule);
            let case = Case { rule: Some(rule), ..case };
            match on_match(draft, now, &case, &automation, &assessment, trail) {
                Some(verdict) => return verdict,
                None => case,
            }
        }
    };
    unmatched_or_generated(draft, now, case, &assessment, trail)
}

/// What matched: human response, cool-down, and fixed replies end here; a prompt goes on.
fn on_match(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    automation: &Arc<Automation>,
    assessment: &hrn::Assessment,
    trail: &mut Trail,
) -> Option<Verdict> {
    rules::note_match(draft, &case.person);
    if automation.content.hrn_enforced {
        trail.dm_so(10, StepOutcome::Stopped, "the automation asks for a person");
        let reason = "an automation asks for a person";
        return Some(hrn_queue::raise(draft, now, case, HrnSource::Automation, "automation", reason, &[]));
    }
    if cools_down(draft, now, automation, &case.person) {
        trail.dm_so(10, StepOutcome::Stopped, "fired a short while ago");
        tell::log(draft, now, case, Entry::of(ActionResult::Skipped, "cooldown"));
        return Some(Verdict::NoReply(Silence::Cooldown));
    }
    trail.dm(10, StepOutcome::Passed);
    if matches!(automation.content.response, Response::AiPrompt(_)) {
        trail.dm_so(11, StepOutcome::Passed, "reply is written by the model");
        return None;
    }
    debug_assert!(!matches!(assessment.class, Class::Hard(_)), "hard categories end before");
    trail.dm_so(11, StepOutcome::Passed, automation.content.response.type_name().to_owned());
    Some(reply::fixed(draft, now, case, automation, trail))
}

/// Step 12, and the question of step 13.
fn unmatched_or_generated(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: Case,
    assessment: &hrn::Assessment,
    trail: &mut Trail,
) -> Verdict {
    match assessment.class {
        Class::Soft(category) => {
            trail.dm_so(12, StepOutcome::Stopped, category.as_str());
            return hrn_queue::raise_assessed(draft, now, &case, assessment);
        }
        Class::Trivial if case.rule.is_none() && !wants_ack(draft, &case.person) => {
            trail.dm_so(12, StepOutcome::Stopped, "acknowledgement");
            return Verdict::NoReply(Silence::Acknowledgement);
        }
        _ => trail.dm(12, StepOutcome::Passed),
    }
    if case.rule.is_none() && !draft.settings.sidekick {
        trail.dm_so(12, StepOutcome::Stopped, "no automation matches and Sidekick is off");
        return Verdict::NoReply(Silence::NoMatch);
    }
    trail.dm(13, StepOutcome::Waiting);
    asking::ask(draft, now, case, Ask::Classify, None, false, trail)
}

/// The classifier spoke.
pub(in super::super) fn after_classifier(
    draft: &mut Draft<User>,
    now: Timestamp,
    question: &Question,
    said: &Classification,
    trail: &mut Trail,
) -> Verdict {
    let case = &question.case;
    let threshold = draft.settings.sensitivity.threshold_permille();
    if said.probability_permille >= threshold {
        trail.dm_so(13, StepOutcome::Stopped, "a person is needed");
        let signals: Vec<_> = said.signals.iter().take(hrn_queue::SIGNALS_MAX).cloned().collect();
        let reason = text::cut_chars(&said.reason, hrn_queue::REASON_CHARS_MAX).0;
        return hrn_queue::raise(draft, now, case, HrnSource::Classifier, "classifier", reason, &signals);
    }
    trail.dm(13, StepOutcome::Passed);
    let ask = if case.rule.is_some() { Ask::AiPrompt } else { Ask::Sidekick };
    let stopped =
        in_the_way(draft, now, case, trail).or_else(|| rules::withdrawn(draft, now, case, ask, trail));
    if let Some(verdict) = stopped {
        return verdict;
    }
    let Some(_ends_at) = budget::window(draft, now, case, trail) else {
        return budget::window_closed(draft, now, case);
    };
    let Some(month) = budget::reserve(draft, now, trail) else { return budget::exhausted(draft, now, case) };
    trail.dm(16, StepOutcome::Waiting);
    asking::ask(draft, now, case.clone(), ask, Some(month), false, trail)
}

/// What a human did since: looked at before each costly or visible step. A lost connection is not: the outbox waits.
pub(in super::super) fn in_the_way(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    trail: &mut Trail,
) -> Option<Verdict> {
    if let Some(skip) = control::switch_in_the_way(draft, now, &case.person) {
        trail.dm_so(5, StepOutcome::Stopped, control::skip_name(skip));
        tell::log(draft, now, case, Entry::of(ActionResult::Skipped, control::skip_name(skip)));
        return Some(Verdict::Skipped(skip));
    }
    let hrn = draft.contacts.get(&case.person)?.hrn.clone()?;
    trail.dm_so(7, StepOutcome::Stopped, "locked for a person");
    Some(Verdict::Hrn { source: hrn.source, category: hrn.category.clone(), signals: hrn.signals.clone() })
}

struct Words {
    text: String,
    has_attachment: bool,
}

fn words(thread: &Thread, case: &Case) -> Words {
    let Origin::Texts(texts) = &case.origin else {
        return Words { text: String::new(), has_attachment: false };
    };
    let has_attachment =
        texts.iter().filter_map(|no| thread.get(*no)).any(|message| judge::has_attachment(message));
    Words { text: thread.merged(texts), has_attachment }
}

/// The automation for these words: by the merged text, else by the newest text that has one alone, else by the payload
/// of a quick reply. A tap on a button is known by its payload (platform rule); its title stands in when nothing listens
/// to that.
fn find(
    draft: &Draft<User>,
    now: Timestamp,
    thread: &Thread,
    case: &Case,
    words: &Words,
) -> Option<(Arc<Automation>, RuleUsed)> {
    let Origin::Texts(texts) = &case.origin else { return None };
    let search = |text: &str| {
        let normalised = text::normalise(text);
        let query = MatchQuery { text: &normalised, scope: EventScope::Dm, media_ids: &[], now };
        draft.automations.matcher().find(&query)
    };
    let single = || {
        let newest_first = texts.iter().rev().filter_map(|no| thread.get(*no));
        newest_first.filter_map(|message| message.text.as_deref()).find_map(&search)
    };
    // What is merged is cut: a trigger may stand further back.
    let has_more = || texts.len() > 1 || words.text.chars().count() >= BURST_CHARS_MAX;
    let by_text = || search(&words.text).or_else(|| has_more().then(single)?);
    let newest = thread.get(*texts.last()?);
    let by_payload = || search(newest?.payload.as_deref()?);
    let found = if newest.is_some_and(|message| message.tap) {
        by_payload().or_else(by_text)
    } else {
        by_text().or_else(by_payload)
    };
    rules::used(draft, &found?)
}

fn cools_down(draft: &Draft<User>, now: Timestamp, automation: &Automation, person: &Igsid) -> bool {
    let rest = automation.content.cooldown.max(draft.settings.dm_cooldown);
    !rest.is_zero()
        && rules::fired_within(draft, now, keys::firing(automation.id.as_str(), person, Place::Thread), rest)
}

fn wants_ack(draft: &Draft<User>, person: &Igsid) -> bool {
    match draft.settings.acknowledgements {
        AckPolicy::Ignore => false,
        AckPolicy::Answer => true,
        AckPolicy::WhenAsked => {
            draft.contacts.get(person).is_some_and(|contact| contact.thread.our_last_was_question())
        }
    }
}
