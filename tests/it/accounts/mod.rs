//! Accounts, as the internet meets them: sign-up, sessions, passwords, mails, Google, Instagram, and everybody who would
//! like to be somebody else.

pub(crate) mod browser;
mod connect;
mod cookies;
mod counts;
mod crowd;
mod csrf;
mod durable;
mod enumeration;
mod flood;
mod google;
mod host;
mod id_tokens;
mod limits;
mod platform;
mod program;
mod redirects;
mod routes;
mod secrets;
mod sessions;
mod tenancy;
