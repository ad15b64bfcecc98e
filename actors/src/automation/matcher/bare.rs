//! The form in which an exact trigger is compared: words only.

use super::super::limits::TRIGGER_CHARS_MAX;
use crate::text::is_word_char;
use std::borrow::Cow;

/// Longest text that is compared, in bytes: the longest trigger with four bytes a character, and as much again for the
/// punctuation and emoji around it.
const TEXT_BYTES_MAX: usize = TRIGGER_CHARS_MAX * 4 * 2;

/// A normalised text without punctuation and emoji. An apostrophe or a hyphen inside a word joins ("e-mail" is
/// "email"), everything else separates. A text of nothing else stays itself. `None` for a text too long to be a
/// trigger.
pub(super) fn bare(text: &str) -> Option<Cow<'_, str>> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    if text.chars().all(|c| is_word_char(c) || c == ' ') {
        return Some(Cow::Borrowed(text));
    }
    let mut words = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if is_word_char(c) {
            if gap && !words.is_empty() {
                words.push(' ');
            }
            gap = false;
            words.push(c);
        } else if !matches!(c, '\'' | '-') {
            gap = true;
        }
    }
    Some(if words.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(words) })
}
