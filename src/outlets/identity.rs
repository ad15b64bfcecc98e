//! The way out of an identity: mails, and the erasure of the workspace of a user who was deleted.

use super::deletion;
use crate::{
    auth::mail::{self, Mail, MailError, Mailer},
    custodian::Custodian,
    files::FileStore,
    identities,
    reseal::Noticed,
};
use async_trait::async_trait;
use greenroom_actors::{
    EntityId,
    identity::{
        Command, Email, Identity, IdentityEffect, Sealed,
        mail::{MailKind, MailOutcome},
    },
    ports::Outlet,
    shell::Host,
    user::{self, User},
};
use greenroom_persistence::secret::Keyring;
use std::sync::Arc;

/// Performs the effects of identities.
pub struct IdentityOutlet {
    mailer: Arc<dyn Mailer>,
    keyring: Arc<Keyring>,
    noticed: Noticed,
    users: Host<User>,
    custodian: Custodian,
    files: FileStore,
}

impl IdentityOutlet {
    /// An outlet that hands mails to `mailer`, tells `noticed` what an older key had sealed, erases workspaces of `users`, and
    /// then forgets what they held.
    #[must_use]
    pub const fn new(
        mailer: Arc<dyn Mailer>,
        keyring: Arc<Keyring>,
        noticed: Noticed,
        users: Host<User>,
        custodian: Custodian,
        files: FileStore,
    ) -> Self {
        Self { mailer, keyring, noticed, users, custodian, files }
    }

    async fn send(&self, identity: &EntityId, kind: MailKind, to: &Email, sealed: &Sealed) -> MailOutcome {
        let payload = match identities::open_mail(&self.keyring, identity, sealed) {
            Ok(payload) => payload,
            Err(error) => return MailOutcome::Rejected { reason: error.to_string() },
        };
        self.noticed.opened(identity, sealed);
        let mail = Mail {
            kind: wire_kind(kind),
            to: to.as_str().to_owned(),
            url: payload.url,
            token: payload.token,
        };
        match self.mailer.send(&mail).await {
            Ok(()) => MailOutcome::Sent,
            Err(MailError::Retry(reason)) => MailOutcome::Retry { reason: reason.to_owned(), after: None },
            Err(MailError::Rejected(reason)) => MailOutcome::Rejected { reason: reason.to_owned() },
        }
    }

    async fn erase(&self, user_id: &str) -> bool {
        match deletion::erase(&self.users, &self.custodian, user_id, None, user::Command::Erase).await {
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(%error, "a workspace is not erased yet");
                return false;
            }
        }
        match self.files.delete_all(user_id).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "files of a workspace are not erased yet");
                false
            }
        }
    }
}

#[async_trait]
impl Outlet<Identity> for IdentityOutlet {
    async fn run(&self, identity: &EntityId, effect: IdentityEffect) -> Option<Command> {
        Some(match effect {
            IdentityEffect::SendMail { id, attempt, kind, to, payload } => {
                let outcome = self.send(identity, kind, &to, &payload).await;
                Command::MailFinished { id, attempt, outcome }
            }
            IdentityEffect::EraseWorkspace { attempt } => {
                let erased = self.erase(identity.key()).await;
                Command::WorkspaceErased { attempt, erased }
            }
        })
    }
}

/// Round trips ask for nothing outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignInOutlet;

#[async_trait]
impl Outlet<greenroom_actors::signin::SignIns> for SignInOutlet {
    async fn run(
        &self,
        _: &EntityId,
        effect: std::convert::Infallible,
    ) -> Option<greenroom_actors::signin::Command> {
        match effect {}
    }
}

const fn wire_kind(kind: MailKind) -> mail::MailKind {
    match kind {
        MailKind::ResetPassword => mail::MailKind::ResetPassword,
        MailKind::VerifyEmail => mail::MailKind::VerifyEmail,
        MailKind::ConfirmEmailChange => mail::MailKind::ChangeEmailConfirmation,
        MailKind::VerifyNewEmail => mail::MailKind::ChangeEmailVerification,
        MailKind::DeleteUser => mail::MailKind::DeleteAccount,
    }
}
