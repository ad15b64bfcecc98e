//! What is used of the plan, as tools tell it.

use greenroom_actors::{
    Timestamp,
    user::{User, calendar::Month, plan::Plan},
};
use schemars::JsonSchema;
use serde::Serialize;

/// The plan and what is used of it in this month.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuotaView {
    plan_id: &'static str,
    plan_name: &'static str,
    /// Something that the plan limits cannot be done now.
    exceeded: bool,
    usage: UsageView,
    limits: LimitsView,
}

/// What is used.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct UsageView {
    contacts_total: u32,
    new_contacts_this_month: u32,
    /// Active ones.
    automations_total: u32,
    sidekick_sends_this_month: u32,
}

/// What the plan allows; null is unlimited.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LimitsView {
    max_contacts_total: Option<u32>,
    max_new_contacts_per_month: Option<u32>,
    max_automations: Option<u32>,
    max_sidekick_sends_per_month: Option<u32>,
    max_sidekick_chat_prompts_per_month: Option<u32>,
}

impl QuotaView {
    pub(super) fn new(user: &User, now: Timestamp) -> Self {
        let month = Month::of(now);
        let (used, limits) = (user.usage.month(month), user.usage.limits());
        let automations = user.automations.active();
        let is_at = |count: u32, limit: Option<u32>| limit.is_some_and(|limit| count >= limit);
        Self {
            plan_id: user.usage.plan.as_str(),
            plan_name: match user.usage.plan {
                Plan::Free => "Free",
                Plan::Starter => "Starter",
                Plan::Growth => "Growth",
                Plan::Pro => "Pro",
                Plan::Enterprise => "Enterprise",
            },
            exceeded: user.is_frozen()
                || !user.usage.has_room_for_contact(month, user.contacts.len())
                || is_at(automations, limits.automations)
                || user.usage.sends_left(month) == Some(0),
            usage: UsageView {
                contacts_total: u32::try_from(user.contacts.len()).unwrap_or(u32::MAX),
                new_contacts_this_month: used.new_contacts,
                automations_total: automations,
                sidekick_sends_this_month: used.sends,
            },
            limits: LimitsView {
                max_contacts_total: limits.contacts,
                max_new_contacts_per_month: limits.new_contacts,
                max_automations: limits.automations,
                max_sidekick_sends_per_month: limits.sends,
                max_sidekick_chat_prompts_per_month: limits.chat_prompts,
            },
        }
    }
}
