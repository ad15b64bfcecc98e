//! Where a text may be cut: after a paragraph, a sentence, a word, or at least between two graphemes.

use super::{chars::is_spaceless_script, links::links};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// The first `max_chars` characters, and whether something was cut off.
#[must_use]
pub fn cut_chars(text: &str, max_chars: usize) -> (&str, bool) {
    if text.len() <= max_chars {
        return (text, false);
    }
    text.char_indices().nth(max_chars).map_or((text, false), |(end, _)| (&text[..end], true))
}

/// The longest prefix of at most `max_bytes` that ends well: after a sentence if that keeps at least half of the
/// room, otherwise after a word, otherwise between graphemes. Never inside a link unless the link alone is too long.
/// Whitespace at the end is not kept.
#[must_use]
pub fn cut_bytes_at_sentence(text: &str, max_bytes: usize) -> &str {
    if text.len() <= max_bytes {
        return text.trim_end();
    }
    let breaks = Breaks::within(text, max_bytes);
    let end = breaks
        .sentence
        .filter(|end| *end * 2 >= max_bytes)
        .or(breaks.word)
        .or(breaks.grapheme)
        .unwrap_or_else(|| last_grapheme(text, max_bytes, &[]).unwrap_or(0));
    text[..end].trim_end()
}

/// The last possible break of each kind at or before a limit; never 0, never inside a link.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Breaks {
    pub(super) paragraph: Option<usize>,
    pub(super) sentence: Option<usize>,
    pub(super) word: Option<usize>,
    pub(super) grapheme: Option<usize>,
}

impl Breaks {
    /// Breaks of a text longer than `max_bytes`. A break may stand after whitespace that is then dropped, so a word
    /// that ends exactly at the limit counts.
    pub(super) fn within(text: &str, max_bytes: usize) -> Self {
        // One grapheme of context after the limit is enough to judge every break at or before it.
        let window = &text[..ceil_boundary(text, max_bytes.saturating_add(LOOK_AHEAD_BYTES))];
        let linked: Vec<Range<usize>> = links(window).map(|l| l.start..l.end()).collect();
        let free = |at: &usize| *at > 0 && !linked.iter().any(|l| l.start < *at && *at < l.end);
        let fits =
            |at: &usize| window[..*at].trim_end().len() <= max_bytes && !window[..*at].trim().is_empty();
        let paragraph = window.match_indices('\n').map(|(at, _)| at + 1).filter(|at| {
            let before = &window[..*at - 1];
            before.trim_end_matches([' ', '\t', '\r']).ends_with('\n')
        });
        Self {
            paragraph: paragraph.rev().filter(fits).find(free),
            sentence: sentence_ends(window).filter(fits).filter(free).last(),
            word: word_ends(window).filter(fits).filter(free).last(),
            grapheme: last_grapheme(text, max_bytes, &linked),
        }
    }
}

/// Text looked at after the limit, so that a break right at it is seen. Bytes; longer than any usual grapheme or gap.
const LOOK_AHEAD_BYTES: usize = 64;

fn ceil_boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// Ends of sentences and of lines.
fn sentence_ends(window: &str) -> impl Iterator<Item = usize> + '_ {
    window
        .split_sentence_bound_indices()
        .map(|(at, sentence)| at + sentence.len())
        .filter(|end| *end < window.len())
}

/// After whitespace, and between words of scripts that have none.
fn word_ends(window: &str) -> impl Iterator<Item = usize> + '_ {
    window.split_word_bound_indices().map(|(at, word)| at + word.len()).filter(|end| {
        let before = window[..*end].chars().next_back();
        let Some(after) = window[*end..].chars().next() else { return false };
        if after.is_whitespace() {
            return false;
        }
        before.is_some_and(|c| c.is_whitespace() || (is_spaceless_script(c) && after.is_alphanumeric()))
            || (is_spaceless_script(after) && before.is_some_and(|c| !is_opening(c)))
    })
}

const fn is_opening(c: char) -> bool {
    matches!(
        c,
        '(' | '['
            | '{'
            | '\u{300A}'
            | '\u{300C}'
            | '\u{300E}'
            | '\u{3010}'
            | '\u{FF08}'
            | '\u{201C}'
            | '\u{2018}'
    )
}

fn last_grapheme(text: &str, max_bytes: usize, linked: &[Range<usize>]) -> Option<usize> {
    text.grapheme_indices(true)
        .map(|(at, _)| at)
        .take_while(|at| *at <= max_bytes)
        .filter(|at| *at > 0 && !linked.iter().any(|l| l.start < *at && *at < l.end))
        .last()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(cut_chars("añb", 3), ("añb", false));
        assert_eq!(cut_chars("añb", 2), ("añ", true));
        assert_eq!(cut_chars("", 0), ("", false));
        assert_eq!(cut_chars("a", 0), ("", true));
    }

    #[test]
    fn cuts_where_a_person_would() {
        for (text, max, expected) in [
            ("One two. Three four.", 40, "One two. Three four."),
            ("One two. Three four.", 12, "One two."),
            ("A. Bcd efghi jklm", 13, "A. Bcd efghi"),
            ("abcdefgh", 3, "abc"),
            ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 30, "👨‍👩‍👧‍👦"),
            ("look https://example.com/a-long-one", 20, "look"),
            ("https://example.com/a-long-one", 10, "https://ex"),
            ("One two", 3, "One"),
            ("你好世界", 7, "你好"),
        ] {
            assert_eq!(cut_bytes_at_sentence(text, max), expected, "{text:?} at {max}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_is_a_prefix_within_the_limit(text in "[a-z .!?\\n👍é甲:/]{0,80}", max in 0usize..60) {
            let cut = cut_bytes_at_sentence(&text, max);
            prop_assert!(cut.len() <= max && text.starts_with(cut));
        }
    }
}
