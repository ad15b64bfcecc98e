//! Admission permits: taken before a command is queued, given back when it is answered.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// What is admitted under one bound.
#[derive(Debug, Default)]
pub(super) struct Meter {
    commands: AtomicUsize,
    bytes: AtomicUsize,
}

/// A bound in commands and bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) commands: usize,
    pub(super) bytes: usize,
}

impl Meter {
    fn take(&self, commands: usize, bytes: usize, bound: Bound) -> bool {
        let had = self.commands.fetch_add(commands, Relaxed);
        let had_bytes = self.bytes.fetch_add(bytes, Relaxed);
        let fits =
            had.saturating_add(commands) <= bound.commands && had_bytes.saturating_add(bytes) <= bound.bytes;
        if !fits {
            self.give(commands, bytes);
        }
        fits
    }

    fn give(&self, commands: usize, bytes: usize) {
        self.commands.fetch_sub(commands, Relaxed);
        self.bytes.fetch_sub(bytes, Relaxed);
    }

    /// Commands admitted now.
    pub(super) fn commands(&self) -> usize {
        self.commands.load(Relaxed)
    }

    /// Bytes admitted now.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }
}

/// The right to be queued; gives itself back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    total: Arc<Meter>,
    own: Arc<Meter>,
    commands: usize,
    bytes: usize,
}

impl Permit {
    /// Takes a permit from both meters, or from none.
    pub(super) fn take(
        (total, total_bound): (&Arc<Meter>, Bound),
        (own, own_bound): (&Arc<Meter>, Bound),
        commands: usize,
        bytes: usize,
    ) -> Option<Self> {
        if !total.take(commands, bytes, total_bound) {
            return None;
        }
        if !own.take(commands, bytes, own_bound) {
            total.give(commands, bytes);
            return None;
        }
        Some(Self { total: Arc::clone(total), own: Arc::clone(own), commands, bytes })
    }

    /// One command's share of this permit; the last share takes what is left of the bytes.
    pub(super) fn split(&mut self) -> Self {
        let commands = self.commands.min(1);
        let bytes = self.bytes.checked_div(self.commands).unwrap_or(self.bytes);
        self.commands -= commands;
        self.bytes -= bytes;
        Self { total: Arc::clone(&self.total), own: Arc::clone(&self.own), commands, bytes }
    }

    /// Bytes held.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.total.give(self.commands, self.bytes);
        self.own.give(self.commands, self.bytes);
    }
}

/// One of at most so many; gives its place back when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    /// Takes a place when fewer than `limit` are taken.
    pub(super) fn take(taken: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        if taken.fetch_add(1, Relaxed) >= limit {
            taken.fetch_sub(1, Relaxed);
            return None;
        }
        Some(Self(Arc::clone(taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Bound = Bound { commands: 100, bytes: 100 };

    #[test]
    fn a_permit_fits_up_to_the_bound_and_not_one_past_it() {
        let (total, own) = (Arc::default(), Arc::default());
        let bound = Bound { commands: 2, bytes: 10 };
        let take = |bytes| Permit::take((&total, WIDE), (&own, bound), 1, bytes);
        let first = take(6).unwrap();
        assert!(take(5).is_none(), "one byte past the limit");
        let second = take(4).unwrap();
        assert!(take(0).is_none(), "one command past the limit");
        drop((first, second));
        assert_eq!((total.commands(), total.bytes(), own.commands(), own.bytes()), (0, 0, 0, 0));
    }

    #[test]
    fn a_refusal_by_the_entity_gives_the_total_back() {
        let (total, own): (Arc<Meter>, Arc<Meter>) = (Arc::default(), Arc::default());
        assert!(Permit::take((&total, WIDE), (&own, Bound { commands: 0, bytes: 9 }), 1, 1).is_none());
        assert_eq!((total.commands(), total.bytes()), (0, 0));
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        let (total, own): (Arc<Meter>, Arc<Meter>) = (Arc::default(), Arc::default());
        let mut whole = Permit::take((&total, WIDE), (&own, WIDE), 3, 10).unwrap();
        let shares: Vec<_> = (0..3).map(|_| whole.split()).collect();
        drop(whole);
        assert_eq!((own.commands(), own.bytes()), (3, 10));
        drop(shares);
        assert_eq!((own.commands(), own.bytes()), (0, 0));
    }
}
