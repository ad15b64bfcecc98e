//! Placeholders in the owner's replies: `{{first_name}}` and `{{username}}`.

use std::ops::Range;

/// What is known about the person a reply goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placeholders<'a> {
    /// First name, for `{{first_name}}`.
    pub first_name: Option<&'a str>,
    /// Name on the platform, for `{{username}}`.
    pub username: Option<&'a str>,
}

/// Why a template cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A placeholder of another name; at most 40 characters of it.
    #[error("unknown placeholder {{{{{0}}}}}")]
    Unknown(String),
    /// Two opening braces that nothing closes.
    #[error("placeholder is not closed")]
    Unclosed,
}

/// Characters of an unknown placeholder's name that an error repeats.
const NAME_SHOWN_MAX: usize = 40;

/// Fills a template in one pass: values are never read as templates, so a person called `{{username}}` stays that.
///
/// A missing or blank value is left out together with the space before it, or with the comma and space after it when
/// it opens a line: "Hi {{first_name}}!" becomes "Hi!", "{{first_name}}, hello" becomes "hello".
///
/// # Errors
/// [`RenderError`] for an unknown or unclosed placeholder. Check with it when a template is saved.
pub fn render(template: &str, values: &Placeholders<'_>) -> Result<String, RenderError> {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(placeholder) = next(rest)? {
        out.push_str(&rest[..placeholder.range.start]);
        rest = &rest[placeholder.range.end..];
        let value = match placeholder.name {
            Name::FirstName => values.first_name,
            Name::Username => values.username,
        };
        match value.map(str::trim).filter(|v| !v.is_empty()) {
            Some(value) => out.push_str(value),
            None => rest = omit(&mut out, rest),
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Whether a text has something that looks like a placeholder, of any name. A message ready to go must not.
#[must_use]
pub fn has_placeholder(text: &str) -> bool {
    text.find("{{").is_some_and(|at| text[at..].contains("}}"))
}

/// Leaves out a placeholder between `out` and `rest`, so that what remains reads well.
fn omit<'a>(out: &mut String, rest: &'a str) -> &'a str {
    let opens_line = out.is_empty() || out.ends_with('\n');
    if out.ends_with('@') {
        // "@{{username}}": the sign means nothing alone.
        out.pop();
        return omit(out, rest);
    }
    if opens_line {
        return rest.trim_start_matches([',', ';', ':', '!', ' ', '\u{A0}']);
    }
    let ends_word = rest.is_empty()
        || rest.starts_with(|c: char| c.is_whitespace() || c.is_ascii_punctuation() || c == '…');
    if ends_word {
        out.truncate(out.trim_end_matches([' ', '\u{A0}']).len());
        if rest.starts_with(['!', '.', '?', ',', ';', ':']) && out.ends_with(',') {
            // "Thanks, {{first_name}}!" becomes "Thanks!".
            out.pop();
        }
    }
    rest
}

enum Name {
    FirstName,
    Username,
}

struct Placeholder {
    range: Range<usize>,
    name: Name,
}

fn next(text: &str) -> Result<Option<Placeholder>, RenderError> {
    let Some(start) = text.find("{{") else { return Ok(None) };
    let inner = &text[start + 2..];
    let Some(length) = inner.find("}}") else { return Err(RenderError::Unclosed) };
    let name = match inner[..length].trim() {
        "first_name" => Name::FirstName,
        "username" => Name::Username,
        other => return Err(RenderError::Unknown(other.chars().take(NAME_SHOWN_MAX).collect())),
    };
    Ok(Some(Placeholder { range: start..start + 2 + length + 2, name }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ADA: Placeholders<'_> = Placeholders { first_name: Some("Ada"), username: Some("ada.l") };
    const NOBODY: Placeholders<'_> = Placeholders { first_name: None, username: Some("  ") };

    #[test]
    fn known_values_are_filled_in() {
        assert_eq!(render("Hi {{first_name}} (@{{ username }})!", &ADA).unwrap(), "Hi Ada (@ada.l)!");
        assert_eq!(render("no braces { } here", &ADA).unwrap(), "no braces { } here");
    }

    #[test]
    fn missing_values_leave_no_gap() {
        for (template, expected) in [
            ("Hi {{first_name}}!", "Hi!"),
            ("Hi {{first_name}}, here it is", "Hi, here it is"),
            ("{{first_name}}, here it is", "here it is"),
            ("Thanks, {{first_name}}!", "Thanks!"),
            ("Hello {{first_name}} and welcome", "Hello and welcome"),
            ("Hey @{{username}} :)", "Hey :)"),
            ("Line\n{{first_name}}! Next", "Line\nNext"),
            ("Bye {{first_name}}", "Bye"),
            ("{{first_name}}{{username}}", ""),
        ] {
            assert_eq!(render(template, &NOBODY).unwrap(), expected, "{template:?}");
        }
    }

    #[test]
    fn a_value_is_never_a_template() {
        let odd = Placeholders { first_name: Some("{{token}}"), username: Some("{{first_name}}") };
        assert_eq!(render("{{first_name}} {{username}}", &odd).unwrap(), "{{token}} {{first_name}}");
    }

    #[test]
    fn unknown_and_unclosed_are_refused() {
        assert_eq!(render("{{token}}", &ADA), Err(RenderError::Unknown("token".into())));
        assert_eq!(render("{{First_Name}}", &ADA), Err(RenderError::Unknown("First_Name".into())));
        assert_eq!(render("Hi {{first_name", &ADA), Err(RenderError::Unclosed));
        assert_eq!(RenderError::Unknown("x".into()).to_string(), "unknown placeholder {{x}}");
        assert!(has_placeholder("a {{x}} b") && !has_placeholder("a { x } b}}"));
    }

    proptest! {
        #[test]
        fn total(template in "([{}a-z ,!@é]|\\{\\{(first_name|username)\\}\\}){0,30}", name in ".{0,8}") {
            let values = Placeholders { first_name: Some(&name), username: None };
            let _ = render(&template, &values);
        }
    }
}
