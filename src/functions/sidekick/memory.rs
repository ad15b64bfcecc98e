//! `sidekick/memory`: what Sidekick remembers.

use crate::functions::{
    context::{Reader, Writer},
    declare::{Done, Module, NoArgs, Reads, Style},
    failure::{CallError, Code, Failure},
};
use greenroom_actors::user::{Command, knowledge::FRIENDLY, slice};
use schemars::JsonSchema;
use serde::Serialize;

/// The functions of the module.
pub(super) fn module() -> Module {
    let reads = Reads::user(slice::KNOWLEDGE.and(slice::CONTACTS));
    Module::new("sidekick/memory", Style::Result)
        .query("getSidekickMemoryOverview", "How much Sidekick has to remember.", reads, overview)
        .action("syncSidekickMemory", "Copies everything known to memory; at most every ten minutes.", sync)
        .codes(&[Code::RateLimited, Code::AiUnavailable])
}

/// How much there is to remember.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Overview {
    /// `friendly`, `direct`, `like_me` or `custom`.
    tone_type: String,
    /// How many samples of the owner's voice there are.
    tone_samples: u32,
    total_contacts: u32,
    /// Contacts whose history was copied to memory.
    seeded_contacts: u32,
}

/// The overview.
#[derive(Serialize, JsonSchema)]
struct Told {
    overview: Overview,
}

async fn overview(reader: Reader, _: NoArgs) -> Result<Told, CallError> {
    let user = reader.user();
    let tone = user.knowledge.tone.as_ref();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(Told {
        overview: Overview {
            tone_type: tone.map_or(FRIENDLY, |tone| &tone.kind).to_owned(),
            tone_samples: count(tone.map_or(0, |tone| tone.samples.len())),
            total_contacts: count(user.contacts.len()),
            seeded_contacts: count(
                user.contacts.values().filter(|contact| contact.crm.memory_seeded_at.is_some()).count(),
            ),
        },
    })
}

async fn sync(writer: Writer, _: NoArgs) -> Result<Done, CallError> {
    writer.ask(Command::SyncMemory, 0).await?;
    // The wish is kept; nothing is there yet that could fulfil it.
    Err(Failure::new(Code::AiUnavailable, "no memory is set up").into())
}
