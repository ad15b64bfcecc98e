//! The pipeline of direct messages: eighteen numbered steps (product rule).
//!
//! `receive` takes a message in (1 to 8), `answer` decides what to do with a finished burst (9 to 13), `reply` makes
//! and enqueues the text (14 to 17). Step 18, delivery, is in `relay`.

mod answer;
mod judge;
mod receive;
mod reply;

pub(super) use answer::{after_classifier, answer_burst, in_the_way};
pub(super) use judge::hard;
pub(super) use receive::{Incoming, answered_since, create_contact, park_event, receive, resume, take_up};
pub(super) use reply::send_text;
