//! Sensitive data in messages: found exactly, and blacked out before text reaches memory or a person's log.

use memchr::memmem::Finder;
use std::{borrow::Cow, ops::Range, sync::LazyLock};

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SensitiveKind {
    /// Payment card number: 13 to 19 digits, known first digit, Luhn sum right.
    Card,
    /// International bank account number: country, length and checksum right.
    Iban,
    /// A password that is told, not merely talked about.
    Password,
}

/// What stands in the place of sensitive data.
const fn mask(kind: SensitiveKind) -> &'static str {
    match kind {
        SensitiveKind::Card => "[card number]",
        SensitiveKind::Iban => "[iban]",
        SensitiveKind::Password => "[password]",
    }
}

/// The kinds that were replaced in a text by [`redact_sensitive`].
pub fn masked(text: &str) -> impl Iterator<Item = SensitiveKind> {
    const KINDS: [SensitiveKind; 3] = [SensitiveKind::Card, SensitiveKind::Iban, SensitiveKind::Password];
    let kinds: &[_] = if text.contains('[') { &KINDS } else { &[] };
    kinds.iter().copied().filter(|kind| text.contains(mask(*kind)))
}

/// The text with card numbers, IBANs and told passwords replaced by a bracketed word. Borrowed when there are none.
#[must_use]
pub fn redact_sensitive(text: &str) -> Cow<'_, str> {
    let found = sensitive(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (kind, range) in found {
        out.push_str(&text[from..range.start]);
        out.push_str(mask(kind));
        from = range.end;
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// Sensitive data in a text, in order and without overlap, as byte ranges.
#[must_use]
pub fn sensitive(text: &str) -> Vec<(SensitiveKind, Range<usize>)> {
    let mut found = Vec::new();
    // Nothing here has fewer than eight digits, except a password, which has a keyword.
    if text.bytes().filter(u8::is_ascii_digit).take(DIGITS_MIN).count() == DIGITS_MIN {
        ibans(text, &mut found);
        cards(text, &mut found);
    }
    passwords(text, &mut found);
    found.sort_by_key(|(_, range)| (range.start, usize::MAX - range.end));
    let mut end = 0;
    found.retain(|(_, range)| {
        let keep = range.start >= end;
        if keep {
            end = range.end;
        }
        keep
    });
    found
}

/// Fewest digits in anything numeric looked for here.
const DIGITS_MIN: usize = 8;
/// Digits of a card number (ISO/IEC 7812).
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

fn cards(text: &str, found: &mut Vec<(SensitiveKind, Range<usize>)>) {
    for run in digit_runs(text) {
        // A number may follow the card's ("… 1111 2 times"): every row of whole groups is tried, longest first.
        let starts = group_edges(text, &run, true);
        let ends = group_edges(text, &run, false);
        let mut from = run.start;
        for start in starts {
            if start < from {
                continue;
            }
            let near = ends.iter().copied().filter(|end| *end > start && *end - start <= CARD_BYTES_MAX);
            if let Some(end) = near.rev().find(|end| is_card(&text[start..*end])) {
                found.push((SensitiveKind::Card, start..end));
                from = end;
            }
        }
    }
}

/// Longest card number as written: the most digits with a separator between each two.
const CARD_BYTES_MAX: usize = 37;

fn is_card(number: &str) -> bool {
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    CARD_DIGITS.contains(&digits.len()) && matches!(digits[0], 2..=6) && luhn(&digits)
}

/// Where the groups of a run of digits start, or where they end.
fn group_edges(text: &str, run: &Range<usize>, starts: bool) -> Vec<usize> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let edge = |at: &usize| {
        let (before, after) = (*at > run.start && digit(*at - 1), *at < run.end && digit(*at));
        if starts { after && !before } else { before && !after }
    };
    (run.start..=run.end).filter(edge).collect()
}

/// Runs of digits that single spaces, dots or hyphens may group, not glued to letters.
fn digit_runs(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut runs = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        let mut end = at + 1;
        loop {
            match (bytes.get(end), bytes.get(end + 1)) {
                (Some(b'0'..=b'9'), _) => end += 1,
                (Some(b' ' | b'-' | b'.'), Some(b'0'..=b'9')) => end += 2,
                _ => break,
            }
        }
        let glued = text[..start].chars().next_back().is_some_and(char::is_alphanumeric)
            || text[end..].chars().next().is_some_and(char::is_alphabetic);
        if !glued {
            runs.push(start..end);
        }
        at = end;
    }
    runs
}

/// The Luhn sum (ISO/IEC 7812-1) of decimal digits.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn ibans(text: &str, found: &mut Vec<(SensitiveKind, Range<usize>)>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at + 4 <= bytes.len() {
        let head = &bytes[at..at + 4];
        let opens = head[..2].iter().all(u8::is_ascii_alphabetic)
            && head[2..].iter().all(u8::is_ascii_digit)
            && !(at > 0 && bytes[at - 1].is_ascii_alphanumeric());
        match opens.then(|| iban_at(bytes, at)).flatten() {
            Some(end) => {
                found.push((SensitiveKind::Iban, at..end));
                at = end;
            }
            None => at += 1,
        }
    }
}

/// The end of the IBAN that starts here.
fn iban_at(bytes: &[u8], start: usize) -> Option<usize> {
    let country = [bytes.get(start)?.to_ascii_uppercase(), bytes.get(start + 1)?.to_ascii_uppercase()];
    let length =
        IBAN_LENGTHS.iter().find(|(code, _)| code.as_bytes() == country).map(|(_, length)| *length)?;
    let mut characters = Vec::with_capacity(length);
    let mut at = start;
    while characters.len() < length {
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (c, _) if c.is_ascii_alphanumeric() => characters.push(c.to_ascii_uppercase()),
            (b' ' | b'-', Some(next)) if next.is_ascii_alphanumeric() => {}
            _ => return None,
        }
        at += 1;
    }
    let ends = !bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    (ends && mod97(&characters) == 1).then_some(at)
}

/// Remainder of an IBAN's number by 97 (ISO 13616): the first four characters go last, letters count from 10.
fn mod97(characters: &[u8]) -> u32 {
    characters.iter().cycle().skip(4).take(characters.len()).fold(0, |rest, c| match c {
        b'0'..=b'9' => (rest * 10 + u32::from(c - b'0')) % 97,
        _ => (rest * 100 + u32::from(c.saturating_sub(b'A')) + 10) % 97,
    })
}

/// Length by country, from the IBAN registry (SWIFT, release 99).
const IBAN_LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// Words that announce a password. Letters outside ASCII stand in both cases.
const PASSWORD_WORDS: &[&str] = &[
    "password",
    "passwort",
    "passcode",
    "contraseña",
    "contraseÑa",
    "contrasena",
    "senha",
    "mot de passe",
    "parola",
    "şifre",
    "Şifre",
    "sifre",
];
/// One searcher a word, built once.
static PASSWORD_FINDERS: LazyLock<Vec<Finder<'static>>> =
    LazyLock::new(|| PASSWORD_WORDS.iter().copied().map(Finder::new).collect());
/// Characters that a told password has at least.
const PASSWORD_CHARS_MIN: usize = 4;

/// "password is …", "password: …", "senha = …": the word after a colon, an equals sign or a form of "is".
fn passwords(text: &str, found: &mut Vec<(SensitiveKind, Range<usize>)>) {
    // Offsets must stay those of the text, so only ASCII is folded.
    let lower = text.to_ascii_lowercase();
    for finder in PASSWORD_FINDERS.iter() {
        for at in finder.find_iter(lower.as_bytes()) {
            if let Some(range) = told_after(&lower, at + finder.needle().len()) {
                found.push((SensitiveKind::Password, range));
            }
        }
    }
}

fn told_after(lower: &str, from: usize) -> Option<Range<usize>> {
    let rest = lower.get(from..)?;
    let gap = rest.trim_start();
    let signed = gap.strip_prefix([':', '=']).or_else(|| {
        ["is ", "es ", "é ", "est ", "ist ", "e ", "è "]
            .iter()
            .find_map(|verb| (gap.len() < rest.len()).then(|| gap.strip_prefix(verb)).flatten())
    })?;
    let value = signed.trim_start_matches([' ', ':', '=', '"', '\'']);
    let start = lower.len() - value.len();
    let length = value.find(char::is_whitespace).unwrap_or(value.len());
    let word = value[..length].trim_end_matches(['.', ',', '"', '\'', '!', '?']);
    // "my password is not working": a plain word is not a password, something with a digit or a sign in it is; after
    // a colon anything is.
    let announced = gap.starts_with([':', '=']);
    let odd = word.chars().any(|c| !c.is_alphabetic());
    (word.chars().count() >= PASSWORD_CHARS_MIN && (announced || odd)).then_some(start..start + word.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sensitive_data_is_blacked_out() {
        for (text, expected) in [
            ("card 4111 1111 1111 1111 thanks", "card [card number] thanks"),
            ("5500-0000-0000-0004.", "[card number]."),
            ("378282246310005", "[card number]"),
            ("DE89 3704 0044 0532 0130 00 bitte", "[iban] bitte"),
            ("gb29nwbk60161331926819", "[iban]"),
            ("NO93 8601 1117 947", "[iban]"),
            ("my password is hunter2!", "my password is [password]!"),
            ("Password: correcthorse", "Password: [password]"),
            ("CONTRASEÑA: Abc9", "CONTRASEÑA: [password]"),
            ("minha senha é 123456", "minha senha é [password]"),
            ("4111 1111 1111 1111 2 times", "[card number] 2 times"),
            ("12 4111 1111 1111 1111", "12 [card number]"),
            ("4111111111111111 and 4111111111111111", "[card number] and [card number]"),
        ] {
            assert_eq!(redact_sensitive(text), expected, "{text:?}");
            let mut kinds: Vec<_> = sensitive(text).into_iter().map(|(kind, _)| kind).collect();
            kinds.dedup();
            assert_eq!(masked(expected).collect::<Vec<_>>(), kinds, "the mask says what was there: {text:?}");
        }
    }

    #[test]
    fn ordinary_numbers_stay() {
        for text in [
            "4111 1111 1111 1112",
            "call me +49 151 23456789",
            "order 1234567890123",
            "id 17841400000000101",
            "DE89 3704 0044 0532 0130 01",
            "a4111111111111111",
            "my password is not working",
            "password reset please",
            "",
        ] {
            assert!(matches!(redact_sensitive(text), Cow::Borrowed(_)), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn total_and_ordered(text in "([0-9 .-]|DE|GB|password|senha|: |é|甲){0,40}") {
            let mut end = 0;
            for (_, range) in sensitive(&text) {
                prop_assert!(range.start >= end && range.end <= text.len());
                end = range.end;
            }
            let _ = redact_sensitive(&text);
        }

        #[test]
        fn every_valid_card_is_found(body in proptest::collection::vec(0u8..10, 14)) {
            let mut digits = vec![4];
            digits.extend(&body);
            let check = (0..10).find(|check| luhn(&[&digits[..], &[*check]].concat())).unwrap();
            digits.push(check);
            let text: String = digits.iter().map(|d| char::from(b'0' + d)).collect();
            prop_assert_eq!(redact_sensitive(&text), "[card number]");
        }
    }
}
