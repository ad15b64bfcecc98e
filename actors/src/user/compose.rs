//! Step 16: the words. Fixed texts are rendered and cut in parts; what a model wrote is checked against the owner's facts.

use super::{User, contact::Contact, knowledge::Knowledge, question::Case};
use crate::{
    Draft,
    automation::{
        Automation, Response,
        response::{GenericTemplate, TemplateElement},
    },
    id::Igsid,
    outbox::{Content, TEXT_BYTES_MAX},
    text::{self, Placeholders},
};
use std::{collections::BTreeSet, sync::Arc};

/// Most parts of one answer (platform rule).
pub(super) const PARTS_MAX: usize = 3;
/// Private reply when a prompt gave no text (product rule).
pub(super) const COMMENT_FALLBACK: &str = "Thanks for your comment! Let's continue here in the messages.";
/// Words that follow or precede an amount of money.
const CURRENCIES: [&str; 18] = [
    "usd", "eur", "gbp", "dollar", "dollars", "euro", "euros", "pound", "pounds", "bucks", "cad", "aud",
    "brl", "reais", "pesos", "try", "tl", "chf",
];

/// Why a text is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    Empty,
    Placeholder,
    Link,
    Price,
    TooLong,
    Unusable,
}

impl Unfit {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Unusable => "unusable_automation",
            _ => "unsafe_output",
        }
    }

    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "the reply was empty",
            Self::Placeholder => "the reply had an unfilled placeholder",
            Self::Link => "the reply had a link that is not the owner's",
            Self::Price => "the reply had a price that is not the owner's",
            Self::TooLong => "the reply was too long",
            Self::Unusable => "the automation can not be sent",
        }
    }
}

/// The messages of a fixed or template response to a direct message.
pub(super) fn fixed(
    draft: &Draft<User>,
    person: &Igsid,
    automation: &Automation,
) -> Result<Vec<Content>, Unfit> {
    match &automation.content.response {
        Response::Fixed(fixed) => {
            let rendered = rendered(&fixed.text, &values(draft, person, None))?;
            let parts =
                text::split_message(&rendered, TEXT_BYTES_MAX, PARTS_MAX).map_err(|_long| Unfit::TooLong)?;
            Ok(parts.into_iter().map(|part| Content::Text(part.into())).collect())
        }
        Response::GenericTemplate(cards) => Ok(vec![template(cards)?]),
        Response::AiPrompt(_) | Response::Invalid(_) => Err(Unfit::Unusable),
    }
}

/// The one message of a fixed or template response to a comment, and what was left out of it: the platform takes no
/// second one. `username` is used when the contact has none.
pub(super) fn private_reply(
    draft: &Draft<User>,
    person: &Igsid,
    username: Option<&str>,
    automation: &Automation,
) -> Result<(Content, Option<&'static str>), Unfit> {
    match &automation.content.response {
        Response::Fixed(fixed) => {
            let (text, left_out) = one_message(&fixed.text, &values(draft, person, username))?;
            Ok((Content::Text(text.into()), left_out))
        }
        Response::GenericTemplate(cards) => Ok((template(cards)?, None)),
        Response::AiPrompt(_) | Response::Invalid(_) => Err(Unfit::Unusable),
    }
}

/// A text as it stands when it fits in one message; else without the person's name, when it fits then; else up to the
/// end of a sentence.
fn one_message(stored: &str, values: &Placeholders<'_>) -> Result<(String, Option<&'static str>), Unfit> {
    let named = rendered(stored, values)?;
    if named.len() <= TEXT_BYTES_MAX {
        return Ok((named, None));
    }
    if let Ok(nameless) = rendered(stored, &Placeholders::default())
        && nameless.len() <= TEXT_BYTES_MAX
    {
        return Ok((nameless, Some("without the name: a private reply is one message")));
    }
    match text::cut_bytes_at_sentence(&named, TEXT_BYTES_MAX) {
        "" => Err(Unfit::TooLong),
        cut => Ok((cut.to_owned(), Some("cut at its end: a private reply is one message"))),
    }
}

/// What is known of a person.
fn values<'a>(draft: &'a Draft<User>, person: &Igsid, username: Option<&'a str>) -> Placeholders<'a> {
    let contact = draft.contacts.get(person);
    Placeholders {
        first_name: contact.and_then(|contact| contact.first_name()),
        username: contact.and_then(|contact| contact.username.as_deref()).or(username),
    }
}

/// A stored text with the values filled in, trimmed; never empty.
fn rendered(stored: &str, values: &Placeholders<'_>) -> Result<String, Unfit> {
    let rendered = text::render(stored, values).map_err(|_unknown| Unfit::Placeholder)?;
    match rendered.trim() {
        "" => Err(Unfit::Empty),
        trimmed => Ok(trimmed.to_owned()),
    }
}

/// A template goes as it stands; one with placeholders was saved before they were refused.
fn template(cards: &GenericTemplate) -> Result<Content, Unfit> {
    if cards.elements.iter().any(TemplateElement::has_placeholder) {
        return Err(Unfit::Placeholder);
    }
    let elements = serde_json::to_string(&cards.elements).map_err(|_shape| Unfit::Unusable)?;
    Ok(Content::Template { elements: elements.into(), text_form: text_form(cards).into() })
}

/// The same as text: titles, subtitles and links, one a line.
fn text_form(template: &GenericTemplate) -> String {
    use crate::automation::response::{Button, DefaultAction};
    let mut form = String::new();
    let mut line = |text: &str| {
        if !form.is_empty() {
            form.push('\n');
        }
        form.push_str(text);
    };
    for element in &template.elements {
        line(&element.title);
        if let Some(subtitle) = &element.subtitle {
            line(subtitle);
        }
        if let Some(DefaultAction::WebUrl { url }) = &element.default_action {
            line(url);
        }
        for Button::WebUrl { title, url } in &element.buttons {
            line(&format!("{title}: {url}"));
        }
    }
    text::cut_bytes_at_sentence(&form, TEXT_BYTES_MAX).to_owned()
}

/// Checks what a model wrote. The result is cut at the end of a sentence.
pub(super) fn generated(draft: &Draft<User>, case: &Case, written: &str) -> Result<Content, Unfit> {
    let written = written.trim();
    if written.is_empty() {
        return Err(Unfit::Empty);
    }
    if text::has_placeholder(written) {
        return Err(Unfit::Placeholder);
    }
    let fit = text::cut_bytes_at_sentence(written, TEXT_BYTES_MAX).trim();
    if fit.is_empty() {
        return Err(Unfit::TooLong);
    }
    let prompt = case.rule.as_ref().and_then(|rule| draft.automations.get(&rule.id));
    let prompt = prompt.and_then(|automation| match &automation.content.response {
        Response::AiPrompt(prompt) => Some(prompt.prompt.as_str()),
        _ => None,
    });
    let facts = facts(&draft.knowledge, [prompt, draft.settings.extra_instructions.as_deref()]);
    if text::links(fit).any(|link| !facts.has_link(link.text)) {
        return Err(Unfit::Link);
    }
    let mut prices = amounts(fit).filter(|amount| amount.is_money);
    if prices.any(|amount| !facts.numbers.contains(&amount.hundredths)) {
        return Err(Unfit::Price);
    }
    Ok(Content::Text(fit.into()))
}

/// What the owner wrote, to compare with.
struct Facts {
    links: BTreeSet<String>,
    numbers: BTreeSet<u64>,
}

impl Facts {
    fn has_link(&self, link: &str) -> bool {
        self.links.contains(&bare_link(link))
    }

    fn add(&mut self, words: &str) {
        self.links.extend(text::links(words).map(|link| bare_link(link.text)));
        self.numbers.extend(amounts(words).map(|amount| amount.hundredths));
    }
}

fn facts(knowledge: &Knowledge, more: [Option<&str>; 2]) -> Facts {
    let mut facts = Facts { links: BTreeSet::new(), numbers: BTreeSet::new() };
    for link in &knowledge.links {
        facts.links.insert(bare_link(&link.url));
    }
    for offer in &knowledge.offers {
        facts.add(&offer.name);
        facts.add(&offer.content);
        facts.numbers.extend(offer.value.map(|value| u64::from(value) * 100));
    }
    for faq in &knowledge.faqs {
        facts.add(&faq.question);
        facts.add(faq.answer.as_deref().unwrap_or_default());
    }
    for words in knowledge.main_offering.as_deref().into_iter().chain(more.into_iter().flatten()) {
        facts.add(words);
    }
    facts
}

/// A link without what does not tell links apart: scheme, `www.`, a final slash, case of the host.
fn bare_link(link: &str) -> String {
    let link = link.trim();
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| {
            link.get(..scheme.len())
                .filter(|head| head.eq_ignore_ascii_case(scheme))
                .map(|_| &link[scheme.len()..])
        })
        .unwrap_or(link);
    let (host, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let host = host.to_ascii_lowercase();
    format!("{}{}", host.strip_prefix("www.").unwrap_or(&host), path.trim_end_matches('/'))
}

/// A number in a text, and whether it is money.
struct Amount {
    hundredths: u64,
    is_money: bool,
}

/// The numbers of a text. "1,200", "1.200,50", "19.99" and "19" are read; more than two decimals are no amount.
fn amounts(text: &str) -> impl Iterator<Item = Amount> {
    let mut rest = text;
    let mut before = "";
    std::iter::from_fn(move || {
        let start = rest.find(|c: char| c.is_ascii_digit())?;
        let number = &rest[start..];
        let end =
            number.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        let lead = if start == 0 { before } else { &rest[..start] };
        let is_money = is_money(lead, after);
        before = number;
        rest = after;
        Some(Amount { hundredths: hundredths(number.trim_end_matches(['.', ','])), is_money })
    })
}

fn is_money(before: &str, after: &str) -> bool {
    const SIGNS: [char; 9] = ['$', '€', '£', '¥', '₹', '₺', '₽', '₩', '¢'];
    let word = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let before = before.trim_end();
    let after = after.trim_start_matches([' ', '\u{a0}']);
    before.ends_with(SIGNS)
        || after.starts_with(SIGNS)
        || CURRENCIES.contains(&word(after.split_whitespace().next().unwrap_or_default()).as_str())
        || CURRENCIES.contains(&word(before.split_whitespace().next_back().unwrap_or_default()).as_str())
}

fn hundredths(number: &str) -> u64 {
    let decimals = number.rfind(['.', ',']).map(|at| &number[at + 1..]).filter(|tail| tail.len() <= 2);
    let digits: u64 = number
        .bytes()
        .filter(u8::is_ascii_digit)
        .fold(0, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    match decimals.map(str::len) {
        Some(2) => digits,
        Some(1) => digits.saturating_mul(10),
        _ => digits.saturating_mul(100),
    }
}

/// The name by which a contact is greeted, for the model.
pub(super) fn stage_of(contact: &Contact) -> Arc<str> {
    contact.stage.as_str().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, expected) in [
            ("it costs $49", vec![(4_900, true)]),
            ("49 USD or 45€", vec![(4_900, true), (4_500, true)]),
            ("1,200.50 dollars", vec![(120_050, true)]),
            ("€ 1.200,50", vec![(120_050, true)]),
            ("call at 10.30, 2 of 3", vec![(1_030, false), (200, false), (300, false)]),
            ("for $1,200.", vec![(120_000, true)]),
            ("$19.9", vec![(1_990, true)]),
            ("no number", vec![]),
        ] {
            let found: Vec<_> = amounts(text).map(|amount| (amount.hundredths, amount.is_money)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn links_are_compared_without_scheme_and_case_of_host() {
        for link in ["https://www.Example.com/a/", "example.com/a", "http://EXAMPLE.com/a"] {
            assert_eq!(bare_link(link), "example.com/a");
        }
        assert_ne!(bare_link("example.com/A"), bare_link("example.com/a"));
    }

    #[test]
    fn one_message_keeps_as_much_as_fits() {
        let nobody = Placeholders::default();
        let ada = Placeholders { first_name: Some("Ada"), username: None };
        let paragraphs = format!("One.\n\n{}.\n\nThree.", "two ".repeat(100).trim_end());
        assert_eq!(one_message(&paragraphs, &nobody), Ok((paragraphs.clone(), None)));
        let limit = format!("Hi {{{{first_name}}}}{}", "x".repeat(TEXT_BYTES_MAX - 6));
        assert_eq!(
            one_message(&limit, &ada).map(|(text, left_out)| (text.len(), left_out)),
            Ok((1_000, None))
        );
        let over = format!("Hi {{{{first_name}}}}, {}", "x".repeat(TEXT_BYTES_MAX - 6));
        let (text, left_out) = one_message(&over, &ada).unwrap();
        assert!(text.starts_with("Hi, x") && text.ends_with('x') && left_out.is_some());
        // As an import may bring along.
        let long = format!("Hi {{{{first_name}}}}.\n\n{}", "One more sentence. ".repeat(80));
        let (text, left_out) = one_message(&long, &ada).unwrap();
        assert!(text.len() > 900 && text.len() <= TEXT_BYTES_MAX && text.ends_with("sentence."), "{text}");
        assert!(text.starts_with("Hi Ada.") && left_out.is_some());
        assert_eq!(one_message(" ", &ada), Err(Unfit::Empty));
    }
}
