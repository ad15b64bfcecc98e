//! Small pieces that the shapes of many functions share.

use serde::Serialize;

pub(super) use greenroom_actors::automation::clearable;

/// A stored word of an enumeration.
pub(super) fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
