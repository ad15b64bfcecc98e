//! The `fields` parameter: `id,messages.limit(20){id,from}`.

use crate::sandbox::limits::FIELDS_DEPTH_MAX;
use serde_json::{Map, Value};

/// One asked field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) limit: Option<usize>,
    pub(crate) sub: Vec<Self>,
}

/// Reads the parameter; `None` when it is malformed.
pub(crate) fn parse(text: &str) -> Option<Vec<Field>> {
    let mut rest = text;
    let fields = list(&mut rest, FIELDS_DEPTH_MAX)?;
    rest.is_empty().then_some(fields)
}

fn list(rest: &mut &str, depth: usize) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    loop {
        let end = rest.find([',', '{', '}', '.', '(']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        *rest = after;
        let mut field = Field { name: name.trim().into(), limit: None, sub: Vec::new() };
        while let Some(after) = rest.strip_prefix('.') {
            let (modifier, after) = after.split_once(')')?;
            let (modifier, value) = modifier.split_once('(')?;
            if modifier == "limit" {
                field.limit = Some(value.parse().ok()?);
            }
            *rest = after;
        }
        if let Some(after) = rest.strip_prefix('{') {
            *rest = after;
            field.sub = list(rest, depth.checked_sub(1)?)?;
            *rest = rest.strip_prefix('}')?;
        }
        if !field.name.is_empty() {
            fields.push(field);
        }
        match rest.strip_prefix(',') {
            Some(after) => *rest = after,
            None => return Some(fields),
        }
    }
}

/// Keeps the asked members of an object (and `id`), through lists and `data` wrappers.
pub(crate) fn select(value: Value, fields: &[Field]) -> Value {
    if fields.is_empty() {
        return value;
    }
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| select(item, fields)).collect()),
        Value::Object(mut members) if members.contains_key("data") => {
            if let Some(data) = members.remove("data") {
                members.insert("data".into(), select(data, fields));
            }
            Value::Object(members)
        }
        Value::Object(mut members) => {
            let mut kept = Map::new();
            for field in fields {
                if let Some(member) = members.remove(&field.name) {
                    kept.insert(field.name.clone(), select(member, &field.sub));
                }
            }
            if let Some(id) = members.remove("id") {
                kept.insert("id".into(), id);
            }
            Value::Object(kept)
        }
        other => other,
    }
}

/// The field of this name.
pub(crate) fn find<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    fields.iter().find(|field| field.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn nested_fields_with_limits_are_read() {
        let fields = parse("id,messages.limit(20){id,from},to").unwrap();
        assert_eq!(fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["id", "messages", "to"]);
        let messages = find(&fields, "messages").unwrap();
        assert_eq!((messages.limit, messages.sub.len()), (Some(20), 2));
        assert_eq!(parse("a{b"), None);
        assert_eq!(parse("a}"), None);
        assert_eq!(parse(&"a{".repeat(50)), None);
    }

    #[test]
    fn only_what_was_asked_is_kept() {
        let value = json!({"id": "1", "name": "x", "replies": {"data": [{"id": "2", "text": "t", "at": 1}]}});
        let fields = parse("replies{text}").unwrap();
        assert_eq!(
            select(value, &fields),
            json!({"id": "1", "replies": {"data": [{"id": "2", "text": "t"}]}})
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z,{}().0-9]{0,60}") {
            let _ = parse(&text);
        }
    }
}
