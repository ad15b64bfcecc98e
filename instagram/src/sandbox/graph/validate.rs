//! The platform's limits on the content of a message.

use super::GraphError;
use serde_json::{Map, Value};

/// Bytes of UTF-8 of a text (platform limit).
const TEXT_BYTES_MAX: usize = 1_000;
/// Characters of a button template's text (platform limit).
const BUTTON_TEXT_MAX: usize = 640;
const QUICK_REPLIES_MAX: usize = 13;
const ELEMENTS_MAX: usize = 10;
const BUTTONS_MAX: usize = 3;
const TITLE_MAX: usize = 80;
const PAYLOAD_MAX: usize = 1_000;
const IMAGES_MAX: usize = 10;

type Checked = Result<(), GraphError>;

fn refuse(reason: &str) -> GraphError {
    GraphError::content(reason)
}

/// The content of a message, if the platform takes it.
pub(super) fn message(message: Option<&Value>) -> Result<&Map<String, Value>, GraphError> {
    let message = message.and_then(Value::as_object).ok_or_else(|| refuse("message must be an object"))?;
    let text = message.get("text");
    let attachment = message.get("attachment").or_else(|| message.get("attachments"));
    match (text, attachment) {
        (Some(_), Some(_)) => return Err(refuse("text and attachment can not be combined")),
        (None, None) => return Err(refuse("message is empty")),
        (Some(text), None) => check_text(text, TEXT_BYTES_MAX)?,
        (None, Some(Value::Array(items))) => images(items)?,
        (None, Some(item)) => check_attachment(item)?,
    }
    if let Some(replies) = message.get("quick_replies") {
        if text.is_none() {
            return Err(refuse("quick replies need a text"));
        }
        check_quick_replies(replies)?;
    }
    Ok(message)
}

/// Whether the message counts against the limit for audio and video.
pub(super) fn is_heavy(message: &Map<String, Value>) -> bool {
    let kind = message.get("attachment").and_then(|attachment| attachment["type"].as_str());
    matches!(kind, Some("audio" | "video"))
}

fn check_text(text: &Value, bytes_max: usize) -> Checked {
    let text = text.as_str().ok_or_else(|| refuse("text must be a string"))?;
    if text.trim().is_empty() {
        return Err(refuse("text is empty"));
    }
    if text.len() > bytes_max { Err(refuse("text is too long")) } else { Ok(()) }
}

fn list<'a>(value: &'a Value, max: usize, what: &str) -> Result<&'a [Value], GraphError> {
    let items = value.as_array().ok_or_else(|| refuse(&format!("{what} must be a list")))?;
    if items.is_empty() || items.len() > max {
        return Err(refuse(&format!("between 1 and {max} {what}")));
    }
    Ok(items)
}

fn short<'a>(value: Option<&'a Value>, max: usize, what: &str) -> Result<&'a str, GraphError> {
    let text = value.and_then(Value::as_str).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| refuse(&format!("{what} is missing")))?;
    if text.chars().count() > max { Err(refuse(&format!("{what} is too long"))) } else { Ok(text) }
}

fn check_quick_replies(replies: &Value) -> Checked {
    for reply in list(replies, QUICK_REPLIES_MAX, "quick replies")? {
        match reply["content_type"].as_str() {
            // Longer titles are cut on the screen, not refused.
            Some("text") => {
                short(reply.get("title"), usize::MAX, "title")?;
                short(reply.get("payload"), PAYLOAD_MAX, "payload")?;
            }
            Some("user_email" | "user_phone_number") => {}
            _ => return Err(refuse("content_type is not known")),
        }
    }
    Ok(())
}

fn images(items: &[Value]) -> Checked {
    if items.is_empty() || items.len() > IMAGES_MAX || items.iter().any(|item| item["type"] != "image") {
        return Err(refuse("attachments are 1 to 10 images"));
    }
    items.iter().try_for_each(check_attachment)
}

fn check_attachment(attachment: &Value) -> Checked {
    let payload = &attachment["payload"];
    match attachment["type"].as_str() {
        Some("image" | "audio" | "video" | "file") => short(payload.get("url"), 4_096, "url").map(drop),
        Some("MEDIA_SHARE") => short(payload.get("id"), 64, "id").map(drop),
        Some("like_heart") => Ok(()),
        Some("template") => template(payload),
        _ => Err(refuse("attachment type is not known")),
    }
}

fn template(payload: &Value) -> Checked {
    match payload["template_type"].as_str() {
        Some("generic") => list(&payload["elements"], ELEMENTS_MAX, "elements")?.iter().try_for_each(element),
        Some("button") => {
            short(payload.get("text"), BUTTON_TEXT_MAX, "text")?;
            list(&payload["buttons"], BUTTONS_MAX, "buttons")?.iter().try_for_each(button)
        }
        _ => Err(refuse("template type is not known")),
    }
}

fn element(element: &Value) -> Checked {
    short(element.get("title"), TITLE_MAX, "title")?;
    if let Some(subtitle) = element.get("subtitle") {
        short(Some(subtitle), TITLE_MAX, "subtitle")?;
    }
    let more = ["subtitle", "image_url", "default_action", "buttons"];
    if !more.iter().any(|name| element.get(name).is_some()) {
        return Err(refuse("an element needs a second property"));
    }
    match element.get("buttons") {
        Some(buttons) => list(buttons, BUTTONS_MAX, "buttons")?.iter().try_for_each(button),
        None => Ok(()),
    }
}

fn button(button: &Value) -> Checked {
    short(button.get("title"), usize::MAX, "button title")?;
    match button["type"].as_str() {
        Some("web_url") => short(button.get("url"), 4_096, "button url").map(drop),
        Some("postback") => short(button.get("payload"), PAYLOAD_MAX, "button payload").map(drop),
        _ => Err(refuse("button type is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn takes(value: &Value) -> bool {
        message(Some(value)).is_ok()
    }

    #[test]
    fn the_text_limit_counts_bytes() {
        assert!(takes(&json!({"text": "é".repeat(500)})));
        assert!(!takes(&json!({"text": format!("{}a", "é".repeat(500))})));
        assert!(!takes(&json!({"text": "  "})));
        assert!(!takes(&json!({"text": 5})));
    }

    #[test]
    fn parts_that_do_not_go_together_are_refused() {
        let image = json!({"type": "image", "payload": {"url": "https://x.example/a.png"}});
        assert!(takes(&json!({"attachment": image})));
        assert!(!takes(&json!({"attachment": image, "text": "a"})));
        assert!(takes(&json!({"attachments": vec![image.clone(); 10]})));
        assert!(!takes(&json!({"attachments": vec![image; 11]})));
        assert!(!takes(&json!({})));
    }

    #[test]
    fn templates_keep_their_limits() {
        let generic = |elements: Value| json!({"attachment": {"type": "template", "payload": {"template_type": "generic", "elements": elements}}});
        let good = json!({"title": "t", "subtitle": "s"});
        assert!(takes(&generic(json!(vec![good.clone(); 10]))));
        assert!(!takes(&generic(json!(vec![good; 11]))));
        assert!(!takes(&generic(json!([{"title": "t"}]))));
        assert!(!takes(&generic(json!([{"title": "t".repeat(81), "subtitle": "s"}]))));
        let button = json!({"type": "postback", "title": "a"});
        assert!(!takes(&generic(json!([{"title": "t", "buttons": [button]}]))));
        let reply = json!({"content_type": "text", "title": "Yes", "payload": "Y"});
        assert!(takes(&json!({"text": "a", "quick_replies": vec![reply.clone(); 13]})));
        assert!(!takes(&json!({"text": "a", "quick_replies": vec![reply; 14]})));
    }
}
