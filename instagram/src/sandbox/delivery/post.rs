//! Posting webhooks: the scheduler, retries, and the platform's reaction to failure.

use super::{
    encode::body,
    queue::{Fate, Job, Packet, Record},
    settings::Settings,
};
use crate::sandbox::{SandboxState, limits::CALLBACK_ANSWER_MAX, sign, world::World};
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet};

/// Longest time that an answer waits for its echo.
const AWAIT_MAX: Duration = Duration::from_secs(5);

/// What the product answered.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// 0 when there was no answer in time.
    pub(crate) status: u16,
    /// At most [`CALLBACK_ANSWER_MAX`] bytes.
    pub(crate) body: Bytes,
}

impl Outcome {
    const NONE: Self = Self { status: 0, body: Bytes::new() };
}

/// Posts bytes with headers to the product.
pub(crate) async fn post_raw(
    state: &SandboxState,
    url: &str,
    headers: HeaderMap,
    bytes: Vec<u8>,
    timeout: Duration,
) -> Outcome {
    let request = state.client().post(url).headers(headers).body(bytes).timeout(timeout);
    let Ok(mut answer) = request.send().await else { return Outcome::NONE };
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while body.len() < CALLBACK_ANSWER_MAX {
        match answer.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(_) => return Outcome::NONE,
        }
    }
    body.truncate(CALLBACK_ANSWER_MAX);
    Outcome { status, body: body.into() }
}

async fn post(state: &SandboxState, packet: &Packet, settings: &Settings) -> Outcome {
    let Some(url) = &settings.url else { return Outcome::NONE };
    let bytes = body(&packet.updates, settings, state.now());
    let mut headers = json_headers();
    let signature = sign::webhook(settings.secret.key(), &bytes);
    if let Ok(value) = signature.parse() {
        headers.insert(sign::HEADER, value);
    }
    post_raw(state, url, headers, bytes, Duration::from_millis(settings.timeout_ms)).await
}

/// Headers of every webhook.
pub(crate) fn json_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, reqwest::header::HeaderValue::from_static("application/json"));
    headers
}

/// Delivers until the sandbox shuts down.
pub(crate) async fn run(state: SandboxState) {
    let mut permits = Arc::new(Semaphore::new(0));
    let mut permits_total = 0;
    let mut jobs = JoinSet::new();
    loop {
        let ((due, next), concurrency) =
            state.locked_quietly(|world| (world.due_jobs(), world.delivery.concurrency));
        if concurrency != permits_total {
            permits = Arc::new(Semaphore::new(concurrency));
            permits_total = concurrency;
        }
        for job in due {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let state = state.clone();
            jobs.spawn(async move {
                deliver(&state, job).await;
                drop(permit);
            });
        }
        while jobs.try_join_next().is_some() {}
        tokio::select! {
            () = state.stopped() => return,
            () = state.wait_for_delivery_work(next) => {}
        }
    }
}

async fn deliver(state: &SandboxState, job: Job) {
    for packet in job {
        let settings = state.peek(|world| world.delivery.clone());
        let outcome = post(state, &packet, &settings).await;
        state.locked(|world| world.settle(packet, &outcome));
    }
    state.locked(|world| world.queue.in_flight = world.queue.in_flight.saturating_sub(1));
}

/// Delivers an earlier delivery again; nothing is retried. Returns the statuses.
pub(crate) async fn redeliver(
    state: &SandboxState,
    delivery: u64,
    times: u32,
    concurrent: bool,
) -> Option<Vec<u16>> {
    let (updates, settings) =
        state.peek(|world| Some((world.queue.record(delivery)?.updates.clone(), world.delivery.clone())))?;
    let packet = Packet { delivery, updates, attempts: 0, failing_since: None };
    let mut statuses = Vec::new();
    if !concurrent {
        for _ in 0..times {
            statuses.push(post(state, &packet, &settings).await.status);
        }
        return Some(statuses);
    }
    let mut posts = JoinSet::new();
    for _ in 0..times {
        let (state, packet, settings) = (state.clone(), packet.clone(), settings.clone());
        posts.spawn(async move { post(&state, &packet, &settings).await.status });
    }
    while let Some(status) = posts.join_next().await {
        statuses.push(status.unwrap_or(0));
    }
    Some(statuses)
}

/// Waits for the first attempt of updates that were marked as awaited.
pub(crate) async fn delivered(state: &SandboxState, updates: &[u64]) {
    let open = |state: &SandboxState| {
        state.peek(|world| {
            world.delivery.url.is_some() && updates.iter().any(|update| world.queue.awaited.contains(update))
        })
    };
    state.wait_until(AWAIT_MAX, |state| if open(state) { Err(None) } else { Ok(()) }).await;
    state.locked(|world| world.queue.awaited.retain(|update| !updates.contains(update)));
}

/// Posts a signed form to a callback of the product.
pub(crate) async fn callback(state: &SandboxState, url: &str, signed_request: &str) -> Outcome {
    let mut headers = HeaderMap::new();
    headers
        .insert(CONTENT_TYPE, reqwest::header::HeaderValue::from_static("application/x-www-form-urlencoded"));
    let form = format!("signed_request={signed_request}").into_bytes();
    post_raw(state, url, headers, form, Duration::from_secs(10)).await
}

impl World {
    /// What the platform makes of an answer.
    fn settle(&mut self, mut packet: Packet, outcome: &Outcome) {
        packet.attempts += 1;
        self.queue.settled(packet.delivery);
        for update in &packet.updates {
            self.queue.awaited.remove(&update.id);
        }
        let accounts: BTreeSet<_> = packet.updates.iter().map(|update| update.account).collect();
        let fate = if outcome.status == 200 {
            for account in accounts {
                if let Some(account) = self.accounts.get_mut(account) {
                    account.failing_since = None;
                }
            }
            Fate::Delivered
        } else {
            self.disable_failing(&accounts);
            self.retry_fate(&mut packet)
        };
        self.queue.note(Record {
            delivery: packet.delivery,
            updates: packet.updates.clone(),
            attempts: packet.attempts,
            status: outcome.status,
            fate,
            at: self.now,
        });
        if fate == Fate::Retrying {
            let attempt = usize::try_from(packet.attempts).unwrap_or(usize::MAX);
            let due = self.mono + self.delivery.retry_delay(attempt.saturating_sub(1));
            self.queue.wait_job(due, vec![packet]);
        }
    }

    /// Unsubscribes accounts whose deliveries failed for too long without a break.
    fn disable_failing(&mut self, accounts: &BTreeSet<crate::sandbox::world::AccountId>) {
        let (mono, limit) = (self.mono, self.delivery.disable_after_s * 1_000);
        for id in accounts {
            let Some(account) = self.accounts.get_mut(*id) else { continue };
            let since = *account.failing_since.get_or_insert(mono);
            if mono - since >= limit && !account.subscribed.is_empty() {
                account.subscribed.clear();
                account.webhooks_disabled = true;
                account.failing_since = None;
            }
        }
    }

    fn retry_fate(&self, packet: &mut Packet) -> Fate {
        let since = *packet.failing_since.get_or_insert(self.mono);
        let subscribed = packet.updates.iter().any(|update| {
            self.accounts.get(update.account).is_some_and(|account| !account.subscribed.is_empty())
        });
        if !subscribed || self.mono - since >= self.delivery.give_up_after_s * 1_000 {
            Fate::Dropped
        } else {
            Fate::Retrying
        }
    }
}
