//! Folding events into the state: total, silent, the same live and in replay.

use super::{
    User, UserEvent,
    agenda::Job,
    contact::{Contact, FieldSource, OutboundKind},
    contact_index::ContactIndex,
    decision::{DECISIONS_MAX, DecisionNo},
    erase::Erasure,
    event::Advance,
    held::{EarlyEdit, LookUp},
    model::QuestionId,
    postless::Postless,
    question::{Origin, Question},
    seen::{EVENT_DAYS, FIRING_DAYS},
    thread::{Author, Burst, Message},
    usage::{MonthUsage, Quota},
};
use crate::{
    Timestamp,
    id::{CommentId, Igsid, Mid},
};
use std::sync::Arc;

impl User {
    pub(super) fn fold(&mut self, event: &UserEvent) {
        self.vacant = false;
        match event {
            UserEvent::RequestAnswered(request) => self.requests.remember(request),
            UserEvent::Received { fingerprint, record } => {
                let number = i64::try_from(record.no.0).unwrap_or(i64::MAX);
                let early = self.seen.insert(
                    record.received_at.max(record.decided_at),
                    EVENT_DAYS,
                    *fingerprint,
                    number,
                );
                self.note_forgotten(early);
                self.number_used(record.no);
                self.decisions.insert(record.no, Arc::clone(record));
                while self.decisions.len() > DECISIONS_MAX {
                    self.decisions = self.decisions.without_min().1;
                }
            }
            UserEvent::Advanced(advance) => self.advance(advance),
            UserEvent::OutcomeLeft(no) => self.side_used(*no),
            UserEvent::ContactCreated(contact) => self.create_contact(contact),
            UserEvent::MessageRecorded { person, message, opens_window, now } => {
                self.number_used(message.no);
                self.with_contact(person, |contact| record(contact, message, *opens_window, *now));
            }
            UserEvent::BurstSet { person, burst } => self.set_burst(person, burst.as_ref()),
            UserEvent::MessageUnsent { person, mid, fingerprint, now } => {
                let early = self.tombstones.insert(*now, EVENT_DAYS, *fingerprint, now.as_millis());
                self.note_forgotten(early);
                self.parked.take_back(person, mid);
                self.overflow.take_back(person, mid);
                self.early_edits.drop(*fingerprint);
                self.with_contact(person, |contact| unsend(contact, mid));
            }
            UserEvent::MessageEdited { person, no, edit } => {
                self.with_contact(person, |contact| edit_message(contact, *no, edit));
            }
            UserEvent::EditKept { message, edit } => self.early_edits.put(*message, Arc::clone(edit)),
            UserEvent::MessageReacted { person, no, reaction } => self.with_contact(person, |contact| {
                contact.thread.change(*no, |message| message.reaction.clone_from(reaction));
            }),
            UserEvent::MessagesSeen { person, until } => self.with_contact(person, |contact| {
                for message in &mut contact.thread.messages {
                    if message.author.is_ours() && !message.seen && message.at <= *until {
                        Arc::make_mut(message).seen = true;
                    }
                }
            }),
            UserEvent::EchoKept { message, .. } => {
                self.number_used(message.no);
                if let Some(mid) = &message.mid {
                    self.echoes.insert(mid.clone(), Arc::clone(message));
                }
                while self.echoes.len() > crate::outbox::ECHOES_HELD_MAX {
                    self.echoes = self.echoes.without_min().1;
                }
            }
            UserEvent::EchoDropped(mid) => {
                self.echoes.remove(mid);
            }
            UserEvent::HrnSet { .. } | UserEvent::HrnCleared { .. } | UserEvent::HumanAnswered { .. } => {
                self.fold_lock(event);
            }
            UserEvent::HrnUpdated { person, at } => self.with_contact(person, |contact| {
                if let Some(hrn) = &mut contact.hrn {
                    let hrn = Arc::make_mut(hrn);
                    hrn.updated_at = Some(*at);
                    hrn.answered_at = None;
                }
            }),
            UserEvent::ProfileWanted(person) => self.profiles.want(person),
            UserEvent::ProfileSettled(person) => self.profiles.settled(person),
            UserEvent::ContactPaused { .. }
            | UserEvent::ContactBlocked { .. }
            | UserEvent::OptOutSet { .. }
            | UserEvent::ThreadTaken { .. }
            | UserEvent::UnreachableSet { .. }
            | UserEvent::ProfileAsked { .. }
            | UserEvent::ProfileStored { .. }
            | UserEvent::FollowUpSet { .. }
            | UserEvent::TriggerMatched { .. }
            | UserEvent::CrmSet { .. } => self.fold_contact(event),
            UserEvent::QuestionSet(question) => self.set_question(question),
            UserEvent::QuestionClosed(id) => self.close_question(*id),
            UserEvent::LookUpSet { mid, look_up } => self.set_look_up(mid, look_up),
            UserEvent::LookUpClosed(mid) => self.close_look_up(mid),
            UserEvent::PostlessSet { comment, waiting } => self.set_postless(comment, waiting),
            UserEvent::PostlessClosed(comment) => self.close_postless(comment),
            UserEvent::Parked(event) => self.parked.push(Arc::clone(event)),
            UserEvent::Unparked(no) => self.parked.take(*no),
            UserEvent::Overflowed(event) => self.overflow.push(Arc::clone(event)),
            UserEvent::OverflowTaken(no) => self.overflow.take(*no),
            UserEvent::OverflowOpened(_) => self.overflow_open = true,
            UserEvent::OverflowTried(at) => {
                self.overflow_open = false;
                self.overflow_tried_at = Some(*at);
            }
            UserEvent::SendReserved(_)
            | UserEvent::SendCommitted { .. }
            | UserEvent::SendReleased(_)
            | UserEvent::QuotaWarned { .. }
            | UserEvent::PlanSet(_) => self.fold_usage(event),
            UserEvent::SettingsSet(settings) => self.settings = Arc::clone(settings),
            UserEvent::KnowledgeSet(knowledge) => self.knowledge = Arc::clone(knowledge),
            UserEvent::KnowledgeChanged(event) => Arc::make_mut(&mut self.knowledge).fold(event),
            UserEvent::MemorySyncAsked(at) => self.memory_sync_asked_at = Some(*at),
            UserEvent::SyncIntervalSet(hours) => self.contact_sync.interval_hours = *hours,
            UserEvent::Files(event) => self.files.fold(event),
            UserEvent::PreviewTaken(at) => self.preview_taken(*at),
            UserEvent::Audited(row) => {
                self.side_used(row.no);
                self.audit.push(Arc::clone(row));
            }
            UserEvent::Named(name) => self.name = Some(Arc::clone(name)),
            UserEvent::AutomationSet(automation) => self.automations.set(Arc::clone(automation)),
            UserEvent::AutomationDeleted(id) => self.automations.delete(id),
            UserEvent::AutomationCounted(id) => self.automations.count(id),
            UserEvent::Fired { fingerprint, at } => {
                let early = self.fired.insert(*at, FIRING_DAYS, *fingerprint, at.as_millis());
                self.note_forgotten(early);
            }
            UserEvent::FiringForgotten(fingerprint) => self.fired.remove(*fingerprint),
            UserEvent::ReplyBound { outbound, context } => {
                self.replies.insert(*outbound, Arc::clone(context));
            }
            UserEvent::ReplyUnbound(outbound) => {
                self.replies.remove(outbound);
            }
            UserEvent::IntegrationSet(integration) => self.integration = Some(Arc::clone(integration)),
            UserEvent::Notified(notification) => {
                self.side_used(notification.no);
                self.notifications.push(Arc::clone(notification));
            }
            UserEvent::NotificationsRead { no, at } => self.notifications.mark_read(*no, *at),
            UserEvent::Logged(row) => {
                self.side_used(row.no);
                self.logs.push(Arc::clone(row));
            }
            UserEvent::PublicReplyLogged { decision, result } => {
                self.logs.set_public_reply(*decision, *result);
            }
            UserEvent::SweepSet(sweep) => self.sweeps.set(sweep),
            UserEvent::SweepEnded(target) => self.sweeps.end(target),
            UserEvent::Outbox(event) => self.outbox.apply(event),
            UserEvent::HeldBehind { line, no, at } => {
                self.number_used(*no);
                self.line_mut(*line).push_behind(*no, *at);
            }
            UserEvent::BehindAsked { line, until } => self.line_mut(*line).reading(*until),
            UserEvent::BehindMoved { line, after, taken } => self.line_mut(*line).moved(*after, *taken),
            UserEvent::ErasureSet { mid, erasure } => self.set_erasure(mid, erasure),
            UserEvent::ErasureClosed(mid) => self.close_erasure(mid),
            UserEvent::PublicReplyWorded { automation, wording } => {
                self.automations.word(automation, *wording);
            }
            UserEvent::Disclosed { person, at } => {
                self.with_contact(person, |contact| contact.disclosed_at = Some(*at));
            }
            UserEvent::CustodyNoted { account, note } => {
                self.notes.insert(account.clone(), Arc::clone(note));
            }
            UserEvent::FormerAccountErased { account, before } => self.forget_former(account, *before),
            UserEvent::ContactEdited { .. }
            | UserEvent::ContactTagged { .. }
            | UserEvent::ContactUntagged { .. }
            | UserEvent::FollowUpDecided { .. }
            | UserEvent::ContactDeleted { .. }
            | UserEvent::ForgettingSet { .. }
            | UserEvent::ForgettingClosed(_)
            | UserEvent::BulkSet(_)
            | UserEvent::BulkEnded(_) => self.fold_by_hand(event),
            UserEvent::Erased { .. } => self.forget_everything(),
            UserEvent::InstagramErased { .. } => self.forget_instagram(),
        }
    }

    /// Rebuilds what is derived after a snapshot was read.
    pub(super) fn derive(&mut self) {
        self.contact_ids =
            self.contacts.values().map(|contact| (contact.id.clone(), contact.igsid.clone())).collect();
        self.contact_index = ContactIndex::of(self.contacts.values());
        self.automations.rebuild();
        self.outbox.restored();
    }

    pub(super) fn with_contact(&mut self, person: &Igsid, change: impl FnOnce(&mut Contact)) {
        if let Some(contact) = self.contacts.get_mut(person) {
            let contact = Arc::make_mut(contact);
            change(contact);
            self.contact_index.set(contact);
        }
    }

    fn note_forgotten(&mut self, early: usize) {
        self.forgotten_early = self.forgotten_early.saturating_add(u64::try_from(early).unwrap_or(u64::MAX));
    }

    fn number_used(&mut self, no: DecisionNo) {
        self.next_no = self.next_no.max(no.0.saturating_add(1));
    }

    pub(super) fn side_used(&mut self, no: u64) {
        self.next_side = self.next_side.max(no.saturating_add(1));
    }

    fn advance(&mut self, advance: &Advance) {
        if let Some(record) = self.decisions.get_mut(&advance.no) {
            Arc::make_mut(record).advance(advance);
        }
    }

    fn create_contact(&mut self, contact: &Arc<Contact>) {
        self.usage.change(super::calendar::Month::of(contact.created_at), |month| {
            month.new_contacts = month.new_contacts.saturating_add(1);
        });
        self.contact_ids.insert(contact.id.clone(), contact.igsid.clone());
        let mut contact = Arc::clone(contact);
        if let Some(until) = self.takeovers.take(&contact.igsid) {
            Arc::make_mut(&mut contact).paused_until = Some(until);
        }
        self.contact_index.set(&contact);
        self.contacts.insert(contact.igsid.clone(), contact);
    }

    fn set_burst(&mut self, person: &Igsid, burst: Option<&Arc<Burst>>) {
        let Some(contact) = self.contacts.get_mut(person) else { return };
        let thread = &mut Arc::make_mut(contact).thread;
        if let Some(before) = thread.burst.take() {
            self.agenda.drop(before.due, Job::Burst(person.clone()));
        }
        if let Some(burst) = burst {
            self.agenda.add(burst.due, Job::Burst(person.clone()));
            thread.burst = Some(Arc::clone(burst));
        }
    }

    fn set_question(&mut self, question: &Arc<Question>) {
        self.side_used(question.id.0);
        if let Some(before) = self.questions.get(&question.id) {
            self.agenda.drop(before.due, Job::Question(question.id));
        }
        self.agenda.add(question.due, Job::Question(question.id));
        if matches!(question.case.origin, Origin::Texts(_)) {
            self.with_contact(&question.case.person, |contact| contact.thread.question = Some(question.id));
        }
        self.questions.insert(question.id, Arc::clone(question));
    }

    pub(super) fn close_question(&mut self, id: QuestionId) {
        let Some(question) = self.questions.remove(&id) else { return };
        self.agenda.drop(question.due, Job::Question(id));
        self.with_contact(&question.case.person, |contact| {
            if contact.thread.question == Some(id) {
                contact.thread.question = None;
            }
        });
    }

    fn set_look_up(&mut self, mid: &Mid, look_up: &Arc<LookUp>) {
        self.close_look_up(mid);
        self.agenda.add(look_up.due, Job::LookUp(mid.clone()));
        self.look_ups.insert(mid.clone(), Arc::clone(look_up));
    }

    fn close_look_up(&mut self, mid: &Mid) {
        if let Some(before) = self.look_ups.remove(mid) {
            self.agenda.drop(before.due, Job::LookUp(mid.clone()));
        }
    }

    fn set_postless(&mut self, comment: &CommentId, waiting: &Arc<Postless>) {
        self.close_postless(comment);
        self.agenda.add(waiting.look_up.due, Job::Comment(comment.clone()));
        self.postless.insert(comment.clone(), Arc::clone(waiting));
    }

    pub(super) fn close_postless(&mut self, comment: &CommentId) {
        if let Some(before) = self.postless.remove(comment) {
            self.agenda.drop(before.look_up.due, Job::Comment(comment.clone()));
        }
    }

    fn set_erasure(&mut self, mid: &Mid, erasure: &Arc<Erasure>) {
        self.close_erasure(mid);
        self.agenda.add(erasure.due, Job::Erase(mid.clone()));
        self.erasures.insert(mid.clone(), Arc::clone(erasure));
    }

    pub(super) fn close_erasure(&mut self, mid: &Mid) {
        if let Some(before) = self.erasures.remove(mid) {
            self.agenda.drop(before.due, Job::Erase(mid.clone()));
        }
    }

    fn fold_lock(&mut self, event: &UserEvent) {
        let (UserEvent::HrnSet { person, .. }
        | UserEvent::HrnCleared { person, .. }
        | UserEvent::HumanAnswered { person, .. }) = event
        else {
            return;
        };
        let Some(contact) = self.contacts.get_mut(person) else {
            if let UserEvent::HumanAnswered { paused_until: Some(until), .. } = event {
                self.takeovers.put(person, *until);
            }
            return;
        };
        let contact = Arc::make_mut(contact);
        match event {
            UserEvent::HrnSet { hrn, .. } => {
                contact.hrn = Some(Arc::clone(hrn));
                contact.updated_at = hrn.set_at;
            }
            UserEvent::HrnCleared { at, by, .. } => {
                contact.hrn = None;
                contact.hrn_resolved_at = Some(*at);
                contact.hrn_resolved_by = *by;
                contact.updated_at = *at;
            }
            UserEvent::HumanAnswered { at, paused_until, clears_hrn, .. } => {
                human_answered(contact, *at, *paused_until, *clears_hrn);
            }
            _ => {}
        }
        self.contact_index.set(contact);
    }

    fn fold_contact(&mut self, event: &UserEvent) {
        match event {
            UserEvent::ContactPaused { person, until, at } => self.with_contact(person, |contact| {
                contact.paused_until = *until;
                contact.updated_at = *at;
            }),
            UserEvent::ContactBlocked { person, blocked, at } => self.with_contact(person, |contact| {
                contact.blocked = *blocked;
                contact.updated_at = *at;
            }),
            UserEvent::OptOutSet { person, since } => {
                self.with_contact(person, |contact| contact.opted_out_at = *since);
            }
            UserEvent::ThreadTaken { person, taken } => {
                self.with_contact(person, |contact| contact.thread_taken = *taken);
            }
            UserEvent::UnreachableSet { person, until } => {
                self.with_contact(person, |contact| contact.unreachable_until = Some(*until));
            }
            UserEvent::ProfileAsked { person, at } => {
                self.profiles.asked(person, *at);
                self.with_contact(person, |contact| contact.profile_asked_at = Some(*at));
            }
            UserEvent::ProfileStored { person, username, display_name, profile_pic_url } => {
                self.with_contact(person, |contact| {
                    keep_newer(&mut contact.username, username.as_ref());
                    keep_newer(&mut contact.display_name, display_name.as_ref());
                    keep_newer(&mut contact.profile_pic_url, profile_pic_url.as_ref());
                });
            }
            UserEvent::FollowUpSet { person, needed } => {
                self.with_contact(person, |contact| contact.followup_needed = *needed);
            }
            UserEvent::TriggerMatched { person } => {
                self.with_contact(person, |contact| contact.trigger_matched = true);
            }
            UserEvent::CrmSet { person, crm, at } => self.with_contact(person, |contact| {
                contact.crm = Arc::clone(crm);
                contact.updated_at = *at;
            }),
            _ => {}
        }
    }

    fn fold_usage(&mut self, event: &UserEvent) {
        let release = |month: &mut MonthUsage| month.reserved = month.reserved.saturating_sub(1);
        match event {
            UserEvent::SendReserved(month) => {
                self.usage.change(*month, |month| month.reserved = month.reserved.saturating_add(1));
            }
            UserEvent::SendCommitted { month, private_reply } => self.usage.change(*month, |month| {
                release(month);
                month.sends = month.sends.saturating_add(1);
                month.private_replies = month.private_replies.saturating_add(u32::from(*private_reply));
            }),
            UserEvent::SendReleased(month) => self.usage.change(*month, release),
            UserEvent::QuotaWarned { quota, month, percent } => {
                self.usage.change(*month, |month| match quota {
                    Quota::Sends => month.sends_warned = *percent,
                    Quota::NewContacts => month.new_contacts_warned = *percent,
                    Quota::Contacts => month.contacts_warned = *percent,
                });
            }
            UserEvent::PlanSet(plan) => self.usage.set_plan(*plan, self.contacts.len()),
            _ => {}
        }
    }
}

fn keep_newer(field: &mut Option<Arc<str>>, value: Option<&Arc<str>>) {
    if let Some(value) = value {
        *field = Some(Arc::clone(value));
    }
}

fn record(contact: &mut Contact, message: &Arc<Message>, opens_window: bool, now: Timestamp) {
    contact.updated_at = now;
    if message.author.is_ours() {
        if contact.last_outbound_at.is_none_or(|last| last <= message.at) {
            contact.last_outbound_at = Some(message.at);
            contact.last_outbound_kind = Some(match message.author {
                Author::Automation(_) => OutboundKind::Automation,
                Author::Sidekick => OutboundKind::Sidekick,
                Author::Owner | Author::Contact => OutboundKind::Human,
            });
        }
    } else if contact.last_message_at.is_none_or(|last| last <= message.at) {
        contact.last_message_at = Some(message.at);
        contact.last_message.clone_from(&message.text);
    }
    if opens_window {
        contact.last_inbound_at = contact.last_inbound_at.max(Some(message.at));
        contact.followup_needed = false;
        if contact.crm.followup_snoozed_until.is_some() {
            Arc::make_mut(&mut contact.crm).followup_snoozed_until = None;
        }
        // Whoever writes can be reached.
        contact.unreachable_until = None;
        if contact.crm.followup_message.is_some() {
            let crm = Arc::make_mut(&mut contact.crm);
            crm.followup_message = None;
            crm.followup_message_at = None;
        }
    }
    let _ = contact.thread.insert(Arc::clone(message));
}

fn unsend(contact: &mut Contact, mid: &Mid) {
    let Some(message) = contact.thread.by_mid(mid) else { return };
    let (no, at) = (message.no, message.at);
    contact.thread.change(no, |message| {
        message.text = None;
        message.attachments = Arc::from([]);
        message.payload = None;
        message.unsent = true;
    });
    if contact.last_message_at == Some(at) {
        contact.last_message = None;
    }
}

fn edit_message(contact: &mut Contact, no: DecisionNo, edit: &EarlyEdit) {
    let Some(message) = contact.thread.get(no) else { return };
    let is_newest = contact.last_message_at == Some(message.at);
    contact.thread.change(no, |message| {
        message.revision = edit.revision;
        message.text.clone_from(&edit.text);
    });
    if is_newest {
        contact.last_message.clone_from(&edit.text);
    }
}

fn human_answered(contact: &mut Contact, at: Timestamp, paused_until: Option<Timestamp>, clears_hrn: bool) {
    if contact.last_message_at.is_none_or(|last| last <= at) {
        contact.followup_needed = false;
    }
    contact.paused_until = contact.paused_until.max(paused_until);
    if clears_hrn && contact.hrn.take().is_some() {
        contact.hrn_resolved_at = Some(at);
        contact.hrn_resolved_by = Some(FieldSource::User);
    }
    if let Some(hrn) = &mut contact.hrn
        && hrn.answered_at.is_none()
        && hrn.set_at <= at
    {
        Arc::make_mut(hrn).answered_at = Some(at);
    }
}
