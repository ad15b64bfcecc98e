//! Long texts become a few messages.

use super::cut::Breaks;

/// The text does not fit: too many bytes, or a link or a single grapheme that is longer than one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("text of {bytes} bytes does not fit in {max_parts} parts of {max_bytes} bytes")]
pub struct TooLong {
    /// Size of the text, trimmed.
    pub bytes: usize,
    /// Room in one part.
    pub max_bytes: usize,
    /// Parts allowed.
    pub max_parts: usize,
}

/// Splits a text into at most `max_parts` parts of at most `max_bytes` of UTF-8, at the best boundaries that still
/// fit: paragraph, sentence, word, then grapheme; never inside a link. Parts are trimmed; nothing else is lost. An
/// empty text gives no part.
///
/// The platform takes 1000 bytes in one text message; the product sends at most 3 parts.
///
/// # Errors
/// [`TooLong`] when no such split exists.
pub fn split_message(text: &str, max_bytes: usize, max_parts: usize) -> Result<Vec<String>, TooLong> {
    let mut rest = text.trim();
    let too_long = TooLong { bytes: rest.len(), max_bytes, max_parts };
    // Whatever the boundaries, more bytes than all parts hold cannot fit: refuse before any work.
    if visible_bytes(rest) > max_bytes.saturating_mul(max_parts) {
        return Err(too_long);
    }
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let left = max_parts.saturating_sub(parts.len());
        if left == 0 {
            return Err(too_long);
        }
        let end = if rest.len() <= max_bytes {
            rest.len()
        } else {
            best(rest, max_bytes, left - 1).ok_or(too_long)?
        };
        parts.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    Ok(parts)
}

fn visible_bytes(text: &str) -> usize {
    text.split_whitespace().map(str::len).sum()
}

/// The coarsest boundary after which the rest still fits in `left` parts.
fn best(text: &str, max_bytes: usize, left: usize) -> Option<usize> {
    let breaks = Breaks::within(text, max_bytes);
    let coarse = [breaks.paragraph, breaks.sentence, breaks.word].into_iter().flatten();
    let by_words = coarse.into_iter().find(|end| fits(&text[*end..], max_bytes, left, Finest::Word));
    by_words.or_else(|| {
        [breaks.word, breaks.grapheme]
            .into_iter()
            .flatten()
            .find(|end| fits(&text[*end..], max_bytes, left, Finest::Grapheme))
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Finest {
    Word,
    Grapheme,
}

/// Taking as much as possible each time needs the fewest parts.
fn fits(text: &str, max_bytes: usize, parts: usize, finest: Finest) -> bool {
    let mut rest = text.trim_start();
    for _ in 0..parts {
        if rest.len() <= max_bytes {
            return true;
        }
        let breaks = Breaks::within(rest, max_bytes);
        let words = breaks.word.max(breaks.sentence).max(breaks.paragraph);
        let end = match finest {
            Finest::Word => words.or(breaks.grapheme),
            Finest::Grapheme => words.max(breaks.grapheme),
        };
        let Some(end) = end else { return false };
        rest = rest[end..].trim_start();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::links;
    use proptest::prelude::*;

    fn split(text: &str, max_bytes: usize, max_parts: usize) -> Vec<String> {
        split_message(text, max_bytes, max_parts).unwrap()
    }

    #[test]
    fn the_coarsest_boundary_wins() {
        assert_eq!(split("  ", 10, 3), Vec::<String>::new());
        assert_eq!(split("short", 10, 3), ["short"]);
        assert_eq!(split("One. Two.\n\nThree four.", 16, 3), ["One. Two.", "Three four."]);
        assert_eq!(split("One two. Three four.", 16, 3), ["One two.", "Three four."]);
        assert_eq!(split("one two three four", 9, 3), ["one two", "three", "four"]);
        assert_eq!(split("abcdefghij", 4, 3), ["abcd", "efgh", "ij"]);
        assert_eq!(split("ééé", 3, 3), ["é", "é", "é"]);
    }

    #[test]
    fn a_finer_boundary_is_taken_when_parts_are_few() {
        // After the first paragraph the rest would need three more parts.
        assert_eq!(split("a\n\nbbbb cccc dddd eeee", 11, 2).len(), 2);
    }

    #[test]
    fn links_stay_whole() {
        let link = "https://example.com/what?is=This";
        assert_eq!(split(&format!("read this now {link} please"), 34, 3), ["read this now", link, "please"]);
        assert_eq!(split(&format!("请看{link} 谢谢"), 34, 3), ["请看", link, "谢谢"]);
        assert!(split_message(&format!("see {link}"), 20, 3).is_err());
    }

    #[test]
    fn the_limit_and_one_past_it() {
        assert_eq!(split(&"x".repeat(3000), 1000, 3).len(), 3);
        assert_eq!(
            split_message(&"x".repeat(3001), 1000, 3),
            Err(TooLong { bytes: 3001, max_bytes: 1000, max_parts: 3 })
        );
        assert!(split_message("x", 0, 3).is_err() && split_message("x", 3, 0).is_err());
        assert!(split_message("👨‍👩‍👧‍👦", 10, 3).is_err());
    }

    fn squeezed(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace()).collect()
    }

    proptest! {
        #[test]
        fn parts_fit_and_lose_only_whitespace(text in "([a-zé甲👍. !\\n]{0,12}( https://e\\.com/[a-z.?]{0,9} )?){0,8}", max in 1usize..60, count in 1usize..6) {
            if let Ok(parts) = split_message(&text, max, count) {
                prop_assert!(parts.len() <= count);
                for part in &parts {
                    prop_assert!(!part.is_empty() && part.len() <= max && part.trim() == part);
                }
                prop_assert_eq!(squeezed(&parts.concat()), squeezed(&text));
                for link in links(&text) {
                    prop_assert!(parts.iter().any(|p| p.contains(link.text)), "{} was cut", link.text);
                }
            }
        }

        #[test]
        fn plain_words_that_fit_are_never_refused(words in proptest::collection::vec("[a-z]{1,9}", 0..30)) {
            let text = words.join(" ");
            // Words of at most 9 letters waste at most 9 bytes in a part of 40.
            prop_assert!(split_message(&text, 40, text.len() / 31 + 1).is_ok());
        }
    }
}
