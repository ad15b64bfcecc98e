//! Whether the endpoints are there, and the page for failed sign-ins.

use super::{Outcome, call::Call};
use crate::auth::{answer::Answer, redirect};
use serde_json::{Value, json};

/// Longest text of the page that came from outside, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// `GET /ok`.
pub(super) async fn ok(_: &mut Call) -> Outcome {
    Ok(Answer::json(&json!({ "ok": true })))
}

/// `GET /error`: where a failed sign-in ends that named no page of its own.
pub(super) async fn error(call: &mut Call) -> Outcome {
    let text = |name: &str| call.query.get(name).and_then(Value::as_str);
    let code = text("error").filter(|code| is_code(code)).unwrap_or("UNKNOWN");
    let description = text("error_description").filter(|words| !words.is_empty());
    let mut pairs = vec![("error", code)];
    pairs.extend(description.map(|words| ("error_description", words)));
    if let Some(page) = call.auth().error_page() {
        return Ok(Answer::redirect(&redirect::append(page, &pairs)));
    }
    Ok(Answer::html(page(code, description.unwrap_or_default())))
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "'_-".contains(c))
}

fn page(code: &str, description: &str) -> String {
    let (code, description) = (escape(code), escape(description));
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign-in failed</title>\
         <h1>Sign-in failed</h1><p>{description}</p><p>Code: <code>{code}</code></p>\
         <p><a href=\"/\">Back</a></p></html>"
    )
}

fn escape(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).fold(String::new(), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_never_carries_markup_from_outside() {
        let page = page("a'b", "<script>alert(\"x\")</script>&");
        assert!(page.contains("a&#39;b") && page.contains("&lt;script&gt;alert(&quot;x&quot;)"), "{page}");
    }

    #[test]
    fn codes_are_letters_digits_and_three_signs() {
        assert!(is_code("state_mismatch") && is_code("a'B-9"));
        assert!(!is_code("") && !is_code("a b") && !is_code("<a>") && !is_code("ü"));
    }
}
