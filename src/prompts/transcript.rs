//! A thread as prompts show it.

use greenroom_actors::{
    text::cut_chars,
    user::{
        contact::Contact,
        thread::{Author, Message},
    },
};
use std::sync::Arc;

/// Most messages (product contract, section 7.1).
const MESSAGES_MAX: usize = 20;
/// Most characters of all lines together; the newest are kept.
const CHARS_MAX: usize = 4_000;

/// The newest messages of a thread, oldest first, a line each. What was taken back and what has no text is left out. The
/// newest message is always there, cut when it is longer than all lines may be.
#[must_use]
pub fn transcript(contact: &Contact) -> String {
    of_messages(&contact.thread.messages)
}

fn of_messages(messages: &[Arc<Message>]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut left = CHARS_MAX;
    let messages = messages.iter().rev();
    let texts = messages.filter_map(|message| Some((&message.author, message.text.as_ref()?)));
    for (author, text) in texts.take(MESSAGES_MAX) {
        let speaker = if matches!(author, Author::Contact) { "customer" } else { "owner" };
        let line = format!("{speaker}: {text}");
        let line = if lines.is_empty() { cut_chars(&line, CHARS_MAX - 1).0.to_owned() } else { line };
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

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_actors::{Timestamp, user::decision::DecisionNo};

    fn message(author: Author, text: Option<&str>) -> Arc<Message> {
        Arc::new(Message {
            no: DecisionNo(1),
            mid: None,
            at: Timestamp::from_millis(0),
            author,
            text: text.map(Into::into),
            cut: false,
            attachments: Arc::from([]),
            reply_to: None,
            revision: 0,
            unsent: text.is_none(),
            unsupported: false,
            reaction: None,
            seen: false,
            payload: None,
            tap: false,
            outbound: None,
        })
    }

    fn said(text: &str) -> Arc<Message> {
        message(Author::Contact, Some(text))
    }

    #[test]
    fn lines_are_in_order_and_tell_who_speaks() {
        let messages = [
            said("hello"),
            message(Author::Automation("a1".into()), Some("12 euro")),
            message(Author::Contact, None),
            message(Author::Owner, Some("until noon")),
            message(Author::Sidekick, Some("see you")),
        ];
        let shown = "customer: hello\nowner: 12 euro\nowner: until noon\nowner: see you";
        assert_eq!(of_messages(&messages), shown);
        assert_eq!(of_messages(&[]), "");
    }

    #[test]
    fn the_newest_are_kept() {
        let many: Vec<_> = (0..25).map(|no| said(&no.to_string())).collect();
        let shown = of_messages(&many);
        assert_eq!(shown.lines().count(), MESSAGES_MAX);
        assert!(shown.starts_with("customer: 5\n") && shown.ends_with("customer: 24"), "{shown}");
        let long: Vec<_> = (10..20).map(|no| said(&format!("{no}{}", "x".repeat(1_000)))).collect();
        let shown = of_messages(&long);
        assert!(shown.chars().count() <= CHARS_MAX, "{}", shown.chars().count());
        assert!(shown.starts_with("customer: 17x") && shown.lines().count() == 3, "{shown}");
    }

    #[test]
    fn d_65_the_newest_message_is_never_missing() {
        let shown = of_messages(&[said("hello"), said(&"é".repeat(10_000))]);
        assert!(shown.starts_with("customer: éé"), "{shown}");
        assert_eq!(shown.chars().count(), CHARS_MAX - 1);
    }
}
