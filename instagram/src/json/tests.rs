use super::*;
use proptest::prelude::*;

fn raw(json: &str) -> Raw<'_> {
    Raw::whole(json.as_bytes()).unwrap()
}

#[test]
fn strings_are_decoded_and_broken_parts_replaced() {
    for (json, text, clean) in [
        (r#""plain é""#, "plain é", true),
        (r#""Caf\u00e9 \u2615 link\/price""#, "Café ☕ link/price", true),
        (r#""\ud83d\ude00""#, "😀", true),
        (r#""a\ud83d""#, "a\u{fffd}", false),
        (r#""\ud83d\u0041""#, "\u{fffd}A", false),
        (r#""\ude00x""#, "\u{fffd}x", false),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀", false),
        (r#""\uZZZZ""#, "\u{fffd}ZZZZ", false),
        (r#""\x""#, "\u{fffd}", false),
        (r#""\"\\\b\f\n\r\t""#, "\"\\\u{8}\u{c}\n\r\t", true),
        (r#""\u0000""#, "\0", true),
    ] {
        let read = unescape(raw(json).inner().unwrap());
        assert_eq!((read.text.as_ref(), read.clean), (text, clean), "{json}");
    }
    let bad_utf8 = Raw::whole(b"\"a\xffb\"").unwrap();
    assert_eq!(bad_utf8.lossy().unwrap(), "a\u{fffd}b");
    assert_eq!(bad_utf8.str(), None);
}

#[test]
fn numbers_and_truths_are_read_tolerantly() {
    for (json, int) in [
        ("0", Some(0)),
        ("\"7\"", Some(7)),
        ("-3", Some(-3)),
        ("1.0", None),
        ("1e3", None),
        ("1e400", None),
        ("\"\"", None),
        ("\" 1\"", None),
        ("99999999999999999999", None),
        ("true", None),
    ] {
        assert_eq!(raw(json).int(), int, "{json}");
    }
    assert_eq!(raw("\"true\"").bool(), Some(true));
    assert_eq!(raw("0").bool(), Some(false));
    assert_eq!(raw("[]").bool(), None);
}

#[test]
fn the_last_of_equal_members_counts() {
    assert_eq!(raw(r#"{"a":1,"b":2,"\u0061":3}"#).get("a").unwrap().int(), Some(3));
    assert_eq!(raw(r#"{"a":1,"a":null}"#).get("a"), None);
}

#[test]
fn depth_costs_neither_stack_nor_memory() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(raw(&deep).depth(), 1_000_000);
    assert_eq!(raw("{}").depth(), 1);
    assert_eq!(raw("\"[[\"").depth(), 0);
}

#[test]
fn broken_documents_are_refused() {
    for bad in ["", " ", "{", "[1", "\"abc", "\"a\\", "}", "x", "1 2", "{} {}", "[1,"] {
        assert_eq!(Raw::whole(bad.as_bytes()), Err(Malformed), "{bad}");
    }
    for bad in ["[1 2]", "[,]", "[1,]", "[{]"] {
        let value = Raw::whole(bad.as_bytes());
        assert!(value.is_err() || value.unwrap().elements().any(|element| element.is_err()), "{bad}");
    }
    for bad in [r#"{"a"}"#, r#"{"a":}"#, r#"{a:1}"#, r#"{"a":1,}"#, r#"{"a":1 "b":2}"#] {
        assert!(raw(bad).members().any(|member| member.is_err()), "{bad}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        if let Ok(value) = Raw::whole(&bytes) {
            let _ = (value.lossy(), value.int(), value.bool(), value.id_text());
            value.members().for_each(drop);
            value.elements().for_each(drop);
        }
    }

    #[test]
    fn what_serde_writes_is_read_back(text: String, number: i64, list in prop::collection::vec(any::<String>(), 0..5)) {
        let json = serde_json::json!({"text": text, "number": number, "list": list}).to_string();
        let value = raw(&json);
        let read = value.get("text").unwrap().str().unwrap();
        prop_assert_eq!(read.as_ref(), text.as_str());
        prop_assert_eq!(value.get("number").unwrap().int(), Some(number));
        let read: Vec<_> =
            value.get("list").unwrap().elements().map(|e| e.unwrap().str().unwrap().into_owned()).collect();
        prop_assert_eq!(read, list);
    }
}
