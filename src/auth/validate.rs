//! Schemas: a small reader of JSON objects that collects every problem, in the order in which fields are asked for, and
//! words them as the contract does.
//!
//! ```
//! use greenroom::auth::validate::{self, Shape};
//! # use serde_json::json;
//! let body = json!({"email": "ada@example.com", "rememberMe": "yes"});
//! let refused = validate::body(Some(&body), Shape::Object, |fields| {
//!     (fields.email("email").to_owned(), fields.string("password").to_owned(), fields.optional_bool("rememberMe"))
//! });
//! let wire = refused.unwrap_err().to_wire();
//! assert_eq!(
//!     wire.body.unwrap().message,
//!     "[body.password] Invalid input: expected string, received undefined; \
//!      [body.rememberMe] Invalid input: expected boolean, received string"
//! );
//! ```

use super::{email, error::AuthError};
use serde_json::{Map, Value};

/// What the whole must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An object.
    Object,
    /// An object, or nothing at all.
    OptionalObject,
    /// Any object, called a record.
    Record,
    /// An object that is a record too; what is neither has two problems.
    ObjectAndRecord,
}

/// Most problems that are told; a body can have many.
const PROBLEMS_MAX: usize = 50;

/// Reads a body. What `read` returns counts only if it met no problem, so it may go on with placeholders.
///
/// # Errors
/// [`AuthError::Validation`] with every problem.
pub fn body<T>(
    value: Option<&Value>,
    shape: Shape,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> Result<T, AuthError> {
    whole("body", value, shape, read).map_err(invalid)
}

/// Reads a query, made by [`query`](super::body::query).
///
/// # Errors
/// [`AuthError::Validation`] with every problem.
pub fn query<T>(value: &Value, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, AuthError> {
    whole("query", Some(value), Shape::Object, read).map_err(invalid)
}

/// Reads the first variant that fits. When none does, a variant whose only fault is extra keys is told; otherwise
/// nothing but that the input is invalid.
///
/// # Errors
/// [`AuthError::Validation`].
pub fn either<T>(
    place: &'static str,
    value: Option<&Value>,
    first: impl FnOnce(&mut Fields<'_>) -> T,
    second: impl FnOnce(&mut Fields<'_>) -> T,
) -> Result<T, AuthError> {
    let one = match whole(place, value, Shape::Object, first) {
        Ok(read) => return Ok(read),
        Err(problems) => problems,
    };
    let other = match whole(place, value, Shape::Object, second) {
        Ok(read) => return Ok(read),
        Err(problems) => problems,
    };
    let only_extra = |problems: &Problems| problems.extra && problems.list.len() == 1;
    match (only_extra(&one), only_extra(&other)) {
        (true, false) => Err(invalid(one)),
        (false, true) => Err(invalid(other)),
        _ => Err(AuthError::Validation(format!("[{place}] Invalid input"))),
    }
}

#[derive(Debug, Default)]
struct Problems {
    list: Vec<String>,
    /// The last problem is about extra keys.
    extra: bool,
}

impl Problems {
    fn add(&mut self, place: &str, text: &str) {
        if self.list.len() < PROBLEMS_MAX {
            self.list.push(format!("[{place}] {text}"));
        }
    }
}

fn invalid(problems: Problems) -> AuthError {
    AuthError::Validation(problems.list.join("; "))
}

fn whole<T>(
    place: &'static str,
    value: Option<&Value>,
    shape: Shape,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> Result<T, Problems> {
    let nothing = Map::new();
    let mut problems = Problems::default();
    let object = match (value, shape) {
        (Some(Value::Object(object)), _) => object,
        (None, Shape::OptionalObject) => &nothing,
        _ => {
            let kinds: &[&str] = match shape {
                Shape::Object | Shape::OptionalObject => &["object"],
                Shape::Record => &["record"],
                Shape::ObjectAndRecord => &["object", "record"],
            };
            for kind in kinds {
                problems.add(place, &expected(kind, value));
            }
            return Err(problems);
        }
    };
    let mut fields = Fields { place: place.to_owned(), object, problems: &mut problems };
    let read = read(&mut fields);
    if problems.list.is_empty() { Ok(read) } else { Err(problems) }
}

/// The fields of one object.
pub struct Fields<'a> {
    place: String,
    object: &'a Map<String, Value>,
    problems: &'a mut Problems,
}

impl<'a> Fields<'a> {
    /// A field as it is, unchecked.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    /// A mandatory string.
    pub fn string(&mut self, name: &str) -> &'a str {
        match self.raw(name) {
            Some(Value::String(text)) => text,
            other => self.mismatch(name, "string", other),
        }
    }

    /// A mandatory string of at least one character.
    pub fn filled_string(&mut self, name: &str) -> &'a str {
        let text = self.string(name);
        if text.is_empty() && self.raw(name).is_some_and(Value::is_string) {
            self.problem(name, "Too small: expected string to have >=1 characters");
        }
        text
    }

    /// A mandatory address.
    pub fn email(&mut self, name: &str) -> &'a str {
        let text = self.string(name);
        if self.raw(name).is_some_and(Value::is_string) && !email::is_address(text) {
            self.problem(name, "Invalid email address");
        }
        text
    }

    /// A mandatory choice; what is wrong with it is not told.
    pub fn choice(&mut self, name: &str) -> &'a str {
        match self.raw(name) {
            Some(Value::String(text)) => text,
            _ => {
                self.problem(name, "Invalid input");
                ""
            }
        }
    }

    /// A string that may be left out; null is not left out.
    pub fn optional_string(&mut self, name: &str) -> Option<&'a str> {
        self.raw(name)?;
        Some(self.string(name))
    }

    /// A string that may be left out or null.
    pub fn nullable_string(&mut self, name: &str) -> Option<Option<&'a str>> {
        match self.raw(name)? {
            Value::Null => Some(None),
            _ => Some(Some(self.string(name))),
        }
    }

    /// A boolean that may be left out.
    pub fn optional_bool(&mut self, name: &str) -> Option<bool> {
        match self.raw(name)? {
            Value::Bool(is) => Some(*is),
            other => {
                self.mismatch(name, "boolean", Some(other));
                None
            }
        }
    }

    /// A mandatory boolean.
    pub fn bool(&mut self, name: &str) -> bool {
        if self.raw(name).is_none() {
            self.mismatch(name, "boolean", None);
        }
        self.optional_bool(name).unwrap_or_default()
    }

    /// A number that may be left out.
    pub fn optional_number(&mut self, name: &str) -> Option<f64> {
        match self.raw(name)? {
            Value::Number(number) => number.as_f64(),
            other => {
                self.mismatch(name, "number", Some(other));
                None
            }
        }
    }

    /// A list of strings that may be left out.
    pub fn optional_strings(&mut self, name: &str) -> Option<Vec<&'a str>> {
        match self.raw(name)? {
            Value::Array(list) => {
                let items = list.iter().enumerate();
                Some(items.map(|(n, item)| self.item(&format!("{name}.{n}"), item)).collect())
            }
            other => {
                self.mismatch(name, "array", Some(other));
                None
            }
        }
    }

    /// A record of strings that may be left out.
    pub fn optional_string_record(&mut self, name: &str) -> Option<Vec<(&'a str, &'a str)>> {
        let record = self.optional_record(name)?;
        Some(record.iter().map(|(key, item)| (&**key, self.item(&format!("{name}.{key}"), item))).collect())
    }

    /// A record of anything that may be left out.
    pub fn optional_record(&mut self, name: &str) -> Option<&'a Map<String, Value>> {
        match self.raw(name)? {
            Value::Object(record) => Some(record),
            other => {
                self.mismatch(name, "record", Some(other));
                None
            }
        }
    }

    /// An object with fields of its own that may be left out.
    pub fn optional_object<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Option<T> {
        match self.raw(name)? {
            Value::Object(object) => {
                let place = format!("{}.{name}", self.place);
                Some(read(&mut Fields { place, object, problems: self.problems }))
            }
            other => {
                self.mismatch(name, "object", Some(other));
                None
            }
        }
    }

    /// Names every key that is not among `known`. Ask for it last.
    pub fn nothing_but(&mut self, known: &[&str]) {
        let extra = self.object.keys().filter(|key| !known.contains(&key.as_str()));
        let extra: Vec<String> = extra.map(|key| format!("\"{key}\"")).collect();
        let keys = match extra.len() {
            0 => return,
            1 => "key",
            _ => "keys",
        };
        self.problems.add(&self.place, &format!("Unrecognized {keys}: {}", extra.join(", ")));
        self.problems.extra = true;
    }

    /// Adds a problem with a field.
    pub fn problem(&mut self, name: &str, text: &str) {
        self.problems.add(&format!("{}.{name}", self.place), text);
    }

    fn item(&mut self, name: &str, item: &'a Value) -> &'a str {
        match item {
            Value::String(text) => text,
            other => self.mismatch(name, "string", Some(other)),
        }
    }

    fn mismatch(&mut self, name: &str, kind: &str, received: Option<&Value>) -> &'static str {
        self.problem(name, &expected(kind, received));
        ""
    }
}

fn expected(kind: &str, received: Option<&Value>) -> String {
    let received = match received {
        None => "undefined",
        Some(Value::Null) => "null",
        Some(Value::String(_)) => "string",
        Some(Value::Number(_)) => "number",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Object(_)) => "object",
        Some(Value::Array(_)) => "array",
    };
    format!("Invalid input: expected {kind}, received {received}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message<T: std::fmt::Debug>(result: Result<T, AuthError>) -> String {
        match result.unwrap_err() {
            AuthError::Validation(message) => message,
            other => panic!("{other:?}"),
        }
    }

    fn sign_up(value: Option<Value>) -> Result<(String, Option<bool>), AuthError> {
        body(value.as_ref(), Shape::ObjectAndRecord, |fields| {
            let name = fields.string("name").to_owned();
            fields.email("email");
            fields.filled_string("password");
            fields.optional_string("image");
            (name, fields.optional_bool("rememberMe"))
        })
    }

    #[test]
    fn sign_up_as_the_contract_words_it() {
        assert_eq!(
            message(sign_up(None)),
            "[body] Invalid input: expected object, received undefined; [body] Invalid input: expected record, received undefined"
        );
        assert_eq!(
            message(sign_up(Some(json!({})))),
            "[body.name] Invalid input: expected string, received undefined; [body.email] Invalid input: expected string, received undefined; [body.password] Invalid input: expected string, received undefined"
        );
        let with = |email: &str, password: &str| {
            sign_up(Some(json!({"name": "", "email": email, "password": password, "unknown": 1})))
        };
        assert_eq!(message(with("nope", "password123")), "[body.email] Invalid email address");
        assert_eq!(
            message(with("a@b.cd", "")),
            "[body.password] Too small: expected string to have >=1 characters"
        );
        assert_eq!(with("a@b.cd", "x"), Ok((String::new(), None)));
        let odd = json!({"name": null, "email": 1, "password": [], "image": {}, "rememberMe": "true"});
        assert_eq!(
            message(sign_up(Some(odd))),
            "[body.name] Invalid input: expected string, received null; [body.email] Invalid input: expected string, received number; [body.password] Invalid input: expected string, received array; [body.image] Invalid input: expected string, received object; [body.rememberMe] Invalid input: expected boolean, received string"
        );
    }

    #[test]
    fn wholes_of_every_shape() {
        let read = |value: Option<Value>, shape| body(value.as_ref(), shape, |_| ());
        assert_eq!(
            message(read(Some(json!([])), Shape::Record)),
            "[body] Invalid input: expected record, received array"
        );
        assert_eq!(
            message(read(Some(json!(null)), Shape::OptionalObject)),
            "[body] Invalid input: expected object, received null"
        );
        assert_eq!(read(None, Shape::OptionalObject), Ok(()));
        assert!(read(None, Shape::Object).is_err());
    }

    #[test]
    fn queries_name_their_place() {
        let read = |text: &str| query(&super::super::body::query(text), |q| q.string("token").to_owned());
        assert_eq!(
            message(read("token=a&token=b")),
            "[query.token] Invalid input: expected string, received array"
        );
        assert_eq!(message(read("")), "[query.token] Invalid input: expected string, received undefined");
        assert_eq!(read("token=x"), Ok("x".to_owned()));
    }

    #[test]
    fn nested_values_name_their_path() {
        let value =
            json!({"scopes": ["a", 1], "params": {"k": false}, "idToken": {"nonce": 2}, "n": "1", "p": 3});
        let read = body(Some(&value), Shape::Object, |fields| {
            fields.choice("p");
            fields.optional_strings("scopes");
            fields.optional_string_record("params");
            fields.optional_object("idToken", |token| {
                token.string("token");
                token.optional_string("nonce");
            });
            fields.optional_number("n");
            fields.bool("b");
        });
        assert_eq!(
            message(read),
            "[body.p] Invalid input; [body.scopes.1] Invalid input: expected string, received number; [body.params.k] Invalid input: expected string, received boolean; [body.idToken.token] Invalid input: expected string, received undefined; [body.idToken.nonce] Invalid input: expected string, received number; [body.n] Invalid input: expected number, received string; [body.b] Invalid input: expected boolean, received undefined"
        );
    }

    #[test]
    fn alternatives_tell_little() {
        let read = |value: Value| {
            either(
                "body",
                Some(&value),
                |fields| {
                    let id = fields.string("accountId").to_owned();
                    fields.optional_string("userId");
                    fields.nothing_but(&["accountId", "userId"]);
                    id
                },
                |fields| {
                    if !fields.bool("useAccountCookie") {
                        fields.problem("useAccountCookie", "Invalid input");
                    }
                    fields.nothing_but(&["useAccountCookie"]);
                    String::new()
                },
            )
        };
        assert_eq!(read(json!({"accountId": "a"})), Ok("a".to_owned()));
        assert_eq!(read(json!({"useAccountCookie": true})), Ok(String::new()));
        assert_eq!(message(read(json!({"accountId": "a", "name": 1}))), "[body] Unrecognized key: \"name\"");
        assert_eq!(message(read(json!({"providerId": "google"}))), "[body] Invalid input");
        assert_eq!(message(read(json!([]))), "[body] Invalid input");
    }

    #[test]
    fn a_flood_of_problems_is_cut() {
        let value = json!({"scopes": vec![1; 10_000]});
        let read = body(Some(&value), Shape::Object, |fields| {
            fields.optional_strings("scopes");
        });
        assert_eq!(message(read).matches("; ").count(), PROBLEMS_MAX - 1);
    }
}
