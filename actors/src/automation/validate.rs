//! From what was typed to content that may be stored: every limit, every error at once.

use super::{
    Automation, AutomationInput, AutomationPatch, Content, FieldCode, FieldError, FieldWarning, MatchMode,
    Response, Scope, Trigger, limits,
};
use crate::{
    Timestamp,
    id::MediaId,
    text::{has_placeholder, links, normalise, typed},
};
use std::{borrow::Cow, time::Duration};

/// Content that keeps every rule, to be stored as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated {
    /// What to store.
    pub content: Content,
    /// Whether it is to be on.
    pub is_active: bool,
    /// What the owner should hear about it.
    pub warnings: Vec<FieldWarning>,
}

/// Checks a new automation. Uniqueness is another question: see [`super::conflict`].
///
/// # Errors
/// Every field that is wrong.
pub fn validate(input: &AutomationInput, now: Timestamp) -> Result<Validated, Vec<FieldError>> {
    let mut check = Check { now, errors: Vec::new(), warnings: Vec::new() };
    let response = check.response(&input.response_type, &input.response_content);
    let content = check.content(input, response, true);
    check.finish(content, true)
}

/// Checks a change. Fields that the change does not touch are not judged again, except in an automation with a
/// diagnostic: that one must be right as a whole before it is stored.
///
/// # Errors
/// Every field that is wrong.
pub fn validate_patch(
    before: &Automation,
    patch: &AutomationPatch,
    now: Timestamp,
) -> Result<Validated, Vec<FieldError>> {
    let mut check = Check { now, errors: Vec::new(), warnings: Vec::new() };
    let merged = merge(&before.content, patch);
    let keeps_response = patch.response_type.is_none() && patch.response_content.is_none();
    let response = if keeps_response && before.diagnostic.is_none() {
        Some(before.content.response.clone())
    } else {
        check.response(&merged.response_type, &merged.response_content)
    };
    let content = check.content(&merged, response, patch.expires_at.is_some());
    if before.diagnostic.is_none() {
        let touched = touched(patch);
        check.errors.retain(|error| touched.contains(&root(&error.field)));
        check.warnings.retain(|warning| touched.contains(&root(&warning.field)));
    }
    let is_active = patch.is_active.unwrap_or(before.is_active);
    let expired = merged.expires_at.is_some_and(|at| at <= now);
    if patch.is_active == Some(true) && expired && !check.errors.iter().any(|e| e.field == "expiresAt") {
        check.error("expiresAt", FieldCode::Past, "automation has expired; move or clear the date first");
    }
    check.finish(content, is_active)
}

/// The property that a path like `responseContent[0].title` belongs to.
fn root(field: &str) -> &str {
    field.find(['[', '.']).map_or(field, |end| &field[..end])
}

/// Properties of a change, with those they are judged together with.
fn touched(patch: &AutomationPatch) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut add = |present: bool, fields: &[&'static str]| {
        if present {
            names.extend_from_slice(fields);
        }
    };
    add(patch.title.is_some(), &["title"]);
    add(patch.description.is_some(), &["description"]);
    add(patch.trigger_word.is_some() || patch.triggers.is_some(), &["triggerWord", "triggers"]);
    add(patch.match_mode.is_some(), &["matchMode"]);
    add(
        patch.response_type.is_some() || patch.response_content.is_some(),
        &["responseType", "responseContent"],
    );
    add(patch.expires_at.is_some(), &["expiresAt"]);
    add(patch.trigger_scope.is_some(), &["triggerScope", "postIds", "commentReplyText"]);
    add(patch.post_id.is_some() || patch.post_ids.is_some(), &["postIds"]);
    add(patch.comment_reply_text.is_some(), &["commentReplyText"]);
    add(patch.comment_reply_variants.is_some(), &["commentReplyVariants"]);
    add(patch.cooldown_seconds.is_some(), &["cooldownSeconds"]);
    names
}

/// The automation as if it had been typed anew.
fn merge(before: &Content, patch: &AutomationPatch) -> AutomationInput {
    let stored = || before.triggers.iter().map(|t| t.as_str().to_owned());
    let triggers = match (&patch.trigger_word, &patch.triggers) {
        (_, Some(triggers)) => triggers.clone(),
        (Some(_), None) => stored().skip(1).collect(),
        (None, None) => stored().collect(),
    };
    let keeps_posts = patch.post_id.is_none() && patch.post_ids.is_none();
    let posts = || before.post_ids.iter().map(|id| id.as_str().to_owned()).collect();
    AutomationInput {
        title: patch.title.clone().unwrap_or_else(|| before.title.clone()),
        description: patch.description.clone().unwrap_or_else(|| before.description.clone()),
        trigger_word: patch.trigger_word.clone(),
        triggers: Some(triggers),
        match_mode: Some(patch.match_mode.clone().unwrap_or_else(|| before.match_mode.as_str().to_owned())),
        typo_tolerance: Some(patch.typo_tolerance.unwrap_or(before.typo_tolerance)),
        response_type: patch.response_type.clone().unwrap_or_else(|| before.response.type_name().to_owned()),
        response_content: patch.response_content.clone().unwrap_or_else(|| before.response.content()),
        expires_at: patch.expires_at.unwrap_or(before.expires_at),
        trigger_scope: Some(
            patch.trigger_scope.clone().unwrap_or_else(|| before.trigger_scope.as_str().to_owned()),
        ),
        post_id: patch.post_id.clone(),
        post_ids: if keeps_posts { Some(posts()) } else { patch.post_ids.clone() },
        comment_reply_text: patch
            .comment_reply_text
            .clone()
            .unwrap_or_else(|| before.comment_reply_text.clone()),
        comment_reply_variants: Some(
            patch.comment_reply_variants.clone().unwrap_or_else(|| before.comment_reply_variants.clone()),
        ),
        hrn_enforced: Some(patch.hrn_enforced.unwrap_or(before.hrn_enforced)),
        cooldown_seconds: Some(
            patch
                .cooldown_seconds
                .unwrap_or_else(|| u32::try_from(before.cooldown.as_secs()).unwrap_or(u32::MAX)),
        ),
    }
}

struct Check {
    now: Timestamp,
    errors: Vec<FieldError>,
    warnings: Vec<FieldWarning>,
}

impl Check {
    fn error(&mut self, field: &'static str, code: FieldCode, message: &'static str) {
        self.errors.push(FieldError::new(field, code, message));
    }

    fn warn(&mut self, field: &'static str, message: &'static str) {
        self.warnings.push(FieldWarning { field: field.into(), message: message.into() });
    }

    fn finish(self, content: Option<Content>, is_active: bool) -> Result<Validated, Vec<FieldError>> {
        match content {
            Some(content) if self.errors.is_empty() => {
                Ok(Validated { content, is_active, warnings: self.warnings })
            }
            _ => Err(self.errors),
        }
    }

    /// `None` only when the response is wrong, and then there are errors.
    fn content(
        &mut self,
        input: &AutomationInput,
        response: Option<Response>,
        sets_expiry: bool,
    ) -> Option<Content> {
        let title = self.text("title", input.title.trim(), limits::TITLE_CHARS_MAX);
        if title.is_empty() {
            self.error("title", FieldCode::Required, "title is required");
        }
        let description = input.description.as_deref().map(str::trim).filter(|d| !d.is_empty());
        let description =
            description.map(|d| self.text("description", d, limits::DESCRIPTION_CHARS_MAX).into_owned());
        let trigger_scope = self.named("triggerScope", input.trigger_scope.as_deref(), Scope::parse, SCOPES);
        let match_mode = self.named("matchMode", input.match_mode.as_deref(), MatchMode::parse, MODES);
        let triggers = self.triggers(input);
        let listens_to_comments = trigger_scope != Scope::Dm;
        let post_ids = if listens_to_comments { self.posts(input) } else { Vec::new() };
        let comment_reply_text = input
            .comment_reply_text
            .as_deref()
            .filter(|_| listens_to_comments)
            .and_then(|t| self.public_reply("commentReplyText", t));
        let comment_reply_variants =
            if comment_reply_text.is_some() { self.variants(input) } else { Vec::new() };
        if sets_expiry && input.expires_at.is_some_and(|at| at <= self.now) {
            self.error("expiresAt", FieldCode::Past, "expiry must be in the future");
        }
        let cooldown = Duration::from_secs(input.cooldown_seconds.unwrap_or(0).into());
        if cooldown > limits::COOLDOWN_MAX {
            self.error("cooldownSeconds", FieldCode::OutOfRange, "cool-down must be at most 30 days");
        }
        Some(Content {
            title: title.into_owned(),
            description,
            triggers,
            match_mode,
            typo_tolerance: input.typo_tolerance.unwrap_or(false),
            response: response?,
            trigger_scope,
            hrn_enforced: input.hrn_enforced.unwrap_or(false),
            comment_reply_text,
            comment_reply_variants,
            post_ids,
            expires_at: input.expires_at,
            cooldown,
        })
    }

    /// Text as it is stored, within a number of characters.
    fn text<'t>(&mut self, field: &'static str, text: &'t str, chars_max: usize) -> Cow<'t, str> {
        let Ok(text) = typed(text) else {
            self.error(field, FieldCode::Invalid, "control characters are not allowed");
            return Cow::Borrowed(text);
        };
        if text.chars().count() > chars_max {
            self.errors.push(FieldError::new(
                field,
                FieldCode::TooLong,
                format!("at most {chars_max} characters"),
            ));
        }
        text
    }

    fn named<T: Default>(
        &mut self,
        field: &'static str,
        name: Option<&str>,
        parse: fn(&str) -> Option<T>,
        allowed: &'static str,
    ) -> T {
        match name.map(parse) {
            None => T::default(),
            Some(Some(value)) => value,
            Some(None) => {
                self.error(field, FieldCode::NotAllowed, allowed);
                T::default()
            }
        }
    }

    fn response(&mut self, response_type: &str, content: &str) -> Option<Response> {
        let Ok(content) = typed(content) else {
            self.error("responseContent", FieldCode::Invalid, "control characters are not allowed");
            return None;
        };
        Response::parse(response_type, &content).map_err(|errors| self.errors.extend(errors)).ok()
    }

    fn triggers(&mut self, input: &AutomationInput) -> Vec<Trigger> {
        let typed_in = input.trigger_word.iter().chain(input.triggers.iter().flatten());
        let mut triggers: Vec<Trigger> = Vec::new();
        let mut forms: Vec<String> = Vec::new();
        let mut blank = false;
        for text in typed_in.take(limits::TRIGGERS_MAX * 2 + 1) {
            let trigger = Trigger::new(&self.text("triggers", text.trim(), limits::TRIGGER_CHARS_MAX));
            let form = normalise(trigger.as_str());
            if form.is_empty() {
                blank = true;
            } else if !forms.contains(&form) {
                if form.chars().count() < limits::TRIGGER_CHARS_WARN {
                    self.warn("triggers", "a short trigger fires often");
                }
                forms.push(form);
                triggers.push(trigger);
            }
        }
        if triggers.is_empty() || blank {
            self.error("triggerWord", FieldCode::Required, "trigger is required");
        }
        if triggers.len() > limits::TRIGGERS_MAX {
            self.error("triggers", FieldCode::TooMany, "at most 20 triggers");
        }
        triggers
    }

    fn posts(&mut self, input: &AutomationInput) -> Vec<MediaId> {
        let mut posts: Vec<MediaId> = Vec::new();
        for id in input.post_id.iter().chain(input.post_ids.iter().flatten()).take(limits::POSTS_MAX * 2 + 1)
        {
            let id = id.trim();
            let sound = !id.is_empty()
                && id.chars().count() <= limits::ID_CHARS_MAX
                && !id.chars().any(|c| c.is_control() || c.is_whitespace());
            if !sound {
                self.error("postIds", FieldCode::Invalid, "post id is not valid");
            } else if !posts.iter().any(|post| post.as_str() == id) {
                posts.push(id.into());
            }
        }
        if posts.is_empty() {
            self.error("postIds", FieldCode::Required, "choose at least one post for comments");
        }
        if posts.len() > limits::POSTS_MAX {
            self.error("postIds", FieldCode::TooMany, "at most 50 posts");
        }
        posts
    }

    fn variants(&mut self, input: &AutomationInput) -> Vec<String> {
        let typed = input.comment_reply_variants.as_deref().unwrap_or_default();
        if typed.len() > limits::PUBLIC_REPLY_VARIANTS_MAX {
            self.error("commentReplyVariants", FieldCode::TooMany, "at most 10 further wordings");
        }
        let kept = typed.iter().take(limits::PUBLIC_REPLY_VARIANTS_MAX);
        kept.filter_map(|text| self.public_reply("commentReplyVariants", text)).collect()
    }

    fn public_reply(&mut self, field: &'static str, text: &str) -> Option<String> {
        let text = self.text(field, text.trim(), limits::PUBLIC_REPLY_CHARS_MAX);
        if text.is_empty() {
            return None;
        }
        if has_placeholder(&text) {
            self.error(
                field,
                FieldCode::Invalid,
                "a public reply is posted as it stands: no {{placeholders}}",
            );
        }
        if links(&text).nth(limits::PUBLIC_REPLY_LINKS_MAX).is_some() {
            self.error(field, FieldCode::TooMany, "a public reply may have at most one link");
        }
        if text.matches('#').count() > limits::PUBLIC_REPLY_HASHTAGS_WARN {
            self.warn(field, "more than four hashtags may be refused");
        }
        let shouts = text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase);
        if shouts && text.chars().filter(|c| c.is_alphabetic()).count() > 3 {
            self.warn(field, "a reply all in capitals may be refused");
        }
        Some(text.into_owned())
    }
}

const SCOPES: &str = "scope must be one of dm, comment, both";
const MODES: &str = "match mode must be one of word, contains, exact";

/// Adds an error unless the address is `https`, has a host and no user part, and is short enough.
pub(super) fn check_https_url(field: String, url: &str, errors: &mut Vec<FieldError>) {
    if url.len() > limits::URL_BYTES_MAX {
        errors.push(FieldError::new(field, FieldCode::TooLong, "address must be at most 2048 bytes"));
    } else if !is_https_url(url) {
        errors.push(FieldError::new(
            field,
            FieldCode::Invalid,
            "address must start with https:// and have a host",
        ));
    }
}

fn is_https_url(url: &str) -> bool {
    let Some(scheme) = url.get(..8) else { return false };
    let authority = url[8..].split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "443"));
    scheme.eq_ignore_ascii_case("https://")
        && !url.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '"'))
        && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
        && host.split('.').count() >= 2
        && !host.split('.').any(str::is_empty)
        && port.parse::<u16>().is_ok_and(|port| port != 0)
        // Whoever sends it reads it like this, too.
        && url::Url::parse(url).is_ok_and(|url| url.has_host())
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
