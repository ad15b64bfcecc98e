//! Text from people and for people: the matching form, safe cuts, message parts, placeholders, links and redaction.
//!
//! Everything here is pure and total: any input gives an answer or a typed error.

mod acknowledgement;
mod chars;
mod cut;
mod links;
mod normalise;
mod placeholders;
mod redact;
mod split;
mod typed;

pub use acknowledgement::is_trivial_ack;
pub use chars::{is_spaceless_script, is_word_char};
pub use cut::{cut_bytes_at_sentence, cut_chars};
pub use links::{Link, links};
pub use normalise::normalise;
pub use placeholders::{Placeholders, RenderError, has_placeholder, render};
pub use redact::{SensitiveKind, masked, redact_sensitive, sensitive};
pub use split::{TooLong, split_message};
pub use typed::{ControlCharacter, typed};
