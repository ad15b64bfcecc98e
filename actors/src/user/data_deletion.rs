//! Erasing a workspace, or what it has of an Instagram account: state and history at once. Pending messages go unsent;
//! what is in flight meanwhile finds nothing that it belongs to.
//!
//! Numbers go on where they were, so that nothing new is taken for what was erased.

use super::{
    Command, Rejection, Reply, User, UserEvent, agenda::Job, command::LookedUp, connection, contact::Contact,
    contact_sync, custody, files, held::EarlyEdits, look_back::LookBack, takeover::Takeovers,
};
use crate::{
    Draft, Timestamp,
    id::{AccountId, Igsid},
};
use imbl::OrdMap;
use std::sync::Arc;

/// Erases everything.
pub(super) fn erase(draft: &mut Draft<User>, now: Timestamp) {
    if draft.vacant {
        return;
    }
    leave_instagram(draft);
    custody::erased(draft, |_| true);
    files::release_all(draft);
    draft.emit(UserEvent::Erased { at: now });
    draft.erase_history();
}

/// Erases what came from the account, whether it is connected or was before.
pub(super) fn erase_instagram(
    draft: &mut Draft<User>,
    now: Timestamp,
    account: &AccountId,
) -> Result<Reply, Rejection> {
    if draft.integration.as_ref().is_some_and(|known| known.is_account(account.as_str())) {
        leave_instagram(draft);
        draft.emit(UserEvent::InstagramErased { at: now });
        draft.erase_history();
    } else if let Some(former) = draft.former(account) {
        erase_former(draft, now, &former)?;
    }
    Ok(Reply::Done)
}

/// Another account is connected, or was since. Rows of the history cannot be told apart by account: all of them go.
fn erase_former(draft: &mut Draft<User>, now: Timestamp, former: &AccountId) -> Result<(), Rejection> {
    if draft.parked.behind().is_some() || draft.overflow.behind().is_some() {
        return Err(Rejection::EventsWait);
    }
    custody::erased(draft, |account| account == former);
    let before = draft.integration.as_ref().map_or(now, |known| known.first_connected_at);
    draft.emit(UserEvent::FormerAccountErased { account: former.clone(), before });
    draft.erase_history();
    Ok(())
}

fn leave_instagram(draft: &mut Draft<User>) {
    if let Some(integration) = draft.integration.clone() {
        connection::unsubscribe(draft);
        connection::release(draft, &integration);
    }
}

/// The outcome of an effect whose question was erased.
pub(super) fn comes_too_late(user: &User, command: &Command) -> bool {
    let is_outcome = matches!(
        command,
        Command::SendFinished { .. }
            | Command::SentRead { .. }
            | Command::TokenChecked(_)
            | Command::TokenRefreshed { .. }
            | Command::WebhooksAsked { .. }
            | Command::ProfileFetched { .. }
            | Command::MessageLookedUp { .. }
            | Command::ModelAnswered { .. }
    ) || matches!(command, Command::HistoryRead { asked, .. } if !matches!(asked, LookBack::Thread { .. }));
    match (&user.integration, command) {
        // Without a connection nothing is asked outside.
        (None, _) => is_outcome,
        // Connected again meanwhile: the others name numbers that do not come again, this one brings a message along.
        (Some(known), Command::MessageLookedUp { mid, found: LookedUp::Found(event) }) => {
            !user.look_ups.contains_key(mid) && event.at < known.first_connected_at
        }
        (Some(_), _) => false,
    }
}

impl User {
    pub(super) fn forget_everything(&mut self) {
        *self = Self {
            outbox: self.outbox.emptied(),
            next_no: self.next_no,
            next_side: self.next_side,
            ..<Self as crate::Entity>::vacant(&self.key)
        };
    }

    /// What the owner made stays, and so do contacts of an account that was connected before this one.
    pub(super) fn forget_instagram(&mut self) {
        let mut usage = self.usage.clone();
        usage.release_all();
        *self = Self {
            name: self.name.take(),
            settings: Arc::clone(&self.settings),
            knowledge: Arc::clone(&self.knowledge),
            audit: self.audit.without(|_| true),
            usage,
            contacts: self.contacts_of_others(),
            automations: self.automations.clone(),
            contact_sync: contact_sync::ContactSync { last_synced_at: None, ..self.contact_sync },
            files: self.files.clone(),
            previews: self.previews.clone(),
            notes: self.notes_of_others(),
            outbox: self.outbox.emptied(),
            next_no: self.next_no,
            next_side: self.next_side,
            vacant: false,
            ..<Self as crate::Entity>::vacant(&self.key)
        };
        self.derive();
    }

    /// An account that is not the connection's, of which something is held; by its professional id.
    fn former(&self, account: &AccountId) -> Option<AccountId> {
        let noted = self.noted(account.as_str()).cloned();
        let is_contacts = || self.contacts.values().any(|contact| contact.account == *account);
        noted.or_else(|| is_contacts().then(|| account.clone()))
    }

    /// What is older than the present connection goes with the account; what came with that one stays.
    pub(super) fn forget_former(&mut self, account: &AccountId, before: Timestamp) {
        let scoped = self.notes.get(account).and_then(|note| note.app_scoped.clone());
        let is_it = |id: &AccountId| id == account || scoped.as_ref() == Some(id);
        let (gone, contacts): (OrdMap<_, _>, OrdMap<_, _>) = self
            .contacts
            .iter()
            .map(|(person, contact)| (person.clone(), Arc::clone(contact)))
            .partition(|(_, contact): &(Igsid, Arc<Contact>)| is_it(&contact.account));
        self.contacts = contacts;
        for (person, contact) in &gone {
            if let Some(burst) = &contact.thread.burst {
                self.agenda.drop(burst.due, Job::Burst(person.clone()));
            }
            if let Some(id) = contact.thread.question {
                self.close_question(id);
            }
            self.profiles.settled(person);
        }
        self.decisions = self
            .decisions
            .iter()
            .filter(|(_, record)| {
                record.received_at >= before
                    && !record.person.as_ref().is_some_and(|person| gone.contains_key(person))
            })
            .map(|(no, record)| (*no, Arc::clone(record)))
            .collect();
        self.audit = self.audit.without(|id| gone.values().any(|contact| contact.id == *id));
        self.logs.forget(before);
        self.notifications.forget(before);
        self.parked.forget(&is_it);
        self.overflow.forget(&is_it);
        self.echoes = self
            .echoes
            .iter()
            .filter(|(_, message)| message.at >= before)
            .map(|(mid, message)| (mid.clone(), Arc::clone(message)))
            .collect();
        let lost = self.erasures.iter().filter(|(_, erasure)| gone.contains_key(&erasure.person));
        let lost: Vec<_> = lost.map(|(mid, _)| mid.clone()).collect();
        lost.iter().for_each(|mid| self.close_erasure(mid));
        let lost = self.forgettings.iter().filter(|(_, forgetting)| forgetting.at < before);
        let lost: Vec<_> = lost.map(|(person, _)| person.clone()).collect();
        lost.iter().for_each(|person| self.close_forgetting(person));
        let lost = self.postless.iter().filter(|(_, waiting)| is_it(&waiting.held.event.account));
        let lost: Vec<_> = lost.map(|(comment, _)| comment.clone()).collect();
        lost.iter().for_each(|comment| self.close_postless(comment));
        self.outbox = self.outbox.since(before, |person| gone.contains_key(person));
        let outbox = &self.outbox;
        self.replies = self
            .replies
            .iter()
            .filter(|(id, _)| outbox.get(**id).is_some())
            .map(|(id, context)| (*id, Arc::clone(context)))
            .collect();
        // Neither says whose account it is; both are of the last minutes or hours.
        (self.early_edits, self.takeovers) = (EarlyEdits::default(), Takeovers::default());
        self.notes.remove(account);
        self.derive();
    }

    fn notes_of_others(&self) -> custody::Notes {
        let mut notes = self.notes.clone();
        if let Some(known) = &self.integration {
            notes.remove(&known.account);
        }
        notes
    }

    fn contacts_of_others(&self) -> OrdMap<Igsid, Arc<Contact>> {
        let is_other = |contact: &Contact| self.is_foreign_account(&contact.account);
        let others = self.contacts.iter().filter(|(_, contact)| is_other(contact));
        let at_rest = |(person, contact): (&Igsid, &Arc<Contact>)| {
            let mut contact = Arc::clone(contact);
            if contact.thread.burst.is_some() || contact.thread.question.is_some() {
                let thread = &mut Arc::make_mut(&mut contact).thread;
                (thread.burst, thread.question) = (None, None);
            }
            (person.clone(), contact)
        };
        others.map(at_rest).collect()
    }
}
