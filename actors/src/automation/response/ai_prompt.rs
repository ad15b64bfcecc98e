//! Instructions to the model, which writes the reply.

use super::{CONTENT, FieldCode, FieldError, Kind};
use serde::{Deserialize, Serialize};

/// Longest prompt, in characters (product rule).
pub const PROMPT_CHARS_MAX: usize = 4000;

/// The owner's instructions, at most 4000 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AiPrompt {
    /// The instructions.
    pub prompt: String,
}

impl Kind for AiPrompt {
    const NAME: &'static str = "ai_prompt";

    fn parse(content: &str) -> Result<Self, Vec<FieldError>> {
        if content.chars().count() > PROMPT_CHARS_MAX {
            let message = "prompt must be at most 4000 characters";
            return Err(vec![FieldError::new(CONTENT, FieldCode::TooLong, message)]);
        }
        Ok(Self { prompt: content.to_owned() })
    }

    fn content(&self) -> String {
        self.prompt.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted() {
        assert!(AiPrompt::parse(&"é".repeat(4000)).is_ok());
        assert_eq!(AiPrompt::parse(&"é".repeat(4001)).unwrap_err()[0].code, FieldCode::TooLong);
    }
}
