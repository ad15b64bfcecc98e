//! A post goes viral: many people comment in a short time.

use super::{Answer, Refused, read};
use crate::sandbox::{
    SandboxState,
    limits::{BURST_MAX, BURSTS_MAX},
    world::{ObjectId, World, comments::Author, people::PersonChange},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Burst {
    account: String,
    media: String,
    people: u64,
    text: String,
    /// Comments per second; 0: all at once.
    #[serde(default)]
    per_second: u64,
}

fn write_one(world: &mut World, media: ObjectId, text: &str) -> Result<(), Refused> {
    let person = world.create_person(PersonChange::default())?;
    world.write_comment(media, Author::Person(person), text.to_owned(), None).map(drop)
}

/// Starts the comments in the background; `deliveries_idle` waits for them.
pub(super) fn start(state: &SandboxState, body: Value) -> Answer {
    let burst: Burst = read(body)?;
    if burst.people > BURST_MAX {
        return Err(Refused::Full("people in one burst"));
    }
    let media = state.peek(|world| {
        let account = world.accounts.find(&burst.account).ok_or(Refused::NotFound("account"))?;
        let media = ObjectId::parse(&burst.media).and_then(|id| world.media.get(id));
        media.filter(|media| media.account == account).map(|media| media.id).ok_or(Refused::NotFound("media"))
    })?;
    if !state.begin_burst(BURSTS_MAX) {
        return Err(Refused::Full("bursts at one time"));
    }
    let people = burst.people;
    tokio::spawn(run(state.clone(), media, burst));
    Ok(json!({"people": people}))
}

/// Comments written between two looks at the clock.
const STEP: Duration = Duration::from_millis(20);
/// Comments written under one lock when there is no pace.
const CHUNK: u64 = 100;

async fn run(state: SandboxState, media: ObjectId, burst: Burst) {
    let mut written = 0;
    let mut steps = tokio::time::interval(STEP);
    let mut elapsed_steps: u64 = 0;
    while written < burst.people {
        let until = if burst.per_second == 0 {
            tokio::task::yield_now().await;
            written.saturating_add(CHUNK)
        } else {
            tokio::select! {
                () = state.stopped() => break,
                _ = steps.tick() => {}
            }
            elapsed_steps += 1;
            let step_ms = u64::try_from(STEP.as_millis()).unwrap_or(1);
            elapsed_steps.saturating_mul(step_ms).saturating_mul(burst.per_second).div_ceil(1_000)
        };
        let until = until.min(burst.people);
        let result =
            state.locked(|world| (written..until).try_for_each(|_| write_one(world, media, &burst.text)));
        if let Err(refused) = result {
            tracing::warn!(%refused, "a burst of comments ended early");
            break;
        }
        written = until;
    }
    state.end_burst();
}
