//! What callers of a host get back.

use crate::{Entity, slices::Revisions};
use greenroom_persistence::{Position, ReadError, Seq};
use std::{fmt, sync::Arc, time::Duration};

/// The reply to a command, given after everything that it saw and did is durable.
pub struct Answer<E: Entity> {
    /// What the entity said.
    pub reply: E::Reply,
    /// Seq of the entity when it was said.
    pub seq: Seq,
    /// Commit position of that seq: the point from which readers see the change.
    pub position: Position,
}

impl<E: Entity> fmt::Debug for Answer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("seq", &self.seq)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// A durable state, shared. Never ahead of the journal.
pub struct Published<E: Entity> {
    /// The state.
    pub state: Arc<E>,
    /// Seq of the last record in it.
    pub seq: Seq,
    /// Commit position of that record; [`Position::ZERO`] for an entity without records.
    pub position: Position,
    /// When each part of the state changed last; of what was before this activation, at the position that it began with.
    pub revisions: Revisions,
}

impl<E: Entity> Clone for Published<E> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            seq: self.seq,
            position: self.position,
            revisions: self.revisions,
        }
    }
}

impl<E: Entity> fmt::Debug for Published<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published")
            .field("seq", &self.seq)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// Why a command was not answered.
pub enum AskError<E: Entity> {
    /// The domain says no. Nothing changed.
    Rejected(E::Rejection),
    /// Another entity holds a name that the command claims. Nothing changed.
    Taken {
        /// The name.
        name: String,
    },
    /// The command, or the record it makes, is larger than can ever be taken. Nothing changed.
    TooLarge {
        /// Its size: bytes, or commands when a caller brings too many at once.
        size: usize,
        /// The limit in the same unit.
        limit: usize,
    },
    /// Too much is waiting. Nothing changed; try again after the hint.
    Overloaded {
        /// When trying again makes sense.
        retry_after: Duration,
    },
    /// The entity cannot answer now. Nothing changed.
    Unavailable(Unavailable),
    /// The command may have happened or not: only its idempotency key makes a retry safe.
    Unknown,
    /// The command ended its activation too often; it is kept in quarantine. Nothing changed.
    Poisoned,
    /// The host is draining. Nothing changed.
    ShuttingDown,
    /// The key is no entity key.
    BadKey,
}

/// Why an entity cannot answer now; nothing happened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unavailable {
    /// The journal takes no records.
    #[error("the journal is unavailable: {0}")]
    Journal(String),
    /// Another writer owns the entity; this node's memory of it was dropped.
    #[error("another writer was ahead")]
    Fenced,
    /// A recovery or restart failed a moment ago; the next one waits.
    #[error("pausing after a failure, next try in {}ms", retry_after.as_millis())]
    Pausing {
        /// When the next recovery may start.
        retry_after: Duration,
    },
    /// The entity could not be recovered.
    #[error("recovery failed, next try in {}ms: {cause}", retry_after.as_millis())]
    Recovery {
        /// When the next recovery may start.
        retry_after: Duration,
        /// What went wrong.
        cause: Arc<RecoveryError>,
    },
}

/// Why an entity could not be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The store failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record is missing between snapshot, tail and head.
    #[error("records are missing: expected seq {expected}, found {found}")]
    Gap {
        /// The seq that should have come.
        expected: Seq,
        /// The seq that came, or the head of the log.
        found: Seq,
    },
    /// The snapshot can not be used, and records before it are gone.
    #[error("the snapshot can not be used and the log does not reach back to its beginning: {cause}")]
    Snapshot {
        /// Why it can not be used.
        cause: String,
    },
    /// A record does not decode.
    #[error("record {seq} does not decode: {cause}")]
    Record {
        /// Which record.
        seq: Seq,
        /// Why.
        cause: String,
    },
    /// Folding the events panicked.
    #[error("replay panicked")]
    Panicked,
    /// The host is stopping.
    #[error("the host is stopping")]
    Stopping,
}

/// Why a host did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// [`Entity::KIND`] is not 1 to 16 characters of `a-z`.
    #[error("{0:?} is no entity kind")]
    Kind(&'static str),
    /// A bound is zero.
    #[error("the limit {0} must not be zero")]
    Limit(&'static str),
    /// Called outside a tokio runtime.
    #[error("a host needs a tokio runtime")]
    Runtime,
    /// The supervisor did not start.
    #[error("the supervisor did not start: {0}")]
    Supervisor(String),
}

/// A failure that many callers may share.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Taken { name: String },
    TooLarge { size: usize, limit: usize },
    Overloaded { retry_after: Duration },
    Unavailable(Unavailable),
    Unknown,
    Poisoned,
    ShuttingDown,
}

impl<E: Entity> From<Failure> for AskError<E> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Taken { name } => Self::Taken { name },
            Failure::TooLarge { size, limit } => Self::TooLarge { size, limit },
            Failure::Overloaded { retry_after } => Self::Overloaded { retry_after },
            Failure::Unavailable(cause) => Self::Unavailable(cause),
            Failure::Unknown => Self::Unknown,
            Failure::Poisoned => Self::Poisoned,
            Failure::ShuttingDown => Self::ShuttingDown,
        }
    }
}

impl<E: Entity> fmt::Display for AskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejection) => rejection.fmt(f),
            Self::Taken { name } => write!(f, "the name {name} is taken"),
            Self::TooLarge { size, limit } => write!(f, "size {size} is over the limit of {limit}"),
            Self::Overloaded { retry_after } => {
                write!(f, "overloaded, retry after {}ms", retry_after.as_millis())
            }
            Self::Unavailable(cause) => cause.fmt(f),
            Self::Unknown => f.write_str("the outcome is unknown"),
            Self::Poisoned => f.write_str("the command is quarantined"),
            Self::ShuttingDown => f.write_str("shutting down"),
            Self::BadKey => f.write_str("not an entity key"),
        }
    }
}

impl<E: Entity> fmt::Debug for AskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejection) => f.debug_tuple("Rejected").field(rejection).finish(),
            Self::Unavailable(cause) => f.debug_tuple("Unavailable").field(cause).finish(),
            other => fmt::Display::fmt(other, f),
        }
    }
}

impl<E: Entity> std::error::Error for AskError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            Self::Unavailable(cause) => Some(cause),
            _ => None,
        }
    }
}
