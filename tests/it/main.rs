//! The product seen from outside: the real front door over real sockets, with the sandbox as the platform.
//!
//! Every test has its own server, sandbox and data. Time is a clock that both share and that moves only when a test
//! moves it (see [`world::World::pass`]); nothing sleeps.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests: helpers fail loudly, and start the tasks of the servers under test"
)]

mod accounts;
mod behaviour;
mod cli;
mod demo;
mod door;
mod ends;
mod erasure;
mod fuzz;
mod logs;
mod operator;
mod outages;
mod pacing;
mod realtime;
mod redelivery;
mod rotation;
mod upkeep;
mod uploads;
mod world;
