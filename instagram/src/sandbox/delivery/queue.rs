//! What waits for delivery, and when it is due. Times are monotonic milliseconds since the start.

use super::settings::CompanionEdit;
use crate::sandbox::{
    limits::{DELIVERIES_MAX, QUEUE_MAX},
    world::{AccountId, World},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// How long a reordered update waits for a later one, milliseconds.
const HELD_BACK_MAX: u64 = 500;

/// The list of an entry that an update belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// A direct-message event.
    Messaging,
    /// The same while another app holds the thread.
    Standby,
    /// A change of this field.
    Change(String),
}

/// One thing to tell the product.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Update {
    pub(crate) id: u64,
    pub(crate) account: AccountId,
    pub(crate) shape: Shape,
    pub(crate) value: Value,
}

/// Updates that travel in one request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Packet {
    pub(crate) delivery: u64,
    pub(crate) updates: Vec<Arc<Update>>,
    /// Attempts made so far.
    pub(crate) attempts: u32,
    /// Monotonic; when the first attempt failed.
    #[serde(skip)]
    pub(crate) failing_since: Option<u64>,
}

/// Packets that go one after another.
pub(crate) type Job = Vec<Packet>;

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Waiting {
    Update(Arc<Update>),
    Job(Job),
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// Answered with 200.
    Delivered,
    /// Failed, will be retried.
    Retrying,
    /// Failed and given up, or the account was unsubscribed.
    Dropped,
}

/// A delivery that was tried at least once.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) delivery: u64,
    pub(crate) updates: Vec<Arc<Update>>,
    pub(crate) attempts: u32,
    /// The product's last status, or 0 when it did not answer in time.
    pub(crate) status: u16,
    pub(crate) fate: Fate,
    /// Unix milliseconds of the last attempt.
    pub(crate) at: i64,
}

/// The order in which held updates are released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// As they arose.
    #[default]
    Fifo,
    /// Newest first.
    Lifo,
    /// By the seeded generator.
    Shuffle,
}

/// All that waits. Bounded by [`QUEUE_MAX`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Queue {
    waiting: BTreeMap<u64, VecDeque<Waiting>>,
    held: VecDeque<Arc<Update>>,
    pub(crate) holding: bool,
    held_back: Vec<Arc<Update>>,
    #[serde(skip)]
    held_back_until: u64,
    batch: Vec<Arc<Update>>,
    #[serde(skip)]
    batch_until: u64,
    size: usize,
    /// Updates lost because the queue was full.
    pub(crate) lost: u64,
    #[serde(skip)]
    pub(crate) in_flight: usize,
    /// Packets handed to a job and not settled: saved, so that a restart delivers them again.
    unsettled: BTreeMap<u64, Packet>,
    /// Updates for whose first attempt somebody waits.
    #[serde(skip)]
    pub(crate) awaited: BTreeSet<u64>,
    #[serde(skip)]
    records: BTreeMap<u64, Record>,
}

impl Queue {
    /// Updates that wait, without held ones, and requests in flight.
    pub(crate) fn pending(&self) -> usize {
        self.size + self.in_flight
    }

    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.size + self.held.len() >= QUEUE_MAX
    }

    /// Newest last.
    pub(crate) fn records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.records.values()
    }

    pub(crate) fn record(&self, delivery: u64) -> Option<&Record> {
        self.records.get(&delivery)
    }

    pub(super) fn settled(&mut self, delivery: u64) {
        self.unsettled.remove(&delivery);
    }

    pub(super) fn note(&mut self, record: Record) {
        self.records.insert(record.delivery, record);
        if self.records.len() > DELIVERIES_MAX {
            self.records.pop_first();
        }
    }

    fn wait(&mut self, due: u64, update: Arc<Update>) {
        self.size += 1;
        self.waiting.entry(due).or_default().push_back(Waiting::Update(update));
    }

    pub(super) fn wait_job(&mut self, due: u64, job: Job) {
        self.size += job.iter().map(|packet| packet.updates.len()).sum::<usize>();
        self.waiting.entry(due).or_default().push_back(Waiting::Job(job));
    }

    /// The monotonic clock starts anew with each run: what waited is due at once.
    pub(crate) fn restart_clock(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let at_once: VecDeque<Waiting> = waiting.into_values().flatten().collect();
        if !at_once.is_empty() {
            self.waiting.insert(0, at_once);
        }
        for packet in std::mem::take(&mut self.unsettled).into_values() {
            self.wait_job(0, vec![packet]);
        }
    }

    fn next_due(&self) -> Option<u64> {
        let first = self.waiting.keys().next().copied();
        let batch = (!self.batch.is_empty()).then_some(self.batch_until);
        let back = (!self.held_back.is_empty()).then_some(self.held_back_until);
        [first, batch, back].into_iter().flatten().min()
    }
}

fn companion(event: &Value, bare: bool) -> Value {
    let mut edit = json!({"timestamp": event["timestamp"],
        "message_edit": {"mid": event["message"]["mid"], "num_edit": 0}});
    if !bare {
        edit["sender"] = event["sender"].clone();
        edit["recipient"] = event["recipient"].clone();
    }
    edit
}

fn is_new_message(event: &Value) -> bool {
    event.get("message").is_some_and(|message| {
        ["is_echo", "is_deleted"].iter().all(|flag| message.get(flag).is_none_or(|value| value == false))
    })
}

impl World {
    /// Tells the product something after `delay` milliseconds, when the account is subscribed. Returns the update.
    pub(crate) fn emit(&mut self, account: AccountId, shape: Shape, value: Value, delay: u64) -> Option<u64> {
        if self.accounts.get(account).is_none_or(|account| account.subscribed.is_empty()) {
            return None;
        }
        if shape != Shape::Messaging || !is_new_message(&value) {
            return self.enqueue(account, shape, value, delay);
        }
        let setting = self.delivery.companion_edit;
        let edit = companion(&value, setting == CompanionEdit::Bare);
        match setting {
            CompanionEdit::None => self.enqueue(account, shape, value, delay),
            CompanionEdit::Instead => self.enqueue(account, shape, edit, delay),
            CompanionEdit::Before => {
                self.enqueue(account, shape.clone(), edit, delay);
                self.enqueue(account, shape, value, delay)
            }
            CompanionEdit::After | CompanionEdit::Bare => {
                let update = self.enqueue(account, shape.clone(), value, delay);
                self.enqueue(account, shape, edit, delay);
                update
            }
        }
    }

    fn enqueue(&mut self, account: AccountId, shape: Shape, value: Value, delay: u64) -> Option<u64> {
        if self.queue.is_full() {
            self.queue.lost += 1;
            return None;
        }
        let id = self.counters.other();
        let update = Arc::new(Update { id, account, shape, value });
        if self.queue.holding {
            self.queue.held.push_back(update);
            return Some(id);
        }
        let jitter = self.below(self.delivery.jitter_ms);
        let due = self.mono + delay + self.delivery.latency_ms + jitter;
        for copy in 1..=u64::from(self.delivery.duplicates) {
            self.queue.wait(due + copy * self.delivery.duplicate_delay_ms, Arc::clone(&update));
        }
        self.queue.wait(due, update);
        Some(id)
    }

    /// Keeps updates from now on.
    pub(crate) const fn hold_deliveries(&mut self) {
        self.queue.holding = true;
    }

    /// Lets held updates go, one request after another, and ends holding. Returns how many.
    pub(crate) fn release_deliveries(&mut self, order: Order, batch: usize) -> usize {
        self.queue.holding = false;
        let mut held: Vec<Arc<Update>> = self.queue.held.drain(..).collect();
        match order {
            Order::Fifo => {}
            Order::Lifo => held.reverse(),
            Order::Shuffle => self.shuffle(&mut held),
        }
        let mut all = Vec::with_capacity(held.len() * 2);
        for update in &held {
            all.push(Arc::clone(update));
        }
        for _ in 0..self.delivery.duplicates {
            let mut copies = held.clone();
            if order == Order::Shuffle {
                self.shuffle(&mut copies);
            }
            all.append(&mut copies);
        }
        let job: Job = all.chunks(batch.max(1)).map(|updates| self.packet(updates.to_vec())).collect();
        if !job.is_empty() {
            self.queue.wait_job(self.mono, job);
        }
        held.len()
    }

    fn packet(&mut self, updates: Vec<Arc<Update>>) -> Packet {
        Packet { delivery: self.counters.other(), updates, attempts: 0, failing_since: None }
    }

    /// What is due now, as jobs to run side by side, and when to look again. Jobs count as in flight from here on.
    pub(crate) fn due_jobs(&mut self) -> (Vec<Job>, Option<u64>) {
        if self.delivery.url.is_none() {
            return (Vec::new(), None);
        }
        let mut jobs = Vec::new();
        while let Some((due, _)) = self.queue.waiting.first_key_value()
            && *due <= self.mono
        {
            let Some((_, items)) = self.queue.waiting.pop_first() else { break };
            for item in items {
                match item {
                    Waiting::Job(job) => jobs.push(job),
                    Waiting::Update(update) => self.collect(update, &mut jobs),
                }
            }
        }
        if self.mono >= self.queue.held_back_until {
            self.collect_held_back(&mut jobs);
        }
        if self.mono >= self.queue.batch_until {
            self.close_batch(&mut jobs);
        }
        for job in &jobs {
            self.queue.size =
                self.queue.size.saturating_sub(job.iter().map(|packet| packet.updates.len()).sum());
        }
        self.queue.in_flight += jobs.len();
        let packets = jobs.iter().flatten().map(|packet| (packet.delivery, packet.clone()));
        self.queue.unsettled.extend(packets);
        (jobs, self.queue.next_due())
    }

    fn collect(&mut self, update: Arc<Update>, jobs: &mut Vec<Job>) {
        if self.delivery.reorder > 0.0 && self.chance(self.delivery.reorder) {
            if self.queue.held_back.is_empty() {
                self.queue.held_back_until = self.mono + HELD_BACK_MAX;
            }
            self.queue.held_back.push(update);
            return;
        }
        self.batch(update, jobs);
        self.collect_held_back(jobs);
    }

    fn collect_held_back(&mut self, jobs: &mut Vec<Job>) {
        for update in std::mem::take(&mut self.queue.held_back) {
            self.batch(update, jobs);
        }
    }

    fn batch(&mut self, update: Arc<Update>, jobs: &mut Vec<Job>) {
        if self.queue.batch.is_empty() {
            self.queue.batch_until = self.mono + self.delivery.batch_ms;
        }
        self.queue.batch.push(update);
        if self.queue.batch.len() >= self.delivery.batch_max {
            self.close_batch(jobs);
        }
    }

    fn close_batch(&mut self, jobs: &mut Vec<Job>) {
        let updates = std::mem::take(&mut self.queue.batch);
        if !updates.is_empty() {
            jobs.push(vec![self.packet(updates)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Seed, delivery::Settings};

    #[test]
    fn what_was_in_flight_is_delivered_after_a_restart() {
        let settings = Settings { url: Some("http://127.0.0.1:9/".into()), ..Settings::default() };
        let mut world = World::seeded(Seed::Demo, 0, 1, 0, settings);
        let account = world.accounts.find("fictional.bakery").unwrap();
        world.accounts.get_mut(account).unwrap().subscribed = vec!["messages".into()];
        world.emit(account, Shape::Messaging, json!({"read": {}}), 0).unwrap();
        assert_eq!(world.due_jobs().0.len(), 1);

        let saved = serde_json::to_vec(&world).unwrap();
        let mut restored: World = serde_json::from_slice(&saved).unwrap();
        restored.queue.restart_clock();
        assert_eq!((restored.queue.pending(), restored.due_jobs().0.len()), (1, 1));
        let delivery = *restored.queue.unsettled.keys().next().unwrap();
        restored.queue.settled(delivery);
        restored.queue.restart_clock();
        assert!(restored.due_jobs().0.is_empty());
    }
}
