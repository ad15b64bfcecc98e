//! The sync protocol: what the official `convex` clients speak, over WebSocket and HTTP.

#[allow(dead_code, unused_imports, reason = "the connection, which uses it, comes next")]
mod message;
#[allow(dead_code, reason = "the connection, which uses it, comes next")]
mod path;
mod product;
mod value;

pub use product::{
    Admitted, Answered, Call, Changes, Encoded, Failed, Kind, Mutated, Outcome, Product, Refused, RequestKey,
    Trouble, Ts,
};
pub use value::{Format, Value, ValueError};
