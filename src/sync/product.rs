//! What a connection of the sync protocol needs of the product behind it: the seam between the protocol and the functions.
//!
//! The protocol moves encoded values about and never looks into them; the product never sees a frame.

use serde_json::value::RawValue;
use std::{fmt, future::Future, sync::Arc, time::Duration};

/// A point in the one order of all commits. 0 is before every commit; it never goes back, over restarts too. On the wire:
/// base64 of 8 bytes, little-endian. Below 2^63.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ts(pub u64);

/// A value in the JSON form of the protocol (`$integer`, `$float`, `$bytes`), serialised in one fixed way: equal values
/// are equal texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Encoded(pub Arc<str>);

/// Kind of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Reads.
    Query,
    /// Changes state, all or nothing.
    Mutation,
    /// Calls others; may outlive its connection.
    Action,
}

/// One call of a function.
#[derive(Clone, Debug)]
pub struct Call {
    /// Normalised: `module:function`, or `folder/module:function`. May name nothing.
    pub path: Arc<str>,
    /// The one argument, in the JSON form of the protocol as the client sent it: an object when all is well, which the
    /// product checks. At most as large as the protocol lets in.
    pub args: Arc<RawValue>,
}

/// What a function came to.
pub type Outcome = Result<Encoded, Failed>;

/// A function said no: final, shown to the caller, nothing happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failed {
    /// For people; without a request id, which the protocol adds. No secrets.
    pub message: String,
    /// Becomes the data of the client's `ConvexError`; `None` makes a plain error.
    pub data: Option<Encoded>,
}

/// What a query came to.
#[derive(Clone, Debug)]
pub struct Answered<R> {
    /// Result.
    pub outcome: Outcome,
    /// What must not change when the query is evaluated again: where a page ends. Below 1 KB; harmless when forged.
    pub journal: Option<Arc<str>>,
    /// What it read.
    pub reads: R,
}

/// What a mutation came to.
#[derive(Clone, Debug)]
pub struct Mutated {
    /// Result. Success is durable.
    pub outcome: Outcome,
    /// From this point on snapshots show it. Of a failure: any.
    pub ts: Ts,
}

/// Key under which a successful mutation is remembered: the same key again gives the same result and changes nothing.
/// Scoped to the caller by the product.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey {
    /// The client object, as it names itself. Unguessable, so never logged.
    pub session: Arc<str>,
    /// Number of the request in it.
    pub request: u32,
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestKey").field("request", &self.request).finish_non_exhaustive()
    }
}

/// A token was accepted.
#[derive(Clone, Debug)]
pub struct Admitted<C> {
    /// Who it names.
    pub caller: C,
    /// When it ends, in milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no token, is not ours, or is over. Final. The text is for the client and quotes nothing of the token.
    #[error("{0}")]
    Invalid(&'static str),
    /// It cannot be checked just now. Not the token's fault.
    #[error("the token cannot be checked just now")]
    Unchecked,
}

/// The machine could not: never shown as the function's failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Too much at once; nothing happened.
    #[error("overloaded, retry after {}ms", retry_after.as_millis())]
    Overloaded {
        /// When trying again makes sense.
        retry_after: Duration,
    },
    /// Nothing happened, and it would not now.
    #[error("unavailable")]
    Unavailable,
    /// It may have happened or not: only the request's key tells.
    #[error("the outcome is unknown")]
    Unknown,
    /// A defect of ours. The detail is in the log.
    #[error("internal error")]
    Internal,
}

/// Tells of changes to what a caller can read.
pub trait Changes: Send + 'static {
    /// Waits until something that the caller can read may have changed since the last call. Cancel-safe; several changes
    /// may be told as one.
    ///
    /// # Errors
    /// When there will be no more: the process is stopping.
    fn changed(&mut self) -> impl Future<Output = Result<(), Trouble>> + Send;
}

/// The product. `Option<&Caller>` is `None` for somebody who is not signed in.
pub trait Product: Send + Sync + 'static {
    /// Who acts. Two tokens of one user and session give equal callers.
    type Caller: Clone + PartialEq + Send + Sync + 'static;
    /// One consistent, durable point of everything that a caller can read. Cheap to clone; not to be kept.
    type Snapshot: Clone + Send + Sync + 'static;
    /// What a query read. Small.
    type Reads: Clone + Send + Sync + 'static;
    /// See [`Changes`].
    type Changes: Changes;

    /// Checks a token.
    ///
    /// # Errors
    /// See [`Refused`].
    fn authenticate(
        &self,
        token: &str,
    ) -> impl Future<Output = Result<Admitted<Self::Caller>, Refused>> + Send;

    /// The caller's session was not ended meanwhile. Cheap; asked before each use.
    ///
    /// # Errors
    /// When that cannot be told now.
    fn is_live(&self, caller: &Self::Caller) -> impl Future<Output = Result<bool, Trouble>> + Send;

    /// Subscribes to changes. Subscribe first and read afterwards, and no change is missed.
    ///
    /// # Errors
    /// When there are too many subscriptions.
    fn watch(&self, caller: Option<&Self::Caller>) -> Result<Self::Changes, Trouble>;

    /// The newest snapshot.
    ///
    /// # Errors
    /// When it cannot be read now.
    fn snapshot(
        &self,
        caller: Option<&Self::Caller>,
    ) -> impl Future<Output = Result<Self::Snapshot, Trouble>> + Send;

    /// The newest commit in a snapshot: it shows all of this caller's commits up to there.
    fn ts(&self, snapshot: &Self::Snapshot) -> Ts;

    /// The newest commit of all, for [`Product::snapshot`]s to come.
    fn newest(&self) -> Ts;

    /// The client saw this point: snapshots from now on are not before it, also when the state was restored from a backup.
    /// A point that no clock can have reached yet is refused.
    ///
    /// # Errors
    /// When it lies ahead of the clock.
    fn observed(&self, ts: Ts) -> Result<(), Trouble>;

    /// Evaluates a query. The same snapshot, arguments and journal give the same outcome.
    ///
    /// # Errors
    /// When the machine could not.
    fn query(
        &self,
        caller: Option<&Self::Caller>,
        snapshot: &Self::Snapshot,
        call: &Call,
        journal: Option<&str>,
    ) -> impl Future<Output = Result<Answered<Self::Reads>, Trouble>> + Send;

    /// Something that was read has changed after `since` in this snapshot.
    fn is_stale(&self, reads: &Self::Reads, since: Ts, snapshot: &Self::Snapshot) -> bool;

    /// Runs a mutation; with a key, at most once.
    ///
    /// # Errors
    /// When the machine could not.
    fn mutate(
        &self,
        caller: Option<&Self::Caller>,
        call: &Call,
        key: Option<&RequestKey>,
    ) -> impl Future<Output = Result<Mutated, Trouble>> + Send;

    /// Running it twice would be seen by third parties: never run without a key.
    fn is_seen_outside(&self, path: &str) -> bool;

    /// Runs an action.
    ///
    /// # Errors
    /// When the machine could not.
    fn act(
        &self,
        caller: Option<&Self::Caller>,
        call: &Call,
    ) -> impl Future<Output = Result<Outcome, Trouble>> + Send;

    /// Kind of a function; `None` when there is none of this path.
    fn kind(&self, path: &str) -> Option<Kind>;
}
