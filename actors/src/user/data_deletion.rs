//! Erasing a workspace, or what it has of an Instagram account: state and history at once. Pending messages go unsent;
//! what is in flight meanwhile finds nothing that it belongs to.
//!
//! Numbers go on where they were, so that nothing new is taken for what was erased.

use super::{Command, User, UserEvent, command::LookedUp, connection, contact::Contact};
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
    draft.emit(UserEvent::Erased { at: now });
    draft.erase_history();
}

/// Erases what came from the account, if it is the workspace's.
pub(super) fn erase_instagram(draft: &mut Draft<User>, now: Timestamp, account: &AccountId) {
    if !draft.integration.as_ref().is_some_and(|known| known.is_account(account.as_str())) {
        return;
    }
    leave_instagram(draft);
    draft.emit(UserEvent::InstagramErased { at: now });
    draft.erase_history();
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
            | Command::HistoryRead { .. }
            | Command::ModelAnswered { .. }
    );
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
            usage,
            contacts: self.contacts_of_others(),
            automations: self.automations.clone(),
            outbox: self.outbox.emptied(),
            next_no: self.next_no,
            next_side: self.next_side,
            vacant: false,
            ..<Self as crate::Entity>::vacant(&self.key)
        };
        self.derive();
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
