//! Meta's wire types, signatures and client for Instagram.
//!
//! This room owns everything that changes when the platform's API changes: how a delivery is verified and cut into
//! items, what an item means, how a message is written, how an answer is read, and which error calls for what. It
//! knows nothing of entities, storage or the front door, takes every instant as a parameter, and keeps no state but
//! the connection pool of its [`client`].

pub mod client;
pub mod errors;
pub mod ids;
pub(crate) mod json;
pub mod outcome;
pub mod plain;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod send;
pub mod signature;
pub mod signed_request;
pub mod time;
pub mod usage;
pub mod webhook;
