//! `sidekick/actionLogs`: what was answered lately.

use super::logs::{LogView, of_messages};
use crate::functions::{
    context::Reader,
    declare::{Module, NoArgs, Reads, SignedOut, Style},
    failure::CallError,
};
use greenroom_actors::user::slice;
use schemars::JsonSchema;
use serde::Serialize;

/// Rows of the list (product contract, section 3.15).
const ROWS: usize = 10;

/// The functions of the module.
pub(super) fn module() -> Module {
    let logs = Reads::user(slice::LOGS.and(slice::CONTACTS));
    Module::new("sidekick/actionLogs", Style::Throws)
        .query("getRecentSidekickActions", "The latest ten replies in messages.", logs, recent)
        .signed_out(SignedOut::Gets("[]"))
}

/// A reply in a thread, with its owner.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OwnedLog {
    user_id: String,
    #[serde(flatten)]
    log: LogView,
}

async fn recent(reader: Reader, _: NoArgs) -> Result<Vec<OwnedLog>, CallError> {
    let logs = of_messages(&reader).take(ROWS);
    let owned = |log| OwnedLog { user_id: reader.user_id().to_owned(), log: LogView::new(&reader, log) };
    Ok(logs.map(|log| owned(log)).collect())
}
