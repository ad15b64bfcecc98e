//! A row of cards with pictures and buttons.

use super::{CONTENT, FieldCode, FieldError, Kind};
use crate::{automation::validate::check_https_url, text::has_placeholder};
use serde::{Deserialize, Deserializer, Serialize};

/// Most elements of one template (platform limit).
pub const ELEMENTS_MAX: usize = 10;
/// Most buttons of one element (platform limit).
pub const BUTTONS_MAX: usize = 3;
/// Longest title, and longest subtitle, in characters (platform limit).
pub const TITLE_CHARS_MAX: usize = 80;
/// Longest title of a button, in characters (longer ones are cut on the screen).
pub const BUTTON_TITLE_CHARS_MAX: usize = 20;
/// Longest JSON text that is read, in bytes: what the limits allow, with room for escapes and spaces.
pub const CONTENT_BYTES_MAX: usize = 256 * 1024;

/// One to ten elements. Serialises as the platform wants the `elements` of a generic template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenericTemplate {
    /// The cards in order.
    pub elements: Vec<TemplateElement>,
}

/// A card: a title and at least one of subtitle, picture, action and button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateElement {
    /// At most 80 characters.
    pub title: String,
    /// At most 80 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Picture: https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// What a tap on the card opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_action: Option<DefaultAction>,
    /// At most three.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
}

/// What a tap on a card opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum DefaultAction {
    /// A web page.
    WebUrl {
        /// Address: https.
        url: String,
    },
}

/// A button of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Button {
    /// Opens a web page.
    WebUrl {
        /// 1 to 20 characters.
        title: String,
        /// Address: https.
        url: String,
    },
}

/// An element as typed or imported: the title may have its older name `text`, and absent things may be null or blank.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    title: Option<String>,
    text: Option<String>,
    subtitle: Option<String>,
    image_url: Option<String>,
    default_action: Option<DefaultAction>,
    #[serde(default, deserialize_with = "null_is_none")]
    buttons: Vec<Button>,
}

fn null_is_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Button>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Kind for GenericTemplate {
    const NAME: &'static str = "generic_template";

    fn parse(content: &str) -> Result<Self, Vec<FieldError>> {
        let wrong = |code, message: &'static str| vec![FieldError::new(CONTENT, code, message)];
        if content.len() > CONTENT_BYTES_MAX {
            return Err(wrong(FieldCode::TooLong, "template is too large"));
        }
        let values: Vec<serde_json::Value> = serde_json::from_str(content)
            .map_err(|_| wrong(FieldCode::Invalid, "template must be a json array of elements"))?;
        if values.is_empty() {
            return Err(wrong(FieldCode::Required, "template needs at least one element"));
        }
        if values.len() > ELEMENTS_MAX {
            return Err(wrong(FieldCode::TooMany, "template may have at most 10 elements"));
        }
        let mut errors = Vec::new();
        let elements = values
            .into_iter()
            .enumerate()
            .filter_map(|(at, value)| element(at, value, &mut errors))
            .collect();
        if errors.is_empty() { Ok(Self { elements }) } else { Err(errors) }
    }

    fn content(&self) -> String {
        // Strings and lists only: nothing in it can fail to serialise; `Value` shows that without a branch.
        serde_json::Value::from_iter(self.elements.iter().map(TemplateElement::to_json)).to_string()
    }
}

impl TemplateElement {
    /// Whether a title or subtitle has something that looks like a placeholder: templates go as they stand.
    #[must_use]
    pub fn has_placeholder(&self) -> bool {
        let buttons = self.buttons.iter().map(|Button::WebUrl { title, .. }| title);
        [Some(&self.title), self.subtitle.as_ref()]
            .into_iter()
            .flatten()
            .chain(buttons)
            .any(|text| has_placeholder(text))
    }

    fn to_json(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        object.insert("title".into(), self.title.as_str().into());
        if let Some(subtitle) = &self.subtitle {
            object.insert("subtitle".into(), subtitle.as_str().into());
        }
        if let Some(url) = &self.image_url {
            object.insert("image_url".into(), url.as_str().into());
        }
        if let Some(DefaultAction::WebUrl { url }) = &self.default_action {
            object.insert("default_action".into(), serde_json::json!({ "type": "web_url", "url": url }));
        }
        if !self.buttons.is_empty() {
            let buttons = self.buttons.iter().map(|Button::WebUrl { title, url }| {
                serde_json::json!({ "type": "web_url", "title": title, "url": url })
            });
            object.insert("buttons".into(), buttons.collect());
        }
        object.into()
    }
}

fn element(at: usize, value: serde_json::Value, errors: &mut Vec<FieldError>) -> Option<TemplateElement> {
    let path = format!("{CONTENT}[{at}]");
    let typed: Typed = match serde_json::from_value(value) {
        Ok(typed) => typed,
        Err(error) => {
            errors.push(FieldError::new(path, FieldCode::Invalid, shape(&error)));
            return None;
        }
    };
    let some = |text: Option<String>| text.filter(|t| !t.trim().is_empty());
    let element = TemplateElement {
        title: some(typed.title).or_else(|| some(typed.text)).unwrap_or_default(),
        subtitle: some(typed.subtitle),
        image_url: some(typed.image_url),
        default_action: typed.default_action,
        buttons: typed.buttons,
    };
    check(&path, &element, errors);
    Some(element)
}

/// What is wrong with the shape, without repeating what was typed.
fn shape(error: &serde_json::Error) -> &'static str {
    let text = error.to_string();
    if text.starts_with("unknown field") {
        "element has an unknown property"
    } else if text.starts_with("unknown variant") {
        "buttons and actions must be of type web_url"
    } else if text.starts_with("missing field") {
        "button or action lacks a property"
    } else {
        "element is not of the right form"
    }
}

fn check(path: &str, element: &TemplateElement, errors: &mut Vec<FieldError>) {
    let mut text = |field: String, text: &str, max: usize| {
        if text.trim().is_empty() {
            errors.push(FieldError::new(field, FieldCode::Required, "text is required"));
        } else if text.chars().count() > max {
            errors.push(FieldError::new(field, FieldCode::TooLong, format!("at most {max} characters")));
        } else if has_placeholder(text) {
            let message = "a template is sent as it stands: no {{placeholders}}";
            errors.push(FieldError::new(field, FieldCode::Invalid, message));
        }
    };
    text(format!("{path}.title"), &element.title, TITLE_CHARS_MAX);
    if let Some(subtitle) = &element.subtitle {
        text(format!("{path}.subtitle"), subtitle, TITLE_CHARS_MAX);
    }
    for (at, Button::WebUrl { title, .. }) in element.buttons.iter().enumerate() {
        text(format!("{path}.buttons[{at}].title"), title, BUTTON_TITLE_CHARS_MAX);
    }
    if element.buttons.len() > BUTTONS_MAX {
        let message = "at most 3 buttons";
        errors.push(FieldError::new(format!("{path}.buttons"), FieldCode::TooMany, message));
    }
    if let Some(url) = &element.image_url {
        check_https_url(format!("{path}.image_url"), url, errors);
    }
    if let Some(DefaultAction::WebUrl { url }) = &element.default_action {
        check_https_url(format!("{path}.default_action.url"), url, errors);
    }
    for (at, Button::WebUrl { url, .. }) in element.buttons.iter().enumerate() {
        check_https_url(format!("{path}.buttons[{at}].url"), url, errors);
    }
    let bare = element.subtitle.is_none()
        && element.image_url.is_none()
        && element.default_action.is_none()
        && element.buttons.is_empty();
    if bare {
        let message = "element needs a subtitle, a picture, an action or a button";
        errors.push(FieldError::new(path.to_owned(), FieldCode::Required, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(content: &str) -> Vec<(String, FieldCode)> {
        let errors = GenericTemplate::parse(content).unwrap_err();
        errors.into_iter().map(|e| (e.field.into_owned(), e.code)).collect()
    }

    const BUTTON: &str = r#"{"type":"web_url","url":"https://example.com/g","title":"Open"}"#;

    #[test]
    fn a_whole_element_is_read_and_written() {
        let content = r#"[{"title":"Guide","subtitle":"12 pages","image_url":"https://cdn.example.com/g.jpg","default_action":{"type":"web_url","url":"https://example.com/guide"},"buttons":[{"type":"web_url","url":"https://example.com/guide","title":"Open"}]}]"#;
        let template = GenericTemplate::parse(content).unwrap();
        assert_eq!(template.elements[0].buttons.len(), 1);
        let written: serde_json::Value = serde_json::from_str(&template.content()).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(content).unwrap());
        assert_eq!(written, serde_json::to_value(&template.elements).unwrap());
        assert_eq!(GenericTemplate::parse(&template.content()).unwrap(), template);
    }

    #[test]
    fn the_older_name_of_the_title_is_read() {
        let template =
            GenericTemplate::parse(r#"[{"text":"Guide","subtitle":"x","image_url":null,"buttons":null}]"#);
        assert_eq!(template.unwrap().elements[0].title, "Guide");
    }

    #[test]
    fn limits_hold_at_the_limit_and_one_past_it() {
        let elements = |n: usize| format!("[{}]", vec![r#"{"title":"a","subtitle":"b"}"#; n].join(","));
        assert!(GenericTemplate::parse(&elements(10)).is_ok());
        assert_eq!(codes(&elements(11)), [("responseContent".to_owned(), FieldCode::TooMany)]);
        assert_eq!(codes("[]"), [("responseContent".to_owned(), FieldCode::Required)]);
        let title = |n: usize| format!(r#"[{{"title":"{}","subtitle":"b"}}]"#, "é".repeat(n));
        assert!(GenericTemplate::parse(&title(80)).is_ok());
        assert_eq!(codes(&title(81)), [("responseContent[0].title".to_owned(), FieldCode::TooLong)]);
        let buttons = |n: usize| format!(r#"[{{"title":"a","buttons":[{}]}}]"#, vec![BUTTON; n].join(","));
        assert!(GenericTemplate::parse(&buttons(3)).is_ok());
        assert_eq!(codes(&buttons(4)), [("responseContent[0].buttons".to_owned(), FieldCode::TooMany)]);
        let named = |n: usize| buttons(1).replace("Open", &"x".repeat(n));
        assert!(GenericTemplate::parse(&named(20)).is_ok());
        assert_eq!(
            codes(&named(21)),
            [("responseContent[0].buttons[0].title".to_owned(), FieldCode::TooLong)]
        );
        assert_eq!(
            codes(&named(0)),
            [("responseContent[0].buttons[0].title".to_owned(), FieldCode::Required)]
        );
    }

    #[test]
    fn what_the_platform_would_refuse_is_refused() {
        for (content, field, code) in [
            ("not json", "responseContent", FieldCode::Invalid),
            (r#"{"title":"a"}"#, "responseContent", FieldCode::Invalid),
            ("[1]", "responseContent[0]", FieldCode::Invalid),
            (r#"[{"title":"a"}]"#, "responseContent[0]", FieldCode::Required),
            (r#"[{"title":" ","subtitle":"b"}]"#, "responseContent[0].title", FieldCode::Required),
            (r#"[{"title":"a","subtitle":"b","extra":1}]"#, "responseContent[0]", FieldCode::Invalid),
            (
                r#"[{"title":"a","image_url":"http://e.example/x"}]"#,
                "responseContent[0].image_url",
                FieldCode::Invalid,
            ),
            (
                r#"[{"title":"a","buttons":[{"type":"postback","title":"x","payload":"y"}]}]"#,
                "responseContent[0]",
                FieldCode::Invalid,
            ),
            (
                r#"[{"title":"a","default_action":{"type":"web_url","url":"javascript:x"}}]"#,
                "responseContent[0].default_action.url",
                FieldCode::Invalid,
            ),
        ] {
            assert_eq!(codes(content), [(field.to_owned(), code)], "{content}");
        }
    }

    #[test]
    fn placeholders_are_refused_because_nobody_fills_them_in() {
        for content in [
            r#"[{"title":"Hi {{first_name}}","subtitle":"x"}]"#,
            r#"[{"title":"Guide","subtitle":"for {{username}}"}]"#,
            r#"[{"title":"Guide","buttons":[{"type":"web_url","url":"https://example.com/g","title":"{{x}}"}]}]"#,
        ] {
            assert_eq!(codes(content).len(), 1, "{content}");
            assert_eq!(codes(content)[0].1, FieldCode::Invalid);
        }
    }
}
