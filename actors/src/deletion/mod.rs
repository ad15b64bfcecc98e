//! The deletion entity: one request of the platform to delete what is kept of a person's Instagram account, by its
//! confirmation code. It sees to it that every workspace that has the data erases it, and afterwards holds the code, a hash of the
//! person's id, and dates.

mod decide;
#[cfg(test)]
mod tests;

use crate::{
    Draft, Entity, Timestamp,
    errand::{ERASING, Stand},
    id::AccountId,
    identity::SecretHash,
};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, sync::Arc};

/// One request. The key of the entity is the confirmation code.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Deletion {
    request: Option<Request>,
}

/// A request that came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Keyed hash of the person's id on the platform.
    pub subject: SecretHash,
    /// When it came.
    pub received_at: Timestamp,
    /// When everything was gone.
    pub done_at: Option<Timestamp>,
    /// What is being erased; `None` when nothing is kept of the person, or not any more.
    pub erasure: Option<Erasure>,
}

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Key of the workspace.
    pub workspace: Arc<str>,
    /// The account.
    pub account: AccountId,
}

/// Erasing under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// What.
    pub target: Target,
    /// What else: the account was in other workspaces, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Target>,
    /// Attempts begun.
    pub attempts: u32,
    /// Where it stands.
    pub state: Stand,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Take a request in. A second one with the same code changes nothing. From the platform's callback.
    Receive {
        /// Keyed hash of the person's id.
        subject: SecretHash,
        /// Where the data is; none when no workspace has any.
        targets: Vec<Target>,
    },
    /// An attempt at erasing ended. From the outlet.
    Finished {
        /// Which.
        attempt: u32,
        /// Where the data may still be; none when all of it is gone, or there was none.
        left: Vec<Target>,
    },
    /// Do what is due. From the timer.
    Tick,
    /// Make an attempt again whose outcome was lost. From the shell.
    Recover,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A request came in.
    Received {
        /// Keyed hash of the person's id.
        subject: SecretHash,
        /// When.
        at: Timestamp,
    },
    /// There is something to erase; once for each place.
    Found(Target),
    /// Some of it is gone: this is left.
    Narrowed(Vec<Target>),
    /// An attempt at erasing began.
    Started {
        /// Its number.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
    /// An attempt failed.
    Postponed {
        /// When the next one is made.
        until: Timestamp,
    },
    /// Nothing is left.
    Done {
        /// Since when that is known.
        at: Timestamp,
    },
}

/// What must be done outside. Implied by the state: after a crash it is asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Have the workspaces erase the account's data. May come again; nothing to erase counts as erased. Answer:
    /// [`Command::Finished`].
    EraseInstagramData {
        /// What.
        targets: Vec<Target>,
        /// Number of the attempt.
        attempt: u32,
    },
}

impl Deletion {
    /// The request, once it came in.
    #[must_use]
    pub const fn request(&self) -> Option<&Request> {
        self.request.as_ref()
    }

    fn erasure(&self) -> Option<&Erasure> {
        self.request.as_ref()?.erasure.as_ref()
    }
}

impl Entity for Deletion {
    const KIND: &'static str = "deletion";
    const SCHEMA: u16 = 1;

    type Command = Command;
    type Event = Event;
    type Effect = Effect;
    type Reply = ();
    type Rejection = Infallible;

    fn vacant(_: &str) -> Self {
        Self::default()
    }

    fn decide(draft: &mut Draft<Self>, now: Timestamp, command: &Command) -> Result<(), Infallible> {
        decide::decide(draft, now, command);
        Ok(())
    }

    fn apply(&mut self, event: &Event) {
        if let Event::Received { subject, at } = event {
            self.request =
                Some(Request { subject: *subject, received_at: *at, done_at: None, erasure: None });
        }
        let Some(request) = &mut self.request else { return };
        match (event, &mut request.erasure) {
            (Event::Found(target), Some(erasure)) => erasure.others.push(target.clone()),
            (Event::Found(target), none) => {
                let (target, others) = (target.clone(), Vec::new());
                let state = Stand::Waiting { until: request.received_at };
                *none = Some(Erasure { target, others, attempts: 0, state });
            }
            (Event::Narrowed(left), Some(erasure)) => {
                if let Some((first, others)) = left.split_first() {
                    erasure.target = first.clone();
                    erasure.others = others.to_vec();
                }
            }
            (Event::Started { attempt, at }, Some(erasure)) => {
                erasure.attempts = *attempt;
                erasure.state = Stand::InFlight { since: *at };
            }
            (Event::Postponed { until }, Some(erasure)) => {
                erasure.state = Stand::Waiting { until: *until };
            }
            (Event::Done { at }, erasure) => {
                *erasure = None;
                request.done_at = Some(*at);
            }
            (
                Event::Received { .. } | Event::Started { .. } | Event::Postponed { .. } | Event::Narrowed(_),
                _,
            ) => {}
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.erasure()?.state.due(&ERASING)
    }

    fn tick() -> Command {
        Command::Tick
    }

    fn activated(&self) -> Option<Command> {
        self.is_busy().then_some(Command::Recover)
    }

    fn is_busy(&self) -> bool {
        self.erasure().is_some_and(|erasure| erasure.state.is_in_flight())
    }

    fn weight(&self) -> usize {
        /// Rough bytes of a request, and of each further place.
        const REQUEST: usize = 512;
        const TARGET: usize = 128;
        REQUEST + self.erasure().map_or(0, |erasure| erasure.others.len()) * TARGET
    }
}

impl Erasure {
    fn targets(&self) -> impl Iterator<Item = &Target> {
        std::iter::once(&self.target).chain(&self.others)
    }
}
