//! Greenroom: the front door, the outlets and the composition root of the stateful backend.

pub mod config;
