//! `sidekick/settings`: how Sidekick behaves.

use super::renamed;
use crate::functions::{
    context::{Reader, Writer},
    declare::{Done, Module, NoArgs, Reads, Style},
    failure::{CallError, Code, Failure},
};
use greenroom_actors::user::{
    Command,
    settings::{Sensitivity, Settings, SettingsPatch},
    slice,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const HOUR_S: f64 = 3_600.0;
const MINUTE_S: f64 = 60.0;
/// Names of settings in the workspace, and here.
const NAMES: [(&str, &str); 3] = [
    ("extraInstructions", "systemPrompt"),
    ("followUpAfter", "followUpAfterHours"),
    ("humanTakeover", "humanTakeoverMinutes"),
];

/// The functions of the module.
pub(super) fn module() -> Module {
    Module::new("sidekick/settings", Style::Result)
        .query("getSidekickSettings", "How Sidekick behaves.", Reads::user(slice::SETTINGS), get)
        .mutation("updateSystemPrompt", "Sets the owner's extra instructions; empty resets.", set_prompt)
        .codes(&[Code::Validation])
        .mutation("updateSidekickSettings", "Changes settings; absent ones stay.", update)
        .codes(&[Code::Validation])
}

/// How Sidekick behaves.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SettingsView {
    /// The owner's extra instructions; empty when there are none.
    system_prompt: String,
    auto_reply_enabled: bool,
    /// `conservative`, `balanced` or `relaxed`.
    hrn_sensitivity: Sensitive,
    follow_up_after_hours: f64,
    /// Pause of automation after the owner answered by hand.
    human_takeover_minutes: f64,
}

/// How readily a message is left to a person.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Sensitive {
    Conservative,
    Balanced,
    Relaxed,
}

impl From<Sensitivity> for Sensitive {
    fn from(sensitivity: Sensitivity) -> Self {
        match sensitivity {
            Sensitivity::Conservative => Self::Conservative,
            Sensitivity::Balanced => Self::Balanced,
            Sensitivity::Relaxed => Self::Relaxed,
        }
    }
}

impl From<Sensitive> for Sensitivity {
    fn from(sensitive: Sensitive) -> Self {
        match sensitive {
            Sensitive::Conservative => Self::Conservative,
            Sensitive::Balanced => Self::Balanced,
            Sensitive::Relaxed => Self::Relaxed,
        }
    }
}

impl From<&Settings> for SettingsView {
    fn from(settings: &Settings) -> Self {
        Self {
            system_prompt: settings.extra_instructions.as_deref().unwrap_or_default().to_owned(),
            auto_reply_enabled: settings.auto_reply,
            hrn_sensitivity: settings.sensitivity.into(),
            follow_up_after_hours: settings.follow_up_after.as_secs_f64() / HOUR_S,
            human_takeover_minutes: settings.human_takeover.as_secs_f64() / MINUTE_S,
        }
    }
}

/// Settings.
#[derive(Serialize, JsonSchema)]
struct Told {
    settings: SettingsView,
}

async fn get(reader: Reader, _: NoArgs) -> Result<Told, CallError> {
    Ok(Told { settings: SettingsView::from(&*reader.user().settings) })
}

/// Extra instructions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Prompt {
    /// At most 2000 characters; empty resets.
    prompt: String,
}

async fn set_prompt(writer: Writer, args: Prompt) -> Result<Done, CallError> {
    let patch = SettingsPatch { extra_instructions: Some(args.prompt), ..SettingsPatch::default() };
    set(&writer, patch, &[("extraInstructions", "prompt")]).await
}

async fn set(
    writer: &Writer,
    patch: SettingsPatch,
    names: &[(&str, &'static str)],
) -> Result<Done, CallError> {
    let bytes = patch.extra_instructions.as_ref().map_or(0, String::len);
    let answer = writer.ask(Command::UpdateSettings(patch), bytes).await;
    answer.map(|_| Done {}).map_err(|error| renamed(error, names))
}

/// New settings; absent ones stay.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    /// At most 2000 characters; empty resets.
    #[serde(default)]
    system_prompt: Option<String>,
    #[serde(default)]
    auto_reply_enabled: Option<bool>,
    #[serde(default)]
    hrn_sensitivity: Option<Sensitive>,
    /// 1 to 168.
    #[serde(default)]
    follow_up_after_hours: Option<f64>,
    /// 0 to 1440.
    #[serde(default)]
    human_takeover_minutes: Option<f64>,
}

async fn update(writer: Writer, args: Update) -> Result<Done, CallError> {
    let span = |field: &'static str, typed: Option<f64>, unit: f64| match typed {
        None => Ok(None),
        Some(typed) if typed.fract() == 0.0 => Duration::try_from_secs_f64(typed * unit)
            .map(Some)
            .map_err(|_| Failure::field(field, "out of range")),
        Some(_) => Err(Failure::field(field, "a whole number")),
    };
    let patch = SettingsPatch {
        extra_instructions: args.system_prompt,
        auto_reply: args.auto_reply_enabled,
        sensitivity: args.hrn_sensitivity.map(Into::into),
        follow_up_after: span("followUpAfterHours", args.follow_up_after_hours, HOUR_S)?,
        human_takeover: span("humanTakeoverMinutes", args.human_takeover_minutes, MINUTE_S)?,
        ..SettingsPatch::default()
    };
    set(&writer, patch, &NAMES).await
}
