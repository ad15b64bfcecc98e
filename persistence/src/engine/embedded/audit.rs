//! What of a working set is known to be as it was written.
//!
//! Sled can lose entries without a word, so a set that was not stopped cleanly is trusted with nothing. Its index (heads,
//! names, timers) is compared with its digest before anybody is served: a head, name or timer that is missing would be
//! read as an entity that never was, a name that is free, an instant at which nothing is due. With a whole index the rest
//! can be checked entity by entity: a head tells which snapshot and which records there must be, and has a digest over
//! the pages of the history. Snapshots and tails are compared with it whenever they are read. Pages are compared when
//! the history of an entity is first read, or when the audit in the background comes by, whichever is first.
//!
//! Digests are sums that are kept up by differences, so what was wrong before a change is still wrong after it.

use super::{
    flush, keys,
    reads::{is_gapless, kept_tail},
    recent::Recent,
    values::{self, Head},
    working_set::{SetError, WorkingSet, digest_part},
};
use crate::{EntityId, Seq};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most entities whose history is remembered as whole while the audit has not come to them.
const ENTITIES_REMEMBERED_MAX: usize = 65_536;
/// Entities whose keys are collected at a time.
const ENTITIES_PER_LOOK: usize = 64;

/// What of a set was checked since it was opened. Nothing, at first.
pub(super) struct Vouched {
    is_whole: AtomicBool,
    part: Mutex<Part>,
}

struct Part {
    /// Every entity up to this one is whole.
    upto: Option<EntityId>,
    /// Entities after it whose history is whole.
    others: Recent<EntityId, ()>,
}

impl Default for Vouched {
    fn default() -> Self {
        let part = Part { upto: None, others: Recent::new(ENTITIES_REMEMBERED_MAX) };
        Self { is_whole: AtomicBool::new(false), part: Mutex::new(part) }
    }
}

impl Vouched {
    /// Nothing needs to be checked any more.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Acquire)
    }

    pub(super) fn set_whole(&self) {
        self.is_whole.store(true, Ordering::Release);
    }

    fn has(&self, entity: &EntityId) -> bool {
        let part = self.part.lock();
        part.upto.as_ref().is_some_and(|upto| entity <= upto) || part.others.get(entity).is_some()
    }

    fn add(&self, entity: &EntityId) {
        let mut part = self.part.lock();
        part.others.age();
        part.others.insert(entity.clone(), ());
    }

    fn add_upto(&self, entity: &EntityId) {
        self.part.lock().upto = Some(entity.clone());
    }
}

/// Checks the history of an entity unless that was done before. No batch may be applied meanwhile.
pub(super) fn vouch_for_history(set: &WorkingSet, entity: &EntityId) -> Result<(), SetError> {
    if set.vouched.is_whole() || set.vouched.has(entity) {
        return Ok(());
    }
    let head = flush::head(set, entity)?.unwrap_or_default();
    check_pages(set, entity, &head)?;
    set.vouched.add(entity);
    Ok(())
}

/// Size of the pages in bytes.
fn check_pages(set: &WorkingSet, entity: &EntityId, head: &Head) -> Result<u64, SetError> {
    let (mut sum, mut bytes) = (0_u64, 0);
    set.scan_prefix(&keys::all_pages(entity), |key, value| {
        sum = sum.wrapping_add(digest_part(key, &value));
        bytes += value.len() as u64;
        Ok(true)
    })?;
    if sum == head.pages { Ok(bytes) } else { Err(SetError::Pages(entity.clone())) }
}

/// Compares everything of an entity with its head. Size of what was read in bytes.
fn check_entity(set: &WorkingSet, entity: &EntityId) -> Result<u64, SetError> {
    let head = flush::head(set, entity)?.ok_or(SetError::Digest)?;
    let mut bytes = check_pages(set, entity, &head)?;
    if head.snapshot > Seq::ZERO {
        let value = set.get(&keys::snapshot(entity))?;
        let seq = value.as_ref().and_then(|value| values::snapshot_seq(value));
        if seq != Some(head.snapshot) {
            return Err(SetError::Snapshot(entity.clone()));
        }
        bytes += value.map_or(0, |value| value.len() as u64);
    }
    let tail = kept_tail(set, entity, head.snapshot)?;
    if !is_gapless(&tail, head.snapshot, head.seq) {
        return Err(SetError::Gap(head.snapshot));
    }
    Ok(bytes + tail.iter().map(|record| record.body.len() as u64).sum::<u64>())
}

/// A walk over all entities of a set, each checked.
#[derive(Default)]
pub(super) struct Walk {
    after: Option<EntityId>,
    /// Entities that were checked.
    pub(super) checked: u64,
}

impl Walk {
    /// Checks the next entities. True when there are none left; the set is whole then.
    ///
    /// `still` makes the set stand still for as long as what it returns lives.
    pub(super) fn step<G>(&mut self, set: &WorkingSet, still: impl Fn() -> G) -> Result<bool, SetError> {
        for entity in self.look(set)? {
            {
                let _still = still();
                check_entity(set, &entity)?;
            }
            set.vouched.add_upto(&entity);
            self.checked += 1;
            self.after = Some(entity);
        }
        Ok(set.vouched.is_whole())
    }

    fn look(&self, set: &WorkingSet) -> Result<Vec<EntityId>, SetError> {
        let mut found = Vec::with_capacity(ENTITIES_PER_LOOK);
        set.scan(keys::heads_after(self.after.as_ref()), false, |key, _| {
            found.push(key.get(1..).and_then(keys::parse_entity).ok_or(SetError::Form)?);
            Ok(found.len() < ENTITIES_PER_LOOK)
        })?;
        if found.is_empty() {
            set.vouched.set_whole();
        }
        Ok(found)
    }
}

impl WorkingSet {
    /// Reads everything and compares it with checksums and digests, while nobody changes it. `progress` gets the number
    /// of entries of the index read, then that of entities.
    pub(super) fn audit(&self, mut progress: impl FnMut(u64)) -> Result<(), SetError> {
        self.audit_index(&mut progress)?;
        let mut walk = Walk::default();
        while !walk.step(self, || ())? {
            progress(walk.checked);
        }
        Ok(())
    }
}
