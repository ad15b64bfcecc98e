//! Text hygiene: what strings from people may hold, and how long they may be.

use crate::{
    json::Raw,
    webhook::item::{LABEL_CHARS_MAX, NAME_CHARS_MAX, RAW_BYTES_MAX, TEXT_CHARS_MAX, Text, URL_BYTES_MAX},
};
use std::{borrow::Cow, sync::Arc};

/// A text without NUL, its first `limit` characters, and whether there were more.
fn clean(text: Cow<'_, str>, limit: usize) -> (Arc<str>, bool) {
    let text = if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { text };
    // A text of at most `limit` bytes has at most as many characters.
    if text.len() <= limit {
        return (text.as_ref().into(), false);
    }
    match text.char_indices().nth(limit) {
        None => (text.as_ref().into(), false),
        Some((end, _)) => (text.get(..end).unwrap_or_default().into(), true),
    }
}

/// A message's or comment's text; `None` when it is no string.
pub(crate) fn text(value: Raw<'_>) -> Option<Text> {
    let (value, cut) = clean(value.lossy()?, TEXT_CHARS_MAX);
    Some(Text { value, cut })
}

/// A label, payload or reference; `None` when it is no string.
pub(crate) fn label(value: Raw<'_>) -> Option<Arc<str>> {
    Some(clean(value.lossy()?, LABEL_CHARS_MAX).0)
}

/// A string or a number's digits: ids that are only compared or shown.
pub(crate) fn id_label(value: Raw<'_>) -> Option<Arc<str>> {
    label(value).or_else(|| value.id_text().map(|id| clean(id, LABEL_CHARS_MAX).0))
}

/// The name of something not known.
pub(crate) fn name(name: &str) -> Arc<str> {
    clean(Cow::Borrowed(name), NAME_CHARS_MAX).0
}

/// A URL as sent; `None` when it is no string, too long, or holds control characters.
pub(crate) fn url(value: Raw<'_>) -> Option<Arc<str>> {
    let url = value.str()?;
    let usable = !url.is_empty() && url.len() <= URL_BYTES_MAX && !url.chars().any(char::is_control);
    usable.then(|| url.as_ref().into())
}

/// The JSON itself; `None` when it is too long.
pub(crate) fn raw(value: Raw<'_>) -> Option<Arc<str>> {
    let bytes = value.bytes();
    (bytes.len() <= RAW_BYTES_MAX).then(|| String::from_utf8_lossy(bytes).as_ref().into())
}
