//! Responses: one type, one file. A new type is a file here and a line in the registration at the end of this page.

mod ai_prompt;
mod fixed;
mod generic_template;
#[cfg(test)]
mod tests;

use super::{FieldCode, FieldError};
use serde::{Deserialize, Serialize};

pub use ai_prompt::{AiPrompt, PROMPT_CHARS_MAX};
pub use fixed::{Fixed, TEXT_BYTES_MAX as FIXED_BYTES_MAX};
pub use generic_template::{
    BUTTON_TITLE_CHARS_MAX, BUTTONS_MAX, Button, CONTENT_BYTES_MAX, DefaultAction, ELEMENTS_MAX,
    GenericTemplate, TITLE_CHARS_MAX, TemplateElement,
};

/// Name of the field that holds a response's content, for errors.
const CONTENT: &str = "responseContent";

/// What every type of response can do.
trait Kind: Sized {
    /// Name on the wire and in imports.
    const NAME: &'static str;

    /// Reads and checks stored or typed content.
    fn parse(content: &str) -> Result<Self, Vec<FieldError>>;

    /// The content as stored and shown.
    fn content(&self) -> String;
}

/// Content of the predecessor that breaks today's rules, kept as it was so that the owner can repair it. Never sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalid {
    /// Name of its type, known or not.
    pub response_type: String,
    /// The content as imported.
    pub content: String,
}

fn not_blank(content: &str) -> Result<&str, Vec<FieldError>> {
    if content.trim().is_empty() {
        return Err(vec![FieldError::new(CONTENT, FieldCode::Required, "response is required")]);
    }
    Ok(content)
}

macro_rules! register {
    ($($variant:ident,)*) => {
        /// The answer of an automation.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Response {
            $(#[doc = concat!("See [`", stringify!($variant), "`].")] $variant($variant),)*
            /// See [`Invalid`].
            Invalid(Invalid),
        }

        impl Response {
            /// Names of the types that can be saved.
            pub const NAMES: &'static [&'static str] = &[$($variant::NAME),*];

            /// Reads and checks a type's name and its content.
            ///
            /// # Errors
            /// Every field that is wrong, `responseType` or inside `responseContent`.
            pub fn parse(response_type: &str, content: &str) -> Result<Self, Vec<FieldError>> {
                match response_type {
                    $($variant::NAME => not_blank(content).and_then($variant::parse).map(Self::$variant),)*
                    _ => Err(vec![FieldError::new(
                        "responseType",
                        FieldCode::NotAllowed,
                        format!("response type must be one of {}", Self::NAMES.join(", ")),
                    )]),
                }
            }

            /// The type's name on the wire.
            #[must_use]
            pub fn type_name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $variant::NAME,)*
                    Self::Invalid(invalid) => &invalid.response_type,
                }
            }

            /// The content on the wire: a text, a prompt, or the JSON array of a template.
            #[must_use]
            pub fn content(&self) -> String {
                match self {
                    $(Self::$variant(kind) => kind.content(),)*
                    Self::Invalid(invalid) => invalid.content.clone(),
                }
            }
        }
    };
}

register! {
    Fixed,
    AiPrompt,
    GenericTemplate,
}
