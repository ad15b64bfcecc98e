//! Every metric of the sync protocol: name, unit, meaning. Labels come from closed sets.

use super::connection::Close;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// Connections that are open.
pub(super) const CONNECTIONS: &str = "greenroom_sync_connections";
/// Connections that were not let in.
pub(super) const REFUSED: &str = "greenroom_sync_connections_refused_total";
/// Connections that the server ended, by `reason`.
pub(super) const CLOSED: &str = "greenroom_sync_connections_closed_total";
/// Transitions that were queued for a socket.
pub(super) const TRANSITIONS: &str = "greenroom_sync_transitions_total";
/// Subscriptions that a transition looked at, by `outcome`.
pub(super) const QUERIES: &str = "greenroom_sync_queries_total";
/// Calls that were run, by `kind`: mutations and actions of either side.
pub(super) const CALLS: &str = "greenroom_sync_calls_total";

/// Handles to what every connection moves, looked up once.
pub(super) struct Counters {
    /// [`CONNECTIONS`].
    pub(super) connections: Gauge,
    /// [`REFUSED`].
    pub(super) refused: Counter,
    /// [`TRANSITIONS`].
    pub(super) transitions: Counter,
    /// [`QUERIES`] that were evaluated.
    pub(super) evaluated: Counter,
    /// [`QUERIES`] that nothing had happened to.
    pub(super) skipped: Counter,
    /// [`CALLS`] of mutations.
    pub(super) mutations: Counter,
    /// [`CALLS`] of actions.
    pub(super) actions: Counter,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            connections: gauge!(CONNECTIONS),
            refused: counter!(REFUSED),
            transitions: counter!(TRANSITIONS),
            evaluated: counter!(QUERIES, "outcome" => "evaluated"),
            skipped: counter!(QUERIES, "outcome" => "skipped"),
            mutations: counter!(CALLS, "kind" => "mutation"),
            actions: counter!(CALLS, "kind" => "action"),
        }
    }
}

/// Counts a connection that the server ends.
pub(super) fn closed(close: Close) {
    let reason = match close {
        Close::SAID => "told",
        Close::TROUBLE => "trouble",
        Close::OVERLOAD => "overload",
        Close::RESTART => "restart",
        _ => "silent",
    };
    counter!(CLOSED, "reason" => reason).increment(1);
}

/// Registers the descriptions.
pub(super) fn describe() {
    describe_gauge!(CONNECTIONS, "live connections that are open");
    describe_counter!(REFUSED, "live connections that were not let in");
    describe_counter!(CLOSED, "live connections that the server ended, by reason");
    describe_counter!(TRANSITIONS, "transitions that were queued for a live connection");
    describe_counter!(QUERIES, "subscriptions that a transition looked at, by outcome");
    describe_counter!(CALLS, "mutations and actions that were run, by kind");
}
