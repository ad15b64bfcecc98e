//! The way out of a deletion request: the workspace that has the account's data is asked to erase it.

use async_trait::async_trait;
use greenroom_actors::{
    EntityId,
    deletion::{Command, Deletion, Effect},
    ports::Outlet,
    shell::{AskError, Host},
    user::{self, User},
};

/// Performs the effects of deletion requests.
pub struct DeletionOutlet {
    users: Host<User>,
}

impl DeletionOutlet {
    /// An outlet that erases data of `users`.
    #[must_use]
    pub const fn new(users: Host<User>) -> Self {
        Self { users }
    }
}

#[async_trait]
impl Outlet<Deletion> for DeletionOutlet {
    async fn run(&self, request: &EntityId, effect: Effect) -> Option<Command> {
        let Effect::EraseInstagramData { targets, attempt } = effect;
        let mut left = Vec::new();
        for target in targets {
            let command = user::Command::EraseInstagramData { account: target.account.clone() };
            match self.users.ask(&target.workspace, command, 0).await {
                // A key that no workspace can have: there is none.
                Ok(_) | Err(AskError::BadKey) => {}
                Err(error) => {
                    tracing::warn!(%error, %request, attempt, "an account's data is not erased yet; it is tried again");
                    left.push(target);
                }
            }
        }
        Some(Command::Finished { attempt, left })
    }
}
