//! Questions to the workspace's own history: what a rule needs and no longer has at hand. Asked as an effect, answered
//! by a command.

use super::{
    decision::DecisionNo,
    forget::ForgottenRow,
    held::HeldEvent,
    history::{self, INDEX_ROWS_MAX, KeptMessage},
    line::LineName,
};
use crate::id::{Igsid, Mid};
use greenroom_persistence::{Direction, RowNo};
use serde::{Deserialize, Serialize};

/// Events of a line read at once: some megabytes when all of them are as long as can be.
const HELD_ROWS: usize = 64;
/// Messages of a thread that is being forgotten read at once.
const FORGOTTEN_ROWS: usize = 128;

/// A question to the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LookBack {
    /// The number of a message that was taken back long after it came.
    Message {
        /// Whose.
        person: Igsid,
        /// Which.
        mid: Mid,
    },
    /// The next events of a line.
    Held {
        /// Which line.
        line: LineName,
        /// Events after this number.
        after: DecisionNo,
        /// Up to this one.
        last: DecisionNo,
    },
    /// Messages of a contact that was deleted.
    Thread {
        /// Whose.
        person: Igsid,
        /// Those after this number; all when there is none.
        after: Option<DecisionNo>,
        /// Up to this one.
        last: DecisionNo,
    },
}

/// Rows that answer a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which stream.
    pub stream: String,
    /// After this number.
    pub cursor: Option<RowNo>,
    /// How many at most.
    pub limit: usize,
    /// Which way.
    pub direction: Direction,
}

/// What the history said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// To [`LookBack::Message`]: its number, when it is known.
    Message(Option<DecisionNo>),
    /// To [`LookBack::Held`]: the events, in order.
    Held {
        /// Those that still wait.
        events: Vec<HeldEvent>,
        /// Number up to which all events are among them.
        up_to: DecisionNo,
    },
    /// To [`LookBack::Thread`]: what was found of the messages, in order.
    Thread {
        /// Their rows.
        rows: Vec<ForgottenRow>,
        /// There are more of them.
        more: bool,
    },
}

impl LookBack {
    /// The rows to read: one page.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        match self {
            Self::Message { mid, .. } => Wanted {
                stream: history::index_of(mid.as_str()).stream,
                cursor: None,
                limit: INDEX_ROWS_MAX,
                direction: Direction::Backward,
            },
            Self::Held { line, after, .. } => Wanted {
                stream: line.stream().to_owned(),
                cursor: Some(after.0),
                limit: HELD_ROWS,
                direction: Direction::Forward,
            },
            Self::Thread { person, after, .. } => Wanted {
                stream: history::messages_of(person),
                cursor: after.map(|after| after.0),
                limit: FORGOTTEN_ROWS,
                direction: Direction::Forward,
            },
        }
    }

    /// What these rows say. `more`: the stream goes on after them.
    #[must_use]
    pub fn found(&self, rows: &[(RowNo, Vec<u8>)], more: bool) -> Found {
        match self {
            Self::Message { mid, .. } => {
                let tag = history::index_of(mid.as_str()).tag;
                let row = rows.iter().find(|(_, bytes)| **bytes == tag);
                Found::Message(row.map(|(no, _)| DecisionNo(*no)))
            }
            Self::Held { last, .. } => {
                let events = rows.iter().filter_map(|(_, bytes)| history::held(bytes)).collect();
                let read = rows.last().map(|(no, _)| DecisionNo(*no)).filter(|_| more);
                Found::Held { events, up_to: read.unwrap_or(*last) }
            }
            Self::Thread { last, .. } => {
                let meant = |(no, _): &&(RowNo, Vec<u8>)| *no <= last.0;
                let rows: Vec<_> =
                    rows.iter().take_while(meant).map(|(no, bytes)| forgotten(*no, bytes)).collect();
                let more = more && !rows.is_empty() && rows.last().is_some_and(|row| row.no < *last);
                Found::Thread { rows, more }
            }
        }
    }
}

fn forgotten(no: RowNo, bytes: &[u8]) -> ForgottenRow {
    let no = DecisionNo(no);
    match history::message(bytes) {
        Ok(KeptMessage::Message(message)) => {
            ForgottenRow { no, mid: message.mid, outbound: message.outbound }
        }
        Ok(KeptMessage::TakenBack(mid)) => ForgottenRow { no, mid: Some(mid), outbound: None },
        // Nothing is left in it.
        Err(_) => ForgottenRow { no, mid: None, outbound: None },
    }
}
