//! Changes of many contacts.

use super::words::{FilterArgs, SentimentWord, StageWord};
use crate::{
    functions::{
        Writer,
        failure::{CallError, Failure},
    },
    sync::Trouble,
};
use greenroom_actors::{
    id::ContactId,
    user::{
        Command, Reply,
        contact::FieldSource,
        contact_change::{ManyChange, NAMED_MAX, Which},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to do with each.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
enum Op {
    /// Add a tag; contacts with ten others are left as they are.
    Tag { tag: String },
    /// Remove a tag.
    Untag { tag: String },
    /// Set the stage.
    Stage { stage: StageWord },
    /// Set the mood.
    Sentiment { sentiment: SentimentWord },
    /// Leave the threads to a person, or not any more.
    Hrn { requires_human_response: bool },
    /// Delete them.
    Delete {},
}

/// Whom to change how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ManyArgs {
    /// These, at most 500; or `filter`.
    #[serde(default)]
    ids: Option<Vec<String>>,
    /// All that match; `{}` is all.
    #[serde(default)]
    filter: Option<FilterArgs>,
    op: Op,
}

/// How far it came.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ManyDone {
    /// Contacts changed.
    done: f64,
    /// Contacts that were so already, or have no room for the tag.
    unchanged: f64,
    /// Contacts that follow by themselves, within seconds.
    queued: f64,
}

pub(super) async fn update(writer: Writer, args: ManyArgs) -> Result<ManyDone, CallError> {
    let (which, bytes) = match (args.ids, args.filter) {
        (Some(ids), None) if ids.len() <= NAMED_MAX => {
            let bytes = ids.iter().map(String::len).sum();
            (Which::Named(ids.into_iter().map(ContactId::from).collect()), bytes)
        }
        (Some(_), None) => return Err(Failure::field("ids", "at most 500 ids").into()),
        (None, Some(filter)) => (Which::Matching(filter.read()?), 0),
        _ => return Err(Failure::field("ids", "either ids or a filter").into()),
    };
    let change = match args.op {
        Op::Tag { tag } => ManyChange::Tag(tag.into()),
        Op::Untag { tag } => ManyChange::Untag(tag.into()),
        Op::Stage { stage } => ManyChange::Stage(stage.into()),
        Op::Sentiment { sentiment } => ManyChange::Sentiment(sentiment.into()),
        Op::Hrn { requires_human_response } => ManyChange::Hrn(requires_human_response),
        Op::Delete {} => ManyChange::Delete,
    };
    match writer.ask(Command::ManyContacts { which, change, by: FieldSource::User }, bytes).await? {
        Reply::Many { done, unchanged, queued } => {
            Ok(ManyDone { done: done.into(), unchanged: unchanged.into(), queued: queued.into() })
        }
        _ => Err(Trouble::Internal.into()),
    }
}
