//! Functions over a running application on the memory engine: what clients call, and what they get.

mod automations;
pub(super) mod world;
