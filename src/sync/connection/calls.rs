//! Mutations and actions: taken, run in order or at once, answered.

use super::{
    core::{Core, End, Output, close_of},
    outgoing::Close,
    requests::{Run, Waiting},
};
use crate::sync::{
    Failed, Mutated, Outcome, RequestKey, Trouble, Ts, failure,
    message::{self, Request, Response},
};
use greenroom_actors::Timestamp;

impl<C: Clone + PartialEq, R> Core<C, R> {
    pub(super) fn mutation(&mut self, now: Timestamp, request: Request) {
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

    pub(super) fn action(&mut self, now: Timestamp, request: Request) {
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

    fn requests_max(&self) -> usize {
        match self.caller {
            Some(_) => self.limits.requests_max,
            None => self.limits.anonymous_requests_max,
        }
    }
}
