//! The rate limits of the auth routes: so many requests of one address to one path per window, and the window begins
//! again with every request that is let through.

use super::address::ClientAddress;
use greenroom_actors::Timestamp;
use parking_lot::Mutex;
use std::{collections::HashMap, mem, time::Duration};

/// Most counters in memory; the ones that were touched longest ago go first.
pub const COUNTERS_MAX: usize = 100_000;
/// Longest path that has a counter of its own, in bytes.
const PATH_BYTES_MAX: usize = 128;
/// Longest window of any rule; a counter that was not touched for so long says nothing.
const WINDOW_MAX: Duration = Duration::from_secs(60);

/// So many requests per window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    window: Duration,
    max: u32,
}

/// The rule of a path without the base path.
fn rule_of(path: &str) -> Rule {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
    if starts(&["/sign-in", "/sign-up", "/change-password", "/change-email"]) {
        return Rule { window: Duration::from_secs(10), max: 3 };
    }
    let sends_mail = matches!(path, "/request-password-reset" | "/send-verification-email");
    if sends_mail || path.starts_with("/forget-password") {
        return Rule { window: WINDOW_MAX, max: 3 };
    }
    Rule { window: Duration::from_secs(10), max: 100 }
}

/// Too many. Nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Whole seconds until a request is let through, rounded up.
    pub retry_after_s: u64,
}

/// Without a resolvable address all clients share one counter per path.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    client: Option<ClientAddress>,
    path: String,
}

#[derive(Clone, Copy)]
struct Counter {
    last_allowed: Timestamp,
    count: u32,
}

/// Counters in two generations: a counter that is touched moves to the young one; the old one is dropped when the young
/// one is full or as old as the longest window. So memory is bounded and nothing needs to be searched.
#[derive(Default)]
struct Counters {
    young: HashMap<Key, Counter>,
    old: HashMap<Key, Counter>,
    since: Option<Timestamp>,
}

impl Counters {
    fn age(&mut self, now: Timestamp) {
        let since = *self.since.get_or_insert(now);
        if now.since(since) >= WINDOW_MAX || self.young.len() >= COUNTERS_MAX / 2 {
            self.old = mem::take(&mut self.young);
            self.since = Some(now);
        }
    }

    fn get(&self, key: &Key) -> Option<Counter> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }
}

/// All counters, behind one lock that is held for a look-up.
#[derive(Default)]
pub struct RateLimiter {
    counters: Mutex<Counters>,
}

impl RateLimiter {
    /// Counts a request at `now`, or refuses it. `path` is without the base path; checking and counting are one step.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn check(&self, now: Timestamp, client: Option<ClientAddress>, path: &str) -> Result<(), Limited> {
        let rule = rule_of(path);
        let path = if path.len() > PATH_BYTES_MAX { String::new() } else { path.to_owned() };
        let key = Key { client, path };
        let mut counters = self.counters.lock();
        counters.age(now);
        let count = match counters.get(&key) {
            Some(counter) => {
                let elapsed = now.since(counter.last_allowed);
                match (elapsed < rule.window, counter.count < rule.max) {
                    (false, _) => 1,
                    (true, true) => counter.count + 1,
                    (true, false) => {
                        let left = rule.window.saturating_sub(elapsed);
                        let retry_after_s =
                            u64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
                        return Err(Limited { retry_after_s });
                    }
                }
            }
            None => 1,
        };
        counters.young.insert(key, Counter { last_allowed: now, count });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    fn client(n: u32) -> Option<ClientAddress> {
        Some(IpAddr::V4(Ipv4Addr::from(n)).into())
    }

    #[test]
    fn the_window_begins_again_with_each_allowed_request() {
        let limiter = RateLimiter::default();
        let check = |ms| limiter.check(at(ms), client(1), "/sign-in/email");
        assert_eq!(check(0), Ok(()));
        assert_eq!(check(6_000), Ok(()));
        assert_eq!(check(12_000), Ok(()));
        assert_eq!(check(18_000), Err(Limited { retry_after_s: 4 }));
        assert_eq!(check(21_999), Err(Limited { retry_after_s: 1 }));
        assert_eq!(check(22_500), Ok(()));
        assert_eq!(check(22_500), Ok(()), "the count began again at one");
    }

    #[test]
    fn the_fourth_sign_in_is_refused() {
        let limiter = RateLimiter::default();
        for _ in 0..3 {
            assert_eq!(limiter.check(at(0), client(1), "/sign-in/email"), Ok(()));
        }
        let refused = Err(Limited { retry_after_s: 10 });
        assert_eq!(limiter.check(at(0), client(1), "/sign-in/email"), refused);
        assert_eq!(limiter.check(at(0), client(1), "/sign-up/email"), Ok(()), "another path");
        assert_eq!(limiter.check(at(0), client(2), "/sign-in/email"), Ok(()), "another address");
    }

    #[test]
    fn rules_of_the_contract() {
        for (path, window, max) in [
            ("/sign-in/social", 10, 3),
            ("/sign-up/email", 10, 3),
            ("/change-password", 10, 3),
            ("/change-email", 10, 3),
            ("/request-password-reset", 60, 3),
            ("/send-verification-email", 60, 3),
            ("/forget-password/x", 60, 3),
            ("/request-password-reset/x", 10, 100),
            ("/get-session", 10, 100),
            ("/sign-out", 10, 100),
            ("", 10, 100),
        ] {
            assert_eq!(rule_of(path), Rule { window: Duration::from_secs(window), max }, "{path}");
        }
    }

    #[test]
    fn clients_without_an_address_share_a_counter() {
        let limiter = RateLimiter::default();
        for n in 0..100 {
            assert_eq!(limiter.check(at(n), None, "/get-session"), Ok(()));
        }
        assert_eq!(limiter.check(at(100), None, "/get-session"), Err(Limited { retry_after_s: 10 }));
        assert_eq!(limiter.check(at(100), client(1), "/get-session"), Ok(()));
    }

    #[test]
    fn a_counter_outlives_the_change_of_generations() {
        let limiter = RateLimiter::default();
        let check = |s: i64| limiter.check(at(s * 1000), client(1), "/request-password-reset");
        for s in [0, 30, 59] {
            assert_eq!(check(s), Ok(()));
        }
        assert_eq!(check(61), Err(Limited { retry_after_s: 58 }));
        assert_eq!(check(118), Err(Limited { retry_after_s: 1 }));
        assert_eq!(check(119), Ok(()));
    }

    #[test]
    fn a_flood_of_addresses_is_bounded() {
        let limiter = RateLimiter::default();
        for n in 0..u32::try_from(COUNTERS_MAX).unwrap() * 2 {
            assert_eq!(limiter.check(at(0), client(n), "/sign-in/email"), Ok(()));
        }
        let counters = limiter.counters.lock();
        assert!(counters.young.len() + counters.old.len() <= COUNTERS_MAX);
    }

    #[test]
    fn old_counters_are_forgotten_and_long_paths_share_one() {
        let limiter = RateLimiter::default();
        for n in 0..100 {
            assert_eq!(limiter.check(at(0), client(1), &format!("/{n}{}", "x".repeat(200))), Ok(()));
        }
        assert!(limiter.check(at(0), client(1), &"y".repeat(200)).is_err());
        assert_eq!(limiter.check(at(60_000), None, ""), Ok(()));
        assert_eq!(limiter.check(at(120_000), None, ""), Ok(()));
        let counters = limiter.counters.lock();
        assert_eq!(counters.young.len() + counters.old.len(), 2);
    }

    #[test]
    fn checking_and_counting_are_one_step() {
        let limiter = RateLimiter::default();
        let allowed: usize = std::thread::scope(|scope| {
            let run = || (0..50).filter(|_| limiter.check(at(0), None, "/get-session").is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(allowed, 100);
    }
}
