//! A bounded map that forgets what was not written for longest, in halves: it is never empty when it was full.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    /// What was young before; older than anything in `young`.
    old: HashMap<K, V>,
    /// Most entries of both, give or take what is added between two calls of [`Recent::age`].
    max: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    pub(super) fn new(max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), max }
    }

    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.young.insert(key, value);
    }

    pub(super) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Forgets the older half when the younger one is full.
    pub(super) fn age(&mut self) {
        if self.young.len() >= self.max / 2 {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_map_keeps_its_younger_half_and_the_newest_value() {
        let mut map = Recent::new(10);
        for n in 0..23_u32 {
            map.age();
            map.insert(n, n);
            map.insert(100, n);
            assert!(map.young.len() + map.old.len() <= 12);
            assert_eq!(map.get(&100), Some(&n));
            assert_eq!(map.get(&n.saturating_sub(3)), Some(&n.saturating_sub(3)));
        }
        assert_eq!(map.get(&2), None);
        map.remove(&100);
        assert_eq!(map.get(&100), None);
    }
}
