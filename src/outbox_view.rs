//! The outbox as an operator sees it: what waits and until when, what is doubtful, what was given up on. No text of
//! messages.

use greenroom_actors::{
    Timestamp,
    outbox::{Lane, Outbound, Outbox, State, ThreadId},
};
use serde_json::{Value, json};

/// Messages listed of each kind, unless asked otherwise.
pub const LISTED: usize = 200;
/// Messages listed of each kind at most: a few megabytes.
pub const LISTED_MAX: usize = 10_000;

/// The whole view, with at most `limit` messages of each kind (at most [`LISTED_MAX`]); `open` counts all.
#[must_use]
pub fn view(outbox: &Outbox, now: Timestamp, limit: usize) -> Value {
    let limit = limit.min(LISTED_MAX);
    let open = |wanted: fn(&State) -> bool| -> Vec<Value> {
        outbox.iter().filter(|message| wanted(&message.state)).take(limit).map(line).collect()
    };
    json!({
        "lanes": Lane::ALL.map(|lane| self::lane(outbox, lane, now)),
        "parked": outbox.parked().map(|(reason, since)| json!({"reason": format!("{reason:?}"), "since": text(since)})),
        "safety_stop_until": outbox.safety_stop(now).map(text),
        "open": outbox.open(),
        "waiting": open(|state| matches!(state, State::Queued { .. })),
        "sending": open(|state| matches!(state, State::Sending { .. })),
        "unconfirmed": open(|state| matches!(state, State::Unconfirmed(_))),
        "dead_letters": outbox.dead_letters().take(limit).map(line).collect::<Vec<_>>(),
    })
}

fn lane(outbox: &Outbox, lane: Lane, now: Timestamp) -> Value {
    let stats = outbox.queue_stats(lane, now);
    json!({
        "lane": format!("{lane:?}"),
        "waiting": stats.waiting,
        "expected_end": stats.expected_end.map(text),
        "about": stats.expected_end.map(|end| estimate(stats.waiting, now, end)),
        "closed_until": stats.closed_until.map(text),
    })
}

/// For instance "312 waiting, about 1h 35m".
fn estimate(waiting: usize, now: Timestamp, end: Timestamp) -> String {
    let minutes = i64::try_from(end.since(now).as_secs().div_ceil(60)).unwrap_or(i64::MAX / 60);
    format!("{waiting} waiting, about {:#}", jiff::SignedDuration::from_mins(minutes))
}

fn line(message: &Outbound) -> Value {
    let (state, reason) = match &message.state {
        State::Queued { not_before } => {
            let held = message.held.as_ref().map(|reason| format!(", held: {reason}")).unwrap_or_default();
            ("waiting", format!("not before {}{held}", text(*not_before)))
        }
        State::Sending { started_at, .. } => ("sending", format!("since {}", text(*started_at))),
        State::Unconfirmed(search) => (
            "unconfirmed",
            format!("{:?}, {} reads, next look {}", search.doubt, search.reads, text(search.next_check_at)),
        ),
        State::Sent { at, .. } => ("sent", text(*at)),
        State::Unknown { why, at, .. } => ("unknown", format!("{why:?} {}", text(*at))),
        State::Failed { class, at } => ("failed", format!("{class:?} {}", text(*at))),
        State::Expired { at } => ("expired", text(*at)),
        State::Cancelled { reason, at } => ("cancelled", format!("{reason:?} {}", text(*at))),
    };
    json!({
        "id": message.id.to_string(),
        "kind": if message.kind.is_public() { "public_reply" } else if message.kind.comment().is_some() { "private_reply" } else { "dm" },
        "thread": thread(&message.kind.thread()),
        "author": format!("{:?}", message.author),
        "state": state,
        "reason": reason,
        "attempts": message.attempts.len(),
        "created_at": text(message.created_at),
        "window_ends_at": text(message.window_ends_at),
    })
}

fn thread(thread: &ThreadId) -> &str {
    match thread {
        ThreadId::Person(person) => person.as_str(),
        ThreadId::Comment(comment) => comment.as_str(),
    }
}

fn text(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).map_or_else(|_| at.to_string(), |at| at.to_string())
}
