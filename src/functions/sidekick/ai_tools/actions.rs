//! `sidekick/aiTools/actions`: what was answered.

use super::{
    super::logs::{LogView, is_of_message, of_messages},
    rows,
};
use crate::functions::{
    context::Reader,
    declare::{Module, Reads, Style},
    failure::{CallError, Code, Failure},
};
use greenroom_actors::{
    Entity, EntityId,
    user::{User, action_log::ActionLog, history, slice},
};
use greenroom_persistence::Direction;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows when nothing was said.
const ROWS_USUAL: f64 = 20.0;

/// The functions of the module.
pub(super) fn module() -> Module {
    let logs = Reads::user(slice::LOGS.and(slice::CONTACTS));
    Module::new("sidekick/aiTools/actions", Style::Result)
        .query("listActionLogs", "Replies in messages, newest first.", logs, list)
        .query("getActionLog", "One reply.", logs, get)
        .codes(&[Code::NotFound])
}

/// How many rows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Limit {
    /// 20 unless said otherwise; taken into 1 to 100.
    #[serde(default)]
    limit: Option<f64>,
}

/// Replies.
#[derive(Serialize, JsonSchema)]
struct Logs {
    logs: Vec<LogView>,
}

async fn list(reader: Reader, args: Limit) -> Result<Logs, CallError> {
    let logs = of_messages(&reader).take(rows(args.limit, ROWS_USUAL));
    Ok(Logs { logs: logs.map(|log| LogView::new(&reader, log)).collect() })
}

/// Names a reply.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByActionId {
    /// Which.
    action_id: String,
}

/// A reply.
#[derive(Serialize, JsonSchema)]
struct Log {
    log: LogView,
}

async fn get(reader: Reader, args: ByActionId) -> Result<Log, CallError> {
    let missing = || Failure::not_found("action log");
    let no: u64 = args.action_id.parse().map_err(|_| missing())?;
    let known = reader.user().logs.iter().find(|log| log.no == no);
    let log = match known {
        Some(log) => Some(ActionLog::clone(log)),
        None => old(&reader, no).await?,
    };
    let log = log.filter(is_of_message).ok_or_else(missing)?;
    Ok(Log { log: LogView::new(&reader, &log) })
}

/// A row that left for the history.
async fn old(reader: &Reader, no: u64) -> Result<Option<ActionLog>, CallError> {
    let Ok(entity) = EntityId::new(User::KIND, reader.user_id()) else { return Ok(None) };
    let (stream, before) = (history::ACTION_LOGS, Some(no.saturating_add(1)));
    let rows = reader.app().stores.history.page(&entity, stream, before, 1, Direction::Backward).await;
    let page = rows.map_err(|error| {
        tracing::warn!(%error, "the history does not answer");
        crate::sync::Trouble::Unavailable
    })?;
    let row = page.rows.into_iter().find(|(at, _)| *at == no);
    Ok(row.and_then(|(_, bytes)| history::action_log(&bytes).ok()))
}
