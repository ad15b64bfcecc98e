//! Parts of a state that readers tell apart, and when each changed last: a reader that looked at other parts only need
//! not look again.

use greenroom_persistence::Position;
use imbl::Vector;
use std::sync::Arc;

/// Most parts of one kind of entity.
pub const SLICES_MAX: usize = 16;

/// A set of parts of a state. What the numbers mean is the entity's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slices(u16);

impl Slices {
    /// No part.
    pub const NONE: Self = Self(0);
    /// Every part.
    pub const ALL: Self = Self(u16::MAX);

    /// One part, by its number below [`SLICES_MAX`].
    #[must_use]
    pub const fn one(number: u8) -> Self {
        Self(1 << (number % 16))
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set, if `changed`; otherwise nothing.
    #[must_use]
    pub const fn when(self, changed: bool) -> Self {
        if changed { self } else { Self::NONE }
    }

    /// There is no part in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn has(self, number: usize) -> bool {
        self.0 >> number & 1 == 1
    }
}

/// When each part of an entity's state changed last, as commit positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revisions([Position; SLICES_MAX]);

impl Revisions {
    /// Every part may have changed at this position, and none later. What is known after a recovery.
    #[must_use]
    pub const fn all_at(position: Position) -> Self {
        Self([position; SLICES_MAX])
    }

    /// After a record at this position that changed these parts.
    #[must_use]
    pub fn after(mut self, changed: Slices, position: Position) -> Self {
        for (number, at) in self.0.iter_mut().enumerate() {
            if changed.has(number) {
                *at = position;
            }
        }
        self
    }

    /// The last change of any of these parts; [`Position::ZERO`] of none.
    #[must_use]
    pub fn last_of(&self, slices: Slices) -> Position {
        let of = self.0.iter().enumerate().filter(|(number, _)| slices.has(*number));
        of.map(|(_, at)| *at).max().unwrap_or(Position::ZERO)
    }
}

/// Nothing was added, replaced or removed since the other. Few rows are kept in the vector itself, which then has nothing
/// to share: those are looked at one by one.
pub(crate) fn same_rows<T>(before: &Vector<Arc<T>>, after: &Vector<Arc<T>>) -> bool {
    /// More rows than a vector keeps in itself.
    const FEW: usize = 16;
    before.ptr_eq(after)
        || (before.len() == after.len()
            && after.len() <= FEW
            && before.iter().zip(after).all(|(before, after)| Arc::ptr_eq(before, after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_keeps_its_position_until_it_changes() {
        let (first, second) = (Slices::one(0), Slices::one(15));
        let revisions = Revisions::all_at(Position(5)).after(second, Position(9));
        assert_eq!(revisions.last_of(first), Position(5));
        assert_eq!(revisions.last_of(second), Position(9));
        assert_eq!(revisions.last_of(first.and(second)), Position(9));
        assert_eq!(revisions.last_of(Slices::NONE), Position::ZERO);
        assert_eq!(revisions.after(Slices::ALL, Position(11)).last_of(first), Position(11));
    }

    #[test]
    fn sets_join() {
        assert!(Slices::one(3).when(false).is_empty());
        assert_eq!(Slices::one(3).when(true).and(Slices::NONE), Slices::one(3));
    }
}
