//! The front door: what every handler shares, and the one page of routes.

mod admin;
mod entrance;
mod error;
mod health;
mod limits;
mod provision;
mod router;
mod webhook;

pub use entrance::Entrance;
pub use error::{ApiError, Code};
pub use limits::WebhookLimits;
pub use router::{Door, router};
