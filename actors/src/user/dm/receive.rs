//! Steps 1 to 8: taking a message in.

use super::super::{
    User, UserEvent,
    action_log::ActionResult,
    backlog,
    calendar::Month,
    cancel, connection, contact,
    contact::{Contact, ContactSource},
    control,
    decision::{DecisionNo, HrnSource, Silence, Skip, StepOutcome, Verdict},
    held::{HeldEvent, PARKED_AGE_MAX},
    hrn_queue,
    inbound::{Attachment, InboundEvent, ReplyTo},
    keys, late,
    line::LineName,
    model::QuestionId,
    notification::NotificationKind,
    profiles,
    question::{Case, Origin},
    tell::{self, Entry},
    thread::{Author, Burst, Message},
    trail::{Trail, conclude},
    usage::Quota,
};
use crate::{
    Draft, Timestamp,
    id::{ContactId, Igsid, Mid},
    text,
};
use std::sync::Arc;

/// A message or a tap, whatever its form on the wire.
pub(in super::super) struct Incoming {
    pub person: Igsid,
    pub mid: Option<Mid>,
    pub text: Option<Arc<str>>,
    pub cut: bool,
    pub attachments: Arc<[Attachment]>,
    pub reply_to: Option<ReplyTo>,
    pub payload: Option<Arc<str>>,
    /// A tap on a button.
    pub tap: bool,
    pub unsupported: bool,
}

/// Takes a message of a person in.
pub(in super::super) fn receive(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    incoming: &Incoming,
    mut trail: Trail,
) -> Verdict {
    let verdict = take_in(draft, now, event, incoming, &mut trail);
    trail.end(draft, verdict.clone());
    verdict
}

fn take_in(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    incoming: &Incoming,
    trail: &mut Trail,
) -> Verdict {
    let connected = draft.integration.as_ref().is_some_and(|integration| integration.is_usable(now));
    trail.dm(1, if connected { StepOutcome::Passed } else { StepOutcome::Noted });
    let standing = as_it_stands(draft, incoming);
    let unsent = standing.unsent;
    let answerable = is_answerable(standing.text.as_deref());
    trail.dm_so(2, StepOutcome::Passed, item_name(incoming, answerable));
    if let Some(mid) = &incoming.mid
        && draft.look_ups.contains_key(mid)
    {
        draft.emit(UserEvent::LookUpClosed(mid.clone()));
    }
    if !enter(draft, now, event, incoming, trail.no(), standing) {
        trail.dm_so(4, StepOutcome::Stopped, "no room in the plan for a new contact");
        return overflow(draft, now, event, trail.no());
    }
    trail.dm(4, StepOutcome::Passed);
    if event.standby {
        trail.dm_so(5, StepOutcome::Stopped, "another app holds the thread");
        return Verdict::Skipped(Skip::Standby);
    }
    profiles::refresh(draft, now, &incoming.person);
    if unsent {
        trail.dm_so(6, StepOutcome::Stopped, "taken back before it arrived");
        return Verdict::NoReply(Silence::Unsent);
    }
    if let Some(verdict) = opt_out(draft, now, event, incoming, trail) {
        return verdict;
    }
    if connection::is_from_before(draft, event) {
        trail.dm_so(5, StepOutcome::Stopped, "written before the account was connected");
        let left = late::message(draft, now, event, &incoming.person, trail.no(), trail);
        return left.unwrap_or(Verdict::NoReply(Silence::TooOld));
    }
    let behind = |held: &Arc<HeldEvent>| held.event.item.person() == Some(&incoming.person);
    if !connected || draft.parked.behind().is_some() || draft.parked.iter().any(behind) {
        return park(draft, now, event, &incoming.person, trail);
    }
    from_switches(draft, now, event, incoming, trail)
}

/// Step 4: puts a message in its thread, in that of a new contact when the plan has room. Whether it has.
fn enter(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &InboundEvent,
    incoming: &Incoming,
    no: DecisionNo,
    standing: Standing,
) -> bool {
    if !draft.contacts.contains_key(&incoming.person) && !event.standby {
        if !has_room(draft, now) {
            return false;
        }
        create_contact(draft, now, &incoming.person, ContactSource::Message);
    }
    let message = to_message(event, incoming, no, standing);
    tell::record_message(draft, now, &incoming.person, message, !event.standby);
    true
}

/// Goes on with a message that waited for the connection.
pub(in super::super) fn resume(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    incoming: &Incoming,
    no: DecisionNo,
) {
    let mut trail = Trail::resume(no, now);
    trail.dm_so(1, StepOutcome::Passed, "connected again");
    let present = draft
        .contacts
        .get(&incoming.person)
        .and_then(|contact| contact.thread.get(no))
        .is_some_and(|message| !message.unsent);
    let verdict = if !present {
        trail.dm_so(6, StepOutcome::Stopped, "taken back or too far back");
        Verdict::NoReply(Silence::Unsent)
    } else if answered_since(draft, &incoming.person, event.at) {
        trail.dm_so(5, StepOutcome::Stopped, "answered by hand meanwhile");
        Verdict::Skipped(Skip::Paused)
    } else {
        from_switches(draft, now, event, incoming, &mut trail)
    };
    trail.end(draft, verdict);
}

/// Takes up an event that waited for room in the plan, when there is room. It is recorded and not answered: it is late,
/// and left to a person, unless it says that no answer is wanted.
pub(in super::super) fn take_up(draft: &mut Draft<User>, now: Timestamp, held: &HeldEvent) -> bool {
    let HeldEvent { no, event } = held;
    let no = *no;
    let Some(incoming) = super::super::decide::incoming_of(&event.item) else { return true };
    let standing = as_it_stands(draft, &incoming);
    let unsent = standing.unsent;
    if !enter(draft, now, event, &incoming, no, standing) {
        return false;
    }
    let mut trail = Trail::resume(no, now);
    trail.dm_so(4, StepOutcome::Passed, "room in the plan");
    let opted_out = if unsent { None } else { opt_out(draft, now, event, &incoming, &mut trail) };
    let verdict = opted_out.unwrap_or_else(|| {
        trail.dm_so(14, StepOutcome::Stopped, "too late to be answered by itself");
        let left = late::message(draft, now, event, &incoming.person, no, &mut trail);
        left.unwrap_or(Verdict::NoReply(Silence::WindowClosed))
    });
    trail.end(draft, verdict);
    true
}

/// Steps 5 to 8.
fn from_switches(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    incoming: &Incoming,
    trail: &mut Trail,
) -> Verdict {
    let person = &incoming.person;
    if let Some(skip) = control::switch_in_the_way(draft, now, person) {
        trail.dm_so(5, StepOutcome::Stopped, control::skip_name(skip));
        let case = case_of(event, person, trail.no());
        tell::log(draft, now, &case, Entry::of(ActionResult::Skipped, control::skip_name(skip)));
        return Verdict::Skipped(skip);
    }
    trail.dm(5, StepOutcome::Passed);
    if incoming.unsupported {
        trail.dm_so(6, StepOutcome::Stopped, "a kind that can not be displayed");
        return Verdict::NoReply(Silence::NotAnswerable);
    }
    let has_text = draft
        .contacts
        .get(person)
        .and_then(|contact| contact.thread.get(trail.no()))
        .is_some_and(|message| is_answerable(message.text.as_deref()));
    if !has_text && incoming.attachments.is_empty() {
        trail.dm_so(6, StepOutcome::Stopped, "nothing in it");
        return Verdict::NoReply(Silence::Empty);
    }
    if let Some(hrn) = draft.contacts.get(person).and_then(|contact| contact.hrn.clone()) {
        trail.dm(6, StepOutcome::Passed);
        trail.dm_so(7, StepOutcome::Stopped, "locked for a person");
        hrn_queue::wrote_again(draft, now, person, trail.no());
        return Verdict::Hrn {
            source: hrn.source,
            category: hrn.category.clone(),
            signals: hrn.signals.clone(),
        };
    }
    let media_is_answered = draft.settings.sidekick_for_media && draft.settings.sidekick;
    if !has_text && !media_is_answered {
        trail.dm_so(6, StepOutcome::Stopped, "attachment without text");
        let case = case_of(event, person, trail.no());
        return hrn_queue::raise(
            draft,
            now,
            &case,
            HrnSource::Attachment,
            "attachment",
            "message without text",
            &[],
        );
    }
    trail.dm(6, StepOutcome::Passed);
    trail.dm(7, StepOutcome::Passed);
    collect(draft, now, event, person, trail)
}

/// Step 8: joins the burst of the thread, or starts one.
fn collect(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    person: &Igsid,
    trail: &mut Trail,
) -> Verdict {
    let no = trail.no();
    let delay = draft.settings.reply_delay;
    let Some(contact) = draft.contacts.get(person) else { return Verdict::NoReply(Silence::Empty) };
    let (waiting, asked) = (contact.thread.burst.clone(), contact.thread.question);
    let (mut texts, mut began_at) = (Vec::new(), now);
    if let Some(burst) = waiting {
        texts.clone_from(&burst.texts);
        began_at = burst.began_at;
    }
    if let Some(asked) = asked {
        texts.splice(0..0, take_back(draft, asked));
    }
    if let Some(last) = texts.last().copied() {
        conclude(draft, now, last, Verdict::Merged { into: no });
    }
    texts.push(no);
    let surplus = texts.len().saturating_sub(super::super::thread::BURST_TEXTS_MAX);
    let given_up: Vec<DecisionNo> = texts.drain(..surplus).collect();
    if let Some(verdict) = grave(draft, now, event, person, &given_up, trail) {
        return verdict;
    }
    if delay.is_zero() {
        trail.dm_so(8, StepOutcome::Passed, "no delay");
        let case = Case { origin: Origin::Texts(texts), ..case_of(event, person, no) };
        return super::answer::answer(draft, now, case, trail);
    }
    let burst = Burst::of(texts, began_at, event.key.clone(), now, delay);
    let until = burst.due;
    trail.dm(8, StepOutcome::Waiting);
    draft.emit(UserEvent::BurstSet { person: person.clone(), burst: Some(Arc::new(burst)) });
    Verdict::Collecting { until }
}

/// Step 9 for texts that too many others followed to be answered with them: a grave one is left to a person at once.
fn grave(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    person: &Igsid,
    given_up: &[DecisionNo],
    trail: &mut Trail,
) -> Option<Verdict> {
    let contact = draft.contacts.get(person).filter(|_| !given_up.is_empty())?;
    let assessment = super::judge::hard(&contact.thread, given_up)?;
    if contact.thread.burst.is_some() {
        draft.emit(UserEvent::BurstSet { person: person.clone(), burst: None });
    }
    trail.dm(8, StepOutcome::Passed);
    trail.dm_so(9, StepOutcome::Stopped, assessment.class.as_str());
    let case = case_of(event, person, trail.no());
    Some(hrn_queue::raise_assessed(draft, now, &case, &assessment))
}

/// Takes a question to the model back, because more was written meanwhile. Returns the texts it was about.
fn take_back(draft: &mut Draft<User>, asked: QuestionId) -> Vec<DecisionNo> {
    let Some(question) = draft.questions.get(&asked).cloned() else { return Vec::new() };
    cancel::close_question(draft, &question);
    match &question.case.origin {
        Origin::Texts(texts) => texts.clone(),
        Origin::Comment(_) => Vec::new(),
    }
}

/// A whole message that is a stop word opts the person out; it is confirmed once.
fn opt_out(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    incoming: &Incoming,
    trail: &mut Trail,
) -> Option<Verdict> {
    let normalised = text::normalise(incoming.text.as_deref()?);
    let contact = draft.contacts.get(&incoming.person)?;
    let opted_out = contact.opted_out_at.is_some();
    if opted_out && control::is_start_word(&normalised) {
        draft.emit(UserEvent::OptOutSet { person: incoming.person.clone(), since: None });
        return None;
    }
    if !control::is_stop_word(draft, &normalised) {
        return None;
    }
    trail.dm_so(5, StepOutcome::Stopped, "stop word");
    if opted_out {
        return Some(Verdict::NoReply(Silence::OptedOut));
    }
    cancel::pending(draft, now, &incoming.person, super::super::decision::CancelReason::ContactPaused);
    draft.emit(UserEvent::OptOutSet { person: incoming.person.clone(), since: Some(now) });
    let case = case_of(event, &incoming.person, trail.no());
    Some(super::reply::confirm_opt_out(draft, now, case, trail))
}

fn park(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    person: &Igsid,
    trail: &mut Trail,
) -> Verdict {
    if now.since(event.at) >= PARKED_AGE_MAX {
        trail.dm_so(14, StepOutcome::Stopped, "too old to be answered");
        let left = late::message(draft, now, event, person, trail.no(), trail);
        return left.unwrap_or(Verdict::NoReply(Silence::WindowClosed));
    }
    trail.dm_so(5, StepOutcome::Waiting, "waits for the connection");
    park_event(draft, now, event, trail.no());
    Verdict::Parked
}

/// Keeps an event until the account is connected again, and tells the owner once.
pub(in super::super) fn park_event(
    draft: &mut Draft<User>,
    now: Timestamp,
    event: &Arc<InboundEvent>,
    no: DecisionNo,
) {
    backlog::keep(draft, LineName::Parked, HeldEvent { no, event: Arc::clone(event) });
    if let Some(integration) = draft.integration.clone()
        && !integration.parked_told
        && !integration.is_usable(now)
    {
        let mut told = super::super::integration::Integration::clone(&integration);
        told.parked_told = true;
        draft.emit(UserEvent::IntegrationSet(Arc::new(told)));
        tell::notify(draft, now, NotificationKind::WaitingForConnection);
    }
}

fn has_room(draft: &Draft<User>, now: Timestamp) -> bool {
    !draft.is_frozen() && draft.usage.has_room_for_contact(Month::of(now), draft.contacts.len())
}

fn overflow(draft: &mut Draft<User>, now: Timestamp, event: &Arc<InboundEvent>, no: DecisionNo) -> Verdict {
    if draft.overflow.is_empty() {
        tell::notify(draft, now, NotificationKind::ContactsWaiting);
    }
    backlog::keep(draft, LineName::Overflow, HeldEvent { no, event: Arc::clone(event) });
    tell::warn_of_quota(draft, now, Quota::NewContacts);
    tell::warn_of_quota(draft, now, Quota::Contacts);
    Verdict::Overflow
}

/// Creates a contact. The caller looked for room.
pub(in super::super) fn create_contact(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    source: ContactSource,
) {
    let Some(account) = draft.integration.as_ref().map(|integration| integration.account.clone()) else {
        return;
    };
    let id = ContactId::from(keys::derived_id(&draft.key, person.as_str()));
    let contact = Contact::new(id, person.clone(), account, source, now);
    draft.emit(UserEvent::ContactCreated(Arc::new(contact)));
    tell::warn_of_quota(draft, now, Quota::NewContacts);
    tell::warn_of_quota(draft, now, Quota::Contacts);
}

/// A message as it stands when it comes: an edit or an unsend may have come first.
struct Standing {
    text: Option<Arc<str>>,
    revision: u32,
    unsent: bool,
}

/// How a message stands when it comes.
fn as_it_stands(draft: &Draft<User>, incoming: &Incoming) -> Standing {
    let as_sent = || Standing { text: incoming.text.clone(), revision: 0, unsent: false };
    let Some(mid) = &incoming.mid else { return as_sent() };
    if draft.tombstones.is_empty() && draft.early_edits.is_empty() {
        return as_sent();
    }
    let fingerprint = keys::message(&incoming.person, mid);
    if draft.tombstones.get(fingerprint).is_some() {
        return Standing { text: None, revision: 0, unsent: true };
    }
    match draft.early_edits.get(fingerprint) {
        Some(edit) => Standing { text: edit.text.clone(), revision: edit.revision, unsent: false },
        None => as_sent(),
    }
}

fn to_message(event: &InboundEvent, incoming: &Incoming, no: DecisionNo, standing: Standing) -> Message {
    let Standing { text, revision, unsent } = standing;
    Message {
        no,
        mid: incoming.mid.clone(),
        at: event.at,
        author: Author::Contact,
        text,
        cut: incoming.cut,
        attachments: if unsent { Arc::from([]) } else { Arc::clone(&incoming.attachments) },
        reply_to: incoming.reply_to.clone(),
        revision,
        unsent,
        unsupported: incoming.unsupported,
        reaction: None,
        seen: false,
        payload: if unsent { None } else { incoming.payload.clone() },
        tap: incoming.tap,
        outbound: None,
    }
}

fn is_answerable(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}

const fn item_name(incoming: &Incoming, answerable: bool) -> &'static str {
    match (incoming.unsupported, answerable, &incoming.reply_to) {
        (true, ..) => "unsupported",
        (false, true, Some(ReplyTo::Story { .. })) => "story reply",
        (false, true, _) if incoming.payload.is_some() => "button",
        (false, true, _) => "text",
        (false, false, _) => "attachment",
    }
}

fn case_of(event: &InboundEvent, person: &Igsid, no: DecisionNo) -> Case {
    let origin = Origin::Texts(vec![no]);
    Case { no, key: event.key.clone(), person: person.clone(), origin, rule: None }
}

pub(in super::super) fn answered_since(draft: &User, person: &Igsid, at: Timestamp) -> bool {
    draft.contacts.get(person).is_some_and(|contact| {
        contact.last_outbound_kind == Some(contact::OutboundKind::Human)
            && contact.last_outbound_at.is_some_and(|last| last > at)
    })
}
