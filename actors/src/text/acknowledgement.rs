//! "ok", "thanks", 👍: messages that ask for nothing.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Longest text that can be an acknowledgement, in characters.
const LENGTH_MAX: usize = 20;

/// In matching form; multi-word ones too.
const PHRASES: &[&str] = &[
    "awesome",
    "cool",
    "got it",
    "great",
    "k",
    "kk",
    "nice",
    "ok",
    "okay",
    "perfect",
    "sounds good",
    "sure",
    "thank you",
    "thanks",
    "thx",
    "ty",
    "ya",
    "yeah",
    "yep",
    "yes",
    "yup",
    // The same in the other languages of the hard vocabulary.
    "gracias",
    "vale",
    "genial",
    "perfecto",
    "obrigado",
    "obrigada",
    "valeu",
    "beleza",
    "merci",
    "d'accord",
    "parfait",
    "danke",
    "alles klar",
    "super",
    "grazie",
    "va bene",
    "perfetto",
    "teşekkürler",
    "tesekkurler",
    "tamam",
];

/// Emoji that acknowledge, without variation selectors and skin tones.
const EMOJI: &[char] = &['👍', '🙏', '👌', '💯', '🔥', '❤', '🙌', '😊', '😍', '👏', '✅'];

static KNOWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| PHRASES.iter().copied().collect());

/// Whether a text, already in matching form, only acknowledges. Punctuation around and after it is ignored; emoji may
/// follow ("ok 👍") or stand alone.
#[must_use]
pub fn is_trivial_ack(normalised: &str) -> bool {
    // Four bytes is the longest character: longer texts cannot be short.
    if normalised.len() > LENGTH_MAX * 4 || normalised.chars().count() > LENGTH_MAX {
        return false;
    }
    let mut emoji = false;
    let mut words = String::with_capacity(normalised.len());
    for c in normalised.chars() {
        match c {
            '.' | ',' | '!' | '?' | '~' | ')' | ':' => {
                if c == '?' {
                    return false;
                }
            }
            '\u{1F3FB}'..='\u{1F3FF}' => {}
            c if EMOJI.contains(&c) => emoji = true,
            c => words.push(c),
        }
    }
    let mut phrase = String::with_capacity(words.len());
    for word in words.split_whitespace() {
        if !phrase.is_empty() {
            phrase.push(' ');
        }
        phrase.push_str(word);
    }
    if phrase.is_empty() { emoji } else { KNOWN.contains(phrase.as_str()) || is_doubled(&phrase) }
}

/// "ok thanks", "yes thank you": two acknowledgements are one.
fn is_doubled(phrase: &str) -> bool {
    phrase
        .match_indices(' ')
        .any(|(at, _)| KNOWN.contains(&phrase[..at]) && KNOWN.contains(&phrase[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normalise;

    #[test]
    fn acknowledgements() {
        for text in [
            "ok",
            "OK!!",
            "Thank  you.",
            "👍",
            "👍🏽",
            "❤️",
            "ok 👍",
            "Sounds good!",
            "🔥🔥🔥",
            "kk",
            "ok thanks",
            "Merci !",
            "Danke",
        ] {
            assert!(is_trivial_ack(&normalise(text)), "{text:?}");
        }
    }

    #[test]
    fn anything_more_is_not() {
        for text in [
            "",
            "?",
            "ok?",
            "ok but when",
            "great price",
            "no",
            "😡",
            "thanks for the quick answer",
            "okra",
            "!!!",
        ] {
            assert!(!is_trivial_ack(&normalise(text)), "{text:?}");
        }
    }
}
