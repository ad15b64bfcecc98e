//! As whom a connection acts: tokens, and their end.

use super::{
    core::{Blocked, Core, Output},
    outgoing::Close,
};
use crate::sync::{
    Admitted, Refused,
    limits::EXPIRY_LEEWAY,
    message::{self, Malformed, Token},
};
use greenroom_actors::Timestamp;

impl<C: Clone + PartialEq, R> Core<C, R> {
    pub(super) fn authenticate(&mut self, now: Timestamp, base: u32, token: Token) -> Result<(), Malformed> {
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
}

fn is_over(expires_at: Timestamp, now: Timestamp) -> bool {
    now >= expires_at + EXPIRY_LEEWAY
}
