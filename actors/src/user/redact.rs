//! Card numbers, IBANs and passwords of persons are blacked out before anything of an event is kept: state, journal and
//! history see the masks only. The rules on the text know the masks.

use super::inbound::{InboundComment, InboundEvent, InboundItem, InboundMessage};
use crate::text;
use std::{borrow::Cow, sync::Arc};

/// The event without sensitive data in what a person wrote. The owner's own words stay as they are.
pub(super) fn redacted(event: &Arc<InboundEvent>) -> Cow<'_, Arc<InboundEvent>> {
    let written = match &event.item {
        InboundItem::Message(message) => message.text.as_deref(),
        InboundItem::Edit { text, .. } => text.as_deref(),
        InboundItem::Comment(comment) => comment.text.as_deref(),
        _ => None,
    };
    let Some(Cow::Owned(masked)) = written.map(text::redact_sensitive) else { return Cow::Borrowed(event) };
    let mut copy = InboundEvent::clone(event);
    if let InboundItem::Message(InboundMessage { text, .. })
    | InboundItem::Edit { text, .. }
    | InboundItem::Comment(InboundComment { text, .. }) = &mut copy.item
    {
        *text = Some(masked.into());
    }
    Cow::Owned(Arc::new(copy))
}
