//! What the owner asks for: automations, settings, facts, plan, messages by hand, dead letters.

use super::{
    Rejection, Reply, User, UserEvent,
    automations::{AUTOMATIONS_MAX, INACTIVE_MAX},
    backlog,
    calendar::Month,
    cancel, connection, control,
    decision::{CancelReason, DecisionNo},
    echo,
    knowledge::{
        KNOWLEDGE_CONTENT_CHARS_MAX, KNOWLEDGE_ENTRIES_MAX, KNOWLEDGE_NAME_CHARS_MAX,
        KNOWLEDGE_URL_CHARS_MAX, Knowledge,
    },
    line::LineName,
    notification::NotificationKind,
    outgoing::{self, Message},
    plan::Plan,
    question::{Case, Origin, Part, ReplyContext},
    quiet::QuietHours,
    relay,
    settings::{
        ANSWER_DELAY_MAX, COOLDOWN_MAX, DISCLOSURE_CHARS_MAX, EXTRA_INSTRUCTIONS_CHARS_MAX,
        HUMAN_TAKEOVER_MAX, OPT_OUT_REPLY_BYTES_MAX, QuietHoursChange, REPLY_DELAY_MAX, SENDS_PER_HOUR_MAX,
        STOP_WORD_CHARS_MAX, STOP_WORDS_MAX, Settings, SettingsPatch,
    },
    tell,
};
use crate::{
    Draft, Timestamp,
    automation::{
        self, Automation, AutomationId, AutomationInput, AutomationPatch, Content, FieldCode, FieldError,
    },
    id::{EventKey, Igsid},
    outbox::{self, Author, Kind, OutboundId, OutboundKey, Refusal},
    text,
};
use std::{sync::Arc, time::Duration};

/// Longest key of a press of a button, in characters.
const PRESS_KEY_CHARS_MAX: usize = 128;
/// Events of new contacts taken up by one command.
const OVERFLOW_BATCH_MAX: usize = 32;
/// Longest name, in characters (product rule).
const NAME_CHARS_MAX: usize = 100;

/// Makes an automation. The same id again gives the automation that is there.
pub(super) fn create_automation(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: &AutomationId,
    input: &AutomationInput,
    inactive: bool,
) -> Result<Reply, Rejection> {
    if let Some(known) = draft.automations.get(id.as_str()) {
        return Ok(Reply::Automation { automation: draft.automations.counted(known), warnings: Vec::new() });
    }
    control::refuse_when_frozen(draft)?;
    let valid = automation::validate(input, now).map_err(Rejection::Invalid)?;
    room_for(draft, !inactive)?;
    let mut made = Automation::new(id.clone(), valid.content, now);
    made.is_active = !inactive;
    if made.is_active {
        refuse_taken(draft, now, &made.content, None)?;
    }
    let automation = Arc::new(made);
    draft.emit(UserEvent::AutomationSet(Arc::clone(&automation)));
    Ok(Reply::Automation { automation, warnings: valid.warnings })
}

/// Changes an automation. Switching off is never gated by the plan.
pub(super) fn update_automation(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: &AutomationId,
    patch: &AutomationPatch,
) -> Result<Reply, Rejection> {
    let before = draft.automations.get(id.as_str()).cloned().ok_or(Rejection::NoAutomation)?;
    let only_off = *patch == AutomationPatch { is_active: Some(false), ..AutomationPatch::default() };
    if only_off {
        return switch(draft, now, id, false);
    }
    control::refuse_when_frozen(draft)?;
    let valid = automation::validate_patch(&before, patch, now).map_err(Rejection::Invalid)?;
    if valid.is_active {
        if !before.is_active {
            room_for(draft, true)?;
        }
        refuse_taken(draft, now, &valid.content, Some(id))?;
    }
    let mut next = Automation::clone(&before);
    next.change(valid.content, now);
    next.is_active = valid.is_active;
    let automation = Arc::new(next);
    draft.emit(UserEvent::AutomationSet(Arc::clone(&automation)));
    if before.is_active && !automation.is_active {
        cancel::of_automation(draft, now, id.as_str());
    }
    Ok(Reply::Automation { automation: draft.automations.counted(&automation), warnings: valid.warnings })
}

/// Switches an automation on or off.
pub(super) fn switch(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: &AutomationId,
    active: bool,
) -> Result<Reply, Rejection> {
    let before = draft.automations.get(id.as_str()).cloned().ok_or(Rejection::NoAutomation)?;
    if before.is_active == active {
        return Ok(Reply::Automation {
            automation: draft.automations.counted(&before),
            warnings: Vec::new(),
        });
    }
    if active {
        control::refuse_when_frozen(draft)?;
        room_for(draft, true)?;
        // The whole must be right, also what an import brought along.
        let patch = AutomationPatch { is_active: Some(true), ..AutomationPatch::default() };
        automation::validate_patch(&before, &patch, now).map_err(Rejection::Invalid)?;
        refuse_taken(draft, now, &before.content, Some(id))?;
    }
    let mut next = Automation::clone(&before);
    next.is_active = active;
    next.updated_at = now;
    if active {
        next.diagnostic = None;
    }
    let automation = Arc::new(next);
    draft.emit(UserEvent::AutomationSet(Arc::clone(&automation)));
    if !active {
        cancel::of_automation(draft, now, id.as_str());
    }
    Ok(Reply::Automation { automation: draft.automations.counted(&automation), warnings: Vec::new() })
}

/// Deletes an automation. Its logs stay.
pub(super) fn delete_automation(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: &AutomationId,
) -> Result<Reply, Rejection> {
    if draft.automations.get(id.as_str()).is_none() {
        return Err(Rejection::NoAutomation);
    }
    draft.emit(UserEvent::AutomationDeleted(id.clone()));
    cancel::of_automation(draft, now, id.as_str());
    Ok(Reply::Done)
}

/// Switches automations off whose last instant is over, and tells the owner.
pub(super) fn expire_automations(draft: &mut Draft<User>, now: Timestamp) {
    let mut done = 0_usize;
    while let Some(expired) = draft.automations.expired(now).cloned() {
        if done > 0 && draft.is_full() {
            return;
        }
        done += 1;
        let mut next = Automation::clone(&expired);
        next.is_active = false;
        next.updated_at = now;
        let (automation, title) = (expired.id.shared(), expired.content.title.as_str().into());
        draft.emit(UserEvent::AutomationSet(Arc::new(next)));
        tell::notify(draft, now, NotificationKind::AutomationExpired { automation, title });
    }
}

/// The platform refuses the messages of an automation again and again: it is switched off.
pub(super) fn give_up_automation(draft: &mut Draft<User>, now: Timestamp, id: &str, refusal: &Refusal) {
    let Some(automation) = draft.automations.get(id).filter(|automation| automation.is_active).cloned()
    else {
        return;
    };
    let mut next = Automation::clone(&automation);
    next.is_active = false;
    next.updated_at = now;
    draft.emit(UserEvent::AutomationSet(Arc::new(next)));
    cancel::of_automation(draft, now, id);
    let reason =
        refusal.message.clone().unwrap_or_else(|| format!("refused with code {}", refusal.code).into());
    tell::notify(
        draft,
        now,
        NotificationKind::AutomationDisabled { automation: automation.id.shared(), reason },
    );
}

fn room_for(user: &User, active: bool) -> Result<(), Rejection> {
    if user.automations.len() >= AUTOMATIONS_MAX {
        return Err(Rejection::TooManyAutomations(AUTOMATIONS_MAX));
    }
    let Some(limit) = user.usage.limits().automations else { return Ok(()) };
    let inactive = user.automations.len().saturating_sub(user.automations.active() as usize);
    if active && user.automations.active() >= limit {
        return Err(Rejection::AutomationLimit(limit));
    }
    if !active && inactive >= INACTIVE_MAX {
        return Err(Rejection::TooManyAutomations(INACTIVE_MAX));
    }
    Ok(())
}

fn refuse_taken(
    user: &User,
    now: Timestamp,
    content: &Content,
    own: Option<&AutomationId>,
) -> Result<(), Rejection> {
    let others = user.automations.iter().map(AsRef::as_ref);
    match automation::conflict(content, own, others, now) {
        Some(by) => {
            Err(Rejection::TriggerTaken { by: by.clone(), trigger: content.trigger_word().to_owned() })
        }
        None => Ok(()),
    }
}

/// Changes settings.
pub(super) fn update_settings(
    draft: &mut Draft<User>,
    now: Timestamp,
    patch: &SettingsPatch,
) -> Result<Reply, Rejection> {
    let next = patched(&draft.settings, patch).map_err(Rejection::Invalid)?;
    let before = Arc::clone(&draft.settings);
    let settings = Arc::new(next);
    draft.emit(UserEvent::SettingsSet(Arc::clone(&settings)));
    if before.auto_reply && !settings.auto_reply {
        cancel::everything(draft, now, CancelReason::AutoReplyOff, false);
    }
    if before.quiet_hours != settings.quiet_hours
        && let Some(event) = draft.outbox.release_held(now)
    {
        relay::emit(draft, now, event);
    }
    connection::set_pace(draft);
    Ok(Reply::Settings(settings))
}

fn patched(before: &Settings, patch: &SettingsPatch) -> Result<Settings, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut within = |field: &'static str, value: Option<Duration>, now: Duration, max: Duration| {
        let value = value.unwrap_or(now);
        if value > max {
            errors.push(FieldError::new(
                field,
                FieldCode::OutOfRange,
                format!("at most {} seconds", max.as_secs()),
            ));
        }
        value
    };
    let reply_delay = within("replyDelay", patch.reply_delay, before.reply_delay, REPLY_DELAY_MAX);
    let human_takeover =
        within("humanTakeover", patch.human_takeover, before.human_takeover, HUMAN_TAKEOVER_MAX);
    let dm_cooldown = within("dmCooldown", patch.dm_cooldown, before.dm_cooldown, COOLDOWN_MAX);
    let comment_cooldown =
        within("commentCooldown", patch.comment_cooldown, before.comment_cooldown, COOLDOWN_MAX);
    let answer_delay = (
        within("answerDelayMin", patch.answer_delay_min, before.answer_delay.0, ANSWER_DELAY_MAX),
        within("answerDelayMax", patch.answer_delay_max, before.answer_delay.1, ANSWER_DELAY_MAX),
    );
    if answer_delay.0 > answer_delay.1 {
        errors.push(FieldError::new("answerDelayMax", FieldCode::OutOfRange, "at least the least delay"));
    }
    let clearable = |typed: &Option<String>, stored: &Option<Arc<str>>| match typed {
        None => stored.clone(),
        Some(text) if text.trim().is_empty() => None,
        Some(text) => Some(Arc::from(text.trim())),
    };
    let extra_instructions = clearable(&patch.extra_instructions, &before.extra_instructions);
    if extra_instructions.as_ref().is_some_and(|text| text.chars().count() > EXTRA_INSTRUCTIONS_CHARS_MAX) {
        errors.push(FieldError::new("extraInstructions", FieldCode::TooLong, "at most 2000 characters"));
    }
    let opt_out_reply = clearable(&patch.opt_out_reply, &before.opt_out_reply);
    if opt_out_reply.as_ref().is_some_and(|text| text.len() > OPT_OUT_REPLY_BYTES_MAX) {
        errors.push(FieldError::new("optOutReply", FieldCode::TooLong, "at most 1000 bytes"));
    }
    let disclosure = clearable(&patch.disclosure, &before.disclosure);
    if disclosure.as_ref().is_some_and(|text| text.chars().count() > DISCLOSURE_CHARS_MAX) {
        errors.push(FieldError::new("disclosure", FieldCode::TooLong, "at most 200 characters"));
    }
    let stop_words = match &patch.stop_words {
        None => Arc::clone(&before.stop_words),
        Some(words) => stop_words(words, &mut errors),
    };
    let sends_per_hour = match patch.sends_per_hour {
        None => before.sends_per_hour,
        Some(0) => None,
        Some(sends) if sends > SENDS_PER_HOUR_MAX => {
            errors.push(FieldError::new("sendsPerHour", FieldCode::OutOfRange, "at most 3600"));
            None
        }
        Some(sends) => Some(sends),
    };
    let quiet_hours = match &patch.quiet_hours {
        None => before.quiet_hours.clone(),
        Some(QuietHoursChange::Off) => None,
        Some(QuietHoursChange::Set(typed)) => QuietHours::new(typed).map_err(|error| errors.push(error)).ok(),
    };
    let settings = Settings {
        auto_reply: patch.auto_reply.unwrap_or(before.auto_reply),
        reply_delay,
        human_takeover,
        auto_clear_hrn_on_reply: patch.auto_clear_hrn_on_reply.unwrap_or(before.auto_clear_hrn_on_reply),
        acknowledgements: patch.acknowledgements.unwrap_or(before.acknowledgements),
        sensitivity: patch.sensitivity.unwrap_or(before.sensitivity),
        sidekick_for_media: patch.sidekick_for_media.unwrap_or(before.sidekick_for_media),
        sidekick: patch.sidekick.unwrap_or(before.sidekick),
        extra_instructions,
        dm_cooldown,
        comment_cooldown,
        stop_words,
        opt_out_reply,
        sends_per_hour,
        quiet_hours,
        disclosure,
        answer_delay,
    };
    if errors.is_empty() { Ok(settings) } else { Err(errors) }
}

fn stop_words(typed: &[String], errors: &mut Vec<FieldError>) -> Arc<[Arc<str>]> {
    if typed.len() > STOP_WORDS_MAX {
        errors.push(FieldError::new("stopWords", FieldCode::TooMany, "at most 50 words"));
    }
    let mut words: Vec<Arc<str>> = Vec::new();
    for word in typed.iter().take(STOP_WORDS_MAX) {
        let word = text::normalise(word);
        if word.chars().count() > STOP_WORD_CHARS_MAX {
            errors.push(FieldError::new(
                "stopWords",
                FieldCode::TooLong,
                "a stop word has at most 40 characters",
            ));
        } else if !word.is_empty() && !words.iter().any(|known| **known == *word) {
            words.push(word.into());
        }
    }
    words.into()
}

/// Replaces the owner's facts.
pub(super) fn set_knowledge(draft: &mut Draft<User>, knowledge: &Knowledge) -> Result<Reply, Rejection> {
    let mut errors = Vec::new();
    for (field, count) in [
        ("offers", knowledge.offers.len()),
        ("faqs", knowledge.faqs.len()),
        ("links", knowledge.links.len()),
        ("tone.samples", knowledge.tone.as_ref().map_or(0, |tone| tone.samples.len())),
    ] {
        if count > KNOWLEDGE_ENTRIES_MAX {
            errors.push(FieldError::new(field, FieldCode::TooMany, "at most 50 entries"));
        }
    }
    let mut within = |field: &'static str, text: &str, max: usize| {
        if text.chars().count() > max {
            errors.push(FieldError::new(field, FieldCode::TooLong, format!("at most {max} characters")));
        }
    };
    within("mainOffering", knowledge.main_offering.as_deref().unwrap_or_default(), KNOWLEDGE_NAME_CHARS_MAX);
    for offer in &knowledge.offers {
        within("offers.name", &offer.name, KNOWLEDGE_NAME_CHARS_MAX);
        within("offers.content", &offer.content, KNOWLEDGE_CONTENT_CHARS_MAX);
    }
    for faq in &knowledge.faqs {
        within("faqs.question", &faq.question, KNOWLEDGE_NAME_CHARS_MAX);
        within("faqs.answer", faq.answer.as_deref().unwrap_or_default(), KNOWLEDGE_CONTENT_CHARS_MAX);
    }
    for link in &knowledge.links {
        within("links.url", &link.url, KNOWLEDGE_URL_CHARS_MAX);
    }
    for sample in knowledge.tone.iter().flat_map(|tone| &tone.samples) {
        within("tone.samples", sample, KNOWLEDGE_CONTENT_CHARS_MAX);
    }
    if !errors.is_empty() {
        return Err(Rejection::Invalid(errors));
    }
    draft.emit(UserEvent::KnowledgeSet(Arc::new(knowledge.clone())));
    Ok(Reply::Done)
}

/// Sets the owner's or business's name.
pub(super) fn set_name(draft: &mut Draft<User>, name: &str) -> Result<Reply, Rejection> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let error = FieldError::new("name", FieldCode::Invalid, "1 to 100 characters");
        return Err(Rejection::Invalid(vec![error]));
    }
    draft.emit(UserEvent::Named(name.into()));
    Ok(Reply::Done)
}

/// The plan changed: new contacts that waited come in as far as there is room.
pub(super) fn set_plan(draft: &mut Draft<User>, now: Timestamp, plan: Plan) {
    draft.emit(UserEvent::PlanSet(plan));
    if draft.is_frozen() {
        cancel::everything(draft, now, CancelReason::Frozen, false);
    }
    take_overflow(draft, now);
}

/// Takes up events of new contacts while the plan has room. They are recorded, not answered: they are late.
pub(super) fn take_overflow(draft: &mut Draft<User>, now: Timestamp) {
    if draft.overflow.is_empty() {
        return;
    }
    for done in 0..OVERFLOW_BATCH_MAX {
        let Some(held) = draft.overflow.first().cloned() else { break };
        if done > 0 && draft.is_full() {
            break;
        }
        if !super::dm::take_up(draft, now, &held) {
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
pub(super) fn overflow_due(user: &User) -> Option<Timestamp> {
    if user.overflow_open {
        return user.overflow.next_due();
    }
    let first_at = user.overflow.first_at()?;
    let since = user.overflow_tried_at.unwrap_or(first_at).max(first_at);
    Some(Month::of(since).next().start())
}

/// Writes to a contact by hand, inside the window of people.
pub(super) fn send_message(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    key: &str,
    body: &str,
) -> Result<Reply, Rejection> {
    let key = press_key(key)?;
    if !draft.integration.as_ref().is_some_and(|integration| integration.is_usable(now)) {
        return Err(Rejection::NotConnected);
    }
    let contact = draft.contacts.get(person).ok_or(Rejection::NoContact)?;
    if draft.is_foreign_account(&contact.account) {
        return Err(Rejection::OtherAccountConnected);
    }
    let window_ends_at =
        contact.human_window_ends_at().filter(|ends_at| *ends_at > now).ok_or(Rejection::WindowClosed)?;
    let case = Case {
        no: DecisionNo(0),
        key: EventKey::from(key.as_str()),
        person: person.clone(),
        origin: Origin::Texts(Vec::new()),
        rule: None,
    };
    let message = Message {
        case: &case,
        kind: Kind::Dm { to: person.clone() },
        author: Author::Human,
        part: Part::Manual,
        reserved: None,
        fired: None,
        window_ends_at,
    };
    match outgoing::enqueue(draft, now, &message, vec![outbox::Content::Text(body.into())]) {
        Ok(outbound) => {
            echo::take_over(draft, now, person, now);
            Ok(Reply::Queued(outbound))
        }
        Err(outbox::EnqueueError::AlreadyEnqueued(outbound)) => Ok(Reply::Queued(outbound)),
        Err(error) => Err(error.into()),
    }
}

fn press_key(key: &str) -> Result<String, Rejection> {
    if key.is_empty() || key.chars().count() > PRESS_KEY_CHARS_MAX || key.chars().any(char::is_control) {
        let error = FieldError::new("key", FieldCode::Invalid, "1 to 128 characters");
        return Err(Rejection::Invalid(vec![error]));
    }
    Ok(format!("press:{key}"))
}

/// Takes a waiting message back, or puts a dead letter away.
pub(super) fn cancel_outbound(
    draft: &mut Draft<User>,
    now: Timestamp,
    outbound: OutboundId,
) -> Result<Reply, Rejection> {
    let decided = draft.outbox.cancel(now, outbound, outbox::CancelReason::ByPerson)?;
    relay::emit_all(draft, now, decided);
    Ok(Reply::Done)
}

/// Tries a dead letter again. Lock, window, quota and automation are looked at again.
pub(super) fn replay(
    draft: &mut Draft<User>,
    now: Timestamp,
    outbound: OutboundId,
) -> Result<Reply, Rejection> {
    control::refuse_when_frozen(draft)?;
    refuse_foreign(draft, outbound)?;
    let window_ends_at = window_of(draft, outbound);
    let decided = draft.outbox.replay(now, outbound, window_ends_at)?;
    let counted = draft.outbox.get(outbound).is_some_and(|item| item.counted);
    if let Some(before) = draft.replies.get(&outbound).cloned() {
        let mut context = ReplyContext::clone(&before);
        if counted && context.reserved.is_none() {
            let month = Month::of(now);
            if draft.usage.sends_left(month) == Some(0) {
                return Err(Rejection::SendLimit);
            }
            draft.emit(UserEvent::SendReserved(month));
            context.reserved = Some(month);
        }
        // The automation rests again, as after its first try; a public reply is no firing of its own.
        if context.part == Part::First && context.fired.is_none() {
            context.fired = outgoing::firing_of(&context.case);
            if let Some(fingerprint) = context.fired {
                draft.emit(UserEvent::Fired { fingerprint, at: now });
            }
        }
        if context != *before {
            draft.emit(UserEvent::ReplyBound { outbound, context: Arc::new(context) });
        }
    }
    relay::emit_all(draft, now, decided);
    Ok(Reply::Queued(outbound))
}

/// Sends a message again of which nobody knows whether it arrived: the owner has looked.
pub(super) fn resend(
    draft: &mut Draft<User>,
    now: Timestamp,
    outbound: OutboundId,
    key: &str,
) -> Result<Reply, Rejection> {
    let key = OutboundKey::from(press_key(key)?);
    if let Some(known) = draft.outbox.by_key(&key) {
        return Ok(Reply::Queued(known));
    }
    refuse_foreign(draft, outbound)?;
    let window_ends_at = window_of(draft, outbound);
    let event = draft.outbox.resend(now, outbound, key, window_ends_at)?;
    let id = event.accepted().map_or(outbound, |item| item.id);
    relay::emit(draft, now, event);
    Ok(Reply::Queued(id))
}

/// What was written to persons of another account can not be sent by this one.
fn refuse_foreign(draft: &Draft<User>, outbound: OutboundId) -> Result<(), Rejection> {
    let foreign = draft.outbox.get(outbound).is_some_and(|item| draft.is_foreign(item));
    if foreign { Err(Rejection::OtherAccountConnected) } else { Ok(()) }
}

fn window_of(draft: &Draft<User>, outbound: OutboundId) -> Option<Timestamp> {
    let item = draft.outbox.get(outbound)?;
    match &item.kind {
        Kind::Dm { to } => draft.contacts.get(to)?.window_ends_at(),
        Kind::PrivateReply { .. } | Kind::PublicReply { .. } => None,
    }
}
