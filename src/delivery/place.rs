//! Where an item stood in its delivery: enough to write a delivery of it alone, to be opened again later.

use axum::body::Bytes;
use greenroom_instagram::webhook::slice::{Form, Slice};
use serde_json::Value;
use std::borrow::Cow;

#[derive(Debug)]
pub(super) struct Place {
    form: Form,
    field: Option<Bytes>,
    entry_time: Option<i64>,
}

impl Place {
    pub(super) fn of(item: &Slice<'_>, body: &Bytes) -> Self {
        let field = item.field.as_ref().map(|field| match field {
            Cow::Borrowed(text) => body.slice_ref(text.as_bytes()),
            Cow::Owned(text) => Bytes::copy_from_slice(text.as_bytes()),
        });
        Self { form: item.form, field, entry_time: item.entry_time }
    }

    /// A delivery that holds this item alone.
    pub(super) fn envelope(&self, account: &str, raw: &[u8]) -> Vec<u8> {
        let account = Value::from(account);
        let time = self.entry_time.map(|time| format!(r#","time":{time}"#)).unwrap_or_default();
        let field = String::from_utf8_lossy(self.field.as_deref().unwrap_or_default());
        let field = Value::from(field.as_ref());
        let (before, after) = match self.form {
            Form::Messaging => (r#""messaging":["#.to_owned(), "]"),
            Form::Standby => (r#""standby":["#.to_owned(), "]"),
            Form::Change | Form::Entry | Form::Bare => {
                (format!(r#""changes":[{{"field":{field},"value":"#), "}]")
            }
        };
        let head = format!(r#"{{"object":"instagram","entry":[{{"id":{account}{time},{before}"#);
        [head.as_bytes(), raw, after.as_bytes(), b"}]}"].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_instagram::webhook::slice::{Delivery, slice};

    /// Writes every item of a body alone and cuts that again: the same item, in the same place.
    fn check(body: &str) {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let Delivery::Envelope(envelope) = slice(&body) else { panic!("no envelope") };
        assert!(!envelope.slices.is_empty());
        for item in &envelope.slices {
            let account = item.account.as_deref().unwrap();
            let alone = Place::of(item, &body).envelope(account, item.raw);
            let Delivery::Envelope(again) = slice(&alone) else { panic!("no envelope again") };
            let [only] = &again.slices[..] else { panic!("{} items", again.slices.len()) };
            assert_eq!((only.account.as_deref(), only.raw), (Some(account), item.raw));
            assert_eq!((only.entry_time, &only.field), (item.entry_time, &item.field));
            assert_eq!(only.form == Form::Standby, item.form == Form::Standby);
        }
    }

    #[test]
    fn items_of_every_form_survive_being_written_alone() {
        check(
            r#"{"object":"instagram","entry":[{"id":"17841400000000001","time":1767225600123,
                "messaging":[{"sender":{"id":"9"},"message":{"mid":"m","text":"a\u00e9 \"q\""}}],
                "standby":[{"sender":{"id":"8"}}],
                "changes":[{"field":"comments","value":{"id":"18","text":"x"}}]}]}"#,
        );
        check(r#"{"object":"instagram","entry":[{"id":"1","field":"live_comments","value":{"id":"18"}}]}"#);
    }
}
