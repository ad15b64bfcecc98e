//! Every bound of the shell, named, with its default and why.

use std::time::Duration;

/// Bounds of one host. [`Default`] is sized for one node with a few gigabytes of memory.
#[derive(Clone, Debug)]
pub struct ShellLimits {
    /// Commands admitted and not yet answered, per entity. A viral post may burst; one entity may not take all.
    pub entity_commands: usize,
    /// Bytes of commands admitted and not yet answered, per entity.
    pub entity_bytes: usize,
    /// Commands admitted and not yet answered, all entities.
    pub total_commands: usize,
    /// Bytes of commands admitted and not yet answered, all entities.
    pub total_bytes: usize,
    /// Hint given with a refusal for want of permits.
    pub retry_after: Duration,
    /// Commands decided on one working copy and journaled as one record.
    pub batch_commands: usize,
    /// Bytes of commands in one batch, as announced by their callers; a single larger command is a batch alone.
    pub batch_bytes: usize,
    /// Recoveries at the same time: bounds memory and disk reads of a thundering herd.
    pub activations: usize,
    /// Pause after the second failed recovery or restart in a row; doubles. The first retry is immediate.
    pub backoff_min: Duration,
    /// Longest pause between recoveries or restarts.
    pub backoff_max: Duration,
    /// Times a command may end its activation before it is quarantined.
    pub strikes: u8,
    /// An activation unused for so long is passivated.
    pub idle: Duration,
    /// How often idle activations are looked for.
    pub sweep: Duration,
    /// Resident entities; above it the least recently used are passivated.
    pub resident: usize,
    /// Resident entities at which commands to further entities are refused: nothing could be passivated in time.
    pub resident_refuse: usize,
    /// Resident state in bytes (by [`crate::Entity::weight`]); above it the least recently used are passivated.
    pub resident_bytes: usize,
    /// Journal bytes since the last snapshot below which none is taken, however small the snapshot was.
    pub snapshot_tail_min: usize,
    /// Like `snapshot_tail_min`, when passivating.
    pub passivation_tail_min: usize,
    /// Pause of an entity's snapshots after one could not be saved: encoding it again for every record would cost the
    /// most while the store is in trouble.
    pub snapshot_pause: Duration,
    /// After an erasure the entity is called once more, so that an activation sees that what was erased has left its
    /// recovery.
    pub erased_check: Duration,
    /// Snapshots encoded at the same time.
    pub snapshots: usize,
    /// State or tail bytes above which encoding and recovery leave the async threads.
    pub inline_bytes: usize,
    /// Effects running at the same time, all entities.
    pub effects: usize,
    /// Effects running or waiting for their outcome to be decided, per entity.
    pub entity_effects: usize,
    /// Background effects waiting, per entity; further ones are left out: whoever wants them asks again.
    pub background_waiting: usize,
    /// Background effects running or waiting for their outcome to be decided, per entity.
    pub background_running: usize,
    /// Background effects started within a second, per entity: the platform's rates are for the account.
    pub background_starts: usize,
    /// Readers waiting for activations, all entities.
    pub readers: usize,
    /// Live subscriptions, all entities.
    pub watchers: usize,
    /// Dues kept in memory; further ones wait in the durable index.
    pub timers: usize,
    /// Ticks on their way at the same time.
    pub ticks: usize,
    /// How far ahead the durable timer index is read.
    pub timer_horizon: Duration,
    /// Entries read from the durable timer index at once.
    pub timer_page: usize,
    /// Least time between two ticks of an entity that stays due.
    pub tick_spacing: Duration,
    /// Pause of an entity's ticks after one was quarantined.
    pub tick_pause: Duration,
}

impl Default for ShellLimits {
    fn default() -> Self {
        Self {
            entity_commands: 4_096,
            entity_bytes: 8 << 20,
            total_commands: 65_536,
            total_bytes: 128 << 20,
            retry_after: Duration::from_secs(1),
            batch_commands: 256,
            batch_bytes: 512 << 10,
            activations: 64,
            backoff_min: Duration::from_millis(20),
            backoff_max: Duration::from_secs(30),
            strikes: 3,
            idle: Duration::from_secs(60),
            sweep: Duration::from_secs(5),
            resident: 50_000,
            resident_refuse: 60_000,
            resident_bytes: 1 << 30,
            snapshot_tail_min: 64 << 10,
            passivation_tail_min: 4 << 10,
            snapshot_pause: Duration::from_secs(10),
            erased_check: Duration::from_secs(600),
            snapshots: 2,
            inline_bytes: 64 << 10,
            effects: 512,
            entity_effects: 16,
            background_waiting: 1_024,
            background_running: 4,
            background_starts: 5,
            readers: 65_536,
            watchers: 100_000,
            timers: 100_000,
            ticks: 256,
            timer_horizon: Duration::from_secs(600),
            timer_page: 1_000,
            tick_spacing: Duration::from_millis(100),
            tick_pause: Duration::from_secs(600),
        }
    }
}

/// The part of all effects that may be background effects: one in so many.
const BACKGROUND_SHARE: usize = 8;

impl ShellLimits {
    /// Background effects running at the same time, all entities.
    pub(super) fn background_effects(&self) -> usize {
        (self.effects / BACKGROUND_SHARE).max(1)
    }

    /// Name of the first bound that is zero where something must fit.
    pub(super) fn zero(&self) -> Option<&'static str> {
        [
            ("entity_commands", self.entity_commands),
            ("entity_bytes", self.entity_bytes),
            ("total_commands", self.total_commands),
            ("total_bytes", self.total_bytes),
            ("batch_commands", self.batch_commands),
            ("batch_bytes", self.batch_bytes),
            ("activations", self.activations),
            ("strikes", usize::from(self.strikes)),
            ("resident", self.resident),
            ("resident_refuse", self.resident_refuse),
            ("snapshots", self.snapshots),
            ("effects", self.effects),
            ("entity_effects", self.entity_effects),
            ("background_running", self.background_running),
            ("background_starts", self.background_starts),
            ("readers", self.readers),
            ("timers", self.timers),
            ("ticks", self.ticks),
            ("timer_page", self.timer_page),
        ]
        .into_iter()
        .find_map(|(name, value)| (value == 0).then_some(name))
    }

    /// Pause before the next try after `failures` in a row.
    pub(super) fn backoff(&self, failures: u32) -> Duration {
        match failures {
            0 | 1 => Duration::ZERO,
            more => self.backoff_min.saturating_mul(1 << (more - 2).min(20)).min(self.backoff_max),
        }
    }
}
