//! Webhook deliveries: settings, hold and release, redelivery.

use super::{Answer, Query, Refused, done, number, read};
use crate::sandbox::{
    SandboxState,
    delivery::{self, Order},
    limits::{BATCH_MAX, COPIES_MAX},
};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn settings(state: &SandboxState) -> Answer {
    state.peek(|world| serde_json::to_value(&world.delivery)).map_err(|error| Refused::bad(error.to_string()))
}

pub(super) fn set(state: &SandboxState, body: Value) -> Answer {
    let allow_remote = state.origin().allow_remote;
    state.locked(|world| {
        world.delivery = world.delivery.with(body, allow_remote)?;
        Ok(done())
    })
}

pub(super) fn list(state: &SandboxState, query: &Query) -> Value {
    state.peek(|world| {
        let records = world.queue.records().rev().take(query.limit());
        let data: Vec<Value> = records
            .map(|record| {
                let values: Vec<&Value> = record.updates.iter().map(|update| &update.value).collect();
                json!({"id": record.delivery, "attempts": record.attempts, "status": record.status,
                    "fate": record.fate, "at": record.at, "updates": values})
            })
            .collect();
        json!({"data": data, "pending": world.queue.pending(), "held": world.queue.held(),
            "holding": world.queue.holding, "lost": world.queue.lost})
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    #[serde(default)]
    order: Order,
    #[serde(default = "one")]
    batch: usize,
}

const fn one() -> usize {
    1
}

pub(super) fn release(state: &SandboxState, body: Value) -> Answer {
    let Release { order, batch } = read(body)?;
    if !(1..=BATCH_MAX).contains(&batch) {
        return Err(Refused::bad("batch is outside of its limits"));
    }
    let released = state.locked(|world| world.release_deliveries(order, batch));
    Ok(json!({"released": released}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redeliver {
    #[serde(default = "once")]
    times: u32,
    #[serde(default)]
    concurrent: bool,
}

const fn once() -> u32 {
    1
}

pub(super) async fn redeliver(state: &SandboxState, id: &str, body: Value) -> Answer {
    let Redeliver { times, concurrent } = read(body)?;
    if times > COPIES_MAX {
        return Err(Refused::bad("times is outside of its limits"));
    }
    let id = number(id, "delivery")?;
    let statuses = delivery::redeliver(state, id, times, concurrent).await;
    statuses.map(|statuses| json!({"statuses": statuses})).ok_or(Refused::NotFound("delivery"))
}
