//! Links in running text.

/// A link and where it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// Byte offset in the text.
    pub start: usize,
    /// The link as written, without punctuation that closes the sentence around it.
    pub text: &'a str,
}

impl Link<'_> {
    /// Byte offset after the link.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Endings that make `name.ending` a link without a scheme. Only those that are no everyday words, so that a missing
/// space after a full stop does not make a link.
const BARE_ENDINGS: &[&str] = &[
    "ai", "app", "biz", "bio", "br", "ca", "ch", "cl", "club", "co", "com", "cz", "de", "dev", "dk", "edu",
    "es", "eu", "fi", "fr", "gg", "gr", "hu", "ie", "info", "io", "jp", "kr", "link", "ly", "me", "mx",
    "net", "nl", "online", "org", "page", "pl", "pt", "ro", "ru", "se", "shop", "site", "store", "tr", "tv",
    "ua", "uk", "us", "xyz",
];

/// Every link of a text in order: `http://`, `https://`, `www.`, and bare domains with a common ending.
pub fn links(text: &str) -> impl Iterator<Item = Link<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let link = next_link(text, from)?;
        from = link.end();
        Some(link)
    })
}

fn next_link(text: &str, from: usize) -> Option<Link<'_>> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        // A link of any kind has a colon or a dot; everything before the next one is skipped at once.
        let mark = at + bytes.get(at..)?.iter().position(|b| matches!(b, b':' | b'.'))?;
        let found = if bytes[mark] == b':' { with_scheme(text, from, mark) } else { bare(text, from, mark) };
        if found.is_some() {
            return found;
        }
        at = mark + 1;
    }
    None
}

fn with_scheme(text: &str, from: usize, colon: usize) -> Option<Link<'_>> {
    let rest = text.get(colon..)?.strip_prefix("://")?;
    if !rest.starts_with(|c: char| c.is_alphanumeric() || c == '[') {
        return None;
    }
    let before = text.get(from..colon)?.as_bytes();
    let scheme = [&b"https"[..], &b"http"[..]]
        .into_iter()
        .find(|s| before.len() >= s.len() && before[before.len() - s.len()..].eq_ignore_ascii_case(s))?;
    cut(text, colon - scheme.len(), colon + 3)
}

fn bare(text: &str, from: usize, dot: usize) -> Option<Link<'_>> {
    let before = text.get(from..dot)?;
    let label = before.len() - before.bytes().rev().take_while(|b| is_label(*b)).count();
    let start = from + label;
    if start == dot || before[..label].ends_with(['@', '.', '/', '_']) {
        return None;
    }
    let host_len = text.get(start..)?.bytes().take_while(|b| is_label(*b) || *b == b'.').count();
    let host = text.get(start..start + host_len)?.trim_end_matches('.');
    let (_, ending) = host.rsplit_once('.')?;
    let after = text.get(start + host.len()..)?;
    // An e-mail address is no link; nor is a word that goes on in other letters.
    if after.starts_with(|c: char| c == '@' || (c.is_alphanumeric() && c.is_ascii()) || c == '_') {
        return None;
    }
    let known = BARE_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
    let www = host.len() > 4 && host.as_bytes()[..4].eq_ignore_ascii_case(b"www.");
    if !(known || www) || host.split('.').any(str::is_empty) {
        return None;
    }
    cut(text, start, start + host.len())
}

const fn is_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// The link from `start`, whose first `head` bytes are certain.
fn cut(text: &str, start: usize, head: usize) -> Option<Link<'_>> {
    let mut end = head;
    for c in text.get(head..)?.chars() {
        if c.is_whitespace() || c.is_control() || is_closing(c) {
            break;
        }
        end += c.len_utf8();
    }
    let mut link = text.get(start..end)?;
    while let Some(last) = link.chars().next_back() {
        let closes = match last {
            '.' | ',' | '!' | '?' | ';' | ':' | '\'' | '*' | '_' | '~' | '…' => true,
            ')' => link.matches(')').count() > link.matches('(').count(),
            ']' => link.matches(']').count() > link.matches('[').count(),
            '}' => link.matches('}').count() > link.matches('{').count(),
            _ => false,
        };
        if !closes || link.len() <= head - start {
            break;
        }
        link = &link[..link.len() - last.len_utf8()];
    }
    Some(Link { start, text: link })
}

/// Ends a link wherever it stands: quotes, angle brackets and East Asian punctuation.
const fn is_closing(c: char) -> bool {
    matches!(c, '"' | '<' | '>' | '\u{201C}' | '\u{201D}' | '\u{AB}' | '\u{BB}' | '\u{3000}'..='\u{3003}'
        | '\u{3008}'..='\u{3011}' | '\u{FF01}' | '\u{FF08}' | '\u{FF09}' | '\u{FF0C}' | '\u{FF1A}' | '\u{FF1B}' | '\u{FF1F}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn links_as_people_write_them() {
        for (text, expected) in [
            ("see https://example.com/guide.", &["https://example.com/guide"][..]),
            ("HTTP://EXAMPLE.COM", &["HTTP://EXAMPLE.COM"]),
            ("(https://en.example.org/wiki/A_(b))", &["https://en.example.org/wiki/A_(b)"]),
            (
                "www.example.museum and shop.example.co.uk/a?b=C!",
                &["www.example.museum", "shop.example.co.uk/a?b=C"],
            ),
            ("go to example.com, now", &["example.com"]),
            ("请看https://example.com/甲。谢谢", &["https://example.com/甲"]),
            ("a@example.com is mail", &[]),
            ("e.g. this.And that... 3.50 v1.2", &[]),
            ("https:// nothing", &[]),
            ("two:https://a.example/x https://b.example/y", &["https://a.example/x", "https://b.example/y"]),
            ("\"https://a.example/x\"", &["https://a.example/x"]),
            ("", &[]),
        ] {
            assert_eq!(links(text).map(|l| l.text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn ranges_are_ordered_and_real(text in "[a-z:/.@( )é甲]{0,40}") {
            let mut end = 0;
            for link in links(&text) {
                prop_assert!(link.start >= end);
                prop_assert_eq!(&text[link.start..link.end()], link.text);
                end = link.end();
            }
        }
    }
}
