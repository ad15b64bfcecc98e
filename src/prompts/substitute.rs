//! Filling templates.

/// A template with its placeholders, `{{name}}`, replaced in one pass: what is put in is data and is never looked at
/// again, whatever braces it has. A placeholder that the values do not name stays as it is.
#[must_use]
pub fn substitute<'a>(template: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let found = after.split_once("}}").and_then(|(name, rest)| Some((value(name.trim())?, rest)));
        match found {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push_str("{{");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_64_what_is_put_in_is_never_read_as_a_template() {
        let value = |name: &str| match name {
            "message" => Some("{{secret}} {{message}} {{"),
            "secret" => Some("the owner's notes"),
            _ => None,
        };
        assert_eq!(
            substitute("<{{message}}>{{ message }}", value),
            "<{{secret}} {{message}} {{>{{secret}} {{message}} {{"
        );
        assert_eq!(substitute("{{secret}}", value), "the owner's notes");
    }

    #[test]
    fn what_is_no_placeholder_stays() {
        let value = |name: &str| (name == "a").then_some("1");
        for (template, filled) in [
            ("", ""),
            ("{{", "{{"),
            ("}} {{b}} {{a}}", "}} {{b}} 1"),
            ("{{{{a}}", "{{1"),
            ("{a} {{a", "{a} {{a"),
            ("{\"a\": {{a}}}", "{\"a\": 1}"),
        ] {
            assert_eq!(substitute(template, value), filled, "{template}");
        }
    }
}
