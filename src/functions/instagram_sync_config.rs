//! `instagramSyncConfig`: how often contacts are compared with Instagram.

use super::{
    context::{Reader, Writer},
    declare::{Module, NoArgs, Reads, SignedOut, Style},
    failure::{CallError, Code, Failure},
    when::When,
};
use greenroom_actors::user::{
    Command,
    contact_sync::{INTERVAL_HOURS_MAX, INTERVAL_HOURS_MIN},
    slice,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The functions of the module.
pub(super) fn module() -> Module {
    let connection = Reads::user(slice::CONNECTION);
    Module::new("instagramSyncConfig", Style::Result)
        .mutation("updateInstagramSyncInterval", "Sets the hours between two syncs of contacts.", update)
        .codes(&[Code::Validation, Code::NotConnected])
        .style(Style::Throws)
        .query(
            "getInstagramSyncConfig",
            "How often contacts are synced, and when they were.",
            connection,
            get,
        )
        .signed_out(SignedOut::Gets(r#"{"connected":false}"#))
}

/// How often contacts are synced.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Config {
    connected: bool,
    /// 5 to 24; absent without a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_hours: Option<u8>,
    /// Null before the first sync; absent without a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_synced_at: Option<Option<When>>,
}

async fn get(reader: Reader, _: NoArgs) -> Result<Config, CallError> {
    let user = reader.user();
    let connected = user.integration.as_ref().is_some_and(|known| !known.is_disconnected());
    let sync = connected.then_some(user.contact_sync);
    Ok(Config {
        connected,
        interval_hours: sync.map(|sync| sync.interval_hours),
        last_synced_at: sync.map(|sync| sync.last_synced_at.map(When)),
    })
}

/// A new interval.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Interval {
    /// Rounded down, then taken into 5 to 24.
    hours: f64,
}

/// The interval as it is stored.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Stored {
    interval_hours: u8,
}

async fn update(writer: Writer, args: Interval) -> Result<Stored, CallError> {
    if !args.hours.is_finite() {
        return Err(Failure::field("hours", "a number").into());
    }
    let interval_hours = whole_hours(args.hours);
    writer.ask(Command::SetSyncInterval(interval_hours), 0).await?;
    Ok(Stored { interval_hours })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "taken into 5 to 24 before")]
fn whole_hours(hours: f64) -> u8 {
    hours.floor().clamp(f64::from(INTERVAL_HOURS_MIN), f64::from(INTERVAL_HOURS_MAX)) as u8
}
