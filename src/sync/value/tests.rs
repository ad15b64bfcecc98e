use super::{DEPTH_MAX, Format, KEY_CHARS_MAX, Value};
use crate::sync::Encoded;
use proptest::prelude::*;

fn encoded(text: &str) -> String {
    Value::parse(text).map_or_else(|error| format!("refused: {error}"), |value| value.render(Format::Encoded))
}

fn is_refused(text: &str) -> bool {
    Value::parse(text).is_err()
}

#[test]
fn the_special_values_of_the_contract_keep_their_text() {
    for (text, value) in [
        (r#"{"$float":"AAAAAAAA+H8="}"#, Value::Float(f64::NAN)),
        (r#"{"$float":"AAAAAAAA8H8="}"#, Value::Float(f64::INFINITY)),
        (r#"{"$float":"AAAAAAAA8P8="}"#, Value::Float(f64::NEG_INFINITY)),
        (r#"{"$float":"AAAAAAAAAIA="}"#, Value::Float(-0.0)),
        (r#"{"$integer":"AQAAAAAAAAA="}"#, Value::Integer(1)),
        (r#"{"$integer":"//////////8="}"#, Value::Integer(-1)),
        (r#"{"$integer":"/////////38="}"#, Value::Integer(i64::MAX)),
        (r#"{"$integer":"AAAAAAAAAIA="}"#, Value::Integer(i64::MIN)),
        (r#"{"$bytes":""}"#, Value::Bytes(vec![])),
        (r#"{"$bytes":"AAEC/w=="}"#, Value::Bytes(vec![0, 1, 2, 255])),
    ] {
        assert_eq!(value.render(Format::Encoded), text);
        assert_eq!(encoded(text), text);
    }
}

#[test]
fn numbers_are_floats() {
    for (text, out) in [
        ("1", "1"),
        ("1.0", "1"),
        ("-0", r#"{"$float":"AAAAAAAAAIA="}"#),
        ("9007199254740993", "9007199254740992.0"),
        ("18446744073709551616", "1.8446744073709552e19"),
        ("1e2", "100"),
        ("5e-324", "5e-324"),
        ("0.1", "0.1"),
        (r#"{"$float":"AAAAAAAA8D8="}"#, "1"),
    ] {
        assert_eq!(encoded(text), out, "{text}");
    }
    assert!(is_refused("1e400"));
}

#[test]
fn keys_come_out_in_order_and_the_empty_one_is_allowed() {
    assert_eq!(encoded(r#"{"b":1,"a":[null,true,"é"],"":2}"#), r#"{"":2,"a":[null,true,"é"],"b":1}"#);
}

#[test]
fn what_is_no_value_is_refused() {
    let long_key = format!(r#"{{"{}":1}}"#, "k".repeat(KEY_CHARS_MAX + 1));
    for text in [
        r#"{"$commitTs":null}"#,
        r#"{"$integer":"AQAAAAAAAAA=","a":1}"#,
        r#"{"a":1,"$integer":"AQAAAAAAAAA="}"#,
        r#"{"$integer":1}"#,
        r#"{"$integer":"AQAAAAAAAAA"}"#,
        r#"{"$integer":"AQAAAAAA"}"#,
        r#"{"$bytes":"_-8="}"#,
        r#"{"$":1}"#,
        r#"{"é":1}"#,
        r#"{"a\u0001":1}"#,
        r#"{"a":1,"a":2}"#,
        r#""\ud800""#,
        "{} {}",
        "",
        &long_key,
    ] {
        assert!(is_refused(text), "{text}");
    }
    assert!(!is_refused(&format!(r#"{{"{}":1}}"#, "k".repeat(KEY_CHARS_MAX))));
}

#[test]
fn nesting_is_allowed_up_to_the_limit_and_not_one_further() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(!is_refused(&nested(DEPTH_MAX)));
    assert!(is_refused(&nested(DEPTH_MAX + 1)));
    assert!(is_refused(&"[".repeat(10_000_000)));
}

#[test]
fn the_clean_format_is_plain_json() {
    let text = r#"{"b":{"$bytes":"AAEC/w=="},"f":1.5,"i":{"$integer":"//////////8="},"n":[{"$float":"AAAAAAAA+H8="},{"$float":"AAAAAAAA8P8="}]}"#;
    let clean = Encoded(text.into()).render(Format::Clean).unwrap();
    assert_eq!(clean, r#"{"b":"AAEC/w==","f":1.5,"i":"-1","n":["NaN","-Infinity"]}"#);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        // Without those that are no number: they are not equal to themselves.
        prop::num::f64::ANY.prop_filter("comparable", |number| !number.is_nan()).prop_map(Value::Float),
        any::<String>().prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map("[a-zA-Z _~-]{0,8}", inner, 0..6).prop_map(Value::Object),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(value in values()) {
        let text = value.render(Format::Encoded);
        let back = Value::parse(&text).unwrap();
        prop_assert_eq!(&back, &value);
        prop_assert_eq!(&back.render(Format::Encoded), &text);
        // JSON by another reader's measure too.
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        prop_assert!(serde_json::from_str::<serde_json::Value>(&value.render(Format::Clean)).is_ok());
    }

    #[test]
    fn no_text_upsets_the_reader(text in any::<String>()) {
        let _ = Value::parse(&text);
    }
}
