//! What waits for the socket, and how a connection ends.

use std::borrow::Cow;

/// A text frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sync) struct Frame {
    /// One JSON object.
    pub text: Cow<'static, str>,
    /// With it a transition is complete.
    pub ends_transition: bool,
}

/// The end of a connection. Clients come back after every one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) struct Close {
    /// Code of the close frame; without one the client sees 1005.
    pub code: Option<u16>,
    /// Clients choose by its beginning how long they wait.
    pub reason: &'static str,
}

impl Close {
    /// After `AuthError` and `FatalError`, which say it all.
    pub(in crate::sync) const SAID: Self = Self { code: None, reason: "" };
    /// Our trouble; the client is back after about a second.
    pub(in crate::sync) const TROUBLE: Self = Self { code: Some(1011), reason: "InternalServerError" };
    /// Too much; the client is back after about three seconds.
    pub(in crate::sync) const OVERLOAD: Self = Self { code: Some(1013), reason: "TooManyConcurrentRequests" };
    /// The client shall come back soon: the server stops, or needs to be told the session first.
    pub(in crate::sync) const RESTART: Self = Self { code: Some(1012), reason: "InternalServerError" };
    /// The client is gone.
    pub(in crate::sync) const GONE: Self = Self { code: Some(1001), reason: "" };
}

/// Counts of what was handed to the socket and is not written yet.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) bytes: usize,
    pub(super) frames: usize,
    pub(super) transitions: usize,
}

impl Outgoing {
    pub(super) fn queued(&mut self, frame: &Frame) {
        self.bytes += frame.text.len();
        self.frames += 1;
        self.transitions += usize::from(frame.ends_transition);
    }

    pub(super) const fn written(&mut self, bytes: usize, ended_transition: bool) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.frames = self.frames.saturating_sub(1);
        self.transitions = self.transitions.saturating_sub(ended_transition as usize);
    }
}
