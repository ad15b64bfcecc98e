//! A thread as prompts show it.

use greenroom_actors::user::{contact::Contact, thread::Author};

/// Most messages (product contract, section 7.1).
const MESSAGES_MAX: usize = 20;
/// Most characters of all lines together; the newest are kept.
const CHARS_MAX: usize = 4_000;

/// The newest messages of a thread, oldest first, a line each. What was taken back and what has no text is left out.
#[must_use]
pub fn transcript(contact: &Contact) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut left = CHARS_MAX;
    let messages = contact.thread.messages.iter().rev();
    let texts = messages.filter_map(|message| Some((&message.author, message.text.as_ref()?)));
    for (author, text) in texts.take(MESSAGES_MAX) {
        let speaker = if matches!(author, Author::Contact) { "customer" } else { "owner" };
        let line = format!("{speaker}: {text}");
        let chars = line.chars().count() + 1;
        if chars > left {
            break;
        }
        left -= chars;
        lines.push(line);
    }
    lines.reverse();
    lines.join("\n")
}
