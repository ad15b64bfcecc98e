//! The way out of a deletion request: the workspace that has the account's data is asked to erase it.

use crate::custodian::Custodian;
use async_trait::async_trait;
use greenroom_actors::{
    EntityId,
    custody::Custody,
    deletion::{Command, Deletion, Effect, Target},
    id::AccountId,
    ports::Outlet,
    shell::{AskError, Host},
    user::{self, User},
};
use std::collections::BTreeSet;

/// Performs the effects of deletion requests.
pub struct DeletionOutlet {
    users: Host<User>,
    custodian: Custodian,
}

impl DeletionOutlet {
    /// An outlet that erases data of `users`, and then forgets where it was.
    #[must_use]
    pub const fn new(users: Host<User>, custodian: Custodian) -> Self {
        Self { users, custodian }
    }

    async fn erase(&self, target: &Target) -> Result<(), EraseError> {
        let command = user::Command::EraseInstagramData { account: target.account.clone() };
        erase(&self.users, &self.custodian, &target.workspace, Some(&target.account), command).await
    }
}

/// Why nothing was erased. Asking again is safe.
#[derive(Debug, thiserror::Error)]
pub(super) enum EraseError {
    #[error(transparent)]
    Workspace(#[from] AskError<User>),
    #[error(transparent)]
    Custody(#[from] AskError<Custody>),
}

/// Has a workspace erase what it holds, of one account or of all, and forgets the notes about it: those that stood before it
/// was asked, so that a note of a connection made meanwhile stays.
pub(super) async fn erase(
    users: &Host<User>,
    custodian: &Custodian,
    workspace: &str,
    account: Option<&AccountId>,
    command: user::Command,
) -> Result<(), EraseError> {
    let known = match users.published(workspace).await {
        Ok(known) => known.state,
        // A key that no workspace can have: there is none.
        Err(AskError::BadKey) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let held = known.held_accounts(account.map(AccountId::as_str));
    let accounts: BTreeSet<&AccountId> = held.chain(account).collect();
    let seen = custodian.seen(workspace, accounts.into_iter()).await?;
    users.ask(workspace, command, 0).await?;
    custodian.forget(workspace, seen).await;
    Ok(())
}

#[async_trait]
impl Outlet<Deletion> for DeletionOutlet {
    async fn run(&self, request: &EntityId, effect: Effect) -> Option<Command> {
        let Effect::EraseInstagramData { targets, attempt } = effect;
        let mut left = Vec::new();
        for target in targets {
            if let Err(error) = self.erase(&target).await {
                tracing::warn!(%error, %request, attempt, "an account's data is not erased yet; it is tried again");
                left.push(target);
            }
        }
        Some(Command::Finished { attempt, left })
    }
}
