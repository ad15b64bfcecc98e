//! The custody entity: which workspaces hold data of one Instagram account. It is found when the platform asks for the
//! deletion of that data, also after an owner disconnected and another one connected the account.
//!
//! Why an entity, and no names in the directory: a name has one holder, and here are several; and a workspace that decides to
//! connect cannot know which of many numbered names is free. A workspace keeps the names of its account until its note here
//! is durable (see [`crate::user::custody`]), so that at every instant one or the other leads to the data, whatever
//! crashes. A note too many does no harm: there is nothing to erase.
//!
//! Its key is a keyed hash of the account's id: what is left after a deletion names nobody.

#[cfg(test)]
mod tests;

use crate::{Draft, Entity, Timestamp};
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most workspaces that hold data of one account. A workspace beyond keeps the names of the account instead.
pub const HOLDERS_MAX: usize = 1_000;

/// Who holds data of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custody {
    /// Workspaces with the mark of their last note.
    holders: OrdMap<Arc<str>, u64>,
    /// The last mark given.
    last: u64,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A workspace is about to hold data, or does. May come again, with a new mark each time.
    Add {
        /// Key of the workspace.
        workspace: Arc<str>,
    },
    /// A workspace has erased what it held. Nothing happens when it was noted again since.
    Remove {
        /// Key of the workspace.
        workspace: Arc<str>,
        /// The mark that was seen before it was asked to erase.
        mark: u64,
    },
    /// Nothing: nothing is ever due.
    Tick,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A workspace was noted.
    Added {
        /// Key of the workspace.
        workspace: Arc<str>,
        /// Larger than every mark before.
        mark: u64,
    },
    /// A workspace holds nothing any more.
    Removed {
        /// Key of the workspace.
        workspace: Arc<str>,
    },
}

/// Why a command is refused. Changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Too many workspaces hold data of the account.
    #[error("more than {HOLDERS_MAX} workspaces hold data of one account")]
    Full,
}

impl Custody {
    /// Workspaces that may hold data, with the marks of their last notes.
    pub fn holders(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        self.holders.iter().map(|(workspace, mark)| (workspace, *mark))
    }

    /// The mark of a workspace's last note.
    #[must_use]
    pub fn mark(&self, workspace: &str) -> Option<u64> {
        self.holders.get(workspace).copied()
    }
}

impl Entity for Custody {
    const KIND: &'static str = "custody";
    const SCHEMA: u16 = 1;

    type Command = Command;
    type Event = Event;
    type Effect = std::convert::Infallible;
    type Reply = ();
    type Rejection = Rejection;

    fn vacant(_: &str) -> Self {
        Self::default()
    }

    fn decide(draft: &mut Draft<Self>, _: Timestamp, command: &Command) -> Result<(), Rejection> {
        match command {
            Command::Add { workspace } => {
                if draft.holders.len() >= HOLDERS_MAX && !draft.holders.contains_key(workspace) {
                    return Err(Rejection::Full);
                }
                let mark = draft.last.saturating_add(1);
                draft.emit(Event::Added { workspace: Arc::clone(workspace), mark });
            }
            Command::Remove { workspace, mark } => {
                if draft.mark(workspace) == Some(*mark) {
                    draft.emit(Event::Removed { workspace: Arc::clone(workspace) });
                }
            }
            Command::Tick => {}
        }
        Ok(())
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Added { workspace, mark } => {
                self.holders.insert(Arc::clone(workspace), *mark);
                self.last = self.last.max(*mark);
            }
            Event::Removed { workspace } => {
                self.holders.remove(workspace);
            }
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        None
    }

    fn tick() -> Command {
        Command::Tick
    }

    fn activated(&self) -> Option<Command> {
        None
    }

    fn is_busy(&self) -> bool {
        false
    }

    fn weight(&self) -> usize {
        /// Rough bytes of an account, and of each holder.
        const ACCOUNT: usize = 256;
        const HOLDER: usize = 96;
        ACCOUNT + self.holders.len() * HOLDER
    }
}
