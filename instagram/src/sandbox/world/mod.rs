//! Everything that exists on the fake platform, without sockets: one value behind one lock.

pub(crate) mod accounts;
pub(crate) mod app;
pub(crate) mod comments;
pub(crate) mod ids;
pub(crate) mod media;
pub(crate) mod people;
pub(crate) mod rates;
mod seed;
pub(crate) mod sent;
pub(crate) mod threads;
pub(crate) mod tokens;

pub(crate) use ids::{AccountId, Igsid, Mid, ObjectId, PersonId};

use super::{
    delivery::{Queue, Settings},
    faults::Faults,
    google::Google,
    options::Seed,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Version of the state file.
pub(crate) const STATE_VERSION: u32 = 1;

/// The fake platform's state.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct World {
    version: u32,
    pub(crate) counters: ids::Counters,
    /// Milliseconds added to the outside clock.
    pub(crate) clock_offset: i64,
    pub(crate) app: app::App,
    pub(crate) accounts: accounts::Accounts,
    pub(crate) people: people::People,
    pub(crate) media: media::MediaShelf,
    pub(crate) comments: comments::Comments,
    pub(crate) threads: threads::Threads,
    pub(crate) tokens: tokens::Tokens,
    pub(crate) sent: sent::Sent,
    pub(crate) faults: Faults,
    pub(crate) delivery: Settings,
    pub(crate) queue: Queue,
    #[serde(skip)]
    pub(crate) rates: rates::Rates,
    #[serde(skip)]
    pub(crate) google: Google,
    #[serde(skip, default = "first_rng")]
    rng: ChaCha8Rng,
    /// The instant of the operation in progress, Unix milliseconds of the sandbox.
    #[serde(skip)]
    pub(crate) now: i64,
    /// The same on the monotonic clock, milliseconds since the start; deliveries are timed by it.
    #[serde(skip)]
    pub(crate) mono: u64,
}

fn first_rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(0)
}

impl World {
    /// The seed at `now` (Unix milliseconds).
    pub(crate) fn seeded(seed: Seed, id_base: u64, rng_seed: u64, now: i64, settings: Settings) -> Self {
        let mut world = Self {
            version: STATE_VERSION,
            counters: ids::Counters::starting_at(id_base),
            clock_offset: 0,
            app: app::App::default(),
            accounts: accounts::Accounts::default(),
            people: people::People::default(),
            media: media::MediaShelf::default(),
            comments: comments::Comments::default(),
            threads: threads::Threads::default(),
            tokens: tokens::Tokens::default(),
            sent: sent::Sent::default(),
            faults: Faults::default(),
            delivery: settings,
            queue: Queue::default(),
            rates: rates::Rates::default(),
            google: Google::default(),
            rng: ChaCha8Rng::seed_from_u64(rng_seed),
            now,
            mono: 0,
        };
        if seed == Seed::Demo {
            world.plant_demo();
        }
        world
    }

    /// Makes a state that was read from a file usable: indexes, random generator, counters above `id_base`.
    pub(crate) fn restored(mut self, id_base: u64, rng_seed: u64) -> Self {
        self.counters.raise(id_base);
        self.people.reindex();
        self.sent.reindex();
        // Mixed with a counter so that a second run does not repeat the choices of the first.
        self.rng = ChaCha8Rng::seed_from_u64(rng_seed ^ self.counters.other());
        self
    }

    pub(crate) const fn version(&self) -> u32 {
        self.version
    }

    /// Whole seconds of the present instant.
    pub(crate) const fn now_seconds(&self) -> i64 {
        self.now.div_euclid(1_000)
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        if probability >= 1.0 {
            return true;
        }
        // 53 random bits are exact in an f64.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let roll = (self.rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        roll < probability
    }

    /// Shuffles in place.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.rng.next_u64() % (last as u64 + 1);
            items.swap(last, usize::try_from(other).unwrap_or(0));
        }
    }

    /// A random number below `bound`; 0 for 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.rng.next_u64() % bound }
    }
}
