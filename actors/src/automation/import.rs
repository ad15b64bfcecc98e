//! Automations of the predecessor: taken over whatever they hold, and switched off with a reason when they cannot work.

use super::{
    Automation, AutomationId, Content, Diagnostic, FieldCode, FieldError, FieldWarning, MatchMode, Response,
    Scope, Trigger, limits,
    response::{FIXED_BYTES_MAX, Fixed, Invalid},
};
use crate::{
    Timestamp,
    id::MediaId,
    text::{normalise, split_message},
};
use std::time::Duration;

/// A row of the predecessor with its post rows. Enumerations are plain text and everything nullable may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportedAutomation {
    /// Kept.
    pub id: String,
    /// Kept, also when it is longer than today's limit.
    pub title: String,
    /// Kept.
    pub description: Option<String>,
    /// Lower case, not trimmed.
    pub trigger_word: String,
    /// `fixed`, `ai_prompt` or `generic_template`.
    pub response_type: String,
    /// Text, prompt or JSON.
    pub response_content: String,
    /// Missing means on.
    pub is_active: Option<bool>,
    /// Missing or unknown means direct messages.
    pub trigger_scope: Option<String>,
    /// Missing means off.
    pub hrn_enforced: Option<bool>,
    /// Missing means none.
    pub comment_reply_count: Option<i64>,
    /// Blank means none.
    pub comment_reply_text: Option<String>,
    /// Kept.
    pub expires_at: Option<Timestamp>,
    /// Missing means the time of the change, or the start of time.
    pub created_at: Option<Timestamp>,
    /// Missing means when it was made.
    pub updated_at: Option<Timestamp>,
    /// None means every post.
    pub post_ids: Vec<String>,
}

/// Most parts that a long fixed text may become in direct messages (product rule).
const PARTS_MAX: usize = 3;

/// Takes a row over. Matching stays as it was (anywhere in the text); what cannot be sent is kept as it is, with a
/// diagnostic. The warnings are for the import report.
#[must_use]
pub fn import(row: ImportedAutomation) -> (Automation, Vec<FieldWarning>) {
    let mut warnings = Vec::new();
    let mut errors = Vec::new();
    let mut warn = |field: &'static str, message: &'static str| {
        warnings.push(FieldWarning { field: field.into(), message: message.into() });
    };

    let trigger_scope = match row.trigger_scope.as_deref().map(Scope::parse) {
        None => Scope::Dm,
        Some(Some(scope)) => scope,
        Some(None) => {
            warn("triggerScope", "unknown scope, taken as dm");
            Scope::Dm
        }
    };
    let trigger = Trigger::new(&row.trigger_word);
    if normalise(trigger.as_str()).is_empty() {
        errors.push(FieldError::new("triggerWord", FieldCode::Required, "trigger is required"));
    }
    if trigger.as_str().chars().count() > limits::TRIGGER_CHARS_MAX {
        warn("triggerWord", "trigger is longer than allowed today");
    }
    if row.title.chars().count() > limits::TITLE_CHARS_MAX {
        warn("title", "title is longer than allowed today");
    }
    let response = response(&row, trigger_scope, &mut errors);
    let created_at = row.created_at.or(row.updated_at).unwrap_or_else(|| {
        warn("createdAt", "time of creation is missing");
        Timestamp::default()
    });
    let content = Content {
        title: row.title,
        description: row.description.filter(|d| !d.trim().is_empty()),
        triggers: vec![trigger],
        match_mode: MatchMode::Contains,
        typo_tolerance: false,
        response,
        trigger_scope,
        hrn_enforced: row.hrn_enforced.unwrap_or(false),
        comment_reply_text: row.comment_reply_text.filter(|t| !t.trim().is_empty()),
        comment_reply_variants: Vec::new(),
        post_ids: row.post_ids.into_iter().map(MediaId::from).collect(),
        expires_at: row.expires_at,
        cooldown: Duration::ZERO,
    };
    let automation = Automation {
        id: AutomationId::from(row.id),
        content,
        is_active: row.is_active.unwrap_or(true),
        comment_reply_count: row.comment_reply_count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        created_at,
        updated_at: row.updated_at.unwrap_or(created_at),
        version: 1,
        diagnostic: Diagnostic::of(errors),
    };
    (automation, warnings)
}

fn response(row: &ImportedAutomation, scope: Scope, errors: &mut Vec<FieldError>) -> Response {
    let content = row.response_content.as_str();
    match Response::parse(&row.response_type, content) {
        Ok(response) => response,
        // A long text still goes out in parts, except as a private reply, of which there is one.
        Err(found)
            if row.response_type == "fixed"
                && scope == Scope::Dm
                && found.iter().all(|e| e.code == FieldCode::TooLong)
                && split_message(content, FIXED_BYTES_MAX, PARTS_MAX).is_ok() =>
        {
            Response::Fixed(Fixed { text: content.to_owned() })
        }
        Err(found) => {
            errors.extend(found);
            Response::Invalid(Invalid {
                response_type: row.response_type.clone(),
                content: content.to_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> ImportedAutomation {
        ImportedAutomation {
            id: "a1".into(),
            title: "Guide".into(),
            trigger_word: " guide ".into(),
            response_type: "fixed".into(),
            response_content: "Here".into(),
            ..ImportedAutomation::default()
        }
    }

    #[test]
    fn defaults_are_those_of_the_predecessor() {
        let (automation, warnings) =
            import(ImportedAutomation { created_at: Some(Timestamp::from_millis(7)), ..row() });
        assert!(warnings.is_empty() && automation.is_live(Timestamp::MIN));
        assert_eq!(automation.content.trigger_word(), "guide");
        assert_eq!(
            (automation.content.match_mode, automation.content.trigger_scope),
            (MatchMode::Contains, Scope::Dm)
        );
        assert_eq!((automation.comment_reply_count, automation.version), (0, 1));
        assert_eq!(automation.updated_at, Timestamp::from_millis(7));
    }

    #[test]
    fn what_cannot_work_is_kept_with_a_reason() {
        let bad = "[{\"title\":\"x\"}]";
        let (automation, _) = import(ImportedAutomation {
            response_type: "generic_template".into(),
            response_content: bad.into(),
            ..row()
        });
        assert!(!automation.is_live(Timestamp::MIN));
        assert_eq!(automation.diagnostic.unwrap().errors[0].field, "responseContent[0]");
        assert_eq!(automation.content.response.content(), bad);
        assert_eq!(automation.content.response.type_name(), "generic_template");
        let (automation, _) = import(ImportedAutomation { trigger_word: "  ".into(), ..row() });
        assert!(automation.diagnostic.is_some());
    }

    #[test]
    fn a_long_text_works_where_parts_can_be_sent() {
        let long = ImportedAutomation { response_content: "word ".repeat(300), ..row() };
        assert!(import(long.clone()).0.diagnostic.is_none());
        let comment = ImportedAutomation { trigger_scope: Some("comment".into()), ..long.clone() };
        assert!(import(comment).0.diagnostic.is_some());
        let longer = ImportedAutomation { response_content: "word ".repeat(700), ..long };
        assert!(import(longer).0.diagnostic.is_some());
    }

    #[test]
    fn unknown_values_become_the_default_with_a_warning() {
        let (automation, warnings) =
            import(ImportedAutomation { trigger_scope: Some("story".into()), ..row() });
        assert_eq!(automation.content.trigger_scope, Scope::Dm);
        assert_eq!(
            warnings.iter().map(|w| w.field.as_ref()).collect::<Vec<_>>(),
            ["triggerScope", "createdAt"]
        );
    }
}
