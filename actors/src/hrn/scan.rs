//! One pass over a text with the whole vocabulary.

use super::{
    Assessment, Class, HARD, HardCategory, SIGNALS_MAX, SOFT, SoftCategory,
    vocabulary::{
        ASKING, ASKS_FOR_PERSON, CHILD_YEARS, HARMLESS_ALONE, Mark, SOMEONE, TELLING_AGE, TELLS_CHILD_AGE,
        WORDS, each,
    },
};
use crate::text::is_word_char;
use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};
use icu_normalizer::{DecomposingNormalizer, DecomposingNormalizerBorrowed};
use std::sync::LazyLock;

const NFD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizer::new_nfd();

/// What a pattern of the automaton stands for.
struct Term {
    mark: Mark,
    signal: &'static str,
    /// More letters may follow.
    open: bool,
}

struct Vocabulary {
    terms: Vec<Term>,
    automaton: AhoCorasick,
}

/// Built once. The vocabulary is data of this crate: that it builds is shown by every test that assesses a text.
static VOCABULARY: LazyLock<Result<Vocabulary, BuildError>> = LazyLock::new(Vocabulary::build);

impl Vocabulary {
    fn build() -> Result<Self, BuildError> {
        let mut patterns: Vec<String> = Vec::new();
        let mut terms = Vec::new();
        let mut add = |pattern: String, mark, signal, open| {
            patterns.push(pattern);
            terms.push(Term { mark, signal, open });
        };
        for (mark, words) in WORDS {
            for word in each(words) {
                let (stem, open) = word.strip_suffix('*').map_or((word, false), |stem| (stem, true));
                let mut forms = stem.split('+');
                let base = forms.next().unwrap_or_default();
                add(base.to_owned(), *mark, base, open);
                for suffix in forms {
                    add(format!("{base}{suffix}"), *mark, base, open);
                }
            }
        }
        for asking in each(ASKING) {
            for someone in each(SOMEONE) {
                let phrase = format!("{asking} {someone}");
                add(phrase, Mark::Hard(HardCategory::Hostility), ASKS_FOR_PERSON, false);
            }
        }
        for telling in each(TELLING_AGE) {
            for years in CHILD_YEARS {
                let phrase = telling.replace('#', &years.to_string());
                add(phrase, Mark::Hard(HardCategory::Safety), TELLS_CHILD_AGE, false);
            }
        }
        let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(&patterns)?;
        Ok(Self { terms, automaton })
    }
}

/// What was noticed in a text.
#[derive(Default)]
pub(super) struct Noticed {
    hard: Vec<(HardCategory, &'static str)>,
    negotiation: Vec<&'static str>,
    documents: Vec<&'static str>,
    reviews: Vec<&'static str>,
    pub(super) identity_document: Option<&'static str>,
}

impl Noticed {
    pub(super) fn hard(&mut self, category: HardCategory, signal: &'static str) {
        if !self.hard.contains(&(category, signal)) {
            self.hard.push((category, signal));
        }
    }

    fn note(&mut self, mark: Mark, signal: &'static str) {
        let soft = match mark {
            Mark::Hard(category) => return self.hard(category, signal),
            Mark::Negotiation => &mut self.negotiation,
            Mark::Document => &mut self.documents,
            Mark::Review => &mut self.reviews,
            Mark::IdentityDocument => {
                self.identity_document.get_or_insert(signal);
                return;
            }
            Mark::Except => return,
        };
        if !soft.contains(&signal) {
            soft.push(signal);
        }
    }

    /// The assessment of what was noticed; `None` when that is nothing.
    pub(super) fn verdict(mut self) -> Option<Assessment> {
        let documents = !self.documents.is_empty() && !self.reviews.is_empty();
        self.hard.sort_by_key(|(category, _)| *category);
        let (class, confidence, reason) = if let Some((category, _)) = self.hard.first() {
            (Class::Hard(*category), HARD, category.reason())
        } else if documents {
            (Class::Soft(SoftCategory::Documents), SOFT, SoftCategory::Documents.reason())
        } else if !self.negotiation.is_empty() {
            (Class::Soft(SoftCategory::Negotiation), SOFT, SoftCategory::Negotiation.reason())
        } else {
            return None;
        };
        let reviewed = if documents { [self.documents, self.reviews] } else { [Vec::new(), Vec::new()] };
        let hard = self.hard.into_iter().map(|(_, signal)| signal);
        let soft = reviewed.into_iter().flatten().chain(self.negotiation);
        Some(Assessment { class, confidence, signals: hard.chain(soft).take(SIGNALS_MAX).collect(), reason })
    }
}

/// Looks for the vocabulary in a normalised text.
pub(super) fn scan(form: &str) -> Noticed {
    let mut noticed = Noticed::default();
    let Ok(vocabulary) = &*VOCABULARY else {
        // Without rules everything is for a person: never a silent pass.
        noticed.hard(HardCategory::Safety, "rules unavailable");
        return noticed;
    };
    let plain = plain(form);
    if HARMLESS_ALONE.contains(&plain.trim_end_matches(['!', '.', ' '])) {
        return noticed;
    }
    let mut hits: Vec<(usize, usize, &Term)> = Vec::new();
    for found in vocabulary.automaton.find_overlapping_iter(&plain) {
        let term = &vocabulary.terms[found.pattern().as_usize()];
        if stands_alone(&plain, found.start(), found.end(), term.open) {
            hits.push((found.start(), found.end(), term));
        }
    }
    for (start, end, term) in &hits {
        let excepted =
            hits.iter().any(|(from, to, other)| other.mark == Mark::Except && from < end && start < to);
        if !excepted {
            noticed.note(term.mark, term.signal);
        }
    }
    noticed
}

fn stands_alone(text: &str, start: usize, end: usize, open: bool) -> bool {
    let word = |c: Option<char>| c.is_some_and(is_word_char);
    let starts = !word(text[start..].chars().next()) || !word(text[..start].chars().next_back());
    let ends = open || !word(text[..end].chars().next_back()) || !word(text[end..].chars().next());
    starts && ends
}

/// Matching form without accents, and with hyphens as spaces.
fn plain(form: &str) -> String {
    if form.is_ascii() {
        return form.replace('-', " ");
    }
    NFD.normalize_iter(form.chars())
        .filter(|c| !matches!(c, '\u{0300}'..='\u{036F}'))
        .map(|c| if c == '-' { ' ' } else { c })
        .collect()
}
