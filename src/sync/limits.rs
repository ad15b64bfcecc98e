//! Bounds of the protocol. Those that an operator sets come from the configuration; the others are part of the contract.

use std::time::Duration;

/// Bytes of arguments of one call.
pub(super) const ARGUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of one message of a client, in one frame or several: arguments and what is around them.
pub(super) const MESSAGE_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Bytes of one HTTP body.
pub(super) const BODY_BYTES_MAX: usize = ARGUMENT_BYTES_MAX + 64 * 1024;
/// Time within which an HTTP body must have arrived.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// Queries in one `query_batch`.
pub(super) const BATCH_MAX: usize = 100;

/// A frame is due when nothing was sent for so long: browsers give up after 60 s.
pub(super) const PING_AFTER: Duration = Duration::from_secs(15);
/// Pings of the transport, for clients in other languages, which give up after 30 s.
pub(super) const TRANSPORT_PING_EVERY: Duration = Duration::from_secs(5);
/// A client of which nothing arrived for so long is gone.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(120);
/// A client that took nothing of what waits for it for so long does not read.
pub(super) const STALL_MAX: Duration = Duration::from_secs(60);
/// What a client sends when it connects is read for so long before the first transition.
pub(super) const BURST_WAIT: Duration = Duration::from_millis(5);
/// The first transition waits at most so long for the mutations that were sent again.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Changes within this span give one transition.
pub(super) const COALESCE: Duration = Duration::from_millis(5);
/// A mutation that runs longer has an unknown outcome.
pub(super) const MUTATION_TIME_MAX: Duration = Duration::from_secs(60);
/// A token is good for so long after its end, and a clock may be off by as much.
pub(super) const EXPIRY_LEEWAY: Duration = Duration::from_secs(5);
/// A point that a client saw may lie ahead of the clock by so much, which is then waited for.
pub(super) const OBSERVED_AHEAD_MAX: Duration = Duration::from_secs(60);
/// Evaluations that failed for want of room are tried again so often.
pub(super) const RETRIES_MAX: u32 = 3;
/// Transitions that wait for the socket.
pub(super) const UNSENT_TRANSITIONS_MAX: usize = 2;
/// Queries of one transition that are evaluated at the same time.
pub(super) const PARALLEL_QUERIES_MAX: usize = 20;
/// Subscriptions that ended and were not told yet.
pub(super) const REMOVED_MAX: usize = 16 * 1024;
/// A refused subscription keeps its place in the client, so it is kept too, up to so many times the allowed number.
pub(super) const REFUSED_FACTOR: usize = 4;
/// Longest message of a failure, in bytes.
pub(super) const FAILURE_BYTES_MAX: usize = 4 * 1024;

/// What one connection may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Mutations that wait, and actions that run.
    pub requests_max: usize,
    /// The same for somebody who is not signed in.
    pub anonymous_requests_max: usize,
    /// Subscriptions; further ones fail.
    pub queries_max: usize,
    /// The same for somebody who is not signed in.
    pub anonymous_queries_max: usize,
    /// Bytes of arguments that are held: of subscriptions, waiting mutations and running actions.
    pub held_bytes_max: usize,
    /// Bytes that wait for the socket.
    pub queued_bytes_max: usize,
    /// Text of a transition above which it is sent in parts, in bytes, and the size of a part.
    pub chunk_bytes: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            requests_max: 1000,
            anonymous_requests_max: 32,
            queries_max: 1000,
            anonymous_queries_max: 64,
            held_bytes_max: 32 * 1024 * 1024,
            queued_bytes_max: 48 * 1024 * 1024,
            chunk_bytes: 5_000_000,
        }
    }
}

/// Bounds of the whole room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at the same time.
    pub connections_max: usize,
    /// The same from one client address.
    pub connections_per_address_max: usize,
    /// Bytes that all connections together hold: arguments, and frames that wait for their sockets.
    pub held_bytes_max: usize,
    /// Bytes of HTTP bodies in memory at once.
    pub body_bytes_max: usize,
    /// HTTP calls worked on at once.
    pub calls_max: usize,
    /// Actions running at once, those of closed connections among them.
    pub actions_max: usize,
    /// When the server stops, connections are closed spread over this span.
    pub close_spread: Duration,
    /// What one connection may hold.
    pub connection: ConnectionLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            connections_per_address_max: 1024,
            held_bytes_max: 512 * 1024 * 1024,
            body_bytes_max: 128 * 1024 * 1024,
            calls_max: 1024,
            actions_max: 4096,
            close_spread: Duration::from_secs(3),
            connection: ConnectionLimits::default(),
        }
    }
}
