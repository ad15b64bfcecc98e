//! The pipeline of comments: twelve numbered steps (product rule). Steps 9 to 12 follow the outbox, in `relay`.

use super::{
    User, UserEvent,
    action_log::ActionResult,
    asking, budget,
    calendar::Month,
    compose, connection,
    contact::ContactSource,
    control,
    decision::{HrnSource, Silence, Skip, StepOutcome, Verdict},
    dm, hrn_queue,
    inbound::{InboundComment, InboundEvent},
    integration::Integration,
    keys::{self, Place},
    outgoing, postless,
    question::{Ask, Case, CommentCase, Origin, Part},
    rules,
    tell::{self, Entry},
    trail::{self, Trail},
};
use crate::{
    Draft, Timestamp,
    automation::{Automation, EventScope, MatchQuery, Response},
    hrn,
    id::{Igsid, Mid},
    outbox::{Author, Content, Kind, OutboundId},
    text,
};
use std::{sync::Arc, time::Duration};

/// Time in which a comment can be answered privately (platform limit).
pub const PRIVATE_REPLY_WINDOW: Duration = Duration::from_secs(7 * 86_400);
/// Longest live broadcast (platform limit): later its comments can not be answered.
pub const LIVE_MAX: Duration = Duration::from_secs(4 * 3_600);

/// Takes a comment in.
pub(super) fn receive(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    comment: &InboundComment,
    mut trail: Trail,
) -> Verdict {
    let row = tell::row("comments", trail.no().0, event.as_ref());
    draft.row(row);
    trail.comment(1, StepOutcome::Passed);
    let verdict = decide(draft, now, event, comment, &mut trail, true);
    trail.end(draft, verdict.clone());
    verdict
}

/// Goes on with a comment that waited for the connection.
pub(super) fn resume(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    comment: &InboundComment,
    no: super::decision::DecisionNo,
) {
    let mut trail = Trail::resume(no, now);
    let verdict = decide(draft, now, event, comment, &mut trail, true);
    trail.end(draft, verdict);
}

/// Goes on with a comment whose post was looked up, found or not.
pub(super) fn found_out(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    comment: &InboundComment,
    no: super::decision::DecisionNo,
) {
    let mut trail = Trail::resume(no, now);
    let verdict = decide(draft, now, event, comment, &mut trail, false);
    trail.end(draft, verdict);
}

fn decide(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    comment: &InboundComment,
    trail: &mut Trail,
    may_ask: bool,
) -> Verdict {
    if is_own(draft, comment) {
        trail.comment_so(2, StepOutcome::Stopped, "written by the account itself");
        return Verdict::NoReply(Silence::OwnContent);
    }
    trail.comment(2, StepOutcome::Passed);
    let (case, from) = case_of(event, comment, trail);
    let age_max = if comment.live { LIVE_MAX } else { PRIVATE_REPLY_WINDOW };
    let too_old = now.since(event.at) >= age_max || connection::is_from_before(draft, event);
    if let Some(skip) = control::switch_in_the_way(draft, now, &case.person) {
        trail.comment_so(3, StepOutcome::Stopped, control::skip_name(skip));
        // A comment that nothing would have answered is no row of the activity list.
        if let Some((_, rule)) = find(draft, now, comment).filter(|_| !too_old) {
            log_skip(draft, now, &Case { rule: Some(rule), ..case }, skip);
        }
        return Verdict::Skipped(skip);
    }
    trail.comment(3, StepOutcome::Passed);
    if too_old {
        trail.comment_so(4, StepOutcome::Stopped, "too old for a private reply");
        return Verdict::NoReply(Silence::TooOld);
    }
    trail.comment(4, StepOutcome::Passed);
    let is_usable = draft.integration.as_ref().is_some_and(|integration| integration.is_usable(now));
    if may_ask && postless::is_wanted(draft, now, comment) {
        if !is_usable {
            return park(draft, now, event, trail);
        }
        trail.comment_so(5, StepOutcome::Waiting, "the platform did not name the post");
        return Verdict::Collecting { until: postless::ask(draft, now, event, comment, trail.no()) };
    }
    let Some((automation, rule)) = find(draft, now, comment) else {
        trail.comment_so(5, StepOutcome::Stopped, "no automation matches");
        return Verdict::NoReply(Silence::NoMatch);
    };
    trail.rule(&rule);
    let case = Case { rule: Some(rule), ..case };
    if !is_usable {
        return park(draft, now, event, trail);
    }
    matched(draft, now, case, &from, &automation, trail)
}

fn park(draft: &mut Draft<User>, now: Timestamp, event: &Arc<InboundEvent>, trail: &mut Trail) -> Verdict {
    trail.comment_so(5, StepOutcome::Waiting, "waits for the connection");
    dm::park_event(draft, now, event, trail.no());
    Verdict::Parked
}

/// Steps 5 to 8 for a comment that an automation matches.
fn matched(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: Case,
    from: &Arc<CommentCase>,
    automation: &Arc<Automation>,
    trail: &mut Trail,
) -> Verdict {
    trail.comment(5, StepOutcome::Passed);
    rules::note_match(draft, &case.person);
    if automation.content.hrn_enforced {
        trail.comment_so(6, StepOutcome::Stopped, "the automation asks for a person");
        let reason = "an automation asks for a person";
        return hrn_queue::raise(draft, now, &case, HrnSource::Automation, "automation", reason, &[]);
    }
    if let Some(verdict) = grave(draft, now, &case, &from.comment, trail) {
        return verdict;
    }
    if let Some(verdict) = in_the_way(draft, now, &case, trail) {
        return verdict;
    }
    trail.comment(6, StepOutcome::Passed);
    // Only now: what a person must see is not silenced by an answer that was given before.
    if rests(draft, now, automation, &case.person, from) {
        return cools_down(draft, now, &case, trail);
    }
    let fixed = match &automation.content.response {
        Response::AiPrompt(_) => None,
        _ => {
            match compose::private_reply(draft, &case.person, from.comment.username.as_deref(), automation) {
                Ok((content, left_out)) => {
                    left_out.into_iter().for_each(|detail| trail.comment_so(8, StepOutcome::Noted, detail));
                    Some(content)
                }
                Err(unfit) => {
                    trail.comment_so(8, StepOutcome::Stopped, unfit.reason());
                    let (category, reason) = (unfit.as_str(), unfit.reason());
                    return hrn_queue::raise(draft, now, &case, HrnSource::Failure, category, reason, &[]);
                }
            }
        }
    };
    let Some(month) = budget::reserve_for_comment(draft, now, trail) else {
        return budget::exhausted(draft, now, &case);
    };
    match fixed {
        Some(content) => send(draft, now, &case, content, month, trail),
        None => {
            trail.comment(8, StepOutcome::Waiting);
            asking::ask(draft, now, case, Ask::AiPrompt, Some(month), false, trail)
        }
    }
}

fn case_of(event: &InboundEvent, comment: &InboundComment, trail: &Trail) -> (Case, Arc<CommentCase>) {
    let from =
        Arc::new(CommentCase { comment: comment.clone(), account: event.account.clone(), at: event.at });
    let case = Case {
        no: trail.no(),
        key: event.key.clone(),
        person: person_of(comment),
        origin: Origin::Comment(Arc::clone(&from)),
        rule: None,
    };
    (case, from)
}

/// Step 6: what a person must see.
fn grave(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    comment: &InboundComment,
    trail: &mut Trail,
) -> Option<Verdict> {
    let words = comment.text.as_deref().unwrap_or_default();
    let assessment = hrn::assess(words, &hrn::HrnContext { after_our_reply: false, has_attachment: false });
    assessment.class.is_hard().then(|| {
        trail.comment_so(6, StepOutcome::Stopped, assessment.class.as_str());
        hrn_queue::raise_assessed(draft, now, case, &assessment)
    })
}

/// Leaves a comment to a person that waited too long; a verdict when it is grave.
pub(super) fn too_late(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &InboundEvent,
    comment: &InboundComment,
    trail: &mut Trail,
) -> Option<Verdict> {
    let (case, _) = case_of(event, comment, trail);
    let verdict = grave(draft, now, &case, comment, trail);
    if verdict.is_none() && draft.contacts.contains_key(&case.person) {
        draft.emit(UserEvent::FollowUpSet { person: case.person, needed: true });
    }
    verdict
}

/// Step 8: the private reply goes to the outbox.
pub(super) fn send(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    content: Content,
    month: Month,
    trail: &mut Trail,
) -> Verdict {
    let Origin::Comment(from) = &case.origin else {
        draft.emit(UserEvent::SendReleased(month));
        return Verdict::NoReply(Silence::NotAnswerable);
    };
    let fired = outgoing::firing_of(case);
    let message = outgoing::Message {
        case,
        kind: Kind::PrivateReply {
            comment: from.comment.id.clone(),
            person: from.comment.person.clone(),
            comment_at: from.at,
            live: from.comment.live,
        },
        author: Author::Automation,
        part: Part::First,
        reserved: Some(month),
        fired,
        window_ends_at: from.at + if from.comment.live { LIVE_MAX } else { PRIVATE_REPLY_WINDOW },
    };
    match outgoing::enqueue(draft, now, &message, vec![content]) {
        Ok(outbound) => {
            trail.comment(8, StepOutcome::Passed);
            trail::queued(outbound)
        }
        Err(error) => {
            draft.emit(UserEvent::SendReleased(month));
            trail.comment_so(8, StepOutcome::Stopped, error.to_string());
            outgoing::refused(draft, now, case, &error)
        }
    }
}

/// Steps 10 and 11: counts the private reply, and only now answers below the comment for all to see.
pub(super) fn after_private_reply(
    draft: &mut Draft<User>,
    now: Timestamp,
    outbound: OutboundId,
    case: &Case,
    from: &CommentCase,
) {
    let Some(rule) = &case.rule else { return };
    let Some(automation) = rules::live(draft, rule).or_else(|| draft.automations.get(&rule.id).cloned())
    else {
        return;
    };
    draft.emit(UserEvent::AutomationCounted(automation.id.clone()));
    if from.comment.live {
        // The platform takes no replies below comments on a broadcast.
        let mut trail = Trail::resume(case.no, now);
        trail.comment_so(11, StepOutcome::Stopped, "no public replies on a live broadcast");
        return trail.write(draft);
    }
    let Some(reply) = worded(draft, &automation, from) else { return };
    if text::has_placeholder(&reply) {
        // Saved before this was refused.
        return no_public_reply(draft, now, case, "the reply has a placeholder that nobody fills in".into());
    }
    let message = outgoing::Message {
        case,
        kind: Kind::PublicReply { comment: from.comment.id.clone() },
        author: Author::Automation,
        part: Part::PublicReply { after: outbound },
        reserved: None,
        fired: None,
        window_ends_at: from.at + PRIVATE_REPLY_WINDOW,
    };
    if let Err(error) = outgoing::enqueue(draft, now, &message, vec![Content::Text(reply)]) {
        no_public_reply(draft, now, case, error.to_string());
    }
}

fn no_public_reply(draft: &mut Draft<User>, now: Timestamp, case: &Case, detail: String) {
    draft.emit(UserEvent::PublicReplyLogged { decision: case.no, result: ActionResult::Failed });
    let mut trail = Trail::resume(case.no, now);
    trail.comment_so(11, StepOutcome::Stopped, detail);
    trail.write(draft);
}

/// The wording of the public reply below a comment: drawn, but never the one that this automation used last.
fn worded(draft: &mut Draft<User>, automation: &Automation, from: &CommentCase) -> Option<Arc<str>> {
    let wordings = automation.content.public_replies();
    if wordings.len() < 2 {
        return wordings.first().map(|reply| Arc::from(*reply));
    }
    let last = draft.automations.last_wording(&automation.id).filter(|last| *last < wordings.len());
    let others = wordings.len() - usize::from(last.is_some());
    let step = keys::drawn(from.comment.id.as_str(), others);
    let place = last.map_or(step, |last| (last + 1 + step) % wordings.len());
    let reply = wordings.get(place).map(|reply| Arc::from(*reply));
    let wording = u8::try_from(place).unwrap_or_default();
    draft.emit(UserEvent::PublicReplyWorded { automation: automation.id.clone(), wording });
    reply
}

/// A lock on the contact, when there is one.
pub(super) fn in_the_way(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    trail: &mut Trail,
) -> Option<Verdict> {
    if let Some(skip) = control::switch_in_the_way(draft, now, &case.person) {
        trail.comment_so(3, StepOutcome::Stopped, control::skip_name(skip));
        log_skip(draft, now, case, skip);
        return Some(Verdict::Skipped(skip));
    }
    let hrn = draft.contacts.get(&case.person)?.hrn.clone()?;
    trail.comment_so(6, StepOutcome::Stopped, "locked for a person");
    Some(Verdict::Hrn { source: hrn.source, category: hrn.category.clone(), signals: hrn.signals.clone() })
}

fn log_skip(draft: &mut Draft<User>, now: Timestamp, case: &Case, skip: Skip) {
    tell::log(draft, now, case, Entry::of(ActionResult::Skipped, control::skip_name(skip)));
}

/// The contact of a commenter: made when an automation fires, while the plan has room.
pub(super) fn ensure_contact(draft: &mut Draft<User>, now: Timestamp, case: &Case, from: &CommentCase) {
    let Some(person) = from.comment.person.as_ref() else { return };
    if !draft.contacts.contains_key(person) {
        let room = draft.usage.has_room_for_contact(Month::of(now), draft.contacts.len());
        if !room || draft.is_frozen() {
            tell::warn_of_quota(draft, now, super::usage::Quota::NewContacts);
            tell::warn_of_quota(draft, now, super::usage::Quota::Contacts);
            return;
        }
        dm::create_contact(draft, now, person, ContactSource::Comment(from.post().cloned()));
    }
    if case.rule.is_some() {
        rules::note_match(draft, person);
    }
    let nameless = draft.contacts.get(person).is_some_and(|contact| contact.username.is_none());
    if let Some(username) = from.comment.username.clone().filter(|_| nameless) {
        draft.emit(UserEvent::ProfileStored {
            person: person.clone(),
            username: Some(username),
            display_name: None,
            profile_pic_url: None,
        });
    }
}

/// The account's own comments never start anything: our public replies come back as comments.
fn is_own(draft: &Draft<User>, comment: &InboundComment) -> bool {
    let ours = |integration: &Integration| {
        comment.person.as_ref().is_some_and(|person| integration.is_account(person.as_str()))
            || comment.username.as_deref().is_some_and(|username| integration.is_username(username))
    };
    comment.is_own
        || draft.integration.as_deref().is_some_and(ours)
        || draft.outbox.by_message_id(&Mid::from(comment.id.as_str())).is_some()
}

/// Whom the reply goes to; a name that no contact has when the platform did not say.
fn person_of(comment: &InboundComment) -> Igsid {
    comment.person.clone().unwrap_or_else(|| Igsid::from(format!("comment:{}", comment.id)))
}

fn find(
    draft: &Draft<User>,
    now: Timestamp,
    comment: &InboundComment,
) -> Option<(Arc<Automation>, super::decision::RuleUsed)> {
    let normalised = text::normalise(comment.text.as_deref()?);
    let mut media: [&str; 2] = [""; 2];
    let mut count = 0;
    for id in comment.media.iter().chain(comment.original_media.iter()) {
        media[count] = id.as_str();
        count += 1;
    }
    let query = MatchQuery { text: &normalised, scope: EventScope::Comment, media_ids: &media[..count], now };
    rules::used(draft, &draft.automations.matcher().find(&query)?)
}

/// The automation fired for this person and post while the reply to another comment was being written.
pub(super) fn rests_meanwhile(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: &Case,
    from: &CommentCase,
    trail: &mut Trail,
) -> Option<Verdict> {
    let automation = rules::live(draft, case.rule.as_ref()?)?;
    rests(draft, now, &automation, &case.person, from).then(|| cools_down(draft, now, case, trail))
}

fn cools_down(draft: &mut Draft<User>, now: Timestamp, case: &Case, trail: &mut Trail) -> Verdict {
    trail.comment_so(5, StepOutcome::Stopped, "fired for this person and post a short while ago");
    tell::log(draft, now, case, Entry::of(ActionResult::Skipped, "cooldown"));
    Verdict::NoReply(Silence::Cooldown)
}

fn rests(
    draft: &Draft<User>,
    now: Timestamp,
    automation: &Automation,
    person: &Igsid,
    from: &CommentCase,
) -> bool {
    let rest = automation.content.cooldown.max(draft.settings.comment_cooldown);
    let firing = keys::firing(automation.id.as_str(), person, Place::Comment(from.post()));
    !rest.is_zero() && rules::fired_within(draft, now, firing, rest)
}
