//! Setting up a workspace from outside the process, behind the operator's token: its Instagram account, its plan, its
//! settings and its automations. Each is an ordinary command to that one workspace, answered when it is durable.

use super::{
    error::{ApiError, Code},
    instagram::missing,
    router::Door,
};
use crate::{
    config::{Secret, Span},
    connect::{self, ConnectError, DisconnectError},
};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection},
};
use greenroom_actors::{
    automation::{AutomationId, AutomationInput, FieldError},
    shell::AskError,
    user::{
        Command, Rejection, Reply,
        plan::Plan,
        quiet::QuietHoursInput,
        settings::{AckPolicy, QuietHoursChange, Sensitivity, SettingsPatch},
    },
};
use greenroom_instagram::client::LongToken;
use rand::TryRng;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Largest body of these routes, in bytes: a template takes up to 96 KiB.
pub(super) const BODY_BYTES_MAX: usize = 256 * 1024;
/// How long a token without a stated lifetime is taken to live: 60 days less one hour (product rule).
const LIFETIME_ASSUMED: Duration = Duration::from_secs(60 * 24 * 3_600 - 3_600);
/// Random bytes of an id made here.
const ID_BYTES: usize = 16;

type Body<T> = Result<Json<T>, JsonRejection>;

fn read<T>(body: Body<T>) -> Result<T, ApiError> {
    body.map(|Json(value)| value).map_err(|rejection| ApiError::new(Code::Validation, rejection.body_text()))
}

async fn tell(door: &Door, workspace: &str, command: Command, bytes: usize) -> Result<Reply, ApiError> {
    match door.app.users.ask(workspace, command, bytes).await {
        Ok(answer) => Ok(answer.reply),
        Err(AskError::Rejected(Rejection::Invalid(errors))) => Err(invalid(&errors)),
        Err(error) => Err(error.into()),
    }
}

/// Every wrong field, named.
fn invalid(errors: &[FieldError]) -> ApiError {
    let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
    ApiError::new(Code::Validation, words.join("; "))
}

/// A long-lived access token of a professional account, as the platform's dashboard hands it out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewConnection {
    access_token: Secret,
    /// Time that the token still lives.
    lifetime: Option<Span>,
    /// Permissions granted with it.
    #[serde(default)]
    scopes: Vec<String>,
}

/// `PUT …/instagram`: connects the account that the token belongs to; its webhooks are subscribed from then on.
pub(super) async fn connect(
    State(door): State<Door>,
    Path(workspace): Path<String>,
    body: Body<NewConnection>,
) -> Result<Json<Value>, ApiError> {
    let NewConnection { access_token, lifetime, scopes } = read(body)?;
    let lifetime = lifetime.map_or(LIFETIME_ASSUMED, |span| span.0);
    let token = LongToken { token: access_token.to_secret_string(), lifetime };
    let connected = connect::by_token(&door.app, &workspace, &token, scopes, None).await?;
    Ok(Json(json!({
        "account": connected.account, "username": connected.username,
        "missing": missing(&connected.missing),
    })))
}

impl From<ConnectError> for ApiError {
    fn from(error: ConnectError) -> Self {
        let words = error.to_string();
        match error {
            ConnectError::Ask(AskError::Rejected(Rejection::Invalid(errors))) => invalid(&errors),
            ConnectError::Ask(error) => error.into(),
            ConnectError::Workspace(_) => Self::new(Code::NotFound, "no such workspace"),
            ConnectError::Refused(_) | ConnectError::NotProfessional | ConnectError::Unexpected => {
                Self::new(Code::Validation, words)
            }
            ConnectError::Call(_) | ConnectError::Unserved(_) => Self::new(Code::Unavailable, words),
            ConnectError::Seal(_) => Self::new(Code::Internal, words),
        }
    }
}

impl From<DisconnectError> for ApiError {
    fn from(error: DisconnectError) -> Self {
        match error {
            DisconnectError::Ask(error) => error.into(),
            DisconnectError::Directory(error) => Self::new(Code::Unavailable, error.to_string()),
        }
    }
}

/// The plan by its stored word, for instance `growth`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPlan {
    plan: Plan,
}

/// `PUT …/plan`.
pub(super) async fn set_plan(
    State(door): State<Door>,
    Path(workspace): Path<String>,
    body: Body<NewPlan>,
) -> Result<Json<Value>, ApiError> {
    let NewPlan { plan } = read(body)?;
    tell(&door, &workspace, Command::SetPlan(plan), 0).await?;
    Ok(Json(json!({ "plan": plan })))
}

/// A change of settings: absent fields stay. Spans are written `250ms`, `4s`, `1h`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SettingsChange {
    auto_reply: Option<bool>,
    reply_delay: Option<Span>,
    human_takeover: Option<Span>,
    auto_clear_hrn_on_reply: Option<bool>,
    acknowledgements: Option<AckPolicy>,
    sensitivity: Option<Sensitivity>,
    sidekick_for_media: Option<bool>,
    sidekick: Option<bool>,
    extra_instructions: Option<String>,
    dm_cooldown: Option<Span>,
    comment_cooldown: Option<Span>,
    stop_words: Option<Vec<String>>,
    opt_out_reply: Option<String>,
    sends_per_hour: Option<u32>,
    quiet_hours: Option<QuietHours>,
    disclosure: Option<String>,
    answer_delay_min: Option<Span>,
    answer_delay_max: Option<Span>,
    follow_up_after: Option<Span>,
}

/// `"off"`, or `{"start":"22:00","end":"08:00","zone":"Europe/Berlin"}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum QuietHours {
    Switch(Off),
    Set(QuietHoursInput),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Off {
    Off,
}

impl From<QuietHours> for QuietHoursChange {
    fn from(typed: QuietHours) -> Self {
        match typed {
            QuietHours::Switch(Off::Off) => Self::Off,
            QuietHours::Set(hours) => Self::Set(hours),
        }
    }
}

impl From<SettingsChange> for SettingsPatch {
    fn from(change: SettingsChange) -> Self {
        let span = |span: Option<Span>| span.map(|span| span.0);
        Self {
            auto_reply: change.auto_reply,
            reply_delay: span(change.reply_delay),
            human_takeover: span(change.human_takeover),
            auto_clear_hrn_on_reply: change.auto_clear_hrn_on_reply,
            acknowledgements: change.acknowledgements,
            sensitivity: change.sensitivity,
            sidekick_for_media: change.sidekick_for_media,
            sidekick: change.sidekick,
            extra_instructions: change.extra_instructions,
            dm_cooldown: span(change.dm_cooldown),
            comment_cooldown: span(change.comment_cooldown),
            stop_words: change.stop_words,
            opt_out_reply: change.opt_out_reply,
            sends_per_hour: change.sends_per_hour,
            quiet_hours: change.quiet_hours.map(Into::into),
            disclosure: change.disclosure,
            answer_delay_min: span(change.answer_delay_min),
            answer_delay_max: span(change.answer_delay_max),
            follow_up_after: span(change.follow_up_after),
        }
    }
}

/// `PUT …/settings`.
pub(super) async fn set_settings(
    State(door): State<Door>,
    Path(workspace): Path<String>,
    body: Body<SettingsChange>,
) -> Result<Json<Value>, ApiError> {
    let change = read(body)?;
    tell(&door, &workspace, Command::UpdateSettings(change.into()), 0).await?;
    Ok(Json(json!({ "ok": true })))
}

/// The caller's name for a new automation.
#[derive(Deserialize)]
pub(super) struct Named {
    id: Option<String>,
}

/// `POST …/automations[?id=…]`: makes an automation. Making it again with the same id changes nothing, so that a caller
/// without an answer may ask again.
pub(super) async fn create_automation(
    State(door): State<Door>,
    Path(workspace): Path<String>,
    Query(named): Query<Named>,
    body: Body<AutomationInput>,
) -> Result<Json<Value>, ApiError> {
    let input = read(body)?;
    let id = AutomationId::from(named.id.map_or_else(new_id, Ok)?);
    let bytes = input.response_content.len();
    let command = Command::CreateAutomation { id, input, inactive: false };
    let Reply::Automation { automation, warnings } = tell(&door, &workspace, command, bytes).await? else {
        return Err(ApiError::new(Code::Internal, "the workspace answered something else"));
    };
    Ok(Json(json!({
        "id": automation.id, "active": automation.is_active, "version": automation.version,
        "warnings": warnings,
    })))
}

fn new_id() -> Result<String, ApiError> {
    let mut bytes = [0_u8; ID_BYTES];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|_| ApiError::new(Code::Internal, "the system gives no random bytes"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
