//! Rows of the auth side: the user, its accounts, sessions and one-time tokens.

use super::{
    field::Extra,
    limits::{FRESH_FOR, REFRESH_AFTER, SESSION_LIFETIME},
    value::{Email, PasswordHash, RowId, Sealed, SecretHash},
};
use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// Name of the owner or business; may be empty.
    pub name: Arc<str>,
    /// Address.
    pub email: Email,
    /// The owner proved that the address is theirs.
    pub email_verified: bool,
    /// Address of a picture.
    pub image: Option<Arc<str>>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When this row last changed.
    pub updated_at: Timestamp,
    /// The declared extra fields.
    #[serde(default)]
    pub extra: Extra,
}

/// One way for a user to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Row id.
    pub id: RowId,
    /// Which way.
    pub login: Login,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A way to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Login {
    /// By address and password. Its account id is the user id; a user has at most one.
    Credential {
        /// The password; `None` never matches.
        password: Option<Password>,
    },
    /// By a provider.
    Provider(ProviderLogin),
}

/// A stored password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password {
    /// Its hash.
    pub hash: PasswordHash,
    /// Hash of the stored hash that this one replaced, for the same password: who verified that one just before the
    /// replacement has verified this one.
    #[serde(default)]
    pub rehash_of: Option<SecretHash>,
}

/// Who vouches for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Google.
    Google,
}

/// A user at a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderLogin {
    /// Which provider.
    pub provider: Provider,
    /// Id of the user there (Google: `sub`).
    pub account_id: Arc<str>,
    /// Tokens.
    pub tokens: ProviderTokens,
    /// Scopes granted, each once.
    pub scopes: Vec<Arc<str>>,
}

/// Tokens of a provider, sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderTokens {
    /// Access token.
    pub access: Option<Sealed>,
    /// When it ends.
    pub access_expires_at: Option<Timestamp>,
    /// Refresh token.
    pub refresh: Option<Sealed>,
    /// When it ends.
    pub refresh_expires_at: Option<Timestamp>,
    /// Id token.
    pub id: Option<Sealed>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Row id; also the handle by which its owner may revoke it from another session.
    pub id: RowId,
    /// Hash of its token. The token itself is only in the cookie.
    pub token: SecretHash,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last extended.
    pub updated_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Client address; empty when unknown.
    pub ip: Arc<str>,
    /// User agent; empty when unknown.
    pub user_agent: Arc<str>,
    /// It began with "remember me". Whether to extend it is told by the cookie, not by this.
    pub remember: bool,
}

/// What a one-time token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To set a new password.
    ResetPassword,
    /// To delete the user.
    DeleteUser,
}

/// A one-time token that was not used yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeToken {
    /// Hash of the token.
    pub token: SecretHash,
    /// What it allows.
    pub purpose: Purpose,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Provider {
    /// Id on the wire.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Google => "google",
        }
    }

    /// The provider with an id on the wire.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        (id == Self::Google.id()).then_some(Self::Google)
    }
}

impl Account {
    /// Provider id on the wire: `credential` or a provider's.
    #[must_use]
    pub const fn provider_id(&self) -> &'static str {
        match &self.login {
            Login::Credential { .. } => "credential",
            Login::Provider(login) => login.provider.id(),
        }
    }

    /// The user at a provider; `None` for a password.
    #[must_use]
    pub const fn provider_login(&self) -> Option<&ProviderLogin> {
        match &self.login {
            Login::Credential { .. } => None,
            Login::Provider(login) => Some(login),
        }
    }

    /// The stored password hash.
    #[must_use]
    pub fn password(&self) -> Option<&PasswordHash> {
        match &self.login {
            Login::Credential { password } => password.as_ref().map(|password| &password.hash),
            Login::Provider(_) => None,
        }
    }
}

impl Password {
    /// A password that somebody chose now.
    #[must_use]
    pub const fn chosen(hash: PasswordHash) -> Self {
        Self { hash, rehash_of: None }
    }

    /// Whoever verified `hash` has verified this password: it is this hash, or the one that it replaced.
    #[must_use]
    pub fn is_verified_by(&self, hash: &PasswordHash) -> bool {
        self.hash == *hash || self.rehash_of == Some(SecretHash::of(hash.as_str()))
    }
}

impl ProviderLogin {
    /// Bytes of its texts.
    pub(super) fn bytes(&self) -> usize {
        self.tokens.bytes()
            + self.account_id.len()
            + self.scopes.iter().map(|scope| scope.len()).sum::<usize>()
    }
}

impl ProviderTokens {
    /// Bytes of the tokens.
    pub(super) fn bytes(&self) -> usize {
        self.all().map(|token| token.as_str().len()).sum()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Sealed> {
        [&self.access, &self.refresh, &self.id].into_iter().flatten()
    }

    /// Takes over what the provider sent; what it did not send stays.
    pub(super) fn take_over(&mut self, sent: &Self) {
        if sent.access.is_some() {
            self.access.clone_from(&sent.access);
            self.access_expires_at = sent.access_expires_at;
        }
        if sent.refresh.is_some() {
            self.refresh.clone_from(&sent.refresh);
            self.refresh_expires_at = sent.refresh_expires_at;
        }
        if sent.id.is_some() {
            self.id.clone_from(&sent.id);
        }
    }
}

impl Session {
    /// It can be used at this instant.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at >= now
    }

    /// At least [`REFRESH_AFTER`] has passed since it was extended: whoever resolves it asks for
    /// [`super::Command::RefreshSession`], unless the cookie or the query forbids that.
    #[must_use]
    pub fn is_due_for_refresh(&self, now: Timestamp) -> bool {
        self.expires_at - SESSION_LIFETIME + REFRESH_AFTER <= now
    }

    /// It began less than [`FRESH_FOR`] ago. Extending it does not make it fresh again.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.created_at) < FRESH_FOR
    }
}

impl OneTimeToken {
    /// It can be used at this instant.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at >= now
    }
}
