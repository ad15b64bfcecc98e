//! The engines: one set of promises, kept in different ways.

#[cfg(feature = "embedded")]
pub mod embedded;
pub mod memory;
