//! Scenarios of the engine: a workspace, things that happen, and what must follow.

mod backlog;
mod by_hand;
mod comments;
mod connections;
mod data_deletion;
mod deciding;
mod explaining;
mod golden;
mod hints;
mod histories;
mod locks;
mod mass;
mod meanwhile;
mod permissions;
mod postless;
mod profiles;
mod quiet_hours;
mod receiving;
mod requests;
mod rules;
mod sending;
mod takeovers;
mod taking_back;
mod upkeep;
mod waiting;
mod world;
