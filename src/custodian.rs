//! Which workspaces hold data of an Instagram account: noted before its names are given back, found by a deletion request,
//! forgotten when the data is erased.

use crate::erasure::DeletionKey;
use greenroom_actors::{
    custody::{Command, Custody},
    id::AccountId,
    shell::{AskError, Host},
};
use std::sync::Arc;

/// Keeps the notes. Cheap to clone.
#[derive(Clone)]
pub struct Custodian {
    notes: Host<Custody>,
    key: Arc<DeletionKey>,
}

/// A note as it stood before a workspace was asked to erase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    account: String,
    mark: u64,
}

impl Custodian {
    /// Keeps its notes with `notes`, under names that only `key` leads to.
    #[must_use]
    pub const fn new(notes: Host<Custody>, key: Arc<DeletionKey>) -> Self {
        Self { notes, key }
    }

    /// Notes that a workspace holds data of an account, under each of its ids: durable when it returns.
    ///
    /// # Errors
    /// What the shell or the account's entity refuses with; noting again is safe.
    pub async fn note(&self, workspace: &str, accounts: &[AccountId]) -> Result<(), AskError<Custody>> {
        for account in accounts {
            let command = Command::Add { workspace: workspace.into() };
            self.notes.ask(&self.key.custody(account.as_str()), command, workspace.len()).await?;
        }
        Ok(())
    }

    /// Workspaces that may hold data of the account with this id.
    ///
    /// # Errors
    /// When the account's entity does not answer.
    pub async fn holders(&self, account: &str) -> Result<Vec<Arc<str>>, AskError<Custody>> {
        let published = self.notes.published(&self.key.custody(account)).await?;
        Ok(published.state.holders().map(|(workspace, _)| Arc::clone(workspace)).collect())
    }

    /// The notes about a workspace under these ids, to be looked at before it is asked to erase.
    ///
    /// # Errors
    /// When an account's entity does not answer.
    pub async fn seen<'a>(
        &self,
        workspace: &str,
        accounts: impl Iterator<Item = &'a AccountId> + Send,
    ) -> Result<Vec<Seen>, AskError<Custody>> {
        let mut seen = Vec::new();
        for account in accounts {
            let account = self.key.custody(account.as_str());
            let mark = self.notes.published(&account).await?.state.mark(workspace);
            seen.extend(mark.map(|mark| Seen { account, mark }));
        }
        Ok(seen)
    }

    /// Forgets notes about a workspace that has erased; those made since then stay. A note that is left does no harm, for
    /// there is nothing to erase.
    pub async fn forget(&self, workspace: &str, seen: Vec<Seen>) {
        for Seen { account, mark } in seen {
            let command = Command::Remove { workspace: workspace.into(), mark };
            if let Err(error) = self.notes.ask(&account, command, workspace.len()).await {
                tracing::warn!(%error, "a note about data that was erased is left");
            }
        }
    }
}
