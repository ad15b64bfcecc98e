//! What is used of the plan, as tools tell it.

use crate::functions::billing::{BillingStatus, LimitsView, UsageView};
use greenroom_actors::{
    Timestamp,
    user::{User, plan::Plan},
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

impl QuotaView {
    pub(super) fn new(user: &User, now: Timestamp) -> Self {
        let status = BillingStatus::new(user, now);
        Self {
            plan_id: status.plan_id,
            plan_name: match user.usage.plan {
                Plan::Free => "Free",
                Plan::Starter => "Starter",
                Plan::Growth => "Growth",
                Plan::Pro => "Pro",
                Plan::Enterprise => "Enterprise",
            },
            exceeded: !status.flags.allow_everything(),
            usage: status.usage,
            limits: status.limits,
        }
    }
}
