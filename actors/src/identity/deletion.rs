//! Deleting the user: what stays is a tombstone that holds nothing personal and sees to it that the workspace goes too.

use super::{
    Identity, IdentityEffect, IdentityEvent, Rejection, Reply, claim, command::DeletionProof, password,
    row::Purpose, token,
};
use crate::{
    Draft, Timestamp,
    errand::{ERASING, Stand},
};
use greenroom_persistence::DirectoryChange;
use serde::{Deserialize, Serialize};

/// What is left of a deleted user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// When it was deleted.
    pub at: Timestamp,
    /// Attempts begun at erasing the workspace.
    pub attempts: u32,
    /// Where that stands.
    pub erasure: Stand,
}

impl Tombstone {
    pub(super) const fn new(at: Timestamp) -> Self {
        Self { at, attempts: 1, erasure: Stand::InFlight { since: at } }
    }

    pub(super) const fn started(self, attempts: u32, at: Timestamp) -> Self {
        Self { attempts, erasure: Stand::InFlight { since: at }, ..self }
    }

    pub(super) const fn postponed(self, until: Timestamp) -> Self {
        Self { erasure: Stand::Waiting { until }, ..self }
    }

    pub(super) const fn done(self, at: Timestamp) -> Self {
        Self { erasure: Stand::Done { at }, ..self }
    }
}

/// Deletes the user.
pub(super) fn delete(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    proof: &DeletionProof,
) -> Result<Reply, Rejection> {
    match proof {
        DeletionProof::Password(verified) => password::check_verified(draft, verified)?,
        DeletionProof::Token(token) => token::consume(draft, now, Purpose::DeleteUser, token)?,
        DeletionProof::FreshSession { token, since } => {
            let session = draft.session_by_hash(token, now).ok_or(Rejection::NoSession)?;
            if session.created_at <= *since {
                return Err(Rejection::NotFresh);
            }
        }
    }
    for name in draft.names() {
        draft.directory(DirectoryChange::Release(name));
    }
    draft.emit(IdentityEvent::Erased { at: now });
    // What older records and snapshots hold of the user leaves the disk in a bounded time.
    draft.erase_history();
    draft.effect(IdentityEffect::EraseWorkspace { attempt: 1 });
    Ok(Reply::Done)
}

/// An attempt at erasing the workspace ended.
pub(super) fn finished(draft: &mut Draft<Identity>, now: Timestamp, attempt: u32, erased: bool) {
    let Some(tombstone) = draft.tombstone else { return };
    if matches!(tombstone.erasure, Stand::Done { .. }) {
        return;
    }
    if erased {
        draft.emit(IdentityEvent::WorkspaceErased { at: now });
    } else if tombstone.erasure.is_in_flight() && tombstone.attempts == attempt {
        draft.emit(IdentityEvent::ErasePostponed { until: now + ERASING.wait(attempt) });
    }
}

/// Makes the next attempt when it is due.
pub(super) fn tick(draft: &mut Draft<Identity>, now: Timestamp) {
    if draft.erase_due().is_some_and(|due| due <= now) {
        attempt(draft, now);
    }
}

/// Makes an attempt again whose outcome was lost with the activation.
pub(super) fn recover(draft: &mut Draft<Identity>, now: Timestamp) {
    if draft.tombstone.is_some_and(|tombstone| tombstone.erasure.is_in_flight()) {
        attempt(draft, now);
    }
}

fn attempt(draft: &mut Draft<Identity>, now: Timestamp) {
    let Some(tombstone) = draft.tombstone else { return };
    let attempt = tombstone.attempts.saturating_add(1);
    draft.emit(IdentityEvent::EraseStarted { attempt, at: now });
    draft.effect(IdentityEffect::EraseWorkspace { attempt });
}

impl Identity {
    /// When the next attempt at erasing the workspace is made.
    pub(super) fn erase_due(&self) -> Option<Timestamp> {
        self.tombstone?.erasure.due(&ERASING)
    }

    /// Every name that it holds in the directory.
    pub(super) fn names(&self) -> Vec<String> {
        let email = self.user.iter().map(|user| claim::email_claim(&user.email));
        let accounts = self.accounts.iter().filter_map(|account| claim::login_claim(&account.login));
        let sessions = self.sessions.iter().map(|session| claim::session_claim(&session.token));
        let tokens = self.tokens.iter().filter_map(|known| token::name(known.purpose, &known.token));
        email.chain(accounts).chain(sessions).chain(tokens).collect()
    }
}
