//! What is right and what is not, told from what was asked, what people saw, and what the server says of itself. No
//! clocks, no sockets: the tests of the judge hand it worlds that went wrong.

use crate::load::{Comment, Ledger, Message, Posted};
use serde_json::Value;
use std::collections::BTreeMap;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Acknowledged, and nobody knows of it.
    Lost(String),
    /// Somebody got something twice, or is about to.
    Twice(String),
    /// Later things came first.
    Order(String),
    /// Neither done, nor waiting, nor said to be in doubt.
    Unexplained(String),
    /// Done without a decision, or although nobody asked for it.
    Uncalled(String),
    /// What the server says of itself does not fit together.
    View(String),
}

/// What was counted; for the eye, and to see that a run was not empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) acknowledged: usize,
    pub(crate) unanswered: usize,
    pub(crate) answered: usize,
    pub(crate) waiting: usize,
    pub(crate) doubtful: usize,
    pub(crate) private_replies: usize,
    pub(crate) public_replies: usize,
}

/// Everything that is judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// By tenant.
    pub(crate) books: Vec<Books>,
    /// Decisions by the id of their message or comment.
    pub(crate) records: BTreeMap<String, Value>,
    /// Pairs of sends of which the platform says that the second should not exist.
    pub(crate) duplicates: Vec<Value>,
}

/// A message in the outbox, as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    state: String,
    reason: String,
}

impl Listed {
    fn is_doubtful(&self) -> bool {
        matches!(self.state.as_str(), "unconfirmed" | "unknown")
    }
}

/// Something that people saw.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    id: String,
    /// How many the account had sent before.
    place: usize,
}

/// One tenant at one instant: what people saw, and what the outbox says of the rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    /// What was sent, by kind and whom it reached: a person, or a comment.
    sent: BTreeMap<(String, String), Vec<Seen>>,
    /// What has not ended well, by kind and thread.
    listed: BTreeMap<(String, String), Listed>,
}

impl Books {
    /// From what the account sent, oldest first, and the operator's view of the outbox.
    pub(crate) fn keep(sent: &[Value], view: &Value) -> Result<Self, Fault> {
        let mut books = Self::default();
        for (place, item) in sent.iter().enumerate() {
            let kind = item["kind"].as_str().unwrap();
            let to = if kind == "message" { &item["person"] } else { &item["comment_id"] };
            let key = (kind.to_owned(), to.as_str().unwrap().to_owned());
            books
                .sent
                .entry(key)
                .or_default()
                .push(Seen { id: item["id"].as_str().unwrap().to_owned(), place });
        }
        let mut open = 0;
        for list in ["waiting", "unconfirmed", "dead_letters"] {
            for line in view[list].as_array().unwrap() {
                let member = |name: &str| line[name].as_str().unwrap().to_owned();
                let entry = Listed { state: member("state"), reason: member("reason") };
                if entry.reason.is_empty() {
                    return Err(Fault::Unexplained(format!("no reason: {line}")));
                }
                if books.listed.insert((member("kind"), member("thread")), entry).is_some() {
                    return Err(Fault::Twice(format!("one thing is to be sent twice: {line}")));
                }
                open += usize::from(list != "dead_letters");
            }
        }
        if view["open"] != open {
            return Err(Fault::View(format!("the view leaves something out: {view:#}")));
        }
        Ok(books)
    }

    fn sent(&self, kind: &str, to: &str) -> &[Seen] {
        self.sent.get(&(kind.to_owned(), to.to_owned())).map_or(&[], Vec::as_slice)
    }

    fn listed(&self, kind: &str, thread: &str) -> Option<&Listed> {
        self.listed.get(&(kind.to_owned(), thread.to_owned()))
    }
}

/// What was never answered 200 may be there or not, but never half: either it is decided and answered like anything else,
/// or nobody heard of it.
pub(crate) fn nothing_is_half(ledger: &Ledger, evidence: &Evidence) -> Result<(), Fault> {
    let open = ledger.posted.iter().filter(|posted| !posted.acknowledged);
    for message in open.flat_map(|posted| &posted.messages).filter(|message| message.keyword) {
        let books = &evidence.books[message.tenant];
        if evidence.records.contains_key(&message.mid) {
            answered_once(books, message, None)?;
            continue;
        }
        let (sent, listed) = (books.sent("message", &message.igsid), books.listed("dm", &message.igsid));
        if !sent.is_empty() || listed.is_some() {
            let what =
                format!("without a decision {message:?} got {sent:?} and has {listed:?} in the outbox");
            return Err(Fault::Uncalled(what));
        }
    }
    Ok(())
}

/// Everything acknowledged is decided, in its order, and what deserves an answer got one, or will, or says why that is
/// not known.
pub(crate) fn everything_counts_once(ledger: &Ledger, evidence: &Evidence) -> Result<Counts, Fault> {
    let mut counts = Counts::default();
    for posted in &ledger.posted {
        let count = if posted.acknowledged { &mut counts.acknowledged } else { &mut counts.unanswered };
        *count += posted.messages.len();
    }
    let record = |id: &str, what: &dyn std::fmt::Debug| {
        let lost = || Fault::Lost(format!("{what:?} was acknowledged and is unknown"));
        evidence.records.get(id).ok_or_else(lost)
    };
    let acknowledged = || ledger.posted.iter().filter(|posted| posted.acknowledged);
    for message in acknowledged().flat_map(|posted| &posted.messages).chain(&ledger.told) {
        let record = record(&message.mid, message)?;
        decided_rightly(&evidence.books[message.tenant], message, record, &mut counts)?;
    }
    for posted in acknowledged() {
        decided_in_order(posted, evidence)?;
    }
    for comment in &ledger.comments {
        let record = record(&comment.id, comment)?;
        replied_once(&evidence.books[comment.tenant], comment, record, &mut counts)?;
    }
    match evidence.duplicates.as_slice() {
        [] => Ok(counts),
        duplicates => Err(Fault::Twice(format!("somebody got something twice: {duplicates:?}"))),
    }
}

fn decided_rightly(
    books: &Books,
    message: &Message,
    record: &Value,
    counts: &mut Counts,
) -> Result<(), Fault> {
    if record["person"] != message.igsid {
        return Err(Fault::View(format!("the decision on {message:?} is about somebody else: {record:#}")));
    }
    if !message.keyword {
        let sent = books.sent("message", &message.igsid);
        if sent.is_empty() {
            return Ok(());
        }
        return Err(Fault::Uncalled(format!("nobody asked for an answer: {message:?} got {sent:?}")));
    }
    match answered_once(books, message, Some(record))? {
        "answered" => counts.answered += 1,
        "waiting" => counts.waiting += 1,
        _ => counts.doubtful += 1,
    }
    Ok(())
}

/// What one person wrote is decided in the order in which the webhook has it.
fn decided_in_order(posted: &Posted, evidence: &Evidence) -> Result<(), Fault> {
    let mut last: BTreeMap<(usize, &str), (u64, &str)> = BTreeMap::new();
    for message in &posted.messages {
        let Some(no) = evidence.records.get(&message.mid).and_then(|record| record["no"].as_u64()) else {
            return Err(Fault::View(format!("the decision on {message:?} has no number")));
        };
        let before = last.insert((message.tenant, &message.igsid), (no, &message.mid));
        if let Some((earlier, mid)) = before
            && earlier >= no
        {
            let what = format!("{mid} is decision {earlier}, {} after it is {no}", message.mid);
            return Err(Fault::Order(what));
        }
    }
    Ok(())
}

/// An answer reached the person exactly once, or is on its way, or says why that is not known. Says which.
fn answered_once(books: &Books, message: &Message, record: Option<&Value>) -> Result<&'static str, Fault> {
    let sent = books.sent("message", &message.igsid);
    match (sent, books.listed("dm", &message.igsid)) {
        ([seen], None) => {
            let fits = |record: &Value| {
                record["delivery"]["state"] == "sent"
                    && record["delivery"]["mid"] == seen.id.as_str()
                    && record["automation"]["id"] == "price"
            };
            if record.is_some_and(|record| !fits(record)) {
                return Err(Fault::View(format!("{message:?} got {seen:?}, but: {record:#?}")));
            }
            Ok("answered")
        }
        ([], Some(listed)) if listed.state == "waiting" => Ok("waiting"),
        ([] | [_], Some(listed)) if listed.is_doubtful() => Ok("doubtful"),
        (sent, listed) => Err(odd(message, sent, listed, record)),
    }
}

/// More than one is one too many; anything else is not explained.
fn odd(what: &dyn std::fmt::Debug, sent: &[Seen], listed: Option<&Listed>, record: Option<&Value>) -> Fault {
    let words = format!("{what:?} got {sent:?} and the outbox says {listed:?}: {record:#?}");
    let is_twice = sent.len() > 1 || (sent.len() == 1 && listed.is_some());
    if is_twice { Fault::Twice(words) } else { Fault::Unexplained(words) }
}

/// A private reply reached the commenter at most once and the public one followed it at most once; nothing is missing that
/// the outbox does not explain.
fn replied_once(books: &Books, comment: &Comment, record: &Value, counts: &mut Counts) -> Result<(), Fault> {
    let Some(person) = record["person"].as_str() else {
        return Err(Fault::View(format!("the decision on {comment:?} is about nobody: {record:#}")));
    };
    let private = books.sent("private_reply", &comment.id);
    let public = books.sent("public_reply", &comment.id);
    match (private, books.listed("private_reply", person)) {
        ([_], None) if record["delivery"]["state"] != "sent" => {
            return Err(Fault::View(format!("{comment:?} was answered, but: {record:#}")));
        }
        ([_], None) => counts.private_replies += 1,
        ([], Some(listed)) if listed.state == "waiting" => counts.waiting += 1,
        ([] | [_], Some(listed)) if listed.is_doubtful() => counts.doubtful += 1,
        (private, listed) => return Err(odd(comment, private, listed, Some(record))),
    }
    let listed = books.listed("public_reply", &comment.id);
    match (private, public, listed) {
        ([before], [after], None) if before.place < after.place => counts.public_replies += 1,
        // Without a private reply that is known to have arrived there is no public one yet.
        ([], [], _) | ([_], [], None) if books.listed("private_reply", person).is_some() => {}
        ([_], [], Some(listed)) if listed.state == "waiting" => {}
        ([_], [] | [_], Some(listed)) if listed.is_doubtful() => {}
        ([] | [_], [_], None) => {
            let what = format!("the public reply to {comment:?} did not come after the private one");
            return Err(Fault::Order(format!("{what}: {private:?}, {public:?}")));
        }
        (_, public, listed) => return Err(odd(comment, public, listed, Some(record))),
    }
    Ok(())
}
