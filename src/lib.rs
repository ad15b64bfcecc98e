//! Greenroom: the front door, the outlets and the composition root of the stateful backend.

pub mod clock;
pub mod config;
pub mod explain;
pub mod inbound;
pub mod keys;
pub mod metric_definitions;
pub mod shutdown;
pub mod telemetry;
