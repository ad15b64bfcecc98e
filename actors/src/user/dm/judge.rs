//! Step 9: what the rules on the text see in a burst. What is merged is cut, for matching and for the model; what the
//! rules see is not: a grave text counts although others followed it, or although it does not fit beside them.

use super::super::{
    decision::DecisionNo,
    inbound::AttachmentKind,
    thread::{BURST_CHARS_MAX, Message, Thread},
};
use crate::{
    hrn::{self, Assessment, HrnContext},
    text,
};

/// Characters at the end of a piece of a long text that are looked at again with the next piece: no phrase of the
/// vocabulary is longer.
const OVERLAP_CHARS: usize = 100;

/// Judges the merged words of texts, and each of the texts when there is more in them. A hard category wins.
pub(super) fn judge(thread: &Thread, texts: &[DecisionNo], merged: &str, has_attachment: bool) -> Assessment {
    let context = HrnContext { after_our_reply: thread.our_last().is_some(), has_attachment };
    let assessment = hrn::assess(merged, &context);
    let is_all_there_is =
        || texts.len() <= 1 && members(thread, texts).all(|text| text.chars().nth(BURST_CHARS_MAX).is_none());
    if assessment.class.is_hard() || is_all_there_is() {
        return assessment;
    }
    hard(thread, texts).unwrap_or(assessment)
}

/// The first hard category in any of these texts alone.
pub(in super::super) fn hard(thread: &Thread, texts: &[DecisionNo]) -> Option<Assessment> {
    let after_our_reply = thread.our_last().is_some();
    texts.iter().filter_map(|no| thread.get(*no)).find_map(|message| {
        let context = HrnContext { after_our_reply, has_attachment: has_attachment(message) };
        let mut rest = message.text.as_deref().filter(|_| !message.unsent)?;
        loop {
            let assessment = hrn::assess(rest, &context);
            if assessment.class.is_hard() {
                return Some(assessment);
            }
            let (start, _) = rest.char_indices().nth(hrn::TEXT_CHARS_MAX - OVERLAP_CHARS)?;
            text::cut_chars(rest, hrn::TEXT_CHARS_MAX).1.then_some(())?;
            rest = rest.get(start..)?;
        }
    })
}

/// The message carries something that is not text.
pub(super) fn has_attachment(message: &Message) -> bool {
    message.attachments.iter().any(|attachment| attachment.kind != AttachmentKind::Template)
}

fn members<'a>(thread: &'a Thread, texts: &'a [DecisionNo]) -> impl Iterator<Item = &'a str> {
    texts.iter().filter_map(|no| thread.get(*no)?.text.as_deref())
}
