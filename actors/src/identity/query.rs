//! What readers ask of a published state.

use super::{
    Identity,
    deletion::Tombstone,
    mail::{DeadMail, Mail, MailId},
    profile,
    row::{Account, Login, OneTimeToken, Password, Provider, Purpose, Session, UserRow},
    value::{RowId, SecretHash},
};
use crate::Timestamp;
use std::sync::Arc;

impl Identity {
    /// The user id: the key of the entity.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.key
    }

    /// The user; `None` before sign-up and after deletion.
    #[must_use]
    pub const fn user(&self) -> Option<&Arc<UserRow>> {
        self.user.as_ref()
    }

    /// The user was deleted.
    #[must_use]
    pub const fn tombstone(&self) -> Option<&Tombstone> {
        self.tombstone.as_ref()
    }

    /// The live session with a token.
    #[must_use]
    pub fn session_by_hash(&self, token: &SecretHash, now: Timestamp) -> Option<&Arc<Session>> {
        self.sessions.iter().find(|session| session.token == *token && session.is_live(now))
    }

    /// The live session of a row id.
    #[must_use]
    pub fn session_by_id(&self, id: &str, now: Timestamp) -> Option<&Arc<Session>> {
        self.sessions.iter().find(|session| session.id.as_str() == id && session.is_live(now))
    }

    /// Sessions that end after this instant, oldest first.
    pub fn sessions(&self, now: Timestamp) -> impl Iterator<Item = &Arc<Session>> {
        self.sessions.iter().filter(move |session| session.expires_at > now)
    }

    /// Accounts, oldest first.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts.iter()
    }

    /// The account with a row id.
    #[must_use]
    pub fn account(&self, id: &RowId) -> Option<&Arc<Account>> {
        self.accounts.iter().find(|account| account.id == *id)
    }

    /// The account of a user at a provider.
    #[must_use]
    pub fn provider_account(&self, provider: Provider, account_id: &str) -> Option<&Arc<Account>> {
        self.accounts.iter().find(|account| {
            account
                .provider_login()
                .is_some_and(|login| login.provider == provider && *login.account_id == *account_id)
        })
    }

    /// The account with a password. One without a hash never matches.
    #[must_use]
    pub fn credential(&self) -> Option<&Arc<Account>> {
        self.accounts.iter().find(|account| matches!(account.login, Login::Credential { .. }))
    }

    /// The stored password.
    pub(super) fn password(&self) -> Option<&Password> {
        match &self.credential()?.login {
            Login::Credential { password } => password.as_ref(),
            Login::Provider(_) => None,
        }
    }

    /// The live one-time token of a purpose. Looking does not use it up.
    #[must_use]
    pub fn one_time_token(
        &self,
        purpose: Purpose,
        token: &SecretHash,
        now: Timestamp,
    ) -> Option<&Arc<OneTimeToken>> {
        self.tokens
            .iter()
            .find(|known| known.token == *token && known.purpose == purpose && known.is_live(now))
    }

    /// A mail on its way.
    #[must_use]
    pub fn mail(&self, id: MailId) -> Option<&Arc<Mail>> {
        self.mails.iter().find(|mail| mail.id == id)
    }

    /// Mails on their way, oldest first.
    pub fn mails(&self) -> impl Iterator<Item = &Arc<Mail>> {
        self.mails.iter()
    }

    /// Mails given up lately, oldest first.
    pub fn dead_mails(&self) -> impl Iterator<Item = &Arc<DeadMail>> {
        self.dead_mails.iter()
    }

    /// Names of what onboarding requires and the user lacks, in the order of the screens.
    #[must_use]
    pub fn onboarding_lacks(&self) -> Vec<&'static str> {
        self.user.as_ref().map_or_else(Vec::new, |user| profile::lacking(user))
    }
}
