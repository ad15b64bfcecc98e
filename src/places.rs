//! Places that are taken for a while under a name: so many in total, and so many under one name.

use parking_lot::Mutex;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

#[derive(Default)]
struct Counts {
    total: usize,
    by_name: HashMap<Arc<str>, usize>,
}

/// See the module.
pub struct Places {
    counts: Arc<Mutex<Counts>>,
    total_max: usize,
    each_max: usize,
}

/// A place. Free again when it is dropped.
pub struct Place {
    counts: Arc<Mutex<Counts>>,
    name: Arc<str>,
}

impl Places {
    /// At most `total_max`, and at most `each_max` under one name.
    #[must_use]
    pub fn new(total_max: usize, each_max: usize) -> Self {
        Self { counts: Arc::default(), total_max, each_max }
    }

    /// A place, or nothing at once.
    #[must_use]
    pub fn take(&self, name: &str) -> Option<Place> {
        let name: Arc<str> = name.into();
        let mut counts = self.counts.lock();
        if counts.total >= self.total_max {
            return None;
        }
        match counts.by_name.entry(Arc::clone(&name)) {
            Entry::Occupied(count) if *count.get() >= self.each_max => return None,
            Entry::Occupied(mut count) => *count.get_mut() += 1,
            Entry::Vacant(count) => {
                count.insert(1);
            }
        }
        counts.total += 1;
        Some(Place { counts: Arc::clone(&self.counts), name })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        counts.total -= 1;
        if let Entry::Occupied(mut count) = counts.by_name.entry(Arc::clone(&self.name)) {
            if *count.get() > 1 {
                *count.get_mut() -= 1;
            } else {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_refused_one_past_either_limit_and_free_again_on_drop() {
        let places = Places::new(3, 2);
        let (one, two) = (places.take("ada"), places.take("ada"));
        assert!(one.is_some() && two.is_some() && places.take("ada").is_none());
        let three = places.take("eve");
        assert!(three.is_some() && places.take("bob").is_none());
        drop(one);
        let again = places.take("ada");
        assert!(again.is_some());
        drop((two, three, again));
        assert!(places.counts.lock().by_name.is_empty() && places.counts.lock().total == 0);
    }
}
