//! Functions over a running application on the memory engine: what clients call, and what they get.

mod account;
mod automations;
mod contacts;
mod conversations;
mod pages;
mod reads;
mod realtime;
mod sidekick;
pub(super) mod world;
