//! The engines: one set of promises, kept in different ways.

pub mod memory;
