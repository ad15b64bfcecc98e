//! The leaves of the auth endpoints: what the wire contract of Better Auth 1.7.25 says, in pure functions and behind
//! small ports.
//!
//! The contract is normative for bytes: cookie layout, signatures, messages, codes. Users, accounts and sessions are
//! entities and live elsewhere; here is what stands between them and the wire. Only [`answer`] knows the web framework.

pub mod address;
pub mod answer;
pub mod body;
pub mod cookie;
pub mod email;
pub mod email_token;
pub mod error;
pub mod google;
pub mod hashing;
pub mod mail;
mod oauth_failure;
pub mod origin;
pub mod parts;
pub mod password;
pub mod pkce;
pub mod random;
pub mod rate_limit;
pub mod redirect;
mod refusal;
pub mod secrets;
pub mod token;
pub mod validate;

/// The base path of every endpoint.
pub const BASE_PATH: &str = "/api/auth";
