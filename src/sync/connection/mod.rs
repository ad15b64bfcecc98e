//! One connection: a state machine without sockets, clocks or tasks, and the shell that runs it.
//!
//! [`Core`] takes what happened (a frame, a result, a change, an instant) and leaves what is to be done: frames to write, calls
//! to run, the end. The rules R1 to R10 of the contract stand in it and nowhere else.

mod calls;
mod core;
mod identity;
mod outgoing;
mod queries;
mod requests;
mod shell;
mod time;
mod transition;

pub(super) use self::{
    core::{Client, End},
    outgoing::{Close, Frame},
    requests::Run,
    shell::run,
};
#[cfg(test)]
pub(super) use self::{
    core::{Core, Output},
    queries::Evaluation,
};
