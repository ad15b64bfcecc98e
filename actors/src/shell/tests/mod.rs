//! The shell with a small entity, on the memory engine, with a clock that the tests move.

mod chaos;
mod commands;
mod effects;
mod erasure;
mod ledger;
mod lifecycle;
mod model;
mod poison;
mod recovery;
mod stage;
mod timers;
