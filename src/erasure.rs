//! Deletion requests of the platform: a person asks Instagram that what an app keeps of their account is deleted. The
//! request gets a confirmation code, under which its status can be seen by whoever has it.

use crate::{config::Secret, parts::App};
use greenroom_actors::{
    Entity, EntityId, Timestamp,
    custody::Custody,
    deletion::{Command, Deletion, Target},
    id::AccountId,
    identity::SecretHash,
    shell::AskError,
    user::{User, account_claim},
};
use greenroom_persistence::{ReadError, Seq};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{collections::BTreeSet, fmt, sync::Arc};

/// Bytes of a confirmation code, written as two characters each.
const CODE_BYTES: usize = 16;
/// What confirmation codes are made for; keeps them apart from everything else that the key is used for.
const CODE_PURPOSE: &str = "greenroom deletion code 1";
/// The same of hashes of persons' ids.
const SUBJECT_PURPOSE: &str = "greenroom deletion subject 1";
/// The same of keys of custody entities.
const CUSTODY_PURPOSE: &str = "greenroom custody 1";
/// Size of a request for admission, in bytes.
const REQUEST_BYTES: usize = 512;

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletionStatus {
    /// When it came.
    pub received_at: Timestamp,
    /// When everything was gone; `None` before.
    pub done_at: Option<Timestamp>,
    /// Attempts at erasing begun.
    attempts: u32,
}

impl DeletionStatus {
    /// `received`, `in progress` (it did not work at once and is tried again) or `done`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match (self.done_at, self.attempts) {
            (Some(_), _) => "done",
            (None, 0 | 1) => "received",
            (None, _) => "in progress",
        }
    }
}

/// Why a request was not taken or its status not told. After [`AskError::Unknown`] too the same request may be made again.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// The stores cannot be read.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// The request's entity did not answer.
    #[error(transparent)]
    Ask(#[from] AskError<Deletion>),
    /// The entity that knows who holds data of the account did not answer.
    #[error(transparent)]
    Custody(#[from] AskError<Custody>),
}

/// Takes a request in: durable before the code is returned, and seen through from then on. The same request gives the same
/// code, 32 characters of `0-9a-f`. Of an account that no workspace has there is nothing to erase: done at once.
///
/// `platform_user_id` is either id of the account, `issued_at_ms` when the platform made the request; both from a request
/// whose signature was verified.
///
/// # Errors
/// See [`ErasureError`].
pub async fn request(
    app: &Arc<App>,
    platform_user_id: &str,
    issued_at_ms: i64,
) -> Result<String, ErasureError> {
    let code = app.deletion_key.code(platform_user_id, issued_at_ms);
    let subject = app.deletion_key.subject(platform_user_id);
    let targets = targets(app, platform_user_id).await?;
    app.deletions.ask(&code, Command::Receive { subject, targets }, REQUEST_BYTES).await?;
    Ok(code)
}

/// Where the request with a code stands; `None` when there is no such code.
///
/// # Errors
/// See [`ErasureError`].
pub async fn status(app: &App, code: &str) -> Result<Option<DeletionStatus>, ErasureError> {
    let is_code = code.len() == CODE_BYTES * 2 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let Some(id) = EntityId::new(Deletion::KIND, code).ok().filter(|_| is_code) else { return Ok(None) };
    // Whoever guesses codes activates nothing.
    if app.stores.journal.head(&id).await? == Seq::ZERO {
        return Ok(None);
    }
    let published = app.deletions.published(code).await?;
    Ok(published.state.request().map(|request| DeletionStatus {
        received_at: request.received_at,
        done_at: request.done_at,
        attempts: request.erasure.as_ref().map_or(0, |erasure| erasure.attempts),
    }))
}

/// The workspace that has the account, and all that hold data of it from before.
async fn targets(app: &App, platform_user_id: &str) -> Result<Vec<Target>, ErasureError> {
    let owner = app.stores.directory.lookup(&account_claim(platform_user_id)).await?;
    let owner = owner.filter(|owner| owner.kind() == User::KIND).map(|owner| Arc::from(owner.key()));
    let holders = app.custodian.holders(platform_user_id).await?;
    let workspaces: BTreeSet<Arc<str>> = owner.into_iter().chain(holders).collect();
    let account = AccountId::from(platform_user_id);
    Ok(workspaces.into_iter().map(|workspace| Target { workspace, account: account.clone() }).collect())
}

/// Makes codes and names that only this installation can make, the same ones for ever. Its `Debug` shows nothing of it.
pub struct DeletionKey(Secret);

impl fmt::Debug for DeletionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeletionKey(..)")
    }
}

impl DeletionKey {
    /// Of this secret.
    #[must_use]
    pub const fn new(secret: Secret) -> Self {
        Self(secret)
    }

    fn code(&self, platform_user_id: &str, issued_at_ms: i64) -> String {
        let mac = self.mac(CODE_PURPOSE, &format!("{issued_at_ms}\n{platform_user_id}"));
        hex(mac.first_chunk::<CODE_BYTES>().unwrap_or(&[0; CODE_BYTES]))
    }

    fn subject(&self, platform_user_id: &str) -> SecretHash {
        SecretHash::of(&hex(&self.mac(SUBJECT_PURPOSE, platform_user_id)))
    }

    /// Key of the entity that knows who holds data of the account.
    #[must_use]
    pub fn custody(&self, account: &str) -> String {
        hex(&self.mac(CUSTODY_PURPOSE, account))
    }

    /// A message under a key that is made for one purpose.
    fn mac(&self, purpose: &str, message: &str) -> [u8; 32] {
        keyed(&keyed(self.0.expose().as_bytes(), purpose), message)
    }
}

#[expect(clippy::expect_used, reason = "a key of this kind may have any length")]
fn keyed(key: &[u8], message: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "26000000000000001";
    const ISSUED_AT: i64 = 1_767_225_600_000;

    #[test]
    fn the_same_request_has_the_same_code_and_no_other_has_it() {
        let key = DeletionKey::new(Secret::new("fictional-deletion-key-0123456789ab"));
        let other = DeletionKey::new(Secret::new("fictional-deletion-key-0123456789ac"));
        let first = key.code(ID, ISSUED_AT);
        assert_eq!(first, key.code(ID, ISSUED_AT));
        assert!(first.len() >= 24 && first.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{first}");
        for different in
            [key.code(ID, ISSUED_AT + 1), key.code("26000000000000002", ISSUED_AT), other.code(ID, ISSUED_AT)]
        {
            assert_ne!(first, different);
        }
        assert_ne!(key.custody(ID), key.subject(ID).hex());
        assert!(!key.custody(ID).starts_with(&first) && !key.custody(ID).contains(ID));
        assert!(!hex(&key.mac(SUBJECT_PURPOSE, ID)).starts_with(&first));
    }

    #[test]
    fn a_status_has_three_words() {
        let at = Timestamp::from_millis(ISSUED_AT);
        let word = |done_at, attempts| DeletionStatus { received_at: at, done_at, attempts }.word();
        assert_eq!((word(None, 1), word(None, 2), word(Some(at), 0)), ("received", "in progress", "done"));
    }
}
