//! Scenarios of the engine: a workspace, things that happen, and what must follow.

mod comments;
mod connections;
mod golden;
mod hints;
mod histories;
mod locks;
mod mass;
mod permissions;
mod scenes;
mod takeovers;
mod world;
