//! Taking over what a previous deployment stored.

pub mod identities;
mod row;
