//! A text, sent as written apart from placeholders.

use super::{CONTENT, FieldCode, FieldError, Kind};
use crate::text::{Placeholders, render};
use serde::{Deserialize, Serialize};

/// Most bytes of UTF-8 in a text message (platform limit).
pub const TEXT_BYTES_MAX: usize = 1000;

/// A text of at most 1000 bytes; `{{first_name}}` and `{{username}}` are filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    /// The template.
    pub text: String,
}

impl Kind for Fixed {
    const NAME: &'static str = "fixed";

    fn parse(content: &str) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        if content.len() > TEXT_BYTES_MAX {
            errors.push(FieldError::new(CONTENT, FieldCode::TooLong, "reply must be at most 1000 bytes"));
        }
        if let Err(error) = render(content, &Placeholders::default()) {
            errors.push(FieldError::new(CONTENT, FieldCode::Invalid, error.to_string()));
        }
        if errors.is_empty() { Ok(Self { text: content.to_owned() }) } else { Err(errors) }
    }

    fn content(&self) -> String {
        self.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_and_placeholders_checked() {
        assert!(Fixed::parse(&"é".repeat(500)).is_ok());
        assert_eq!(Fixed::parse(&"é".repeat(501)).unwrap_err()[0].code, FieldCode::TooLong);
        assert!(Fixed::parse("Hi {{first_name}}!").is_ok());
        assert_eq!(Fixed::parse("Hi {{name}}!").unwrap_err()[0].code, FieldCode::Invalid);
        assert_eq!(Fixed::parse("  as typed ").unwrap().content(), "  as typed ");
    }
}
