//! Mails of the auth endpoints: what they say, and the ways they leave.

mod compose;
mod mailbox;
mod smtp;

pub use mailbox::{Mailbox, Shown};
pub use smtp::{SmtpConfigError, SmtpMailer};

use async_trait::async_trait;
use std::fmt;

/// What a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailKind {
    /// A link to choose a new password.
    ResetPassword,
    /// A link that verifies an address.
    VerifyEmail,
    /// To the old address: a link that agrees to a change.
    ChangeEmailConfirmation,
    /// To the new address: a link that completes a change.
    ChangeEmailVerification,
    /// A link that deletes the account.
    DeleteAccount,
}

/// A mail to one person, with one secret link.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// What for.
    pub kind: MailKind,
    /// To whom.
    pub to: String,
    /// The link.
    pub url: String,
    /// The secret in the link.
    pub token: String,
}

impl fmt::Debug for Mail {
    /// Neither the person nor the link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({:?})", self.kind)
    }
}

/// Why a mail did not leave. Says nothing of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The way is blocked for now; the same mail may leave later. It may even have left: a second copy is harmless.
    #[error("the mail server is not available: {0}")]
    Retry(&'static str),
    /// This mail will never leave.
    #[error("the mail was rejected: {0}")]
    Rejected(&'static str),
}

/// A way for mails.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Hands a mail over. Bounded in time; does not try again by itself.
    ///
    /// # Errors
    /// [`MailError`].
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// No way for mails: what waits from a time when there was one is given up.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMailer;

#[async_trait]
impl Mailer for NoMailer {
    async fn send(&self, _: &Mail) -> Result<(), MailError> {
        Err(MailError::Rejected("no mail server is configured"))
    }
}
