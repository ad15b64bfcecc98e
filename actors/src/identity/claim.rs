//! Names in the directory: each belongs to one identity in the whole system.

use super::{
    row::{Login, Provider},
    value::{Email, SecretHash},
};

/// Name of an address: `email:{lower case}`.
#[must_use]
pub fn email_claim(email: &Email) -> String {
    format!("email:{}", email.as_str())
}

/// Name of a session: `session:{hex of the hash of its token}`.
#[must_use]
pub fn session_claim(token: &SecretHash) -> String {
    format!("session:{}", token.hex())
}

/// Name of a user at a provider: `account:{provider}:{id there}`.
#[must_use]
pub fn account_claim(provider: Provider, account_id: &str) -> String {
    format!("account:{}:{account_id}", provider.id())
}

/// Name of a password reset: `reset:{hex of the hash of its token}`.
#[must_use]
pub fn reset_claim(token: &SecretHash) -> String {
    format!("reset:{}", token.hex())
}

/// Name that an account holds; passwords hold none.
pub(super) fn login_claim(login: &Login) -> Option<String> {
    match login {
        Login::Credential { .. } => None,
        Login::Provider(login) => Some(account_claim(login.provider, &login.account_id)),
    }
}
