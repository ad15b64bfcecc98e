//! `sidekick/aiTools/faqs`: questions and answers.

use super::{
    super::{
        CHANGES, CHANGES_OF_KNOWN,
        facts::{FaqView, TypedFaq, newest_first},
    },
    change, put,
};
use crate::functions::{
    context::{Reader, Writer},
    declare::{Done, Module, NoArgs, Reads, Style},
    failure::{CallError, Code},
};
use greenroom_actors::user::{
    knowledge::change::{FaqPatch, KnowledgeChange},
    slice,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The functions of the module.
pub(super) fn module() -> Module {
    Module::new("sidekick/aiTools/faqs", Style::Result)
        .query("listFaqs", "All questions, newest first.", Reads::user(slice::KNOWLEDGE), list)
        .mutation("addFaq", "Adds a question that is not there.", add)
        .codes(CHANGES)
        .mutation("updateFaq", "Changes a question; absent parts stay.", update)
        .codes(CHANGES_OF_KNOWN)
        .mutation("deleteFaq", "Deletes a question.", delete)
        .codes(&[Code::NotFound])
}

/// Questions.
#[derive(Serialize, JsonSchema)]
struct Faqs {
    /// Newest first.
    faqs: Vec<FaqView>,
}

async fn list(reader: Reader, _: NoArgs) -> Result<Faqs, CallError> {
    Ok(Faqs { faqs: newest_first(&reader.user().knowledge.faqs) })
}

/// The question that was added.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Added {
    faq_id: String,
}

async fn add(writer: Writer, args: TypedFaq) -> Result<Added, CallError> {
    let faq_id = put(&writer, "addFaq", KnowledgeChange::AddFaq(args.into())).await?;
    Ok(Added { faq_id })
}

/// New values of a question.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    /// Which.
    faq_id: String,
    /// 1 to 500 characters.
    #[serde(default)]
    question: Option<String>,
    /// At most 4000 characters; empty clears.
    #[serde(default)]
    answer: Option<String>,
}

async fn update(writer: Writer, args: Update) -> Result<Done, CallError> {
    let patch = FaqPatch { question: args.question, answer: args.answer };
    let update = KnowledgeChange::UpdateFaq { id: args.faq_id.into(), patch };
    change(&writer, "updateFaq", update).await.map(|_| Done {})
}

/// Names a question.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByFaqId {
    /// Which.
    faq_id: String,
}

async fn delete(writer: Writer, args: ByFaqId) -> Result<Done, CallError> {
    let delete = KnowledgeChange::DeleteFaq(args.faq_id.into());
    change(&writer, "deleteFaq", delete).await.map(|_| Done {})
}
