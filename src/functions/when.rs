//! Instants on the wire.

use greenroom_actors::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::borrow::Cow;

/// An instant: written as ISO 8601 in UTC with milliseconds; read from that, with any offset, or from milliseconds since
/// 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct When(pub Timestamp);

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match jiff::Timestamp::from_millisecond(self.0.as_millis()) {
            Ok(at) => serializer.collect_str(&format_args!("{at:.3}")),
            Err(error) => Err(serde::ser::Error::custom(error)),
        }
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Typed {
            Text(String),
            Millis(f64),
        }
        let at = match Typed::deserialize(deserializer)? {
            Typed::Text(text) => text.parse::<jiff::Timestamp>().map_err(D::Error::custom)?,
            Typed::Millis(millis) => of_millis(millis).ok_or_else(|| D::Error::custom("no such instant"))?,
        };
        Ok(Self(Timestamp::from_millis(at.as_millisecond())))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what is out of range is refused by the calendar")]
fn of_millis(millis: f64) -> Option<jiff::Timestamp> {
    if !millis.is_finite() {
        return None;
    }
    jiff::Timestamp::from_millisecond(millis as i64).ok()
}

impl JsonSchema for When {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_both_forms_and_written_in_one() {
        for typed in ["\"2026-11-30T12:00:00.250Z\"", "\"2026-11-30T13:00:00.250+01:00\"", "1796040000250"] {
            let when: When = serde_json::from_str(typed).unwrap();
            assert_eq!(serde_json::to_string(&when).unwrap(), "\"2026-11-30T12:00:00.250Z\"", "{typed}");
        }
        let whole = When(Timestamp::from_millis(0));
        assert_eq!(serde_json::to_string(&whole).unwrap(), "\"1970-01-01T00:00:00.000Z\"");
        for wrong in ["\"tomorrow\"", "1e300", "true", "\"\""] {
            assert!(serde_json::from_str::<When>(wrong).is_err(), "{wrong}");
        }
    }
}
