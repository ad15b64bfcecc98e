//! The state machine of a connection: messages, identity and time.

use super::{
    outgoing::{Close, Frame, Outgoing},
    queries::Queries,
    requests::{Requests, Run, Waiting},
    transition::Work,
};
use crate::sync::{
    Admitted, Failed, Mutated, Outcome, Refused, RequestKey, Trouble, Ts,
    failure::{self, RequestIds},
    limits::{
        ConnectionLimits, EXPIRY_LEEWAY, MUTATION_TIME_MAX, OBSERVED_AHEAD_MAX, PING_AFTER, SILENCE_MAX,
        STALL_MAX, TRANSPORT_PING_EVERY,
    },
    message::{self, ClientMessage, Malformed, Modification, Request, Response, StateVersion, Token},
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
enum Blocked {
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
    session: Option<Arc<str>>,
    pub(super) skew_ms: Option<f64>,
    blocked: Option<Blocked>,
    pub(super) caller: Option<C>,
    expires_at: Option<Timestamp>,
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
    sent_at: Timestamp,
    written_at: Timestamp,
    heard_at: Timestamp,
    pinged_at: Timestamp,
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

    fn authenticate(&mut self, now: Timestamp, base: u32, token: Token) -> Result<(), Malformed> {
        if base != self.rx.identity {
            return Err(Malformed("the base version does not match the version of the identity"));
        }
        match token {
            Token::None => self.become_caller(None, None),
            Token::Admin => self.refuse(now, "administrators do not come this way"),
            Token::User(token) => {
                self.blocked = Some(Blocked::Verifying);
                self.out.push_back(Output::Verify(token));
            }
        }
        Ok(())
    }

    /// A token was checked.
    pub(in crate::sync) fn verified(&mut self, now: Timestamp, result: Result<Admitted<C>, Refused>) {
        if self.closed || self.blocked != Some(Blocked::Verifying) {
            return;
        }
        self.blocked = None;
        match result {
            Ok(admitted) => {
                let expires_at = Timestamp::from_millis(admitted.expires_at_ms);
                if is_over(expires_at, now) {
                    self.refuse(now, "the token has expired");
                } else {
                    self.become_caller(Some(admitted.caller), Some(expires_at));
                }
            }
            Err(Refused::Invalid(why)) => self.refuse(now, why),
            // A refusal would sign the user out for a fault that is not the token's.
            Err(Refused::Unchecked) => self.close(Close::TROUBLE),
        }
        self.advance(now);
    }

    fn refuse(&mut self, now: Timestamp, why: &str) {
        self.send(now, message::auth_error(why, self.rx.identity, true).into(), false);
        self.close(Close::SAID);
    }

    fn become_caller(&mut self, caller: Option<C>, expires_at: Option<Timestamp>) {
        // A fresh token of the same user changes nothing that queries see.
        if caller != self.caller {
            self.epoch += 1;
            self.caller = caller;
            self.abandon();
        }
        self.expires_at = expires_at;
        self.rx.identity += 1;
    }

    /// The token is over, and so is everything under it. `true` when it was, which ends the connection.
    pub(super) fn ends_expired(&mut self, now: Timestamp) -> bool {
        let is_expired = self.expires_at.is_some_and(|expires_at| is_over(expires_at, now));
        if is_expired {
            self.end_identity(now, "the token has expired");
        }
        is_expired
    }

    fn end_identity(&mut self, now: Timestamp, why: &str) {
        if !self.closed {
            self.send(now, message::auth_error(why, self.version.identity, false).into(), false);
            self.close(Close::SAID);
        }
    }

    /// The caller's session was ended meanwhile: like a token that is over, so that the client asks for another one.
    pub(in crate::sync) fn revoked(&mut self, now: Timestamp) {
        self.end_identity(now, "the session has ended");
    }

    fn mutation(&mut self, now: Timestamp, request: Request) {
        if self.ends_expired(now) {
            return;
        }
        if self.requests.waiting() >= self.requests_max() {
            return self.close(Close::OVERLOAD);
        }
        self.requests.wait(match request.call {
            Ok(call) => {
                let session = self.session.clone();
                let key = session.map(|session| RequestKey { session, request: request.id });
                Waiting::Run(Run { request: request.id, call, caller: self.caller.clone(), key })
            }
            Err(failed) => Waiting::Failed(request.id, failed),
        });
        self.run_next(now);
    }

    fn run_next(&mut self, now: Timestamp) {
        while let Some(next) = self.requests.next(now) {
            match next {
                Waiting::Run(run) => self.out.push_back(Output::Mutate(run)),
                Waiting::Failed(request, failed) => {
                    self.respond(now, request, |outcome| Response::Mutation(outcome, Ts(0)), Err(failed));
                }
            }
        }
    }

    /// The running mutation has ended.
    pub(in crate::sync) fn mutated(&mut self, now: Timestamp, request: u32, end: End<Mutated>) {
        if self.closed || self.requests.running().is_none_or(|running| running.request != request) {
            return;
        }
        self.requests.finish();
        match end {
            End::Done(Mutated { outcome, ts }) => {
                if outcome.is_ok() {
                    self.answered = self.answered.max(ts);
                    self.force = true;
                }
                self.respond(now, request, |outcome| Response::Mutation(outcome, ts), outcome);
                self.run_next(now);
            }
            // An answer would be final; the client asks again with the same key when it is back.
            End::Trouble(trouble) => self.close(close_of(&trouble)),
            End::Revoked => self.revoked(now),
            End::Unkeyed => self.close(Close::RESTART),
        }
        self.release(now);
        self.advance(now);
    }

    fn action(&mut self, now: Timestamp, request: Request) {
        if self.ends_expired(now) {
            return;
        }
        if self.requests.actions() >= self.requests_max() {
            return self.close(Close::OVERLOAD);
        }
        match request.call {
            Ok(call) => {
                let run = Run { request: request.id, call, caller: self.caller.clone(), key: None };
                self.requests.act(run.bytes());
                self.out.push_back(Output::Act(run));
            }
            Err(failed) => self.respond(now, request.id, Response::Action, Err(failed)),
        }
    }

    /// An action has ended that held so many bytes.
    pub(in crate::sync) fn acted(&mut self, now: Timestamp, request: u32, bytes: usize, end: End<Outcome>) {
        if self.closed {
            return;
        }
        self.requests.acted(bytes);
        match end {
            End::Done(outcome) => self.respond(now, request, Response::Action, outcome),
            End::Trouble(Trouble::Overloaded { .. }) => self.close(Close::OVERLOAD),
            // Clients never send an action again, so they are told.
            End::Trouble(_) | End::Unkeyed => {
                self.respond(now, request, Response::Action, Err(failure::internal()));
            }
            End::Revoked => self.revoked(now),
        }
        self.advance(now);
    }

    fn respond(
        &mut self,
        now: Timestamp,
        request: u32,
        response: impl FnOnce(Outcome) -> Response,
        outcome: Outcome,
    ) {
        let outcome = outcome.map_err(|failed: Failed| failure::named(failed, &mut self.ids));
        self.send(now, message::response(request, &response(outcome)).into(), false);
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

    /// Time has passed.
    pub(in crate::sync) fn tick(&mut self, now: Timestamp) {
        if self.closed {
            return;
        }
        if now.since(self.heard_at) >= SILENCE_MAX {
            return self.close(Close::GONE);
        }
        if self.outgoing.frames > 0 && now.since(self.written_at) >= STALL_MAX {
            return self.close(Close::OVERLOAD);
        }
        if self.requests.running().is_some_and(|running| now.since(running.since) >= MUTATION_TIME_MAX) {
            return self.close(Close::TROUBLE);
        }
        if let Some(Blocked::Ahead(ts, until)) = self.blocked
            && now >= until
        {
            self.blocked = Some(Blocked::Observing(ts));
            self.out.push_back(Output::Observe(ts));
        }
        if self.outgoing.frames == 0 {
            if now.since(self.sent_at) >= PING_AFTER {
                self.send(now, message::ping().into(), false);
            }
            if now.since(self.pinged_at) >= TRANSPORT_PING_EVERY {
                self.pinged_at = now;
                self.out.push_back(Output::Ping);
            }
        }
        self.advance(now);
    }

    /// When [`Core::tick`] is due if nothing else happens.
    pub(in crate::sync) fn next_tick(&self) -> Timestamp {
        let silence = self.heard_at + SILENCE_MAX;
        let sending = match self.outgoing.frames {
            0 => (self.sent_at + PING_AFTER).min(self.pinged_at + TRANSPORT_PING_EVERY),
            _ => self.written_at + STALL_MAX,
        };
        let mutation = self.requests.running().map(|running| running.since + MUTATION_TIME_MAX);
        let ahead = match self.blocked {
            Some(Blocked::Ahead(_, until)) => Some(until),
            _ => None,
        };
        let due = [mutation, ahead, self.transition_due()];
        due.into_iter().flatten().fold(silence.min(sending), Timestamp::min)
    }

    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    fn requests_max(&self) -> usize {
        match self.caller {
            Some(_) => self.limits.requests_max,
            None => self.limits.anonymous_requests_max,
        }
    }

    fn queries_max(&self) -> usize {
        match self.caller {
            Some(_) => self.limits.queries_max,
            None => self.limits.anonymous_queries_max,
        }
    }
}

fn is_over(expires_at: Timestamp, now: Timestamp) -> bool {
    now >= expires_at + EXPIRY_LEEWAY
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
