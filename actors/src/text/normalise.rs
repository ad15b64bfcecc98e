//! The matching form: two texts that a person would call the same become equal.

use super::chars::{is_ignorable, unify};
use icu_casemap::{CaseMapper, CaseMapperBorrowed};
use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfkc();
const CASE: CaseMapperBorrowed<'static> = CaseMapper::new();

/// Passes until nothing changes. Folding can undo composition and composition can reveal another fold, so one pass is
/// not always final; text that needs more than three is no text of a person.
const PASSES_MAX: usize = 4;

/// The matching form of a text: zero-width characters and variation selectors removed, NFKC, full case folding,
/// quotes, apostrophes and dashes unified, whitespace collapsed to single spaces and trimmed.
///
/// The dotted and the dotless i of Turkish become a plain `i`, because people type either for a keyword in capitals.
/// Idempotent. ASCII takes a single pass over the bytes.
#[must_use]
pub fn normalise(text: &str) -> String {
    if text.is_ascii() {
        return normalise_ascii(text);
    }
    let mut current = pass(text);
    for _ in 1..PASSES_MAX {
        if current.is_ascii() {
            break;
        }
        let next = pass(&current);
        if next == current {
            break;
        }
        current = next;
    }
    current
}

fn normalise_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for byte in text.bytes() {
        match byte {
            b'\t'..=b'\r' | 0x1C..=0x1F | b' ' => gap = true,
            0..=0x08 | 0x0E..=0x1B | 0x7F => {}
            _ => {
                if gap && !out.is_empty() {
                    out.push(' ');
                }
                gap = false;
                out.push(char::from(if byte == b'`' { b'\'' } else { byte.to_ascii_lowercase() }));
            }
        }
    }
    out
}

fn pass(text: &str) -> String {
    let visible: String =
        NFKC.normalize_iter(text.chars().filter(|c| !is_ignorable(*c)).map(unify)).collect();
    let folded = CASE.fold_string(&visible);
    let mut out = String::with_capacity(folded.len());
    let mut gap = false;
    let mut previous = ' ';
    for c in NFKC.normalize_iter(folded.chars()) {
        if c.is_whitespace() || matches!(c, '\u{1C}'..='\u{1F}') {
            gap = true;
            previous = ' ';
            continue;
        }
        if is_ignorable(c) || (c == '\u{0307}' && previous == 'i') {
            continue;
        }
        if gap && !out.is_empty() {
            out.push(' ');
        }
        gap = false;
        previous = if c == '\u{0131}' { 'i' } else { unify(c) };
        out.push(previous);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::normalise;
    use proptest::prelude::*;

    #[test]
    fn what_looks_the_same_is_the_same() {
        for (left, right) in [
            ("Café", "CAFÉ"),
            ("Café", "Cafe\u{301}"),
            ("STRASSE", "straße"),
            ("STRAẞE", "straße"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("σοφόσ", "ΣΟΦΌΣ"),
            ("İNDİRİM", "indirim"),
            ("i\u{307}ndirim", "İndirim"),
            ("IŞIK", "ışık"),
            ("ＰＲＩＣＥ", "price"),
            ("ｶﾞｲﾄﾞ", "ガイド"),
            ("𝗟𝗜𝗡𝗞", "link"),
            ("ﬁt", "FIT"),
            ("li\u{200B}nk\u{FEFF}", "link"),
            ("❤\u{FE0F}", "❤"),
            ("don’t", "DON'T"),
            ("don`t", "don´t"),
            ("“free”", "\"FREE\""),
            ("e‑mail", "E-MAIL"),
            (" a \t\r\n b\u{00A0}\u{3000}c ", "a b c"),
            ("a\u{0}b\u{7}", "ab"),
            ("Ǆ", "ǆ"),
            ("½", "1⁄2"),
        ] {
            assert_eq!(normalise(left), normalise(right), "{left:?} and {right:?}");
        }
    }

    #[test]
    fn what_differs_stays_different() {
        for (left, right) in [("cafe", "café"), ("link", "links"), ("🔥", "💯"), ("no", "ño")] {
            assert_ne!(normalise(left), normalise(right), "{left:?} and {right:?}");
        }
        assert_eq!(normalise("\u{200B} \u{FE0F}"), "");
    }

    proptest! {
        #[test]
        fn idempotent(text in any::<String>()) {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn idempotent_near_the_hard_places(
            text in "[iIİıſßẞΣσςﬁﬆŉǰΐ´`¨\u{300}-\u{345}\u{34F}\u{200D}\u{FE0F} \u{3000}ᾳᾼΩÅ가ᄀㄱ\u{1160}ﾠ-]{0,12}"
        ) {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn both_paths_agree_on_ascii(text in "[ -~\\t\\r\\n\\x00-\\x1f]{0,60}") {
            prop_assert_eq!(super::pass(&text), super::normalise_ascii(&text));
        }
    }
}
