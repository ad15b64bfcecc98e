//! One arm per command.

use super::{
    Command, Rejection, Reply, User, UserEvent,
    agenda::{JOBS_PER_TICK_MAX, Job},
    asking, audit, backlog, bulk,
    command::LookedUp,
    comment, connection, contact_sync, control, custody, data_deletion,
    decision::DecisionNo,
    dm::{self, Incoming},
    echo, erase, files, forget,
    inbound::{ATTACHMENTS_MAX, Attachment, InboundEvent, InboundItem},
    items, keys,
    look_back::LookBack,
    owner, postless, preview, profiles, redact, refresh, relay, sweep,
    trail::Trail,
    webhooks,
};
use crate::{
    Draft, Timestamp,
    outbox::SendOutcome,
    requests::{self, RequestKey},
};
use std::sync::Arc;

/// Decides a command, then starts what is due in the outbox.
pub(super) fn decide(draft: &mut Draft<User>, now: Timestamp, command: &Command) -> Result<Reply, Rejection> {
    if data_deletion::comes_too_late(draft, command) {
        return Ok(Reply::Done);
    }
    let reply = dispatch(draft, now, command)?;
    relay::pump(draft, now, matches!(command, Command::Tick));
    Ok(reply)
}

fn dispatch(draft: &mut Draft<User>, now: Timestamp, command: &Command) -> Result<Reply, Rejection> {
    match command {
        Command::Once { key, command } => return once(draft, now, *key, command),
        Command::Receive(event) => return receive(draft, now, event),
        Command::Tick => tick(draft, now),
        Command::Recover => recover(draft, now),
        Command::SendFinished { outbound, attempt, outcome, usage } => {
            if let SendOutcome::Sent { recipient: Some(person), .. } = outcome {
                relay::person_learnt(draft, *outbound, person);
            }
            let decided = draft.outbox.outcome(now, *outbound, *attempt, outcome);
            relay::emit_all(draft, now, decided);
            note_usage(draft, now, usage.as_ref());
        }
        Command::SentRead { outbound, read, outcome, usage } => {
            let decided = draft.outbox.reconciled(now, *outbound, *read, outcome);
            relay::emit_all(draft, now, decided);
            note_usage(draft, now, usage.as_ref());
        }
        Command::TokenChecked(state) => connection::token_checked(draft, now, state),
        Command::ProfileFetched { person, profile } => {
            draft.emit(UserEvent::ProfileSettled(person.clone()));
            if let Some(profile) = profile.as_ref().filter(|_| draft.contacts.contains_key(person)) {
                draft.emit(UserEvent::ProfileStored {
                    person: person.clone(),
                    username: profile.username.clone(),
                    display_name: profile.display_name.clone(),
                    profile_pic_url: profile.profile_pic_url.clone(),
                });
            }
        }
        Command::MessageLookedUp { mid, found } => {
            items::looked_up(draft, now, mid, found);
            if let LookedUp::Found(event) = found {
                return receive(draft, now, event);
            }
        }
        Command::CommentLookedUp { comment, found } => postless::looked_up(draft, now, comment, found),
        Command::HistoryRead { asked, found } => match asked {
            LookBack::Message { mid, .. } => erase::found(draft, now, mid, found.as_ref()),
            LookBack::Held { line, after, .. } => backlog::read(draft, now, (*line, *after), found.as_ref()),
            LookBack::Thread { person, after, .. } => {
                forget::found(draft, now, (person, *after), found.as_ref());
            }
        },
        Command::ModelAnswered { question, attempt, result } => {
            asking::answered(draft, now, *question, *attempt, result);
        }
        Command::ConnectInstagram(connect) => return connection::connect(draft, now, connect),
        Command::CustodyNoted { account, since, made } => custody::noted(draft, now, account, *since, *made),
        Command::TokenRefreshed { since, outcome } => refresh::finished(draft, now, *since, outcome),
        Command::WebhooksAsked { since, outcome } => webhooks::asked(draft, now, *since, *outcome),
        Command::ResealToken { from, to } => connection::reseal(draft, from, to),
        Command::DisconnectInstagram => return connection::disconnect(draft, now),
        Command::RevokeInstagram => return connection::revoke(draft, now),
        Command::CreateAutomation { id, input, inactive } => {
            return owner::create_automation(draft, now, id, input, *inactive);
        }
        Command::UpdateAutomation { id, patch } => return owner::update_automation(draft, now, id, patch),
        Command::SetAutomationActive { id, active } => return owner::switch(draft, now, id, *active),
        Command::DeleteAutomation { id } => return owner::delete_automation(draft, now, id),
        Command::UpdateSettings(patch) => return owner::update_settings(draft, now, patch),
        Command::Knowledge(change) => return owner::change_knowledge(draft, now, change),
        Command::SyncMemory => return owner::sync_memory(draft, now),
        Command::Audited(audited) => return audit::decide(draft, now, audited, dispatch),
        Command::SetName(name) => return owner::set_name(draft, name),
        Command::SetSyncInterval(hours) => return contact_sync::set_interval(draft, *hours),
        Command::Files(command) => return files::decide(draft, now, command),
        Command::TakePreview => return preview::take(draft, now),
        Command::SetPlan(plan) => owner::set_plan(draft, now, *plan),
        Command::SetHrn { person, reason } => return control::set_hrn(draft, now, person, reason.as_deref()),
        Command::ClearHrn { person } => return control::clear_hrn(draft, now, person),
        Command::PauseContact { person, pause } => return control::pause(draft, now, person, *pause),
        Command::ResumeContact { person } => return control::resume(draft, now, person),
        Command::SetBlocked { person, blocked } => return control::set_blocked(draft, now, person, *blocked),
        Command::SetCrm { person, crm } => return control::set_crm(draft, now, person, crm),
        Command::Contact { contact, change, by } => {
            return owner::change_contact(draft, now, contact, change, *by);
        }
        Command::ManyContacts { which, change, by } => return bulk::begin(draft, now, which, change, *by),
        Command::SendMessage { person, key, text } => {
            return owner::send_message(draft, now, person, key, text);
        }
        Command::CancelOutbound { outbound } => return owner::cancel_outbound(draft, now, *outbound),
        Command::ReplayDeadLetter { outbound } => return owner::replay(draft, now, *outbound),
        Command::ResendUnknown { outbound, key } => return owner::resend(draft, now, *outbound, key),
        Command::LiftSafetyStop => {
            if let Some(event) = draft.outbox.lift_safety(now) {
                relay::emit(draft, now, event);
            }
        }
        Command::Erase => data_deletion::erase(draft, now),
        Command::EraseInstagramData { account } => {
            return data_deletion::erase_instagram(draft, now, account);
        }
        Command::ReadNotifications { no } => draft.emit(UserEvent::NotificationsRead { no: *no, at: now }),
    }
    Ok(Reply::Done)
}

/// Decides what a client asked for the first time, and answers as then when it comes again.
fn once(
    draft: &mut Draft<User>,
    now: Timestamp,
    key: RequestKey,
    command: &Command,
) -> Result<Reply, Rejection> {
    if let Some(reply) = draft.requests.reply(&key) {
        return Ok(reply);
    }
    let reply = dispatch(draft, now, command)?;
    if let Some(answered) = requests::answered(key, now, &reply) {
        draft.emit(UserEvent::RequestAnswered(Arc::new(answered)));
    }
    Ok(reply)
}

/// Takes one inbound event in, once.
fn receive(draft: &mut Draft<User>, now: Timestamp, event: &Arc<InboundEvent>) -> Result<Reply, Rejection> {
    if !draft.integration.as_ref().is_some_and(|known| known.is_account(event.account.as_str())) {
        return Err(Rejection::ForeignAccount);
    }
    let event = redact::redacted(event);
    let event = event.as_ref();
    let fingerprint = keys::event(event);
    if let Some(no) = draft.seen.get(fingerprint).or_else(|| looked_up(draft, event)) {
        return Ok(Reply::Received { no: DecisionNo(u64::try_from(no).unwrap_or_default()), verdict: None });
    }
    let no = DecisionNo(draft.next_no);
    let trail = Trail::begin(no, event, fingerprint, now);
    let verdict = match &event.item {
        InboundItem::Echo(echo) => echo::receive(draft, now, event, echo, trail),
        InboundItem::Comment(inbound) => comment::receive(draft, now, event, inbound, trail),
        item => match incoming_of(item) {
            Some(incoming) => dm::receive(draft, now, event, &incoming, trail),
            None => items::receive(draft, now, event, trail),
        },
    };
    Ok(Reply::Received { no, verdict: Some(verdict) })
}

/// The decision on a tap that came as a looked-up message before.
fn looked_up(user: &User, event: &InboundEvent) -> Option<i64> {
    match &event.item {
        InboundItem::Postback { person, mid: Some(mid), .. } => user.seen.get(keys::message(person, mid)),
        _ => None,
    }
}

/// The message in an item: a message of a person, or a tap.
pub(super) fn incoming_of(item: &InboundItem) -> Option<Incoming> {
    let of = |attachments: &[Attachment]| Arc::from(&attachments[..attachments.len().min(ATTACHMENTS_MAX)]);
    match item {
        InboundItem::Message(message) => Some(Incoming {
            person: message.person.clone(),
            mid: message.mid.clone(),
            text: message.text.clone(),
            cut: message.cut,
            attachments: of(&message.attachments),
            reply_to: message.reply_to.clone(),
            payload: message.quick_reply.clone(),
            tap: false,
            unsupported: message.is_unsupported,
        }),
        InboundItem::Postback { person, mid, title, payload, is_self: false, .. } => Some(Incoming {
            person: person.clone(),
            mid: mid.clone(),
            text: title.clone().or_else(|| payload.clone()),
            cut: false,
            attachments: of(&[]),
            reply_to: None,
            payload: payload.clone(),
            tap: true,
            unsupported: false,
        }),
        _ => None,
    }
}

fn note_usage(draft: &mut Draft<User>, now: Timestamp, usage: Option<&crate::outbox::Usage>) {
    if let Some(usage) = usage {
        let decided = draft.outbox.usage(now, usage);
        relay::emit_all(draft, now, decided);
    }
}

/// Does what is due, up to a bounded number of jobs; more follows in the next tick, at once.
fn tick(draft: &mut Draft<User>, now: Timestamp) {
    connection::tick(draft, now);
    custody::tick(draft, now);
    owner::expire_automations(draft, now);
    for done in 0..JOBS_PER_TICK_MAX {
        if done > 0 && draft.is_full() {
            break;
        }
        let Some(job) = draft.agenda.due(now).cloned() else { break };
        match job {
            Job::Burst(person) => dm::answer_burst(draft, now, &person),
            Job::Question(id) => asking::due(draft, now, id),
            Job::LookUp(mid) => items::look_up_due(draft, now, &mid),
            Job::Comment(comment) => postless::due(draft, now, &comment),
            Job::Erase(mid) => erase::due(draft, now, &mid),
            Job::Forget(person) => forget::due(draft, now, &person),
        }
    }
    sweep::tick(draft, now);
    bulk::tick(draft, now);
    profiles::tick(draft, now);
    files::tick(draft, now);
    connection::unpark(draft, now);
    if owner::overflow_due(draft).is_some_and(|at| at <= now) {
        owner::take_overflow(draft, now);
    }
}

/// Everything that was in flight when the last activation ended is looked for or asked again.
fn recover(draft: &mut Draft<User>, now: Timestamp) {
    let decided = draft.outbox.interrupted(now);
    relay::emit_all(draft, now, decided);
    asking::recover(draft, now);
    items::recover(draft, now);
    postless::recover(draft, now);
    connection::recover(draft, now);
    custody::recover(draft, now);
    backlog::recover(draft, now);
    erase::recover(draft, now);
}
