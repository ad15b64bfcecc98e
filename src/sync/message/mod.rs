//! Messages on the wire: one JSON object per text frame, both ways.

mod client;
mod server;
mod ts;

pub(super) use client::{ClientMessage, Malformed, Modification, Request, Token, coded, too_many_arguments};
pub(super) use server::{
    Change, Response, StateVersion, Transition, auth_error, chunks, fatal_error, ping, response,
};
