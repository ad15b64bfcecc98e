//! The sync protocol: what the official `convex` clients speak, over WebSocket and HTTP.

mod admission;
mod connection;
mod failure;
mod http;
mod lanes;
mod limits;
mod message;
mod metric_definitions;
mod path;
mod product;
mod recent;
mod room;
mod routes;
mod socket;
#[cfg(test)]
mod testing;
mod value;

pub(crate) use http::cors::allow as allow_any_origin;
pub use limits::{ConnectionLimits, Limits};
pub use product::{
    Admitted, Answered, Call, Changes, Encoded, Failed, Kind, Mutated, Outcome, Product, Refused, RequestKey,
    Trouble, Ts,
};
pub use room::Sync;
pub use routes::routes;
pub use value::{Format, Value, ValueError};
