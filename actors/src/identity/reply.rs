//! Answers to commands, and why one is refused.

use super::{
    field::Invalid,
    row::{Account, Session, UserRow},
};
use std::sync::Arc;

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Done, nothing to tell.
    Done,
    /// The user and, if one was started, the session.
    SignedIn {
        /// The user as it stands now.
        user: Arc<UserRow>,
        /// The session.
        session: Option<Arc<Session>>,
    },
    /// A live session as it stands now.
    Session {
        /// The session.
        session: Arc<Session>,
        /// It was extended by this command.
        extended: bool,
    },
    /// So many sessions ended.
    Ended(usize),
    /// The user as it stands now.
    User(Arc<UserRow>),
    /// The account as it stands now.
    Account(Arc<Account>),
    /// The address is verified.
    Verified {
        /// It was before.
        already: bool,
        /// The session started.
        session: Option<Arc<Session>>,
    },
    /// The rows are imported.
    Imported {
        /// False when the user was there already, or is deleted: nothing happened.
        created: bool,
        /// Names of values that were cut, normalised or left behind.
        adjusted: Vec<&'static str>,
    },
}

/// Why a command is refused. Changes nothing.
///
/// That a name belongs to somebody else (an address, an account at a provider) is found by the directory, not here:
/// `AskError::Taken` with the name of [`super::claim`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no user, or it was deleted.
    #[error("no such user")]
    NoUser,
    /// There is a user already.
    #[error("the user exists")]
    UserExists,
    /// There was a user with this id; ids are not used again.
    #[error("the user was deleted")]
    Deleted,
    /// No live session with this token.
    #[error("no such session")]
    NoSession,
    /// The session is too old for this without a password.
    #[error("the session is not fresh")]
    NotFresh,
    /// No such account.
    #[error("no such account")]
    NoAccount,
    /// The last account stays.
    #[error("the last account can not be removed")]
    LastAccount,
    /// There is no account with a password.
    #[error("the user has no password")]
    NoPassword,
    /// The hash that was verified is no longer that of the password: verify again.
    #[error("the password changed meanwhile")]
    PasswordChanged,
    /// The token is unknown, used or over.
    #[error("no such token")]
    InvalidToken,
    /// The address is not the present one.
    #[error("not the present address")]
    EmailMismatch,
    /// The new address is the present one.
    #[error("the address is the same")]
    EmailSame,
    /// The address is verified already.
    #[error("the address is verified already")]
    EmailAlreadyVerified,
    /// Somebody signs in by a provider with the address of this user, and it is not certain on both sides.
    #[error("the account is not linked")]
    AccountNotLinked,
    /// The provider did not verify the address.
    #[error("the provider did not verify the address")]
    ProviderEmailUnverified,
    /// The address at the provider is another one.
    #[error("the address at the provider is another one")]
    ProviderEmailDiffers,
    /// A patch without anything in it.
    #[error("no fields to update")]
    NothingToUpdate,
    /// Onboarding lacks these.
    #[error("onboarding lacks {}", .0.join(", "))]
    OnboardingIncomplete(Vec<&'static str>),
    /// A value is refused.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There are too many accounts.
    #[error("at most {0} accounts")]
    TooManyAccounts(usize),
}
