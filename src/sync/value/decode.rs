//! Reading values: JSON text in, everything that is not allowed refused with a reason.

use super::{DEPTH_MAX, KEY_CHARS_MAX, Value, ValueError};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::{collections::BTreeMap, fmt};

impl Value {
    /// Reads the encoded form.
    ///
    /// # Errors
    /// When the text is not JSON, is nested deeper than [`DEPTH_MAX`], holds a lone surrogate, a forbidden or doubled key,
    /// or a special object that is none.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let mut json = serde_json::Deserializer::from_str(text);
        let wrong = |error: serde_json::Error| ValueError(error.to_string());
        let value = Nested { depth: 0 }.deserialize(&mut json).map_err(wrong)?;
        json.end().map_err(wrong)?;
        Ok(value)
    }
}

/// Reads one value at some depth.
#[derive(Clone, Copy)]
struct Nested {
    depth: usize,
}

impl Nested {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format_args!("nested deeper than {DEPTH_MAX}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    #[expect(clippy::cast_precision_loss, reason = "a number is a 64-bit float, whatever it looks like")]
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Float(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "a number is a 64-bit float, whatever it looks like")]
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Float(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut fields = BTreeMap::new();
        let mut special = None;
        while let Some(key) = map.next_key::<String>()? {
            if special.is_some() {
                return Err(Error::custom("a key with a leading $ stands alone or not at all"));
            }
            if let Some(kind) = key.strip_prefix('$') {
                if !fields.is_empty() {
                    return Err(Error::custom("a key with a leading $ stands alone or not at all"));
                }
                special = Some(special_value(
                    kind,
                    &map.next_value::<&serde_json::value::RawValue>()?.to_string(),
                )?);
                continue;
            }
            check_key(&key)?;
            let value = map.next_value_seed(inner)?;
            if fields.insert(key, value).is_some() {
                return Err(Error::custom("a key stands twice in an object"));
            }
        }
        Ok(special.unwrap_or(Value::Object(fields)))
    }
}

fn check_key<E: Error>(key: &str) -> Result<(), E> {
    if key.len() > KEY_CHARS_MAX {
        return Err(E::custom(format_args!("a key is longer than {KEY_CHARS_MAX} characters")));
    }
    if !key.bytes().all(|byte| (32..=126).contains(&byte)) {
        return Err(E::custom("a key has characters other than printable ASCII"));
    }
    Ok(())
}

/// A value that JSON has no form for. The kinds are a closed set.
fn special_value<E: Error>(kind: &str, text: &str) -> Result<Value, E> {
    let bytes = || {
        let text: String = serde_json::from_str(text).map_err(|_| E::custom("a special value is no text"))?;
        BASE64_STANDARD.decode(text).map_err(|_| E::custom("a special value is not base64"))
    };
    let eight = || <[u8; 8]>::try_from(bytes()?).map_err(|_| E::custom("a special number has not 8 bytes"));
    match kind {
        "integer" => Ok(Value::Integer(i64::from_le_bytes(eight()?))),
        "float" => Ok(Value::Float(f64::from_le_bytes(eight()?))),
        "bytes" => Ok(Value::Bytes(bytes()?)),
        _ => Err(E::custom("a key with a leading $ names no known kind")),
    }
}
