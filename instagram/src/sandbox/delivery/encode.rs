//! The body of a webhook, byte for byte as the platform writes it.

use super::{
    queue::{Shape, Update},
    settings::{CommentForm, MessageForm, Settings, TopForm},
};
use serde::Serialize;
use serde_json::{Number, Value, json, ser::Formatter};
use std::{io, sync::Arc};

/// A finished body.
pub(crate) type Body = Vec<u8>;

/// Writes non-ASCII characters as `\uXXXX` with lower-case hex and `/` as `\/`.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut plain = 0;
        for (at, c) in fragment.char_indices() {
            if c.is_ascii() && c != '/' {
                continue;
            }
            writer.write_all(fragment.get(plain..at).unwrap_or_default().as_bytes())?;
            plain = at + c.len_utf8();
            if c == '/' {
                writer.write_all(b"\\/")?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        writer.write_all(fragment.get(plain..).unwrap_or_default().as_bytes())
    }
}

/// The JSON text, escaped as the platform does.
pub(crate) fn escape(value: &Value) -> Body {
    let mut out = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Escaping);
    // A `Value` has text keys only and a `Vec` takes every write.
    let written = value.serialize(&mut serializer);
    debug_assert!(written.is_ok(), "a value always serialises");
    out
}

fn field_of(item: &Value) -> &'static str {
    const FIELDS: [(&str, &str); 6] = [
        ("message_edit", "message_edit"),
        ("reaction", "message_reactions"),
        ("postback", "messaging_postbacks"),
        ("referral", "messaging_referral"),
        ("read", "messaging_seen"),
        ("optin", "messaging_optins"),
    ];
    if item.get("message").is_some() {
        return "messages";
    }
    FIELDS
        .iter()
        .find(|(member, _)| item.get(member).is_some())
        .map_or("messaging_handover", |(_, field)| field)
}

/// Ids as JSON numbers.
pub(crate) fn with_numeric_ids(mut value: Value) -> Value {
    numeric(&mut value);
    value
}

fn numeric(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let number = member.as_str().filter(|_| key == "id" || key.ends_with("_id"));
                match number.and_then(|text| text.parse::<u64>().ok()) {
                    Some(number) => *member = Value::Number(Number::from(number)),
                    None => numeric(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(numeric),
        _ => {}
    }
}

/// Puts an item into the last entry when it is of the same account and form, else into a new one.
fn place(entries: &mut Vec<Value>, update: &Update, settings: &Settings, now: i64) {
    let id = update.account.to_string();
    let (list, item, time) = match &update.shape {
        Shape::Standby => ("standby", update.value.clone(), now),
        Shape::Messaging => match settings.form.messages {
            MessageForm::Messaging => ("messaging", update.value.clone(), now),
            MessageForm::Changes => {
                let change = json!({"field": field_of(&update.value), "value": update.value});
                ("changes", change, now.div_euclid(1_000))
            }
        },
        Shape::Change(field) => {
            let time = now.div_euclid(1_000);
            let comment = field == "comments" || field == "live_comments";
            if comment && settings.form.comments == CommentForm::Entry {
                entries.push(json!({"id": id, "time": time, "field": field, "value": update.value}));
                return;
            }
            ("changes", json!({"field": field, "value": update.value}), time)
        }
    };
    if let Some(entry) = entries.last_mut()
        && entry["id"] == id
        && let Some(items) = entry.get_mut(list).and_then(Value::as_array_mut)
    {
        items.push(item);
        return;
    }
    entries.push(json!({"id": id, "time": time, (list): [item]}));
}

/// The body for a batch at `now` (Unix milliseconds).
pub(crate) fn body(updates: &[Arc<Update>], settings: &Settings, now: i64) -> Body {
    let mut entries = Vec::with_capacity(updates.len().min(64));
    for update in updates {
        place(&mut entries, update, settings, now);
    }
    let mut envelope = json!({"object": "instagram", "entry": entries});
    if settings.numeric_ids {
        numeric(&mut envelope);
    }
    if settings.form.top == TopForm::Array {
        envelope = Value::Array(vec![envelope]);
    }
    if settings.escape { escape(&envelope) } else { envelope.to_string().into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_as_the_platform_does() {
        let value = json!({"text": "Café ☕ link/price 😀 \" \n"});
        let expected = r#"{"text":"Caf\u00e9 \u2615 link\/price \ud83d\ude00 \" \n"}"#;
        assert_eq!(String::from_utf8(escape(&value)).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn an_escaped_body_is_ascii_and_means_the_same(text in ".*", key in ".*") {
            let value = json!({key: [text]});
            let body = escape(&value);
            prop_assert!(body.is_ascii());
            prop_assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), value);
        }
    }
}
