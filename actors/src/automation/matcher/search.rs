//! Finds every occurrence of every pattern, overlapping ones too.

use super::PatternNo;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem::{Finder, FinderBuilder};
use std::ops::ControlFlow;

/// Up to so many patterns are searched for one by one, which is faster and smaller than an automaton.
const ONE_BY_ONE_MAX: usize = 4;

/// A set of patterns.
pub(super) enum Search {
    /// One after another.
    Each(Vec<Finder<'static>>),
    /// All in one pass; a compact automaton, because every workspace in memory has one.
    Together(AhoCorasick),
}

impl Default for Search {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl Search {
    /// Compiles non-empty patterns. They are numbered in order.
    pub(super) fn new(patterns: &[&str]) -> Self {
        if patterns.len() > ONE_BY_ONE_MAX {
            let built = AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(patterns);
            if let Ok(together) = built {
                return Self::Together(together);
            }
            // Only more than 2^31 states cannot be built; one by one gives the same answers.
        }
        Self::Each(
            patterns.iter().map(|p| FinderBuilder::new().build_forward(p.as_bytes()).into_owned()).collect(),
        )
    }

    /// Calls with the number of a pattern and its place, until told to stop.
    pub(super) fn each(
        &self,
        text: &str,
        mut visit: impl FnMut(PatternNo, (usize, usize)) -> ControlFlow<()>,
    ) {
        match self {
            Self::Together(automaton) => {
                for found in automaton.find_overlapping_iter(text) {
                    if visit(found.pattern().as_u32(), (found.start(), found.end())).is_break() {
                        return;
                    }
                }
            }
            Self::Each(finders) => {
                for (no, finder) in (0..).zip(finders) {
                    let mut from = 0;
                    while let Some(at) = finder.find(&text.as_bytes()[from..]) {
                        let start = from + at;
                        if visit(no, (start, start + finder.needle().len())).is_break() {
                            return;
                        }
                        from = start + 1;
                    }
                }
            }
        }
    }

    /// Bytes in memory.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Together(automaton) => automaton.memory_usage(),
            Self::Each(finders) => finders.iter().map(|f| size_of_val(f) + f.needle().len()).sum(),
        }
    }
}
