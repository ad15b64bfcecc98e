//! Webhooks as the platform sends them, signed before the clock starts.

use crate::http::signed_post;
use greenroom_actors::{Timestamp, user::User, user::query::Explained};
use secrecy::SecretString;
use std::fmt::Write;

/// Secret that signs.
pub(crate) const SECRET: &str = "load-app-secret";
/// A message that no automation matches: about what people write, 62 characters.
pub(crate) const CHAT: &str = "Hi! I saw your story about the new collection, looks lovely :)";
/// A message that the automation for prices answers.
pub(crate) const QUESTION: &str = "Hi, what is the PRICE of the blue one from yesterday's story?";

/// One message of a person to an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dm {
    pub(crate) account: u32,
    pub(crate) person: u32,
    pub(crate) number: u32,
    pub(crate) text: &'static str,
}

/// Key of the workspace of an account.
pub(crate) fn workspace(account: u32) -> String {
    format!("load-{account}")
}

/// Id of an account on the platform.
pub(crate) fn account_id(account: u32) -> String {
    format!("178414{account:011}")
}

impl Dm {
    pub(crate) fn person_id(&self) -> String {
        format!("90{:08}{:06}", self.account, self.person)
    }

    /// As long as real ids are.
    pub(crate) fn mid(&self) -> String {
        format!(
            "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDAwMDAwMDAwMDAxOjM0MDI4MjM2Njg0MTcx{:012}",
            self.number
        )
    }

    /// Where its decision stands in a state: at hand, by number in the history, or nowhere.
    pub(crate) fn decision_in(&self, state: &User) -> Option<u64> {
        let mid = self.mid();
        let fingerprinted = format!("message\0{}\0{mid}", self.person_id());
        match state.explain(&fingerprinted)? {
            Explained::InHistory(no) => Some(no.0),
            Explained::Here(view) => Some(view.record.no.0),
        }
    }

    fn write(&self, body: &mut String, at: Timestamp) {
        let (person, account, mid, text) =
            (self.person_id(), account_id(self.account), self.mid(), self.text);
        let at = at.as_millis();
        // Writing to a string cannot fail.
        let _ = write!(
            body,
            r#"{{"sender":{{"id":"{person}"}},"recipient":{{"id":"{account}"}},"timestamp":{at},"message":{{"mid":"{mid}","text":"{text}"}}}}"#
        );
    }
}

/// A delivery of messages; neighbours of one account share an entry.
pub(crate) fn body(messages: &[Dm], at: Timestamp) -> String {
    let mut body = String::from(r#"{"object":"instagram","entry":["#);
    for (n, entry) in messages.chunk_by(|a, b| a.account == b.account).enumerate() {
        let Some(first) = entry.first() else { continue };
        let comma = if n == 0 { "" } else { "," };
        let (account, at_ms) = (account_id(first.account), at.as_millis());
        let _ = write!(body, r#"{comma}{{"id":"{account}","time":{at_ms},"messaging":["#);
        for (n, message) in entry.iter().enumerate() {
            if n > 0 {
                body.push(',');
            }
            message.write(&mut body, at);
        }
        body.push_str("]}");
    }
    body.push_str("]}");
    body
}

/// Signed requests with `per_request` messages each.
pub(crate) fn requests(messages: &[Dm], per_request: usize, at: Timestamp) -> Vec<Vec<u8>> {
    let secret = SecretString::from(SECRET);
    messages.chunks(per_request).map(|chunk| signed_post(&secret, &body(chunk, at))).collect()
}
