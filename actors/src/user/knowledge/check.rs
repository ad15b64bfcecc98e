//! Facts as typed, and what is wrong with them.

use super::{KNOWLEDGE_URL_CHARS_MAX, OFFER_VALUE_MAX};
use crate::{
    automation::{FieldCode, FieldError},
    text,
};
use std::sync::Arc;

/// Checks typed facts one by one and keeps every error, so that all are told at once.
#[derive(Default)]
pub(in crate::user) struct Checks {
    /// Where in what was sent, for instance `offers[2].`.
    pub(in crate::user) at: String,
    errors: Vec<FieldError>,
}

impl Checks {
    /// What is wrong, if anything.
    pub(in crate::user) fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    pub(in crate::user) fn refuse(
        &mut self,
        field: &str,
        code: FieldCode,
        message: impl Into<std::borrow::Cow<'static, str>>,
    ) {
        self.errors.push(FieldError::new(format!("{}{field}", self.at), code, message));
    }

    /// A text, composed and trimmed; may be empty.
    pub(in crate::user) fn text(&mut self, field: &str, typed: &str, chars_max: usize) -> Arc<str> {
        match text::typed(typed.trim()) {
            Ok(text) => {
                if text.chars().nth(chars_max).is_some() {
                    self.refuse(field, FieldCode::TooLong, format!("at most {chars_max} characters"));
                }
                text.as_ref().into()
            }
            Err(error) => {
                self.refuse(field, FieldCode::Invalid, error.to_string());
                Arc::default()
            }
        }
    }

    /// The same; blank is refused.
    pub(in crate::user) fn required(&mut self, field: &str, typed: &str, chars_max: usize) -> Arc<str> {
        if typed.trim().is_empty() {
            self.refuse(field, FieldCode::Required, format!("1 to {chars_max} characters"));
            return Arc::default();
        }
        self.text(field, typed, chars_max)
    }

    /// Several texts; blank ones are left out.
    pub(in crate::user) fn texts(
        &mut self,
        field: &str,
        typed: &[String],
        max: usize,
        chars_max: usize,
    ) -> Vec<Arc<str>> {
        if typed.iter().filter(|typed| !typed.trim().is_empty()).nth(max).is_some() {
            self.refuse(field, FieldCode::TooMany, format!("at most {max} entries"));
            return Vec::new();
        }
        let stored = typed.iter().enumerate();
        let stored = stored.map(|(place, typed)| self.text(&format!("{field}[{place}]"), typed, chars_max));
        stored.filter(|text| !text.is_empty()).collect()
    }

    /// One of several words.
    pub(in crate::user) fn word(&mut self, field: &str, typed: &str, known: &[&str]) -> Arc<str> {
        if !known.contains(&typed) {
            self.refuse(field, FieldCode::NotAllowed, format!("one of {}", known.join(", ")));
        }
        typed.into()
    }

    /// A price in whole dollars.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole and in range"
    )]
    pub(in crate::user) fn price(&mut self, field: &str, typed: Option<f64>) -> Option<u32> {
        let typed = typed?;
        if typed.fract() != 0.0 || !(0.0..=f64::from(OFFER_VALUE_MAX)).contains(&typed) {
            self.refuse(field, FieldCode::OutOfRange, "whole dollars, 0 to 10000000");
            return None;
        }
        Some(typed as u32)
    }

    /// An address that a reply may carry.
    pub(in crate::user) fn url(&mut self, field: &str, typed: &str) -> Arc<str> {
        let url = self.required(field, typed, KNOWLEDGE_URL_CHARS_MAX);
        if !url.is_empty() && !is_web_address(&url) {
            self.refuse(
                field,
                FieldCode::Invalid,
                "address must start with http:// or https:// and have a host",
            );
        }
        url
    }
}

fn is_web_address(typed: &str) -> bool {
    !typed.chars().any(|c| c.is_whitespace() || matches!(c, '\\' | '"'))
        && url::Url::parse(typed).is_ok_and(|url| {
            // A name before the host makes an address look like another one.
            matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some_and(|host| host.contains('.') || host.starts_with('['))
                && url.username().is_empty()
                && url.password().is_none()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(check: impl FnOnce(&mut Checks)) -> Vec<FieldCode> {
        let mut checks = Checks::default();
        check(&mut checks);
        checks.finish().err().unwrap_or_default().iter().map(|error| error.code).collect()
    }

    #[test]
    fn addresses() {
        for good in ["https://a.example", "HTTP://a.example:8080/b?c#d", "https://bücher.example/é"] {
            assert_eq!(codes(|checks| drop(checks.url("url", good))), [], "{good}");
        }
        let long = format!("https://a.example/{}", "x".repeat(KNOWLEDGE_URL_CHARS_MAX));
        for (bad, code) in [
            ("", FieldCode::Required),
            ("javascript:alert(1)", FieldCode::Invalid),
            ("ftp://a.example", FieldCode::Invalid),
            ("https://bank.example@evil.example", FieldCode::Invalid),
            ("https://localhost", FieldCode::Invalid),
            ("a.example", FieldCode::Invalid),
            ("https://a.example/ b", FieldCode::Invalid),
            (&long, FieldCode::TooLong),
        ] {
            assert_eq!(codes(|checks| drop(checks.url("url", bad))), [code], "{bad}");
        }
    }

    #[test]
    fn prices_are_whole_dollars() {
        let mut checks = Checks::default();
        let taken = [Some(0.0), Some(10_000_000.0), None].map(|typed| checks.price("value", typed));
        assert_eq!(taken, [Some(0), Some(10_000_000), None]);
        assert!(checks.finish().is_ok());
        for bad in [-1.0, 0.5, 10_000_001.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                codes(|checks| _ = checks.price("value", Some(bad))),
                [FieldCode::OutOfRange],
                "{bad}"
            );
        }
    }

    #[test]
    fn texts_are_composed_trimmed_and_counted() {
        let mut checks = Checks::default();
        assert_eq!(&*checks.text("a", "  Cafe\u{301} <b> ", 8), "Café <b>");
        assert_eq!(checks.texts("b", &["x".into(), " ".into(), "y".into()], 2, 1).len(), 2);
        assert!(checks.finish().is_ok());
        assert_eq!(codes(|checks| drop(checks.text("a", "123", 2))), [FieldCode::TooLong]);
        assert_eq!(codes(|checks| drop(checks.text("a", "a\u{0}b", 9))), [FieldCode::Invalid]);
        assert_eq!(codes(|checks| drop(checks.required("a", " \n", 9))), [FieldCode::Required]);
        assert_eq!(
            codes(|checks| drop(checks.texts("b", &["x".into(), "y".into()], 1, 1))),
            [FieldCode::TooMany]
        );
        assert_eq!(codes(|checks| drop(checks.word("k", "x", &["y"]))), [FieldCode::NotAllowed]);
    }
}
