//! Ids of new rows.

use super::failure::CallError;
use crate::{auth::random::Kind, sync::Trouble};

/// A fresh id: 32 letters and digits that nobody can guess.
///
/// # Errors
/// When the machine gives no random numbers.
pub(super) fn fresh() -> Result<String, CallError> {
    Kind::Id.generate(&mut rand::rngs::SysRng).map_err(|error| {
        tracing::error!(%error, "an id cannot be made");
        Trouble::Internal.into()
    })
}
