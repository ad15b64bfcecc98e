//! Writing values, in one fixed way: equal values are equal texts.

use super::{Format, Value, ValueError};
use crate::sync::Encoded;
use base64::{Engine, prelude::BASE64_STANDARD};
use std::fmt::Write;

/// From here on not every integer is a float.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

impl Value {
    /// Writes the value.
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        let mut out = String::new();
        write(self, format, &mut out);
        out
    }
}

impl From<&Value> for Encoded {
    fn from(value: &Value) -> Self {
        Self(value.render(Format::Encoded).into())
    }
}

impl From<Value> for Encoded {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

impl From<serde_json::Value> for Encoded {
    fn from(json: serde_json::Value) -> Self {
        Self::from(Value::from(json))
    }
}

impl Encoded {
    /// What a function returns that returns nothing.
    #[must_use]
    pub fn null() -> Self {
        Self("null".into())
    }

    /// The text in another format.
    ///
    /// # Errors
    /// When the text is no value: whoever made it has a defect.
    pub fn render(&self, format: Format) -> Result<String, ValueError> {
        match format {
            Format::Encoded => Ok(self.0.as_ref().to_owned()),
            Format::Clean => Ok(Value::parse(&self.0)?.render(format)),
        }
    }
}

fn write(value: &Value, format: Format, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Integer(number) if format == Format::Clean => write_text(&number.to_string(), out),
        Value::Integer(number) => write_special("integer", &number.to_le_bytes(), out),
        Value::Float(number) => write_float(*number, format, out),
        Value::Text(text) => write_text(text, out),
        Value::Bytes(bytes) if format == Format::Clean => write_text(&BASE64_STANDARD.encode(bytes), out),
        Value::Bytes(bytes) => write_special("bytes", bytes, out),
        Value::Array(items) => {
            write_list('[', ']', items, out, |item, out| write(item, format, out));
        }
        Value::Object(fields) => write_list('{', '}', fields, out, |(key, value), out| {
            write_text(key, out);
            out.push(':');
            write(value, format, out);
        }),
    }
}

fn write_list<T>(
    open: char,
    close: char,
    items: impl IntoIterator<Item = T>,
    out: &mut String,
    each: impl Fn(T, &mut String),
) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(close);
}

/// Writes a JSON string with its quotes.
pub(in crate::sync) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{other:04x}");
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// The clients refuse an ordinary number in `$float`, and JSON has no form for the others.
fn write_float(number: f64, format: Format, out: &mut String) {
    let is_plain = number.is_finite() && (number != 0.0 || number.is_sign_positive());
    if is_plain {
        // Writing to a String cannot fail.
        let _ = if number.fract() == 0.0 && number.abs() < EXACT_MAX {
            write!(out, "{number:.0}")
        } else {
            write!(out, "{number:?}")
        };
        return;
    }
    match format {
        Format::Encoded => write_special("float", &canonical(number).to_le_bytes(), out),
        Format::Clean if number.is_nan() => write_text("NaN", out),
        Format::Clean if number == 0.0 => out.push_str("-0.0"),
        Format::Clean if number > 0.0 => write_text("Infinity", out),
        Format::Clean => write_text("-Infinity", out),
    }
}

/// There are many bit patterns that are no number; one is sent.
const fn canonical(number: f64) -> f64 {
    if number.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { number }
}

fn write_special(kind: &str, bytes: &[u8], out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{{\"${kind}\":\"{}\"}}", BASE64_STANDARD.encode(bytes));
}
