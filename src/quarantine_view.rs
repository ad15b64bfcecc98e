//! What could not be understood, as an operator sees it: what the intake log keeps, and commands that a workspace could
//! not digest. Bytes of deliveries hold what people wrote, so they are shown only when asked for.

use greenroom_actors::{
    Timestamp,
    intake::{self, Intake, Kept, Stamped},
    shell::QuarantinePage,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Items listed, unless asked otherwise.
pub const LISTED: usize = 100;
/// Items listed at most: with their bytes a few megabytes.
pub const LISTED_MAX: usize = 1_000;

/// The intake log, newest items first, at most `limit` of them (at most [`LISTED_MAX`]).
#[must_use]
pub fn intake(state: &Intake, limit: usize, with_bytes: bool) -> Value {
    let mut accounts: BTreeMap<&str, usize> = BTreeMap::new();
    for kept in state.unrouted.iter() {
        *accounts.entry(kept.item.account()).or_default() += 1;
    }
    let mut newest: Vec<_> = state.quarantine.iter().collect();
    newest.reverse();
    newest.truncate(limit.min(LISTED_MAX));
    json!({
        "tests": state.tests,
        "last_test_at": state.last_test_at.map(text),
        "unrouted": { "counts": counts(&state.unrouted), "accounts": accounts },
        "quarantine": {
            "counts": counts(&state.quarantine),
            "reasons": intake::reasons(state),
            "newest": newest.into_iter().map(|kept| item(kept, with_bytes)).collect::<Vec<_>>(),
        },
    })
}

fn counts<T: intake::Weigh>(kept: &Kept<T>) -> Value {
    json!({ "kept": kept.iter().count(), "received": kept.received, "dropped": kept.dropped })
}

fn item(kept: &Stamped<intake::Quarantined>, with_bytes: bool) -> Value {
    let (raw, was_cut) = kept.item.raw();
    json!({
        "at": text(kept.at),
        "account": kept.item.account(),
        "reason": kept.item.reason(),
        "bytes_kept": raw.len(),
        "was_cut": was_cut,
        "content": with_bytes.then(|| String::from_utf8_lossy(raw)),
    })
}

/// Commands that kept ending their activation, newest first.
#[must_use]
pub fn commands(page: &QuarantinePage) -> Value {
    let commands = page.commands.iter().map(|(no, command)| {
        json!({
            "no": no,
            "at": text(command.at),
            "asker": command.asker,
            "cause": command.cause,
            "strikes": command.strikes,
            "bytes_kept": command.command.len(),
        })
    });
    json!({ "commands": commands.collect::<Vec<_>>(), "next": page.next })
}

fn text(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).map_or_else(|_| at.to_string(), |at| at.to_string())
}
