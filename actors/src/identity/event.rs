//! What happened to an identity.
//!
//! What an earlier program wrote must decode: a field that is new in an event or in anything in one has a serde default.

use super::{
    mail::{DeadMail, Mail, MailId},
    row::{Account, OneTimeToken, Session, UserRow},
    value::{RowId, Sealed, SecretHash},
};
use crate::{Timestamp, requests::AnsweredRequest};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdentityEvent {
    /// A client's request was answered.
    RequestAnswered(Arc<AnsweredRequest>),
    /// The user's row is this now; the first one creates the user.
    UserSet(Arc<UserRow>),
    /// An account is this now, or is new.
    AccountSet(Arc<Account>),
    /// An account is gone.
    AccountRemoved(RowId),
    /// A session began.
    SessionStarted(Arc<Session>),
    /// A session was extended.
    SessionExtended {
        /// Which.
        id: RowId,
        /// When.
        at: Timestamp,
        /// When it ends now.
        expires_at: Timestamp,
    },
    /// A session ended.
    SessionEnded {
        /// Which.
        id: RowId,
        /// Why.
        why: SessionEnd,
    },
    /// A one-time token was made.
    TokenIssued(Arc<OneTimeToken>),
    /// A one-time token is gone.
    TokenGone {
        /// Its hash.
        token: SecretHash,
        /// Why.
        why: TokenEnd,
    },
    /// A mail was asked for; its first attempt is out.
    MailQueued(Arc<Mail>),
    /// Another attempt at a mail is out.
    MailStarted {
        /// Which mail.
        id: MailId,
        /// Number of the attempt.
        attempt: u32,
        /// When it began.
        at: Timestamp,
    },
    /// A mail waits for its next attempt.
    MailPostponed {
        /// Which.
        id: MailId,
        /// Until when.
        until: Timestamp,
    },
    /// What a mail says is sealed anew.
    MailResealed {
        /// Which mail.
        id: MailId,
        /// What it says, sealed.
        payload: Sealed,
    },
    /// The transport took a mail.
    MailSent(MailId),
    /// A mail was given up.
    MailDied(Arc<DeadMail>),
    /// The oldest of the mails given up left.
    DeadMailsDropped(usize),
    /// The user was deleted; an attempt at erasing the workspace is out.
    Erased {
        /// When.
        at: Timestamp,
    },
    /// Another attempt at erasing the workspace is out.
    EraseStarted {
        /// Number of the attempt.
        attempt: u32,
        /// When it began.
        at: Timestamp,
    },
    /// Erasing the workspace waits for its next attempt.
    ErasePostponed {
        /// Until when.
        until: Timestamp,
    },
    /// The workspace is erased.
    WorkspaceErased {
        /// When that was known.
        at: Timestamp,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// Its user signed out.
    SignedOut,
    /// It was revoked by its user.
    Revoked,
    /// The password changed.
    PasswordChanged,
    /// Its time was over.
    Expired,
    /// It gave way to newer ones.
    Displaced,
}

/// Why a one-time token is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEnd {
    /// It was used.
    Used,
    /// The address that it was mailed to is no longer the user's.
    EmailChanged,
    /// Its time was over.
    Expired,
    /// It gave way to newer ones.
    Displaced,
}
