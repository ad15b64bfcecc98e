//! Folding events into the state: total and silent.

use super::{
    Identity, IdentityEvent,
    deletion::Tombstone,
    limits::DEAD_MAILS_MAX,
    mail::{Mail, MailId, MailState},
};
use crate::Entity;
use imbl::Vector;
use std::sync::Arc;

impl Identity {
    pub(super) fn fold(&mut self, event: &IdentityEvent) {
        match event {
            IdentityEvent::RequestAnswered(request) => self.requests.remember(request),
            IdentityEvent::UserSet(user) => self.user = Some(Arc::clone(user)),
            IdentityEvent::AccountSet(account) => {
                match self.accounts.iter_mut().find(|known| known.id == account.id) {
                    Some(known) => *known = Arc::clone(account),
                    None => self.accounts.push_back(Arc::clone(account)),
                }
            }
            IdentityEvent::AccountRemoved(id) => self.accounts.retain(|known| known.id != *id),
            IdentityEvent::SessionStarted(session) => self.sessions.push_back(Arc::clone(session)),
            IdentityEvent::SessionExtended { id, at, expires_at } => {
                if let Some(known) = self.sessions.iter_mut().find(|known| known.id == *id) {
                    let known = Arc::make_mut(known);
                    known.updated_at = *at;
                    known.expires_at = *expires_at;
                }
            }
            IdentityEvent::SessionEnded { id, .. } => self.sessions.retain(|known| known.id != *id),
            IdentityEvent::TokenIssued(token) => self.tokens.push_back(Arc::clone(token)),
            IdentityEvent::TokenGone { token, .. } => self.tokens.retain(|known| known.token != *token),
            IdentityEvent::Erased { at } => {
                *self = Self { tombstone: Some(Tombstone::new(*at)), ..Self::vacant(&self.key) };
            }
            IdentityEvent::EraseStarted { attempt, at } => {
                self.tombstone = self.tombstone.map(|tombstone| tombstone.started(*attempt, *at));
            }
            IdentityEvent::ErasePostponed { until } => {
                self.tombstone = self.tombstone.map(|tombstone| tombstone.postponed(*until));
            }
            IdentityEvent::WorkspaceErased { at } => {
                self.tombstone = self.tombstone.map(|tombstone| tombstone.done(*at));
            }
            IdentityEvent::MailQueued(_)
            | IdentityEvent::MailStarted { .. }
            | IdentityEvent::MailPostponed { .. }
            | IdentityEvent::MailResealed { .. }
            | IdentityEvent::MailSent(_)
            | IdentityEvent::MailDied(_)
            | IdentityEvent::DeadMailsDropped(_) => self.fold_mail(event),
        }
    }

    fn fold_mail(&mut self, event: &IdentityEvent) {
        match event {
            IdentityEvent::MailQueued(mail) => {
                self.next_mail = self.next_mail.max(mail.id.0.saturating_add(1));
                self.mails.push_back(Arc::clone(mail));
            }
            IdentityEvent::MailStarted { id, attempt, at } => {
                if let Some(mail) = mail_mut(&mut self.mails, *id) {
                    mail.attempts = *attempt;
                    mail.state = MailState::InFlight { since: *at };
                }
            }
            IdentityEvent::MailPostponed { id, until } => {
                if let Some(mail) = mail_mut(&mut self.mails, *id) {
                    mail.state = MailState::Waiting { until: *until };
                }
            }
            IdentityEvent::MailResealed { id, payload } => {
                if let Some(mail) = mail_mut(&mut self.mails, *id) {
                    mail.payload = payload.clone();
                }
            }
            IdentityEvent::MailSent(id) => self.mails.retain(|mail| mail.id != *id),
            IdentityEvent::MailDied(dead) => {
                self.mails.retain(|mail| mail.id != dead.id);
                self.dead_mails.push_back(Arc::clone(dead));
                while self.dead_mails.len() > DEAD_MAILS_MAX {
                    self.dead_mails.pop_front();
                }
            }
            IdentityEvent::DeadMailsDropped(count) => {
                for _ in 0..*count {
                    self.dead_mails.pop_front();
                }
            }
            _ => {}
        }
    }
}

fn mail_mut(mails: &mut Vector<Arc<Mail>>, id: MailId) -> Option<&mut Mail> {
    mails.iter_mut().find(|mail| mail.id == id).map(Arc::make_mut)
}
