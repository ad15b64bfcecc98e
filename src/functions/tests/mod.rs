//! Functions over a running application on the memory engine: what clients call, and what they get.

mod account;
mod automations;
mod sidekick;
pub(super) mod world;
