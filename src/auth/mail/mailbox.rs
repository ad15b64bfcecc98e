//! The sandbox's mailbox: mails stay in memory, where tests and people who try the product read them. It shows secret
//! links to whoever asks, so it exists only while the sandbox stands in.

use super::{Mail, MailError, MailKind, Mailer};
use async_trait::async_trait;
use parking_lot::Mutex;
use serde::Serialize;
use std::{collections::VecDeque, sync::Arc};

/// Most mails that are kept; the oldest go first.
const MAILS_MAX: usize = 1_000;

/// A mail as it is shown: `{"type","to","url","token"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// What for.
    #[serde(rename = "type")]
    pub kind: MailKind,
    /// To whom.
    pub to: String,
    /// The link.
    pub url: String,
    /// The secret in the link.
    pub token: String,
}

/// The mailbox. Cheap to clone; clones share the mails.
#[derive(Clone, Default)]
pub struct Mailbox {
    mails: Arc<Mutex<VecDeque<Shown>>>,
}

impl Mailbox {
    /// Mails to an address, or all, the oldest first.
    #[must_use]
    pub fn list(&self, to: Option<&str>) -> Vec<Shown> {
        let mails = self.mails.lock();
        let is_wanted = |mail: &&Shown| to.is_none_or(|to| mail.to.eq_ignore_ascii_case(to));
        mails.iter().filter(is_wanted).cloned().collect()
    }
}

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let Mail { kind, to, url, token } = mail.clone();
        let mut mails = self.mails.lock();
        if mails.len() >= MAILS_MAX {
            mails.pop_front();
        }
        mails.push_back(Shown { kind, to, url, token });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str, token: &str) -> Mail {
        Mail {
            kind: MailKind::ResetPassword,
            to: to.to_owned(),
            url: format!("http://localhost/{token}"),
            token: token.to_owned(),
        }
    }

    #[tokio::test]
    async fn mails_are_shown_by_address_in_order() {
        let mailbox = Mailbox::default();
        for (to, token) in [("a@x.com", "1"), ("b@x.com", "2"), ("a@x.com", "3")] {
            mailbox.send(&mail(to, token)).await.unwrap();
        }
        let shown = serde_json::to_value(mailbox.list(Some("A@x.com"))).unwrap();
        assert_eq!(
            shown,
            serde_json::json!([
                {"type": "reset-password", "to": "a@x.com", "url": "http://localhost/1", "token": "1"},
                {"type": "reset-password", "to": "a@x.com", "url": "http://localhost/3", "token": "3"},
            ])
        );
        assert_eq!(mailbox.list(None).len(), 3);
    }

    #[tokio::test]
    async fn the_oldest_go_first() {
        let mailbox = Mailbox::default();
        for n in 0..=MAILS_MAX {
            mailbox.send(&mail("a@x.com", &n.to_string())).await.unwrap();
        }
        let mails = mailbox.list(None);
        assert_eq!((mails.len(), mails[0].token.as_str()), (MAILS_MAX, "1"));
    }
}
