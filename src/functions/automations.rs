//! `automations`: the owner's rules.

use super::{
    context::{Reader, Writer},
    declare::{Module, NoArgs, Reads, Style},
    failure::{CallError, Code, Failure},
    ids,
    when::When,
    wire::{clearable, word},
};
use crate::sync::Trouble;
use greenroom_actors::{
    automation::{Automation, AutomationId, AutomationInput, AutomationPatch},
    user::{Command, Reply, action_log::ActionLog, slice},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What changes of automations may be refused with.
const CHANGES: &[Code] = &[
    Code::Validation,
    Code::NotFound,
    Code::Conflict,
    Code::BillingStructurallyFrozen,
    Code::BillingAutomationLimitReached,
];
/// Rows of the activity list when nothing was said.
const LOGS_USUAL: f64 = 25.0;
/// Most rows of the activity list (product rule).
const LOGS_MAX: f64 = 100.0;

/// The functions of the module.
pub(super) fn module() -> Module {
    let automations = Reads::user(slice::AUTOMATIONS);
    let logs = Reads::user(slice::LOGS.and(slice::CONTACTS));
    Module::new("automations", Style::Throws)
        .query("getAutomations", "All automations, newest first.", automations, list)
        .query("getAutomation", "One automation; null when there is none.", automations, get)
        .query("getAutomationPostId", "The first post of an automation.", automations, post_id)
        .query("getAutomationPostIds", "All posts of an automation.", automations, post_ids)
        .query("getRecentAutomationLogs", "What automations did lately, newest first.", logs, recent_logs)
        .mutation("createAutomation", "Makes an automation, switched on.", create)
        .codes(CHANGES)
        .mutation("updateAutomation", "Changes what is sent; null clears.", update)
        .codes(CHANGES)
        .mutation("deleteAutomation", "Deletes an automation; its logs stay.", delete)
        .codes(&[Code::NotFound])
        .mutation("toggleAutomation", "Switches an automation on or off.", toggle)
        .codes(CHANGES)
}

/// An automation, for clients.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AutomationView {
    /// The same as `id`.
    #[serde(rename = "_id")]
    row_id: RowId,
    /// When it was made, in milliseconds since 1970.
    #[serde(rename = "_creationTime")]
    creation_time: f64,
    id: RowId,
    /// The owner.
    user_id: String,
    title: String,
    description: Option<String>,
    /// The first trigger.
    trigger_word: String,
    triggers: Vec<String>,
    /// `word`, `contains`, `exact` or `starts_with`.
    match_mode: String,
    typo_tolerance: bool,
    response_type: String,
    response_content: String,
    is_active: bool,
    expires_at: Option<When>,
    created_at: When,
    updated_at: When,
    /// `dm`, `comment` or `both`.
    trigger_scope: String,
    post_ids: Vec<String>,
    comment_reply_count: f64,
    comment_reply_text: Option<String>,
    comment_reply_variants: Vec<String>,
    hrn_enforced: bool,
    /// 0 is none.
    cooldown_seconds: f64,
    /// Why it cannot fire whatever the switch says.
    diagnostic: Option<String>,
}

/// An id, as text.
type RowId = String;

impl AutomationView {
    #[expect(clippy::cast_precision_loss, reason = "counts and instants are far below 2^53")]
    fn new(user_id: &str, automation: &Automation) -> Self {
        let content = &automation.content;
        let id = automation.id.as_str().to_owned();
        Self {
            row_id: id.clone(),
            creation_time: automation.created_at.as_millis() as f64,
            id,
            user_id: user_id.to_owned(),
            title: content.title.clone(),
            description: content.description.clone(),
            trigger_word: content.trigger_word().to_owned(),
            triggers: content.triggers.iter().map(|trigger| trigger.as_str().to_owned()).collect(),
            match_mode: word(&content.match_mode),
            typo_tolerance: content.typo_tolerance,
            response_type: content.response.type_name().to_owned(),
            response_content: content.response.content(),
            is_active: automation.is_active,
            expires_at: content.expires_at.map(When),
            created_at: When(automation.created_at),
            updated_at: When(automation.updated_at),
            trigger_scope: word(&content.trigger_scope),
            post_ids: content.post_ids.iter().map(|id| id.as_str().to_owned()).collect(),
            comment_reply_count: automation.comment_reply_count as f64,
            comment_reply_text: content.comment_reply_text.clone(),
            comment_reply_variants: content.comment_reply_variants.clone(),
            hrn_enforced: content.hrn_enforced,
            cooldown_seconds: content.cooldown.as_secs_f64(),
            diagnostic: automation.diagnostic.as_ref().map(word),
        }
    }
}

async fn list(reader: Reader, _: NoArgs) -> Result<Vec<AutomationView>, CallError> {
    let all = reader.user().list_automations();
    Ok(all.iter().map(|one| AutomationView::new(reader.user_id(), one)).collect())
}

/// Names an automation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ById {
    /// Which.
    id: String,
}

fn find(reader: &Reader, id: &str) -> Option<Arc<Automation>> {
    let automations = &reader.user().automations;
    automations.get(id).map(|one| automations.counted(one))
}

async fn get(reader: Reader, args: ById) -> Result<Option<AutomationView>, CallError> {
    Ok(find(&reader, &args.id).map(|one| AutomationView::new(reader.user_id(), &one)))
}

/// Names an automation.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByAutomationId {
    /// Which.
    automation_id: String,
}

async fn post_id(reader: Reader, args: ByAutomationId) -> Result<Option<String>, CallError> {
    Ok(post_ids(reader, args).await?.into_iter().next())
}

async fn post_ids(reader: Reader, args: ByAutomationId) -> Result<Vec<String>, CallError> {
    let found = find(&reader, &args.automation_id);
    Ok(found
        .map(|one| one.content.post_ids.iter().map(|id| id.as_str().to_owned()).collect())
        .unwrap_or_default())
}

/// How many rows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Limit {
    /// 25 unless said otherwise; taken into 1 to 100.
    #[serde(default)]
    limit: Option<f64>,
}

/// What an automation did.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LogView {
    id: String,
    user_id: String,
    platform: &'static str,
    thread_id: String,
    recipient_id: Option<String>,
    /// The handle; the id when it is not known.
    recipient_username: Option<String>,
    automation_id: Option<String>,
    automation_title: Option<String>,
    trigger_word: Option<String>,
    /// What happened: `dm_automation_triggered`, `comment_automation_triggered`, …
    action: String,
    /// What came of it: `sent`, `failed`, `unknown`, `blocked`, `skipped`, `hrn`.
    result: String,
    text: Option<String>,
    message_id: Option<String>,
    created_at: When,
}

impl LogView {
    fn new(reader: &Reader, log: &ActionLog) -> Self {
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        let person = log.recipient.as_ref();
        let known = person.and_then(|person| reader.user().contacts.get(person));
        let username = known.and_then(|contact| contact.username.as_deref());
        Self {
            id: log.no.to_string(),
            user_id: reader.user_id().to_owned(),
            platform: "instagram",
            thread_id: log.thread_id.to_string(),
            recipient_id: person.map(|person| person.as_str().to_owned()),
            recipient_username: username.or(person.map(AsRef::as_ref)).map(str::to_owned),
            automation_id: text(&log.automation_id),
            automation_title: text(&log.automation_title),
            trigger_word: text(&log.trigger_word),
            action: word(&log.action),
            result: word(&log.result),
            text: text(&log.text),
            message_id: log.message_id.as_ref().map(|id| id.as_str().to_owned()),
            created_at: When(log.at),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "taken into 1 to 100 before")]
async fn recent_logs(reader: Reader, args: Limit) -> Result<Vec<LogView>, CallError> {
    let limit = args.limit.unwrap_or(LOGS_USUAL).clamp(1.0, LOGS_MAX) as usize;
    let logs = reader.user().list_logs(true, limit);
    Ok(logs.iter().map(|log| LogView::new(&reader, log)).collect())
}

/// A new automation.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreateAutomation {
    /// 1 to 120 characters.
    title: String,
    /// At most 1000 characters.
    #[serde(default)]
    description: Option<String>,
    /// 1 to 100 characters; the first trigger.
    #[serde(default)]
    trigger_word: Option<String>,
    /// More triggers; at most 20 in all.
    #[serde(default)]
    triggers: Option<Vec<String>>,
    /// `word` unless said otherwise.
    #[serde(default)]
    match_mode: Option<String>,
    #[serde(default)]
    typo_tolerance: Option<bool>,
    /// `fixed`, `ai_prompt` or `generic_template`.
    response_type: String,
    /// Text, prompt, or a JSON array of elements.
    response_content: String,
    /// In the future.
    #[serde(default)]
    expires_at: Option<When>,
    /// `dm` unless said otherwise.
    #[serde(default)]
    trigger_scope: Option<String>,
    /// A post; comments need at least one.
    #[serde(default)]
    post_id: Option<String>,
    /// More posts; at most 50.
    #[serde(default)]
    post_ids: Option<Vec<String>>,
    /// At most 300 characters.
    #[serde(default)]
    comment_reply_text: Option<String>,
    #[serde(default)]
    comment_reply_variants: Option<Vec<String>>,
    #[serde(default)]
    hrn_enforced: Option<bool>,
    /// At most 30 days.
    #[serde(default)]
    cooldown_seconds: Option<u32>,
    /// False saves it switched off, which needs no room in the plan.
    #[serde(default)]
    is_active: Option<bool>,
}

async fn create(writer: Writer, args: CreateAutomation) -> Result<AutomationView, CallError> {
    let bytes = args.response_content.len();
    let inactive = args.is_active == Some(false);
    let input = AutomationInput {
        title: args.title,
        description: args.description,
        trigger_word: args.trigger_word,
        triggers: args.triggers,
        match_mode: args.match_mode,
        typo_tolerance: args.typo_tolerance,
        response_type: args.response_type,
        response_content: args.response_content,
        expires_at: args.expires_at.map(|when| when.0),
        trigger_scope: args.trigger_scope,
        post_id: args.post_id,
        post_ids: args.post_ids,
        comment_reply_text: args.comment_reply_text,
        comment_reply_variants: args.comment_reply_variants,
        hrn_enforced: args.hrn_enforced,
        cooldown_seconds: args.cooldown_seconds,
    };
    let id = AutomationId::from(ids::fresh()?);
    changed(&writer, Command::CreateAutomation { id, input, inactive }, bytes).await
}

/// Asks for a change; what there is afterwards.
async fn changed(writer: &Writer, command: Command, bytes: usize) -> Result<AutomationView, CallError> {
    match writer.ask(command, bytes).await? {
        Reply::Automation { automation, .. } => Ok(AutomationView::new(writer.user_id(), &automation)),
        _ => Err(Trouble::Internal.into()),
    }
}

/// A change of an automation: what is absent stays, null clears what can be cleared.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpdateAutomation {
    /// Which.
    id: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default, deserialize_with = "clearable")]
    description: Option<Option<String>>,
    #[serde(default)]
    trigger_word: Option<String>,
    #[serde(default)]
    triggers: Option<Vec<String>>,
    #[serde(default)]
    match_mode: Option<String>,
    #[serde(default)]
    typo_tolerance: Option<bool>,
    #[serde(default)]
    response_type: Option<String>,
    #[serde(default)]
    response_content: Option<String>,
    #[serde(default, deserialize_with = "clearable")]
    expires_at: Option<Option<When>>,
    #[serde(default)]
    trigger_scope: Option<String>,
    #[serde(default)]
    post_id: Option<String>,
    #[serde(default)]
    post_ids: Option<Vec<String>>,
    #[serde(default, deserialize_with = "clearable")]
    comment_reply_text: Option<Option<String>>,
    #[serde(default)]
    comment_reply_variants: Option<Vec<String>>,
    #[serde(default)]
    hrn_enforced: Option<bool>,
    #[serde(default)]
    cooldown_seconds: Option<u32>,
    #[serde(default)]
    is_active: Option<bool>,
}

async fn update(writer: Writer, args: UpdateAutomation) -> Result<AutomationView, CallError> {
    let bytes = args.response_content.as_ref().map_or(0, String::len);
    let patch = AutomationPatch {
        title: args.title,
        description: args.description,
        trigger_word: args.trigger_word,
        triggers: args.triggers,
        match_mode: args.match_mode,
        typo_tolerance: args.typo_tolerance,
        response_type: args.response_type,
        response_content: args.response_content,
        expires_at: args.expires_at.map(|cleared| cleared.map(|when| when.0)),
        trigger_scope: args.trigger_scope,
        post_id: args.post_id,
        post_ids: args.post_ids,
        comment_reply_text: args.comment_reply_text,
        comment_reply_variants: args.comment_reply_variants,
        hrn_enforced: args.hrn_enforced,
        cooldown_seconds: args.cooldown_seconds,
        is_active: args.is_active,
    };
    changed(&writer, Command::UpdateAutomation { id: args.id.into(), patch }, bytes).await
}

async fn delete(writer: Writer, args: ById) -> Result<(), CallError> {
    writer.ask(Command::DeleteAutomation { id: args.id.into() }, 0).await.map(drop)
}

async fn toggle(writer: Writer, args: ById) -> Result<AutomationView, CallError> {
    let user = writer.user().await?;
    let known = user.automations.get(&args.id).ok_or_else(|| Failure::not_found("automation"))?;
    let active = !known.is_active;
    changed(&writer, Command::SetAutomationActive { id: args.id.into(), active }, 0).await
}
