//! Bodies and queries become JSON values before anything looks at them.

use super::error::{AuthError, Refusal};
use serde_json::{Map, Value};
use url::form_urlencoded;

/// Largest body of an auth endpoint, in bytes; the largest honest one has a few kilobytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Most pairs of a query or a form that are looked at.
const PAIRS_MAX: usize = 256;
/// Longest media type that is echoed, in characters.
const ECHO_CHARS_MAX: usize = 200;

/// The value of a body; `None` when there is none: no bytes, or no content type.
///
/// `forms` says whether the endpoint takes forms beside JSON; their values are strings.
///
/// # Errors
/// Another media type, or text that is no JSON.
pub fn decode(content_type: Option<&str>, bytes: &[u8], forms: bool) -> Result<Option<Value>, AuthError> {
    let Some(sent) = content_type else { return Ok(None) };
    if bytes.is_empty() {
        return Ok(None);
    }
    let media = sent.split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/json") {
        return serde_json::from_slice(bytes).map(Some).map_err(|_| Refusal::InvalidJson.into());
    }
    if forms && media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let pairs = form_urlencoded::parse(bytes).take(PAIRS_MAX);
        let members = pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())));
        return Ok(Some(Value::Object(members.collect())));
    }
    Err(AuthError::UnsupportedMediaType { sent: sent.chars().take(ECHO_CHARS_MAX).collect(), forms })
}

/// The value of a query: an object of strings; a key that is repeated becomes a list.
#[must_use]
pub fn query(text: &str) -> Value {
    let mut members = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()).take(PAIRS_MAX) {
        let value = Value::String(value.into_owned());
        match members.get_mut(name.as_ref()) {
            None => {
                members.insert(name.into_owned(), value);
            }
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(members)
}

/// How the switches of a query are read: any text counts, even `false`; only an empty one does not.
#[must_use]
pub fn is_switched_on(query: &Value, name: &str) -> bool {
    match query.get(name) {
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(_)) => true,
        _ => false,
    }
}

/// What a script would take for true.
#[must_use]
pub fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64().is_none_or(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_json_whatever_its_parameters() {
        for media in ["application/json", "Application/JSON; charset=utf-8", " application/json ;x"] {
            assert_eq!(decode(Some(media), b"{\"a\":1}", false), Ok(Some(json!({"a": 1}))), "{media}");
        }
        for wrong in ["{bad", "{} x", "\u{feff}{}", "{\"a\":1e999}", &"[".repeat(10_000)] {
            assert_eq!(
                decode(Some("application/json"), wrong.as_bytes(), true),
                Err(Refusal::InvalidJson.into())
            );
        }
    }

    #[test]
    fn nothing_is_absent() {
        assert_eq!(decode(None, b"{}", false), Ok(None));
        assert_eq!(decode(Some("application/json"), b"", false), Ok(None));
        assert_eq!(decode(Some("text/plain"), b"", false), Ok(None));
    }

    #[test]
    fn forms_are_strings_where_they_are_taken() {
        let form = Some("application/x-www-form-urlencoded");
        assert_eq!(
            decode(form, b"name=A+B&rememberMe=true&name=C%26", true),
            Ok(Some(json!({"name": "C&", "rememberMe": "true"})))
        );
        let refused = decode(form, b"a=1", false).unwrap_err();
        assert_eq!(
            refused,
            AuthError::UnsupportedMediaType {
                sent: "application/x-www-form-urlencoded".to_owned(),
                forms: false
            }
        );
        let odd = decode(Some("Text/Plain; x=\"y\""), b"x", true).unwrap_err();
        assert!(matches!(odd, AuthError::UnsupportedMediaType { sent, .. } if sent == "Text/Plain; x=\"y\""));
    }

    #[test]
    fn a_repeated_key_of_a_query_is_a_list() {
        assert_eq!(query("a=1&b=x%20y+z&a=2&c&a=3"), json!({"a": ["1", "2", "3"], "b": "x y z", "c": ""}));
        assert_eq!(query(""), json!({}));
    }

    #[test]
    fn switches_and_truth_follow_scripts() {
        let query = query("on=false&off=&both=&both=");
        assert!(is_switched_on(&query, "on") && is_switched_on(&query, "both"));
        assert!(!is_switched_on(&query, "off") && !is_switched_on(&query, "missing"));
        for falsy in [json!(null), json!(false), json!(0), json!(-0.0), json!("")] {
            assert!(!is_truthy(&falsy), "{falsy}");
        }
        for truthy in [json!(true), json!(5), json!("x"), json!([]), json!({})] {
            assert!(is_truthy(&truthy), "{truthy}");
        }
    }
}
