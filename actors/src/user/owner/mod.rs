//! What the owner asks for, a file a subject: automations, settings, facts, plan, messages by hand and dead letters.

mod automations;
mod contacts;
mod knowledge;
mod memory;
mod messages;
mod name;
mod plan;
mod settings;

pub(super) use automations::{
    create_automation, delete_automation, expire_automations, give_up_automation, switch, update_automation,
};
pub(super) use contacts::{change_contact, edited, tagged, untagged};
pub(super) use knowledge::change_knowledge;
pub(super) use memory::sync_memory;
pub(super) use messages::{cancel_outbound, replay, resend, send_message};
pub(super) use name::set_name;
pub(super) use plan::{overflow_due, set_plan, take_overflow};
pub(super) use settings::update_settings;
