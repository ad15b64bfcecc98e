//! A tolerant reader of raw JSON: finds where values begin and end without decoding what is inside.
//!
//! Deliveries and answers are read member by member, so that a missing, odd or broken member disables only what it
//! belongs to. A value is skipped without recursion and without memory, whatever its depth; strings and numbers are
//! decoded only when somebody asks for them. A member given twice counts by its last value, which is the reader's
//! business (loops over [`Members`] overwrite).
//!
//! It finds ends; it does not judge everything between: `tru` inside a skipped value goes unnoticed.

use std::borrow::Cow;

/// The bytes are not JSON at the place where a value, a separator or an end was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// One JSON value, undecoded, without the white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw<'a> {
    bytes: &'a [u8],
    depth: usize,
}

/// A text and whether it was well formed: no lone surrogate, no bad escape, no bad UTF-8 (each replaced by U+FFFD).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unescaped<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) clean: bool,
}

/// A member's name, undecoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a>(&'a [u8]);

impl<'a> Key<'a> {
    /// The name's bytes; only a name with escapes costs an allocation.
    pub(crate) fn name(self) -> Cow<'a, [u8]> {
        if memchr::memchr(b'\\', self.0).is_none() {
            return Cow::Borrowed(self.0);
        }
        Cow::Owned(unescape(self.0).text.into_owned().into_bytes())
    }

    /// The name as text.
    pub(crate) fn text(self) -> Cow<'a, str> {
        unescape(self.0).text
    }
}

impl<'a> Raw<'a> {
    /// The one value that `bytes` hold.
    pub(crate) fn whole(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut scanner = Scanner::new(bytes);
        let value = scanner.value()?;
        scanner.end()?;
        Ok(value)
    }

    /// A value that was cut out of a document before; not scanned again, so its depth counts as 0.
    pub(crate) const fn cut_before(bytes: &'a [u8]) -> Self {
        Self { bytes, depth: 0 }
    }

    /// The value's bytes.
    pub(crate) const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// How deep objects and lists nest in it; a scalar is 0, `{}` is 1.
    pub(crate) const fn depth(self) -> usize {
        self.depth
    }

    fn first(self) -> u8 {
        self.bytes.first().copied().unwrap_or(0)
    }

    pub(crate) fn is_object(self) -> bool {
        self.first() == b'{'
    }

    pub(crate) fn is_null(self) -> bool {
        self.bytes == b"null"
    }

    fn inner(self) -> Option<&'a [u8]> {
        self.bytes.strip_prefix(b"\"")?.strip_suffix(b"\"")
    }

    /// A string's text, broken parts replaced.
    pub(crate) fn lossy(self) -> Option<Cow<'a, str>> {
        self.inner().map(|inner| unescape(inner).text)
    }

    /// A string's text, only if nothing in it is broken.
    pub(crate) fn str(self) -> Option<Cow<'a, str>> {
        self.inner().map(unescape).filter(|read| read.clean).map(|read| read.text)
    }

    /// The text of an identifier: a string, or the exact digits of a whole number without sign, fraction or exponent.
    pub(crate) fn id_text(self) -> Option<Cow<'a, str>> {
        match self.first() {
            b'"' => self.str(),
            b'0' if self.bytes.len() > 1 => None,
            b'0'..=b'9' if self.bytes.iter().all(u8::is_ascii_digit) => {
                std::str::from_utf8(self.bytes).ok().map(Cow::Borrowed)
            }
            _ => None,
        }
    }

    /// A whole number, also written as a string.
    pub(crate) fn int(self) -> Option<i64> {
        let text = match self.inner() {
            Some(inner) => inner,
            None => self.bytes,
        };
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// A truth value; also as `1`, `0`, or in quotes.
    pub(crate) fn bool(self) -> Option<bool> {
        match self.inner().unwrap_or(self.bytes) {
            b"true" | b"1" => Some(true),
            b"false" | b"0" => Some(false),
            _ => None,
        }
    }

    /// The members, in order; none when it is not an object.
    pub(crate) fn members(self) -> Members<'a> {
        let mut scanner = Scanner::new(self.bytes);
        let open = self.is_object() && scanner.take(b'{').is_ok();
        Members { scanner, state: if open { State::First } else { State::Done } }
    }

    /// The elements, in order; none when it is not a list.
    pub(crate) fn elements(self) -> Elements<'a> {
        let mut scanner = Scanner::new(self.bytes);
        let open = self.first() == b'[' && scanner.take(b'[').is_ok();
        Elements { scanner, state: if open { State::First } else { State::Done } }
    }

    /// The last member of that name that is not `null`.
    pub(crate) fn get(self, name: &str) -> Option<Raw<'a>> {
        let mut found = None;
        for member in self.members() {
            let (key, value) = member.ok()?;
            if key.name().as_ref() == name.as_bytes() {
                found = Some(value);
            }
        }
        found.filter(|value| !value.is_null())
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    First,
    Next,
    Done,
}

/// Members of an object. After an error it ends.
pub(crate) struct Members<'a> {
    scanner: Scanner<'a>,
    state: State,
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<(Key<'a>, Raw<'a>), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let step = self.scanner.step(self.state, b'}').and_then(|more| {
            if !more {
                return Ok(None);
            }
            let key = self.scanner.key()?;
            Ok(Some((key, self.scanner.value()?)))
        });
        self.state = if matches!(step, Ok(Some(_))) { State::Next } else { State::Done };
        step.transpose()
    }
}

/// Elements of a list. After an error it ends.
pub(crate) struct Elements<'a> {
    scanner: Scanner<'a>,
    state: State,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Raw<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self
            .scanner
            .step(self.state, b']')
            .and_then(|more| if more { self.scanner.value().map(Some) } else { Ok(None) });
        self.state = if matches!(step, Ok(Some(_))) { State::Next } else { State::Done };
        step.transpose()
    }
}

/// A position in raw JSON.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Where it stands, in bytes from the start.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// The next byte that is not white space, not consumed.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Consumes exactly this byte.
    #[inline]
    fn take(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// Nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), Malformed> {
        if self.peek().is_none() { Ok(()) } else { Err(Malformed) }
    }

    /// Whether another member or element follows (the separator is consumed), or the end (which is consumed).
    #[inline]
    fn step(&mut self, state: State, end: u8) -> Result<bool, Malformed> {
        match state {
            State::Done => Ok(false),
            State::First if self.peek() == Some(end) => {
                self.at += 1;
                Ok(false)
            }
            State::First => Ok(true),
            State::Next => match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    Ok(true)
                }
                Some(byte) if byte == end => {
                    self.at += 1;
                    Ok(false)
                }
                _ => Err(Malformed),
            },
        }
    }

    /// Reads an object; `visit` consumes each member's value.
    pub(crate) fn members(
        &mut self,
        mut visit: impl FnMut(&mut Self, Key<'a>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.take(b'{')?;
        let mut state = State::First;
        while self.step(state, b'}')? {
            let key = self.key()?;
            visit(self, key)?;
            state = State::Next;
        }
        Ok(())
    }

    /// Reads a list; `visit` consumes each element.
    pub(crate) fn elements(
        &mut self,
        mut visit: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.take(b'[')?;
        let mut state = State::First;
        while self.step(state, b']')? {
            visit(self)?;
            state = State::Next;
        }
        Ok(())
    }

    /// A member's name and the colon after it.
    #[inline]
    fn key(&mut self) -> Result<Key<'a>, Malformed> {
        let key = self.string()?;
        self.take(b':')?;
        Ok(Key(key))
    }

    /// A string; answers what is between the quotes.
    #[inline]
    fn string(&mut self) -> Result<&'a [u8], Malformed> {
        self.take(b'"')?;
        let start = self.at;
        self.at = string_end(self.bytes, start)?;
        self.bytes.get(start..self.at - 1).ok_or(Malformed)
    }

    /// Any value; skipped in one pass, whatever its depth.
    pub(crate) fn value(&mut self) -> Result<Raw<'a>, Malformed> {
        let first = self.peek().ok_or(Malformed)?;
        let start = self.at;
        let depth = match first {
            b'"' => {
                self.at = string_end(self.bytes, start + 1)?;
                0
            }
            b'{' | b'[' => self.nested()?,
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                let rest = self.bytes.get(start..).unwrap_or_default();
                let ends = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
                self.at = start + rest.iter().position(ends).unwrap_or(rest.len());
                0
            }
            _ => return Err(Malformed),
        };
        Ok(Raw { bytes: self.bytes.get(start..self.at).ok_or(Malformed)?, depth })
    }

    /// Skips an object or list; answers its depth. Kinds of brackets are not told apart: what they hold is judged
    /// when it is read.
    fn nested(&mut self) -> Result<usize, Malformed> {
        let (mut open, mut deepest, mut at) = (0_usize, 0_usize, self.at);
        while let Some(&byte) = self.bytes.get(at) {
            at += 1;
            match byte {
                b'"' => at = string_end(self.bytes, at)?,
                b'{' | b'[' => {
                    open += 1;
                    deepest = deepest.max(open);
                }
                b'}' | b']' => {
                    open -= 1;
                    if open == 0 {
                        self.at = at;
                        return Ok(deepest);
                    }
                }
                _ => {}
            }
        }
        Err(Malformed)
    }
}

/// How far a string's end is looked for byte by byte.
const NEAR_BYTES: usize = 16;

/// Where the string ends whose first byte after the quote is at `at`: the position after the closing quote.
#[inline]
fn string_end(bytes: &[u8], mut at: usize) -> Result<usize, Malformed> {
    loop {
        let rest = bytes.get(at..).ok_or(Malformed)?;
        // Names and ids are short: a search that starts up first costs more than it saves.
        let (near, far) = rest.split_at(rest.len().min(NEAR_BYTES));
        let found = near
            .iter()
            .position(|&byte| byte == b'"' || byte == b'\\')
            .or_else(|| memchr::memchr2(b'"', b'\\', far).map(|found| found + near.len()))
            .ok_or(Malformed)?;
        at += found;
        if rest.get(found) == Some(&b'"') {
            return Ok(at + 1);
        }
        at += 2;
    }
}

/// Decodes what is between a string's quotes. Total: what is broken becomes U+FFFD.
fn unescape(inner: &[u8]) -> Unescaped<'_> {
    if memchr::memchr(b'\\', inner).is_none() {
        return match String::from_utf8_lossy(inner) {
            Cow::Borrowed(text) => Unescaped { text: Cow::Borrowed(text), clean: true },
            Cow::Owned(text) => Unescaped { text: Cow::Owned(text), clean: false },
        };
    }
    let mut text = String::with_capacity(inner.len());
    let mut clean = true;
    let mut rest = inner;
    while !rest.is_empty() {
        let plain = rest.iter().position(|&byte| byte == b'\\').unwrap_or(rest.len());
        let (before, escaped) = rest.split_at(plain);
        match String::from_utf8_lossy(before) {
            Cow::Borrowed(part) => text.push_str(part),
            Cow::Owned(part) => {
                text.push_str(&part);
                clean = false;
            }
        }
        let Some(&kind) = escaped.get(1) else {
            clean &= escaped.is_empty();
            break;
        };
        let after = escaped.get(2..).unwrap_or_default();
        let (decoded, left) = if kind == b'u' { unicode(after) } else { (simple(kind), after) };
        clean &= decoded.is_some();
        text.push(decoded.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = left;
    }
    Unescaped { text: Cow::Owned(text), clean }
}

const fn simple(kind: u8) -> Option<char> {
    match kind {
        b'"' => Some('"'),
        b'\\' => Some('\\'),
        b'/' => Some('/'),
        b'b' => Some('\u{8}'),
        b'f' => Some('\u{c}'),
        b'n' => Some('\n'),
        b'r' => Some('\r'),
        b't' => Some('\t'),
        _ => None,
    }
}

/// The character of `XXXX` or of the pair `XXXX\uXXXX`, and what follows. A lone half gives `None` and only itself is
/// consumed.
fn unicode(after: &[u8]) -> (Option<char>, &[u8]) {
    let Some((high, rest)) = hex4(after) else { return (None, after) };
    if !(0xd800..0xdc00).contains(&high) {
        return (char::from_u32(high), rest);
    }
    let low = rest.strip_prefix(b"\\u").and_then(hex4);
    match low {
        Some((low, rest)) if (0xdc00..0xe000).contains(&low) => {
            (char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)), rest)
        }
        _ => (None, rest),
    }
}

fn hex4(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(4)?;
    let mut number = 0;
    for &digit in digits {
        number = number << 4 | char::from(digit).to_digit(16)?;
    }
    Some((number, rest))
}

#[cfg(test)]
mod tests;
