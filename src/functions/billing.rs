//! `billing`: what the plan allows, and what is used of it.

use super::{
    context::Reader,
    declare::{Module, NoArgs, Reads, SignedOut, Style},
    failure::CallError,
    when::When,
};
use greenroom_actors::{
    Timestamp,
    user::{
        User,
        calendar::Month,
        plan::{Limits, Plan},
        slice,
        usage::MonthUsage,
    },
};
use schemars::JsonSchema;
use serde::Serialize;

/// The functions of the module.
pub(super) fn module() -> Module {
    let used = Reads::user(slice::USAGE.and(slice::CONTACTS).and(slice::AUTOMATIONS));
    let history = Reads::user(slice::USAGE);
    Module::new("billing", Style::Throws)
        .query("getCurrentBillingStatusAction", "Plan, limits, usage and what may be done now.", used, status)
        .signed_out(SignedOut::Gets("null"))
        .query("getUsageHistory", "What was used, month by month, newest first.", history, usage_history)
}

/// Plan, limits, usage and what may be done now.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BillingStatus {
    pub(super) plan_id: &'static str,
    pub(super) limits: LimitsView,
    pub(super) usage: UsageView,
    pub(super) flags: Flags,
    /// When the counters of the month begin anew.
    resets_at: When,
    /// What would end the freeze; null when nothing is frozen.
    freeze: Option<Freeze>,
}

/// What a plan allows; null is unlimited.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LimitsView {
    max_contacts_total: Option<u32>,
    max_new_contacts_per_month: Option<u32>,
    max_automations: Option<u32>,
    max_sidekick_sends_per_month: Option<u32>,
    max_sidekick_chat_prompts_per_month: Option<u32>,
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        Self {
            max_contacts_total: limits.contacts,
            max_new_contacts_per_month: limits.new_contacts,
            max_automations: limits.automations,
            max_sidekick_sends_per_month: limits.sends,
            max_sidekick_chat_prompts_per_month: limits.chat_prompts,
        }
    }
}

/// What is used.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageView {
    contacts_total: u32,
    new_contacts_this_month: u32,
    /// Active ones.
    automations_total: u32,
    /// Delivered, or on their way.
    sidekick_sends_this_month: u32,
    sidekick_chat_prompts_this_month: u32,
}

/// What may be done now.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Flags {
    is_structurally_frozen: bool,
    can_create_contact: bool,
    can_mutate_contacts: bool,
    can_create_automation: bool,
    can_mutate_automations: bool,
    can_use_sidekick_chat: bool,
    can_send_sidekick_reply: bool,
}

impl Flags {
    /// Reaching a limit stops what it counts; being over one of contacts or automations freezes the workspace (product
    /// contract, section 10.4).
    fn new(frozen: bool, used: UsageView, limits: &Limits) -> Self {
        let has_room = |count: u32, limit: Option<u32>| !frozen && limit.is_none_or(|limit| count < limit);
        Self {
            is_structurally_frozen: frozen,
            can_create_contact: has_room(used.contacts_total, limits.contacts)
                && has_room(used.new_contacts_this_month, limits.new_contacts),
            can_mutate_contacts: !frozen,
            can_create_automation: has_room(used.automations_total, limits.automations),
            can_mutate_automations: !frozen,
            can_use_sidekick_chat: has_room(used.sidekick_chat_prompts_this_month, limits.chat_prompts),
            can_send_sidekick_reply: has_room(used.sidekick_sends_this_month, limits.sends),
        }
    }

    /// Everything may be done.
    pub(super) const fn allow_everything(&self) -> bool {
        !self.is_structurally_frozen
            && self.can_create_contact
            && self.can_mutate_contacts
            && self.can_create_automation
            && self.can_mutate_automations
            && self.can_use_sidekick_chat
            && self.can_send_sidekick_reply
    }
}

/// What would end the freeze: removing so many rows, or the plan.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Freeze {
    contacts_to_remove: u32,
    automations_to_switch_off: u32,
    /// The smallest plan that holds everything.
    sufficient_plan_id: &'static str,
}

impl Freeze {
    fn new(user: &User, used: UsageView) -> Option<Self> {
        let (contacts_to_remove, automations_to_switch_off) = user.over_limits();
        if (contacts_to_remove, automations_to_switch_off) == (0, 0) {
            return None;
        }
        let holds = |plan: &Plan| {
            let (limits, fits) =
                (plan.limits(), |count: u32, limit: Option<u32>| limit.is_none_or(|limit| count <= limit));
            fits(used.contacts_total, limits.contacts) && fits(used.automations_total, limits.automations)
        };
        let plans = [Plan::Starter, Plan::Growth, Plan::Pro];
        let sufficient_plan_id = plans.into_iter().find(holds).unwrap_or(Plan::Enterprise).as_str();
        Some(Self { contacts_to_remove, automations_to_switch_off, sufficient_plan_id })
    }
}

fn used(user: &User, now: Timestamp) -> UsageView {
    let month = user.usage.month(Month::of(now));
    UsageView {
        contacts_total: u32::try_from(user.contacts.len()).unwrap_or(u32::MAX),
        new_contacts_this_month: month.new_contacts,
        automations_total: user.automations.active(),
        sidekick_sends_this_month: month.sends.saturating_add(month.reserved),
        sidekick_chat_prompts_this_month: month.chat_prompts,
    }
}

impl BillingStatus {
    pub(super) fn new(user: &User, now: Timestamp) -> Self {
        let (used, limits) = (used(user, now), user.usage.limits());
        Self {
            plan_id: user.usage.plan.as_str(),
            limits: limits.into(),
            usage: used,
            flags: Flags::new(user.is_frozen(), used, &limits),
            resets_at: When(Month::of(now).next().start()),
            freeze: Freeze::new(user, used),
        }
    }
}

async fn status(reader: Reader, _: NoArgs) -> Result<BillingStatus, CallError> {
    Ok(BillingStatus::new(reader.user(), reader.app().clock.now()))
}

/// What was used in one UTC month.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct MonthView {
    /// Start of the month.
    month: When,
    new_contacts: u32,
    sidekick_sends: u32,
    /// Of those, private replies to comments.
    private_replies: u32,
    sidekick_chat_prompts: u32,
}

async fn usage_history(reader: Reader, _: NoArgs) -> Result<Vec<MonthView>, CallError> {
    let view = |(month, used): (Month, MonthUsage)| MonthView {
        month: When(month.start()),
        new_contacts: used.new_contacts,
        sidekick_sends: used.sends,
        private_replies: used.private_replies,
        sidekick_chat_prompts: used.chat_prompts,
    };
    let mut months: Vec<MonthView> = reader.user().usage.months().map(view).collect();
    months.reverse();
    Ok(months)
}
