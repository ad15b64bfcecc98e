//! `sidekick/aiTools/*`: what Sidekick can look at and change for the owner, also callable by the owner's own client.
//!
//! Every write is noted in the audit log, with the chat session when Sidekick made it.

mod actions;
mod contacts;
mod faqs;
mod offers;
mod tone_profile;
mod user_profile;

use crate::functions::{context::Writer, declare::Module, failure::CallError};
use greenroom_actors::user::{Command, Reply, audit::Write, knowledge::change::KnowledgeChange};

/// Most rows of a list (product contract, section 3.18).
const ROWS_MAX: f64 = 100.0;

/// The functions of the modules.
pub(super) fn modules() -> Vec<Module> {
    vec![
        actions::module(),
        contacts::module(),
        faqs::module(),
        offers::module(),
        tone_profile::module(),
        user_profile::module(),
    ]
}

/// Changes facts as a tool.
async fn change(writer: &Writer, tool: &'static str, change: KnowledgeChange) -> Result<Reply, CallError> {
    let bytes = change.bytes();
    let command = Box::new(Command::Knowledge(change));
    writer.ask_as_tool(tool, Write::Command(command), bytes).await
}

/// The same; the id of the entry that was put.
async fn put(writer: &Writer, tool: &'static str, put: KnowledgeChange) -> Result<String, CallError> {
    match change(writer, tool, put).await? {
        Reply::Entry(id) => Ok(id.to_string()),
        _ => Err(crate::sync::Trouble::Internal.into()),
    }
}

/// How many rows: as asked, taken into 1 to 100.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "taken into 1 to 100 before")]
fn rows(asked: Option<f64>, usual: f64) -> usize {
    asked.unwrap_or(usual).clamp(1.0, ROWS_MAX) as usize
}
