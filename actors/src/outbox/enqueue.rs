//! Accepting a message.

use super::{
    Content, Enqueue, EnqueueError, KEY_BYTES_MAX, Kind, Outbound, OutboundId, Outbox, OutboxEvent,
    PUBLIC_REPLY_CHARS_MAX, QUEUE_MAX, State, TEMPLATE_BYTES_MAX, TEXT_BYTES_MAX, THREAD_QUEUE_MAX, ThreadId,
};
use crate::Timestamp;
use std::sync::Arc;

impl Outbox {
    /// Decides whether a message is accepted.
    ///
    /// # Errors
    /// When its key was used before, when it breaks a limit of the platform, when it would come too late, or when too
    /// many wait.
    pub fn enqueue(&self, now: Timestamp, request: Enqueue) -> Result<OutboxEvent, EnqueueError> {
        if let Some(id) = self.by_key(&request.key) {
            return Err(EnqueueError::AlreadyEnqueued(id));
        }
        if request.key.as_str().is_empty() || request.key.as_str().len() > KEY_BYTES_MAX {
            return Err(EnqueueError::BadKey(KEY_BYTES_MAX));
        }
        check_content(&request.kind, &request.content)?;
        let depends_on = request.depends_on.map(|parent| self.waits_for(parent)).transpose()?.flatten();
        let item = draft(self.last_id.next(), now, Enqueue { depends_on, ..request });
        if item.last_start() < now {
            return Err(EnqueueError::WindowClosed);
        }
        self.has_room(&item.thread, 1)?;
        Ok(OutboxEvent::Enqueued { item: Arc::new(item) })
    }

    /// Whether that many messages of a thread can be accepted: the parts of one answer go all or none.
    ///
    /// # Errors
    /// When too many wait, in the thread or in all.
    pub fn has_room(&self, thread: &ThreadId, messages: usize) -> Result<(), EnqueueError> {
        if self.index.open + messages > QUEUE_MAX {
            return Err(EnqueueError::Full(QUEUE_MAX));
        }
        let waiting = self.index.of_thread(thread).take(THREAD_QUEUE_MAX).count();
        if waiting + messages > THREAD_QUEUE_MAX {
            return Err(EnqueueError::ThreadFull(THREAD_QUEUE_MAX));
        }
        Ok(())
    }

    /// The parent that must still be waited for.
    fn waits_for(&self, parent: OutboundId) -> Result<Option<OutboundId>, EnqueueError> {
        match self.get(parent).map(|item| &item.state) {
            Some(State::Sent { .. }) => Ok(None),
            Some(
                State::Queued { .. } | State::Sending { .. } | State::Unconfirmed(_) | State::Unknown { .. },
            ) => Ok(Some(parent)),
            Some(State::Failed { .. } | State::Expired { .. } | State::Cancelled { .. }) | None => {
                Err(EnqueueError::DependencyEnded(parent))
            }
        }
    }
}

/// The message of a request, queued.
pub(super) fn draft(id: OutboundId, now: Timestamp, request: Enqueue) -> Outbound {
    Outbound {
        id,
        key: request.key,
        cause: request.cause,
        thread: request.kind.thread(),
        kind: request.kind,
        content: request.content,
        automation: request.automation,
        author: request.author,
        counted: request.counted,
        created_at: now,
        window_ends_at: request.window_ends_at,
        depends_on: request.depends_on,
        attempt: 0,
        refusals: 0,
        attempts: Vec::new(),
        doubtful: false,
        held: None,
        state: State::Queued { not_before: request.not_before },
    }
}

fn check_content(kind: &Kind, content: &Content) -> Result<(), EnqueueError> {
    match content {
        Content::Text(text) if text.trim().is_empty() => Err(EnqueueError::Empty),
        Content::Text(text) if kind.is_public() => {
            let long = text.chars().nth(PUBLIC_REPLY_CHARS_MAX).is_some();
            if long { Err(EnqueueError::TooLong(PUBLIC_REPLY_CHARS_MAX, "characters")) } else { Ok(()) }
        }
        Content::Template { .. } if kind.is_public() => Err(EnqueueError::NotText),
        Content::Text(text) | Content::Template { text_form: text, .. } if text.len() > TEXT_BYTES_MAX => {
            Err(EnqueueError::TooLong(TEXT_BYTES_MAX, "bytes"))
        }
        Content::Template { elements, .. } if elements.trim().is_empty() => Err(EnqueueError::Empty),
        Content::Template { elements, .. } if elements.len() > TEMPLATE_BYTES_MAX => {
            Err(EnqueueError::TooLong(TEMPLATE_BYTES_MAX, "bytes"))
        }
        Content::Text(_) | Content::Template { .. } => Ok(()),
    }
}
