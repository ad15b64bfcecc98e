//! The user's row: name, picture and the extra fields.

use super::{
    Identity, IdentityEvent, Rejection, Reply,
    command::UserPatch,
    field::{self, Field, Invalid, Problem, Value, Writer},
    limits::{IMAGE_BYTES_MAX, NAME_CHARS_MAX},
    row::UserRow,
};
use crate::{Draft, Timestamp};
use std::sync::Arc;

/// Changes the row.
pub(super) fn update(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    writer: Writer,
    patch: &UserPatch,
) -> Result<Reply, Rejection> {
    if *patch == UserPatch::default() {
        return Err(Rejection::NothingToUpdate);
    }
    let Some(user) = &draft.user else { return Err(Rejection::NoUser) };
    let mut next = UserRow::clone(user);
    if let Some(name) = &patch.name {
        check_name(name)?;
        next.name = Arc::clone(name);
    }
    if let Some(image) = &patch.image {
        check_image(image.as_deref())?;
        next.image.clone_from(image);
    }
    for (field, value) in &patch.extra {
        field::check(*field, value.as_ref(), writer)?;
        next.extra.set(*field, value.clone());
    }
    let completes = (Field::OnboardingComplete, Some(Value::Flag(true)));
    if writer == Writer::Onboarding && patch.extra.contains(&completes) {
        let lacking = lacking(&next);
        if !lacking.is_empty() {
            return Err(Rejection::OnboardingIncomplete(lacking));
        }
    }
    Ok(Reply::User(set(draft, now, next)))
}

/// Stores the row as changed now.
pub(super) fn set(draft: &mut Draft<Identity>, now: Timestamp, mut next: UserRow) -> Arc<UserRow> {
    next.updated_at = now;
    let next = Arc::new(next);
    draft.emit(IdentityEvent::UserSet(Arc::clone(&next)));
    next
}

/// Names of what onboarding requires and the user lacks.
pub(super) fn lacking(user: &UserRow) -> Vec<&'static str> {
    let name = user.name.trim().is_empty().then_some("name");
    name.into_iter().chain(user.extra.missing().map(Field::name)).collect()
}

/// The name is short enough; it may be empty.
pub(super) fn check_name(name: &str) -> Result<(), Invalid> {
    match name.chars().nth(NAME_CHARS_MAX) {
        None => Ok(()),
        Some(_) => Err(Invalid { field: "name", problem: Problem::TooLong(NAME_CHARS_MAX) }),
    }
}

/// The address of the picture is short enough.
pub(super) fn check_image(image: Option<&str>) -> Result<(), Invalid> {
    match image {
        Some(image) if image.len() > IMAGE_BYTES_MAX => {
            Err(Invalid { field: "image", problem: Problem::TooLong(IMAGE_BYTES_MAX) })
        }
        _ => Ok(()),
    }
}
