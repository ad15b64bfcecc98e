//! Kill and recover: the real binary is killed again and again while it works, and everything it acknowledged must be
//! there afterwards, done exactly once.
//!
//! The platform is the sandbox in this process, so that it survives the kills and remembers what people saw. The load is
//! what the platform delivers by itself, with batches, duplicates and reordering, and what the tests post themselves, so
//! that they know which webhooks were answered 200.
//!
//! Instants of kills come from a seed that every test prints first.
//!
//! | Variable | Meaning | Default |
//! |---|---|---|
//! | `GREENROOM_CRASH_SEED` | seed of the instants and of the load | from the clock |
//! | `GREENROOM_CRASH_ROUNDS` | kills of the loop; 200 is a good night | 14 |
//! | `GREENROOM_CRASH_KEEP` | set: data and logs stay and their folder is printed | unset |
//!
//! ```sh
//! cargo test --test crash
//! GREENROOM_CRASH_ROUNDS=200 cargo test --test crash kills_under_load -- --nocapture
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests from outside of the process: they fail loudly, choose real instants to kill at, and have their own tasks"
)]

mod audit;
mod burst;
mod disk;
mod doctored;
mod judge;
mod kills;
mod load;
mod server;
mod world;

use rand::{SeedableRng, rngs::StdRng};
use std::time::{SystemTime, UNIX_EPOCH};

/// The generator of a test; its seed is printed, so that a failure can be played again.
fn seeded(test: &str) -> (u64, StdRng) {
    let seed = number("GREENROOM_CRASH_SEED").unwrap_or_else(|| {
        u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
    });
    println!("{test}: GREENROOM_CRASH_SEED={seed}");
    (seed, StdRng::seed_from_u64(seed))
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text:?}")))
}
