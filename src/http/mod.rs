//! The front door: what every handler shares, and the one page of routes.

mod admin;
mod auth;
mod caller;
mod documents;
mod entrance;
mod error;
mod exports;
mod health;
mod import;
mod instagram;
mod limits;
mod mailbox;
mod provision;
mod realtime;
mod router;
mod storage;
mod webhook;

pub use caller::{Caller, Visitor};
pub use entrance::Entrance;
pub use error::{ApiError, Code};
pub use limits::WebhookLimits;
pub use router::{Door, router};
