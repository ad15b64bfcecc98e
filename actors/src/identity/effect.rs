//! What must be done outside. Each is implied by the state: after a crash it is asked for again.

use super::{
    mail::{MailId, MailKind},
    value::{Email, Sealed},
};

/// What must be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityEffect {
    /// Send a mail: at least once. Answer: `Command::MailFinished`.
    SendMail {
        /// Number of the mail; with the user id the key by which the transport may drop repetitions.
        id: MailId,
        /// Number of the attempt.
        attempt: u32,
        /// What for.
        kind: MailKind,
        /// To whom.
        to: Email,
        /// What it says, sealed.
        payload: Sealed,
    },
    /// Erase the workspace of the user with the entity's key, with everything in it. May come again; nothing to erase
    /// counts as erased. Answer: `Command::WorkspaceErased`.
    EraseWorkspace {
        /// Number of the attempt.
        attempt: u32,
    },
}
