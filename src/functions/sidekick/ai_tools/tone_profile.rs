//! `sidekick/aiTools/toneProfile`: the owner's voice.

use super::{
    super::{CHANGES, facts::ToneView},
    change,
};
use crate::functions::{
    context::{Reader, Writer},
    declare::{Done, Module, NoArgs, Reads, Style},
    failure::CallError,
};
use greenroom_actors::user::{
    knowledge::change::{KnowledgeChange, TonePatch},
    slice,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The functions of the module.
pub(super) fn module() -> Module {
    Module::new("sidekick/aiTools/toneProfile", Style::Result)
        .query("getToneProfile", "The voice; null when there is none.", Reads::user(slice::KNOWLEDGE), get)
        .mutation("updateToneProfile", "Changes the voice; absent parts stay.", update)
        .codes(CHANGES)
        .mutation("addToneSample", "Adds a sample of the voice.", add_sample)
        .codes(CHANGES)
}

/// The voice.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Told {
    tone_profile: Option<ToneView>,
}

async fn get(reader: Reader, _: NoArgs) -> Result<Told, CallError> {
    Ok(Told { tone_profile: reader.user().knowledge.tone.as_ref().map(ToneView::from) })
}

/// New values of the voice.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    /// `friendly`, `direct`, `like_me` or `custom`.
    #[serde(default)]
    tone_type: Option<String>,
    /// At most 20 of at most 1000 characters each.
    #[serde(default)]
    sample_text: Option<Vec<String>>,
    /// Names of files, at most 20.
    #[serde(default)]
    sample_files: Option<Vec<String>>,
}

async fn update(writer: Writer, args: Update) -> Result<Done, CallError> {
    let patch = TonePatch { kind: args.tone_type, samples: args.sample_text, files: args.sample_files };
    change(&writer, "updateToneProfile", KnowledgeChange::UpdateTone(patch)).await.map(|_| Done {})
}

/// A sample.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sample {
    /// 1 to 1000 characters.
    text: String,
}

async fn add_sample(writer: Writer, args: Sample) -> Result<Done, CallError> {
    change(&writer, "addToneSample", KnowledgeChange::AddToneSample(args.text)).await.map(|_| Done {})
}
