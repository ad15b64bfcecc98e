//! Reading the `Cookie` header.

use percent_encoding::percent_decode_str;

/// Longest name and value that are looked at, in bytes; browsers send less.
const PAIR_BYTES_MAX: usize = 8 * 1024;
/// Most cookies that are looked at.
const COOKIES_MAX: usize = 200;

/// The cookies of a request, unescaped, in the order they came.
#[derive(Clone, Debug, Default)]
pub struct RequestCookies {
    pairs: Vec<(String, String)>,
    present: bool,
}

impl RequestCookies {
    /// From the values of the `Cookie` header; a browser sends one, a proxy may split it.
    ///
    /// Pairs are cut at `;`, trimmed and split at the first `=`; a value loses one pair of double quotes and is
    /// percent-decoded if that works. What is not text is left out.
    #[must_use]
    pub fn parse<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut cookies = Self::default();
        for header in headers {
            cookies.present = true;
            let room = COOKIES_MAX.saturating_sub(cookies.pairs.len());
            cookies.pairs.extend(header.split(|byte| *byte == b';').filter_map(pair).take(room));
        }
        cookies
    }

    /// Whether there was a `Cookie` header at all, whatever it held.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        self.present
    }

    /// The value of the first cookie of that name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

fn pair(bytes: &[u8]) -> Option<(String, String)> {
    if bytes.len() > PAIR_BYTES_MAX {
        return None;
    }
    let (name, value) = std::str::from_utf8(bytes).ok()?.split_once('=')?;
    let value = value.trim();
    let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    Some((name.trim().to_owned(), unescape(bare)))
}

/// As it is, when anything about the escapes is wrong.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let escapes_are_whole = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if escapes_are_whole => decoded.into_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> RequestCookies {
        RequestCookies::parse([header.as_bytes()])
    }

    #[test]
    fn pairs_are_trimmed_and_the_first_of_a_name_counts() {
        let cookies = parse(" a = 1 ;b=2=3; a=4;c;;d=");
        assert_eq!((cookies.value("a"), cookies.value("b")), (Some("1"), Some("2=3")));
        assert_eq!((cookies.value("c"), cookies.value("d")), (None, Some("")));
        assert!(cookies.is_present() && parse("").is_present() && !RequestCookies::default().is_present());
    }

    #[test]
    fn quotes_and_escapes_are_undone_once() {
        let cookies = parse(r#"q="a%2Bb"; one="x; bad=%zz%41; short=%4; twice=%2541; utf=%ff"#);
        assert_eq!(cookies.value("q"), Some("a+b"));
        assert_eq!(cookies.value("one"), Some("\"x"));
        assert_eq!(cookies.value("bad"), Some("%zz%41"));
        assert_eq!(cookies.value("short"), Some("%4"));
        assert_eq!(cookies.value("twice"), Some("%41"));
        assert_eq!(cookies.value("utf"), Some("%ff"));
    }

    #[test]
    fn what_is_no_text_or_too_long_does_not_hide_the_rest() {
        let long = format!("l={}; b=2", "x".repeat(PAIR_BYTES_MAX));
        assert_eq!(parse(&long).value("l"), None);
        assert_eq!(parse(&long).value("b"), Some("2"));
        assert_eq!(RequestCookies::parse([&b"x=\xff; y=1"[..]]).value("y"), Some("1"));
        let split = RequestCookies::parse([&b"a=1"[..], &b"b=2"[..]]);
        assert_eq!((split.value("a"), split.value("b")), (Some("1"), Some("2")));
        let many = "n=1;".repeat(COOKIES_MAX) + "late=1";
        assert_eq!(parse(&many).value("late"), None);
    }
}
