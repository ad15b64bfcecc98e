//! Parts of an identity that readers tell apart.

use super::Identity;
use crate::slices::Slices;
use std::sync::Arc;

/// The user's row.
pub const USER: Slices = Slices::one(0);
/// Sessions, accounts and everything else.
pub const ACCESS: Slices = Slices::one(1);

/// What differs.
pub(super) fn changed(before: &Identity, after: &Identity) -> Slices {
    let same_user = match (&before.user, &after.user) {
        (Some(before), Some(after)) => Arc::ptr_eq(before, after),
        (None, None) => true,
        _ => false,
    };
    ACCESS.and(USER.when(!same_user))
}
