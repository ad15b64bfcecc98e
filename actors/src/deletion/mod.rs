//! The deletion entity: one request of the platform to delete what is kept of a person's Instagram account, by its
//! confirmation code. It sees to it that the workspace erases the data, and afterwards holds the code, a hash of the
//! person's id, and dates.

mod decide;
#[cfg(test)]
mod tests;

use crate::{Draft, Entity, Timestamp, id::AccountId, identity::SecretHash};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, sync::Arc, time::Duration};

/// Wait after the first attempt at erasing; doubles with each one. Attempts never end.
pub const ERASE_RETRY_FIRST: Duration = Duration::from_secs(5);
/// Longest wait between attempts.
pub const ERASE_RETRY_MAX: Duration = Duration::from_secs(3_600);
/// An attempt without an outcome after this long is made again.
pub const ERASE_LEASE: Duration = Duration::from_secs(600);

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
    /// Attempts begun.
    pub attempts: u32,
    /// Where it stands.
    pub state: ErasureState,
}

/// Where erasing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErasureState {
    /// An attempt is out.
    InFlight {
        /// Since when.
        since: Timestamp,
    },
    /// It waits for the next attempt.
    Waiting {
        /// Until when.
        until: Timestamp,
    },
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Take a request in. A second one with the same code changes nothing. From the platform's callback.
    Receive {
        /// Keyed hash of the person's id.
        subject: SecretHash,
        /// Where the data is; `None` when no workspace has the account.
        target: Option<Target>,
    },
    /// An attempt at erasing ended. From the outlet.
    Finished {
        /// Which.
        attempt: u32,
        /// The data is gone, or there was none.
        erased: bool,
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
    /// There is something to erase.
    Found(Target),
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
    /// Have the workspace erase the account's data. May come again; nothing to erase counts as erased. Answer:
    /// [`Command::Finished`].
    EraseInstagramData {
        /// What.
        target: Target,
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
            (Event::Found(target), erasure) => {
                let state = ErasureState::Waiting { until: request.received_at };
                *erasure = Some(Erasure { target: target.clone(), attempts: 0, state });
            }
            (Event::Started { attempt, at }, Some(erasure)) => {
                erasure.attempts = *attempt;
                erasure.state = ErasureState::InFlight { since: *at };
            }
            (Event::Postponed { until }, Some(erasure)) => {
                erasure.state = ErasureState::Waiting { until: *until };
            }
            (Event::Done { at }, erasure) => {
                *erasure = None;
                request.done_at = Some(*at);
            }
            (Event::Received { .. } | Event::Started { .. } | Event::Postponed { .. }, _) => {}
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        Some(match self.erasure()?.state {
            ErasureState::InFlight { since } => since + ERASE_LEASE,
            ErasureState::Waiting { until } => until,
        })
    }

    fn tick() -> Command {
        Command::Tick
    }

    fn activated(&self) -> Option<Command> {
        self.is_busy().then_some(Command::Recover)
    }

    fn is_busy(&self) -> bool {
        self.erasure().is_some_and(Erasure::is_in_flight)
    }

    fn weight(&self) -> usize {
        /// Rough bytes of a request.
        const REQUEST: usize = 512;
        REQUEST
    }
}

impl Erasure {
    const fn is_in_flight(&self) -> bool {
        matches!(self.state, ErasureState::InFlight { .. })
    }
}
