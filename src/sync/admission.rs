//! How many connections there may be, in total and from one address.

use crate::auth::address::ClientAddress;
use parking_lot::Mutex;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

/// Counts of open connections.
pub(super) struct Admission {
    counts: Mutex<Counts>,
    total_max: usize,
    per_address_max: usize,
}

#[derive(Default)]
struct Counts {
    total: usize,
    by_address: HashMap<ClientAddress, usize>,
}

/// A connection's place. Free again when it is dropped.
pub(super) struct Place {
    admission: Arc<Admission>,
    address: Option<ClientAddress>,
}

impl Admission {
    pub(super) fn new(total_max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self { counts: Mutex::default(), total_max, per_address_max })
    }

    /// A place, or nothing when there are too many. Whoever has no address that can be told counts in total only.
    pub(super) fn admit(self: &Arc<Self>, address: Option<ClientAddress>) -> Option<Place> {
        let mut counts = self.counts.lock();
        if counts.total >= self.total_max {
            return None;
        }
        if let Some(address) = address {
            match counts.by_address.entry(address) {
                Entry::Occupied(count) if *count.get() >= self.per_address_max => return None,
                Entry::Occupied(mut count) => *count.get_mut() += 1,
                Entry::Vacant(count) => {
                    count.insert(1);
                }
            }
        }
        counts.total += 1;
        Some(Place { admission: Arc::clone(self), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        counts.total -= 1;
        if let Some(address) = self.address
            && let Entry::Occupied(mut count) = counts.by_address.entry(address)
        {
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
    use std::net::{IpAddr, Ipv4Addr};

    fn address(last: u8) -> Option<ClientAddress> {
        Some(ClientAddress::from(IpAddr::V4(Ipv4Addr::new(203, 0, 113, last))))
    }

    #[test]
    fn places_are_refused_one_past_either_limit_and_free_again_on_drop() {
        let admission = Admission::new(3, 2);
        let (one, two) = (admission.admit(address(1)), admission.admit(address(1)));
        assert!(one.is_some() && two.is_some() && admission.admit(address(1)).is_none());
        let three = admission.admit(address(2));
        assert!(three.is_some() && admission.admit(address(3)).is_none() && admission.admit(None).is_none());
        drop(one);
        assert!(admission.admit(address(1)).is_some());
        drop((two, three));
        assert!(admission.counts.lock().by_address.is_empty());
    }
}
