//! The sync protocol: what the official `convex` clients speak, over WebSocket and HTTP.

mod product;

pub use product::{
    Admitted, Answered, Call, Changes, Encoded, Failed, Kind, Mutated, Outcome, Product, Refused, RequestKey,
    Trouble, Ts,
};
