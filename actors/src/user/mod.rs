//! The user entity: one workspace, its contacts, automations and replies. Decides whether to answer, and what.

pub mod decision;
pub mod inbound;
pub mod knowledge;
pub mod model;
pub mod settings;
