//! The state machine of a connection: its state, and the messages that change what is subscribed.

use super::{
    outgoing::{Close, Frame, Outgoing},
    queries::Queries,
    requests::{Requests, Run},
    transition::Work,
};
use crate::sync::{
    Trouble, Ts,
    failure::RequestIds,
    limits::{ConnectionLimits, OBSERVED_AHEAD_MAX},
    message::{self, ClientMessage, Malformed, Modification, StateVersion},
};
use greenroom_actors::Timestamp;
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// Pause before a point that a client saw is tried again.
const OBSERVE_AGAIN: Duration = Duration::from_millis(100);
/// Nanoseconds of a millisecond.
pub(super) const NS_PER_MS: u64 = 1_000_000;

/// What is known of a client before its first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) struct Client {
    /// It puts transitions together that come in parts.
    pub takes_chunks: bool,
}

/// What is to be done, in this order.
#[derive(Debug)]
pub(in crate::sync) enum Output<C> {
    /// Write a frame.
    Frame(Frame),
    /// Send a ping of the transport.
    Ping,
    /// Tell the product what the client saw, then [`Core::observed`].
    Observe(Ts),
    /// Check a token, then [`Core::verified`]. Until then no message may be handed in.
    Verify(String),
    /// Run a mutation, then [`Core::mutated`].
    Mutate(Run<C>),
    /// Run an action, then [`Core::acted`].
    Act(Run<C>),
    /// Take a snapshot, [`Core::plan`], evaluate, then [`Core::evaluated`]; or [`Core::not_evaluated`].
    Snapshot {
        /// Which attempt; to be handed back.
        serial: u64,
        /// For whom.
        caller: Option<C>,
    },
    /// Write what waits, then close. Nothing follows.
    Close(Close),
}

/// How a call ended that the connection asked for.
#[derive(Debug)]
pub(in crate::sync) enum End<T> {
    /// It ran.
    Done(T),
    /// It could not.
    Trouble(Trouble),
    /// It did not run: the caller's session was ended meanwhile.
    Revoked,
    /// It did not run: it must not without a key, and this connection has none.
    Unkeyed,
}

/// What no message is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// A token is being checked.
    Verifying,
    /// The product is being told what the client saw.
    Observing(Ts),
    /// The clock has to pass what the client saw.
    Ahead(Ts, Timestamp),
}

/// The state of a connection, for callers `C` and reads `R`.
#[derive(Debug)]
pub(in crate::sync) struct Core<C, R> {
    pub(super) limits: Arc<ConnectionLimits>,
    pub(super) client: Client,
    pub(super) ids: RequestIds,
    pub(super) out: VecDeque<Output<C>>,
    pub(super) outgoing: Outgoing,
    pub(super) closed: bool,
    pub(super) session: Option<Arc<str>>,
    pub(super) skew_ms: Option<f64>,
    pub(super) blocked: Option<Blocked>,
    pub(super) caller: Option<C>,
    pub(super) expires_at: Option<Timestamp>,
    /// Counts the callers: results of another epoch are results for somebody else.
    pub(super) epoch: u64,
    /// What was accepted.
    pub(super) rx: StateVersion,
    /// Where the last transition ended.
    pub(super) version: StateVersion,
    pub(super) queries: Queries<R>,
    pub(super) requests: Requests<C>,
    /// Newest commit that was answered.
    pub(super) answered: Ts,
    /// A commit was answered and no transition covers it yet.
    pub(super) force: bool,
    /// Something changed that a query may have read.
    pub(super) changed_at: Option<Timestamp>,
    pub(super) first_message_at: Option<Timestamp>,
    pub(super) work: Work<R>,
    pub(super) serial: u64,
    pub(super) retries: u32,
    pub(super) retry_at: Option<Timestamp>,
    connected_at: Timestamp,
    pub(super) sent_at: Timestamp,
    pub(super) written_at: Timestamp,
    pub(super) heard_at: Timestamp,
    pub(super) pinged_at: Timestamp,
}

impl<C: Clone + PartialEq, R> Core<C, R> {
    /// A connection that was just opened.
    pub(in crate::sync) fn new(
        now: Timestamp,
        client: Client,
        limits: Arc<ConnectionLimits>,
        seed: u64,
    ) -> Self {
        Self {
            limits,
            client,
            ids: RequestIds::new(seed),
            out: VecDeque::new(),
            outgoing: Outgoing::default(),
            closed: false,
            session: None,
            skew_ms: None,
            blocked: None,
            caller: None,
            expires_at: None,
            epoch: 0,
            rx: StateVersion::default(),
            version: StateVersion::default(),
            queries: Queries::default(),
            requests: Requests::default(),
            answered: Ts(0),
            force: false,
            changed_at: None,
            first_message_at: None,
            work: Work::Idle,
            serial: 0,
            retries: 0,
            retry_at: None,
            connected_at: now,
            sent_at: now,
            written_at: now,
            heard_at: now,
            pinged_at: now,
        }
    }

    /// The next thing to do.
    pub(in crate::sync) fn take(&mut self) -> Option<Output<C>> {
        let next = self.out.pop_front();
        if self.out.is_empty() {
            self.out.shrink_to(4);
        }
        next
    }

    /// Whoever it acts for.
    pub(in crate::sync) const fn caller(&self) -> Option<&C> {
        self.caller.as_ref()
    }

    /// Name of the client object, once it is known.
    pub(in crate::sync) const fn session(&self) -> Option<&Arc<str>> {
        self.session.as_ref()
    }

    /// Messages may be handed in.
    pub(in crate::sync) const fn takes_messages(&self) -> bool {
        self.blocked.is_none() && !self.closed
    }

    /// Nothing has to be told about changes: nothing is subscribed.
    pub(in crate::sync) fn is_unsubscribed(&self) -> bool {
        self.queries.is_empty()
    }

    /// Number of subscriptions.
    pub(in crate::sync) fn subscriptions(&self) -> usize {
        self.queries.len()
    }

    /// Bytes that it holds for its client.
    pub(in crate::sync) const fn held_bytes(&self) -> usize {
        self.queries.bytes() + self.requests.bytes() + self.outgoing.bytes
    }

    /// A frame arrived, of whatever kind.
    pub(in crate::sync) const fn heard(&mut self, now: Timestamp) {
        self.heard_at = now;
    }

    /// A text frame arrived.
    pub(in crate::sync) fn message(&mut self, now: Timestamp, text: &str) {
        if self.closed {
            return;
        }
        self.first_message_at.get_or_insert(now);
        let done = match ClientMessage::parse(text) {
            Ok(message) => self.process(now, message),
            Err(malformed) => Err(malformed),
        };
        if let Err(Malformed(why)) = done {
            self.fatal(now, why);
        }
        self.advance(now);
    }

    /// A frame arrived that is not allowed.
    pub(in crate::sync) fn fatal(&mut self, now: Timestamp, why: &str) {
        if !self.closed {
            self.send(now, message::fatal_error(why).into(), false);
            self.close(Close::SAID);
        }
    }

    /// Closes, after what was queued.
    pub(in crate::sync) fn close(&mut self, close: Close) {
        if !self.closed {
            self.closed = true;
            self.out.push_back(Output::Close(close));
        }
    }

    fn process(&mut self, now: Timestamp, message: ClientMessage) -> Result<(), Malformed> {
        match message {
            ClientMessage::Connect { session, observed, clock_ms } => {
                self.connect(now, session, observed, clock_ms)?;
            }
            ClientMessage::ModifyQuerySet { base, new, modifications } => {
                self.modify(base, new, modifications)?;
            }
            ClientMessage::Authenticate { base, token } => self.authenticate(now, base, token)?,
            ClientMessage::Mutation(request) => self.mutation(now, request),
            ClientMessage::Action(request) => self.action(now, request),
            ClientMessage::Event => {}
        }
        if self.held_bytes() - self.outgoing.bytes > self.limits.held_bytes_max {
            self.close(Close::OVERLOAD);
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a skew is shown to people and never decides anything")]
    fn connect(
        &mut self,
        now: Timestamp,
        session: Arc<str>,
        observed: Option<Ts>,
        clock_ms: Option<f64>,
    ) -> Result<(), Malformed> {
        if self.session.is_some() {
            return Err(Malformed("Connect comes once"));
        }
        self.session = Some(session);
        self.skew_ms = clock_ms.map(|clock| clock - now.as_millis() as f64);
        if let Some(ts) = observed {
            self.blocked = Some(Blocked::Observing(ts));
            self.out.push_back(Output::Observe(ts));
        }
        Ok(())
    }

    /// The product was told what the client saw.
    pub(in crate::sync) fn observed(&mut self, now: Timestamp, result: Result<(), Trouble>) {
        let Some(Blocked::Observing(ts)) = self.blocked else { return };
        self.blocked = None;
        if result.is_err() {
            let ahead = Duration::from_nanos(ts.0.saturating_sub(now_ns(self.connected_at)));
            let has_waited = now.since(self.connected_at) > OBSERVED_AHEAD_MAX;
            if ahead > OBSERVED_AHEAD_MAX || has_waited {
                self.close(Close::TROUBLE);
            } else {
                let left = Duration::from_nanos(ts.0.saturating_sub(now_ns(now)));
                self.blocked = Some(Blocked::Ahead(ts, now + left.max(OBSERVE_AGAIN)));
            }
        }
        self.advance(now);
    }

    fn modify(&mut self, base: u32, new: u32, modifications: Vec<Modification>) -> Result<(), Malformed> {
        if base != self.rx.query_set || Some(new) != base.checked_add(1) {
            return Err(Malformed("the base version does not match the version of the query set"));
        }
        let max = self.queries_max();
        for modification in modifications {
            self.queries.modify(modification, max)?;
        }
        self.rx.query_set = new;
        if self.queries.check(max).is_err() {
            self.close(Close::OVERLOAD);
        }
        Ok(())
    }

    pub(super) fn send(
        &mut self,
        now: Timestamp,
        text: std::borrow::Cow<'static, str>,
        ends_transition: bool,
    ) {
        if self.closed {
            return;
        }
        if self.outgoing.frames == 0 {
            self.written_at = now;
        }
        self.sent_at = now;
        let frame = Frame { text, ends_transition };
        self.outgoing.queued(&frame);
        self.out.push_back(Output::Frame(frame));
        if self.outgoing.bytes > self.limits.queued_bytes_max {
            self.close(Close::OVERLOAD);
        }
    }

    /// A frame has left.
    pub(in crate::sync) fn written(&mut self, now: Timestamp, bytes: usize, ended_transition: bool) {
        self.outgoing.written(bytes, ended_transition);
        self.written_at = now;
        self.advance(now);
    }

    /// Something may have changed that the caller can read.
    pub(in crate::sync) fn changed(&mut self, now: Timestamp) {
        self.changed_at.get_or_insert(now);
        self.advance(now);
    }

    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    fn queries_max(&self) -> usize {
        match self.caller {
            Some(_) => self.limits.queries_max,
            None => self.limits.anonymous_queries_max,
        }
    }
}

/// The clock in nanoseconds since 1970.
pub(super) fn now_ns(now: Timestamp) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(0).saturating_mul(NS_PER_MS)
}

pub(super) const fn close_of(trouble: &Trouble) -> Close {
    match trouble {
        Trouble::Overloaded { .. } => Close::OVERLOAD,
        Trouble::Unavailable | Trouble::Unknown | Trouble::Internal => Close::TROUBLE,
    }
}
