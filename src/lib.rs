//! Greenroom: the front door, the outlets and the composition root of the stateful backend.

pub mod auth;
pub mod cli;
pub mod cli_api;
pub mod clock;
pub mod config;
pub mod connect;
pub mod delivery;
pub mod demo;
pub mod erasure;
pub mod explain;
pub mod http;
pub mod identities;
pub mod import;
pub mod inbound;
pub mod keys;
pub mod metric_definitions;
pub mod outbox_view;
pub mod outlets;
pub mod parts;
pub mod quarantine_view;
pub mod running;
pub mod send_stop;
pub mod server;
pub mod shutdown;
pub mod telemetry;
pub mod unrouted;
