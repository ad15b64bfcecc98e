//! The identity entity: the auth side of one user. Its row, the ways to sign in, sessions, one-time tokens and the mails
//! that carry them.
//!
//! Apart from the workspace, so that looking at a cookie loads a few kilobytes. The state is in [`Identity`]; every
//! change is an [`IdentityEvent`] folded in by `apply`. Names that must be unique in the whole system are claimed in the
//! record that makes them ([`claim`]). The core never sees a password, a token or the text of a mail: only hashes and
//! sealed envelopes.

mod account;
mod apply;
pub mod claim;
pub mod command;
mod decide;
mod deletion;
pub mod effect;
mod email;
pub mod event;
pub mod field;
mod import;
pub mod limits;
pub mod mail;
mod password;
mod profile;
pub mod query;
pub mod reply;
mod reseal;
pub mod row;
mod session;
mod sign_in;
pub mod slice;
#[cfg(test)]
mod tests;
mod token;
pub mod value;

pub use command::Command;
pub use effect::IdentityEffect;
pub use event::IdentityEvent;
pub use reply::{Rejection, Reply};
pub use value::{Email, PasswordHash, RowId, Sealed, SecretHash};

use crate::{Draft, Entity, Timestamp, entity::EVENT_BYTES_USUAL, requests::Requests, slices::Slices};
use imbl::Vector;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The auth side of one user.
///
/// A snapshot of any earlier program must decode: a field that is new, here or in anything within, has a serde default.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// Key of the entity: the user id.
    key: Arc<str>,
    /// A number that looks random, from the key: spreads what many identities do at fixed instants. Derived.
    #[serde(skip)]
    spread: u64,
    user: Option<Arc<row::UserRow>>,
    /// Oldest first.
    accounts: Vector<Arc<row::Account>>,
    /// Oldest first.
    sessions: Vector<Arc<row::Session>>,
    /// Oldest first.
    tokens: Vector<Arc<row::OneTimeToken>>,
    /// Oldest first.
    mails: Vector<Arc<mail::Mail>>,
    /// Given up longest ago first.
    dead_mails: Vector<Arc<mail::DeadMail>>,
    /// Number of the next mail.
    next_mail: u64,
    /// What clients asked for and got.
    #[serde(default, skip_serializing_if = "Requests::is_empty")]
    requests: Requests,
    /// The user was deleted.
    tombstone: Option<deletion::Tombstone>,
}

impl Entity for Identity {
    const KIND: &'static str = "identity";
    const SCHEMA: u16 = 1;

    type Command = Command;
    type Event = IdentityEvent;
    type Effect = IdentityEffect;
    type Reply = Reply;
    type Rejection = Rejection;

    fn vacant(key: &str) -> Self {
        Self {
            key: key.into(),
            spread: SecretHash::of(key).low(),
            user: None,
            accounts: Vector::new(),
            sessions: Vector::new(),
            tokens: Vector::new(),
            mails: Vector::new(),
            dead_mails: Vector::new(),
            next_mail: 1,
            requests: Requests::default(),
            tombstone: None,
        }
    }

    fn restored(&mut self) {
        self.spread = SecretHash::of(&self.key).low();
    }

    fn decide(draft: &mut Draft<Self>, now: Timestamp, command: &Command) -> Result<Reply, Rejection> {
        decide::decide(draft, now, command)
    }

    fn apply(&mut self, event: &IdentityEvent) {
        self.fold(event);
    }

    fn next_due(&self) -> Option<Timestamp> {
        let mails = self.mails.iter().map(|mail| mail.next_due()).min();
        [self.sweep_due(), mails, self.erase_due()].into_iter().flatten().min()
    }

    fn tick() -> Command {
        Command::Tick
    }

    fn activated(&self) -> Option<Command> {
        self.is_busy().then_some(Command::Recover)
    }

    fn is_busy(&self) -> bool {
        mail::is_busy(self) || self.tombstone.is_some_and(|tombstone| tombstone.erasure.is_in_flight())
    }

    fn changed(&self, before: &Self) -> Slices {
        slice::changed(before, self)
    }

    fn event_bytes(event: &IdentityEvent) -> usize {
        let long = match event {
            IdentityEvent::UserSet(user) => {
                user.name.len() + user.image.as_ref().map_or(0, |image| image.len()) + user.extra.bytes()
            }
            IdentityEvent::AccountSet(account) => {
                account.provider_login().map_or(0, row::ProviderLogin::bytes)
            }
            IdentityEvent::MailQueued(mail) => mail.payload.as_str().len(),
            IdentityEvent::RequestAnswered(request) => request.reply.len(),
            _ => 0,
        };
        EVENT_BYTES_USUAL + long
    }

    fn weight(&self) -> usize {
        /// Rough sizes of one of each, in bytes.
        const ACCOUNT: usize = 4_000;
        const SESSION: usize = 500;
        const TOKEN: usize = 150;
        const MAIL: usize = 2_000;
        const IDLE: usize = 3_000;
        IDLE + self.accounts.len() * ACCOUNT
            + self.sessions.len() * SESSION
            + self.tokens.len() * TOKEN
            + (self.mails.len() + self.dead_mails.len()) * MAIL
    }
}
