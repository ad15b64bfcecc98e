//! Automations: the owner's rules from a trigger to a response. What one is, what may be saved, which one fires.
//!
//! Pure. A response type is one file under `response` and one line in its registration.

mod conflict;
mod error;
mod import;
mod input;
mod matcher;
mod model;
pub mod response;
mod validate;

pub use crate::id::AutomationId;
pub use conflict::conflict;
pub use error::{FieldCode, FieldError, FieldWarning};
pub use import::{ImportedAutomation, import};
pub use input::{AutomationInput, AutomationPatch, clearable};
pub use matcher::{CANDIDATES_MAX, Hit, Match, MatchQuery, Matcher};
pub use model::{Automation, Content, Diagnostic, EventScope, MatchMode, Scope, Trigger};
pub use response::Response;
pub use validate::{Validated, validate, validate_patch};

/// Limits of what an owner may save (product rules and platform limits).
pub mod limits {
    use std::time::Duration;

    /// Longest title, in characters.
    pub const TITLE_CHARS_MAX: usize = 120;
    /// Longest description, in characters.
    pub const DESCRIPTION_CHARS_MAX: usize = 1000;
    /// Longest trigger, in characters, trimmed.
    pub const TRIGGER_CHARS_MAX: usize = 100;
    /// A trigger with fewer characters is saved with a warning.
    pub const TRIGGER_CHARS_WARN: usize = 3;
    /// Most triggers of one automation.
    pub const TRIGGERS_MAX: usize = 20;
    /// Most posts of one automation.
    pub const POSTS_MAX: usize = 50;
    /// Longest id, in characters.
    pub const ID_CHARS_MAX: usize = 128;
    /// Longest address in a template, in bytes (product rule).
    pub const URL_BYTES_MAX: usize = 2048;
    /// Longest public reply, in characters (platform limit of the public reply).
    pub const PUBLIC_REPLY_CHARS_MAX: usize = 300;
    /// Most links in a public reply (platform limit).
    pub const PUBLIC_REPLY_LINKS_MAX: usize = 1;
    /// Most further wordings of a public reply.
    pub const PUBLIC_REPLY_VARIANTS_MAX: usize = 10;
    /// More hashtags in a public reply are saved with a warning (platform limit, not confirmed).
    pub const PUBLIC_REPLY_HASHTAGS_WARN: usize = 4;
    /// Longest cool-down per contact.
    pub const COOLDOWN_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
}
