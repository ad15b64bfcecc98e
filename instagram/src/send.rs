//! What is written to the platform: messages, templates, private and public replies, within the platform's limits.
//!
//! A request can only be made valid: text over the limit, a template without content or a tag where it is not allowed
//! is refused here, before it costs a call. `Debug` shows sizes, never text.

use crate::ids::{CommentId, Igsid};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest text of a message, in bytes of UTF-8 (platform limit).
pub const TEXT_BYTES_MAX: usize = 1000;
/// The most elements of a generic template (platform limit).
pub const ELEMENTS_MAX: usize = 10;
/// The longest title and subtitle of an element, in characters (platform limit).
pub const ELEMENT_TITLE_CHARS_MAX: usize = 80;
/// The most buttons of an element or a button template (platform limit).
pub const BUTTONS_MAX: usize = 3;
/// The longest title of a button, in characters (longer ones are cut on the screen).
pub const BUTTON_TITLE_CHARS_MAX: usize = 20;
/// The longest text of a button template, in characters (platform limit).
pub const BUTTON_TEXT_CHARS_MAX: usize = 640;
/// The longest payload of a postback button, in characters (platform limit).
pub const PAYLOAD_CHARS_MAX: usize = 1000;
/// The longest URL in a template, in bytes (product rule).
pub const URL_BYTES_MAX: usize = 2048;
/// The longest public reply, in characters (platform limit of the older API; product rule).
pub const PUBLIC_REPLY_CHARS_MAX: usize = 300;

/// Why a request would be refused. Names the part, never its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ContentError {
    /// Nothing but white space.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// Longer than its limit.
    #[error("{part} is longer than {limit}")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// Its limit; bytes for text and URLs, characters otherwise.
        limit: usize,
    },
    /// More than its limit.
    #[error("more than {limit} {part}")]
    TooMany {
        /// Which part.
        part: &'static str,
        /// Its limit.
        limit: usize,
    },
    /// Not an absolute `http` or `https` URL.
    #[error("{0} is not a web address")]
    BadUrl(&'static str),
    /// An element needs something beside its title.
    #[error("an element has nothing but a title")]
    BareElement,
    /// The human agent tag is for persons who wrote, not for comments.
    #[error("a private reply can not carry the human agent tag")]
    TagOnPrivateReply,
    /// The stored template is not a list of elements.
    #[error("template is not a list of elements")]
    NotATemplate,
}

/// To whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// A person, inside a window.
    #[serde(rename = "id")]
    Person(Igsid),
    /// The author of a comment, once.
    #[serde(rename = "comment_id")]
    Comment(CommentId),
}

/// A button.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Button {
    /// Opens a page.
    WebUrl {
        /// Where to.
        url: String,
        /// Its label.
        title: String,
    },
    /// Comes back as a postback.
    Postback {
        /// Its label.
        title: String,
        /// What comes back.
        payload: String,
    },
}

/// What a tap on an element's picture does.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DefaultAction {
    /// Opens a page.
    WebUrl {
        /// Where to.
        url: String,
    },
}

/// One card of a generic template.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// Its heading.
    pub title: String,
    /// The line below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// What a tap on it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_action: Option<DefaultAction>,
    /// At most [`BUTTONS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
}

/// What a message says.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Plain text, at most [`TEXT_BYTES_MAX`] bytes.
    Text(String),
    /// Cards, 1 to [`ELEMENTS_MAX`].
    Generic(Vec<Element>),
    /// Text with 1 to [`BUTTONS_MAX`] buttons.
    Buttons {
        /// At most [`BUTTON_TEXT_CHARS_MAX`] characters.
        text: String,
        /// The buttons.
        buttons: Vec<Button>,
    },
}

impl Content {
    /// A generic template from its stored form: a JSON list of elements as the platform takes them.
    ///
    /// # Errors
    /// [`ContentError::NotATemplate`] when it is none; limits are checked when the message is made.
    pub fn generic_from_json(elements: &str) -> Result<Self, ContentError> {
        serde_json::from_str(elements).map(Self::Generic).map_err(|_| ContentError::NotATemplate)
    }

    /// Checks every limit of the platform.
    ///
    /// # Errors
    /// [`ContentError`] naming the first part that breaks one.
    pub fn check(&self) -> Result<(), ContentError> {
        match self {
            Self::Text(text) => {
                not_empty("text", text)?;
                limit("text", text.len(), TEXT_BYTES_MAX)
            }
            Self::Generic(elements) => {
                count("elements", elements.len(), ELEMENTS_MAX)?;
                elements.iter().try_for_each(check_element)
            }
            Self::Buttons { text, buttons } => {
                not_empty("text", text)?;
                limit("text", text.chars().count(), BUTTON_TEXT_CHARS_MAX)?;
                count("buttons", buttons.len(), BUTTONS_MAX)?;
                buttons.iter().try_for_each(check_button)
            }
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Generic(elements) => write!(f, "Generic({} elements)", elements.len()),
            Self::Buttons { text, buttons } => {
                write!(f, "Buttons({} bytes, {} buttons)", text.len(), buttons.len())
            }
        }
    }
}

fn not_empty(part: &'static str, text: &str) -> Result<(), ContentError> {
    if text.trim().is_empty() { Err(ContentError::Empty(part)) } else { Ok(()) }
}

fn limit(part: &'static str, length: usize, limit: usize) -> Result<(), ContentError> {
    if length > limit { Err(ContentError::TooLong { part, limit }) } else { Ok(()) }
}

fn count(part: &'static str, number: usize, limit: usize) -> Result<(), ContentError> {
    match number {
        0 => Err(ContentError::Empty(part)),
        number if number > limit => Err(ContentError::TooMany { part, limit }),
        _ => Ok(()),
    }
}

fn check_url(part: &'static str, url: &str) -> Result<(), ContentError> {
    limit(part, url.len(), URL_BYTES_MAX)?;
    let parsed = reqwest::Url::parse(url).map_err(|_| ContentError::BadUrl(part))?;
    let is_web = matches!(parsed.scheme(), "http" | "https") && parsed.has_host();
    if is_web { Ok(()) } else { Err(ContentError::BadUrl(part)) }
}

fn check_element(element: &Element) -> Result<(), ContentError> {
    not_empty("title", &element.title)?;
    limit("title", element.title.chars().count(), ELEMENT_TITLE_CHARS_MAX)?;
    if let Some(subtitle) = &element.subtitle {
        not_empty("subtitle", subtitle)?;
        limit("subtitle", subtitle.chars().count(), ELEMENT_TITLE_CHARS_MAX)?;
    }
    if let Some(url) = &element.image_url {
        check_url("image_url", url)?;
    }
    if let Some(DefaultAction::WebUrl { url }) = &element.default_action {
        check_url("default_action", url)?;
    }
    let is_bare = element.subtitle.is_none()
        && element.image_url.is_none()
        && element.default_action.is_none()
        && element.buttons.is_empty();
    if is_bare {
        return Err(ContentError::BareElement);
    }
    if element.buttons.len() > BUTTONS_MAX {
        return Err(ContentError::TooMany { part: "buttons", limit: BUTTONS_MAX });
    }
    element.buttons.iter().try_for_each(check_button)
}

fn check_button(button: &Button) -> Result<(), ContentError> {
    let title = match button {
        Button::WebUrl { url, title } => {
            check_url("button url", url)?;
            title
        }
        Button::Postback { title, payload } => {
            not_empty("payload", payload)?;
            limit("payload", payload.chars().count(), PAYLOAD_CHARS_MAX)?;
            title
        }
    };
    not_empty("button title", title)?;
    limit("button title", title.chars().count(), BUTTON_TITLE_CHARS_MAX)
}

/// A message ready to be sent: within every limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    recipient: Recipient,
    content: Content,
    human_agent: bool,
}

impl OutgoingMessage {
    /// A message to a person.
    ///
    /// # Errors
    /// [`ContentError`] when the content breaks a limit.
    pub fn to_person(person: Igsid, content: Content) -> Result<Self, ContentError> {
        Self::new(Recipient::Person(person), content)
    }

    /// A private reply to the author of a comment.
    ///
    /// # Errors
    /// [`ContentError`] when the content breaks a limit.
    pub fn private_reply(comment: CommentId, content: Content) -> Result<Self, ContentError> {
        Self::new(Recipient::Comment(comment), content)
    }

    fn new(recipient: Recipient, content: Content) -> Result<Self, ContentError> {
        content.check()?;
        Ok(Self { recipient, content, human_agent: false })
    }

    /// Marks it as written by a person, for the 7 days after the 24 hours. Never for automations.
    ///
    /// # Errors
    /// [`ContentError::TagOnPrivateReply`].
    pub fn by_human_agent(mut self) -> Result<Self, ContentError> {
        if matches!(self.recipient, Recipient::Comment(_)) {
            return Err(ContentError::TagOnPrivateReply);
        }
        self.human_agent = true;
        Ok(self)
    }

    /// To whom it goes.
    #[must_use]
    pub const fn recipient(&self) -> &Recipient {
        &self.recipient
    }
}

impl Serialize for OutgoingMessage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Envelope {
            recipient: &self.recipient,
            messaging_type: self.human_agent.then_some("MESSAGE_TAG"),
            tag: self.human_agent.then_some("HUMAN_AGENT"),
            message: Body::of(&self.content),
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    recipient: &'a Recipient,
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'static str>,
    message: Body<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Body<'a> {
    Text(&'a str),
    Attachment(Template<'a>),
}

#[derive(Serialize)]
struct Template<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    payload: Payload<'a>,
}

#[derive(Serialize)]
#[serde(tag = "template_type", rename_all = "snake_case")]
enum Payload<'a> {
    Generic { elements: &'a [Element] },
    Button { text: &'a str, buttons: &'a [Button] },
}

impl<'a> Body<'a> {
    fn of(content: &'a Content) -> Self {
        let payload = match content {
            Content::Text(text) => return Self::Text(text),
            Content::Generic(elements) => Payload::Generic { elements },
            Content::Buttons { text, buttons } => Payload::Button { text, buttons },
        };
        Self::Attachment(Template { kind: "template", payload })
    }
}

/// A public reply under a comment.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicReply {
    comment: CommentId,
    text: String,
}

impl PublicReply {
    /// A reply under a comment. Under a reply it attaches to the top-level comment. Links are counted where replies are
    /// saved, in one way: how many the platform takes is not documented.
    ///
    /// # Errors
    /// [`ContentError`] when the text is empty or longer than [`PUBLIC_REPLY_CHARS_MAX`].
    pub fn new(comment: CommentId, text: String) -> Result<Self, ContentError> {
        not_empty("text", &text)?;
        limit("text", text.chars().count(), PUBLIC_REPLY_CHARS_MAX)?;
        Ok(Self { comment, text })
    }

    /// The comment it goes under.
    #[must_use]
    pub const fn comment(&self) -> &CommentId {
        &self.comment
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for PublicReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicReply({}, {} bytes)", self.comment, self.text.len())
    }
}

#[cfg(test)]
mod tests;
