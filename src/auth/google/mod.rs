//! Sign-in with Google: the authorization address, the exchange of codes, and what an id token proves.

mod authorize;
mod client;
mod id_token;
mod keys;

pub use authorize::{Authorization, RESERVED_PARAMETERS, RESERVED_PROBLEM, SCOPES};
pub use client::{ExchangeError, GoogleClient, GoogleClientError, Tokens};
pub use id_token::{IdTokenError, Person, Rules};

#[cfg(test)]
mod tests;
