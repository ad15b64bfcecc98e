//! Which automation fires for a text: every trigger of a workspace in one pass, and one deterministic winner.
//!
//! Ranking: post-scoped before unscoped; exact before word before contains; longer trigger in matching form; the
//! event's own scope before `both`; human response before others; oldest; id.
//!
//! Three readings of the rules, chosen for how people write:
//! * a word boundary is asked for only at an edge of the trigger that is part of a word, so "🔥" fires on "wow🔥";
//! * a neighbour of a script without spaces ends a word, so "promo" fires on "promoください";
//! * exact ignores punctuation and emoji unless the trigger is nothing else.

mod bare;
mod compile;
mod search;
#[cfg(test)]
pub(in crate::automation) mod tests;
mod typo;

use super::{AutomationId, EventScope};
use crate::{
    Timestamp,
    id::MediaId,
    text::{is_spaceless_script, is_word_char},
};
use search::Search;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fmt,
    ops::{ControlFlow, Range},
    sync::Arc,
};
use typo::Typos;

/// Most candidates that [`Matcher::find_all`] gives.
pub const CANDIDATES_MAX: usize = 50;

/// What to match, and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct MatchQuery<'a> {
    /// In matching form: see [`crate::text::normalise`].
    pub text: &'a str,
    /// Kind of event.
    pub scope: EventScope,
    /// For comments: the media's id and, for a boosted post, the original media's id. Without any, only automations
    /// for every post match.
    pub media_ids: &'a [&'a str],
    /// The event's instant: expired automations do not match.
    pub now: Timestamp,
}

/// How a trigger was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hit {
    /// The whole text is the trigger.
    Exact,
    /// Between word boundaries.
    Word,
    /// Anywhere.
    Contains,
    /// A word of the text is one slip away: a letter too many, too few, wrong, or two swapped.
    Misspelt,
}

/// An automation that fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Which.
    pub automation: AutomationId,
    /// Version of its content when the matcher was compiled.
    pub version: u64,
    /// The trigger that hit, as stored.
    pub trigger: Arc<str>,
    /// How.
    pub hit: Hit,
    /// Whether it hit through a post it is bound to.
    pub post_scoped: bool,
    /// Where, in bytes of the normalised text.
    pub at: Range<usize>,
}

/// The compiled triggers of a workspace. Cheap to clone; compile again after any change of automations.
#[derive(Clone, Default)]
pub struct Matcher(Arc<Compiled>);

/// Index into [`Compiled::entries`], which are in ranking order: a lower number wins.
type EntryNo = u32;
/// Index into [`Compiled::patterns`].
type PatternNo = u32;

#[derive(Default)]
struct Compiled {
    entries: Vec<Entry>,
    patterns: Vec<Pattern>,
    search: Search,
    /// Bare form of exact triggers to pattern.
    exact: HashMap<Box<str>, PatternNo>,
    /// Entries bound to a post, by pattern and rank.
    by_post: HashMap<MediaId, Box<[(PatternNo, EntryNo)]>>,
    typos: Option<Typos>,
}

/// One trigger of one automation.
struct Entry {
    automation: AutomationId,
    version: u64,
    trigger: Arc<str>,
    hit: Hit,
    typo_tolerance: bool,
    expires_at: Option<Timestamp>,
}

/// A trigger in matching form, with everyone who has it and is not bound to a post.
struct Pattern {
    /// The edges are parts of words, so that a word match asks for a boundary there.
    edges: (bool, bool),
    /// For direct messages, best first. Posts do not matter there.
    dm: Box<[EntryNo]>,
    /// For comments on any post, best first.
    comment: Box<[EntryNo]>,
}

/// A trigger of an automation found somewhere; smaller is better.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    unscoped: bool,
    entry: EntryNo,
    misspelt: bool,
    at: (usize, usize),
}

impl Matcher {
    /// Compiles the automations that are switched on and sound. Expiry is looked at when matching.
    pub fn compile<'a>(automations: impl Iterator<Item = &'a super::Automation>) -> Self {
        Self(Arc::new(compile::compile(automations)))
    }

    /// The one automation that fires, if any.
    #[must_use]
    pub fn find(&self, query: &MatchQuery<'_>) -> Option<Match> {
        let lookup = Lookup::new(&self.0, query);
        let mut best: Option<Found> = None;
        lookup.written(|scoped, entries, at, bounded| {
            let found = entries.map(|entry| Found { unscoped: !scoped, entry, misspelt: false, at });
            for found in found {
                if best
                    .as_ref()
                    .is_some_and(|best| (best.unscoped, best.entry) <= (found.unscoped, found.entry))
                {
                    break;
                }
                if lookup.fires(found.entry, bounded) {
                    best = Some(found);
                    break;
                }
            }
        });
        if best.is_none() {
            lookup.misspelt(|found| {
                if best.as_ref().is_none_or(|best| found < *best) {
                    best = Some(found);
                }
            });
        }
        best.map(|found| lookup.explain(&found))
    }

    /// Every automation that would fire if the better ones were not there, best first, one row each; at most
    /// [`CANDIDATES_MAX`].
    #[must_use]
    pub fn find_all(&self, query: &MatchQuery<'_>) -> Vec<Match> {
        let lookup = Lookup::new(&self.0, query);
        let mut all = HashMap::<&AutomationId, Found>::new();
        let mut keep = |found: Found| {
            let automation = &self.0.entries[found.entry as usize].automation;
            match all.get_mut(automation) {
                Some(best) if *best <= found => {}
                Some(best) => *best = found,
                None => {
                    all.insert(automation, found);
                }
            }
        };
        lookup.written(|scoped, entries, at, bounded| {
            for entry in entries.filter(|entry| lookup.fires(*entry, bounded)) {
                keep(Found { unscoped: !scoped, entry, misspelt: false, at });
            }
        });
        if all.is_empty() {
            let mut misspelt = Vec::new();
            lookup.misspelt(|found| misspelt.push(found));
            for found in misspelt {
                let automation = &self.0.entries[found.entry as usize].automation;
                if all.get(automation).is_none_or(|best| found < *best) {
                    all.insert(automation, found);
                }
            }
        }
        let mut ranked: Vec<Found> = all.into_values().collect();
        ranked.sort_unstable();
        ranked.truncate(CANDIDATES_MAX);
        ranked.iter().map(|found| lookup.explain(found)).collect()
    }

    /// Number of triggers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether nothing can match.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// Rough size in memory, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let compiled = &*self.0;
        compiled.search.weight()
            + compiled.entries.len() * (size_of::<Entry>() + 48)
            + compiled.patterns.len() * (size_of::<Pattern>() + 16)
            + compiled.by_post.values().map(|bound| bound.len() * 8 + 64).sum::<usize>()
            + compiled.typos.as_ref().map_or(0, Typos::weight)
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher").field("triggers", &self.len()).finish_non_exhaustive()
    }
}

/// One look at a text.
struct Lookup<'a> {
    compiled: &'a Compiled,
    query: &'a MatchQuery<'a>,
    /// Entries bound to the posts of the event.
    bound: Vec<&'a [(PatternNo, EntryNo)]>,
}

impl<'a> Lookup<'a> {
    fn new(compiled: &'a Compiled, query: &'a MatchQuery<'a>) -> Self {
        let posts = if query.scope == EventScope::Comment { query.media_ids } else { &[] };
        let bound = posts.iter().filter_map(|post| compiled.by_post.get(*post)).map(|b| &**b).collect();
        Self { compiled, query, bound }
    }

    /// Visits every trigger that stands in the text as written: those bound to a post of the event and the others
    /// apart, each in ranking order, with the place and whether word boundaries surround it.
    fn written(&self, mut visit: impl FnMut(bool, Entries<'a>, (usize, usize), bool)) {
        let mut at_pattern = |pattern_no: PatternNo, at: (usize, usize)| {
            let pattern = &self.compiled.patterns[pattern_no as usize];
            let bounded = self.is_bounded(pattern, at);
            for bound in &self.bound {
                let from = bound.partition_point(|(no, _)| *no < pattern_no);
                let to = from + bound[from..].iter().take_while(|(no, _)| *no == pattern_no).count();
                if from < to {
                    visit(true, Entries::Bound(bound[from..to].iter()), at, bounded);
                }
            }
            let free = match self.query.scope {
                EventScope::Dm => &pattern.dm,
                EventScope::Comment => &pattern.comment,
            };
            if !free.is_empty() {
                visit(false, Entries::Free(free.iter()), at, bounded);
            }
        };
        if !self.compiled.exact.is_empty()
            && let Some(bare) = bare::bare(self.query.text)
            && let Some(pattern) = self.compiled.exact.get(&*bare)
        {
            at_pattern(*pattern, (0, self.query.text.len()));
        }
        self.compiled.search.each(self.query.text, |pattern, at| {
            at_pattern(pattern, at);
            ControlFlow::Continue(())
        });
    }

    /// Visits automations that tolerate typos and have a trigger one slip away from a word of the text.
    fn misspelt(&self, mut visit: impl FnMut(Found)) {
        let Some(typos) = &self.compiled.typos else { return };
        typos.each(self.query.text, |pattern_no, at| {
            let pattern = &self.compiled.patterns[pattern_no as usize];
            let tolerant = |entry: EntryNo| {
                self.compiled.entries[entry as usize].typo_tolerance && self.fires(entry, true)
            };
            for bound in &self.bound {
                let from = bound.partition_point(|(no, _)| *no < pattern_no);
                for (_, entry) in bound[from..].iter().take_while(|(no, _)| *no == pattern_no) {
                    if tolerant(*entry) {
                        visit(Found { unscoped: false, entry: *entry, misspelt: true, at });
                    }
                }
            }
            let free = match self.query.scope {
                EventScope::Dm => &pattern.dm,
                EventScope::Comment => &pattern.comment,
            };
            for entry in free.iter().copied().filter(|entry| tolerant(*entry)) {
                visit(Found { unscoped: true, entry, misspelt: true, at });
            }
        });
    }

    fn fires(&self, entry: EntryNo, bounded: bool) -> bool {
        let entry = &self.compiled.entries[entry as usize];
        (bounded || entry.hit != Hit::Word) && entry.expires_at.is_none_or(|at| at > self.query.now)
    }

    fn is_bounded(&self, pattern: &Pattern, (start, end): (usize, usize)) -> bool {
        let text = self.query.text;
        let goes_on =
            |neighbour: Option<char>| neighbour.is_some_and(|c| is_word_char(c) && !is_spaceless_script(c));
        let before = pattern.edges.0 && goes_on(text[..start].chars().next_back());
        let after = pattern.edges.1 && goes_on(text[end..].chars().next());
        !before && !after
    }

    fn explain(&self, found: &Found) -> Match {
        let entry = &self.compiled.entries[found.entry as usize];
        Match {
            automation: entry.automation.clone(),
            version: entry.version,
            trigger: Arc::clone(&entry.trigger),
            hit: if found.misspelt { Hit::Misspelt } else { entry.hit },
            post_scoped: !found.unscoped,
            at: found.at.0..found.at.1,
        }
    }
}

/// Entries of one trigger, best first.
enum Entries<'a> {
    Bound(std::slice::Iter<'a, (PatternNo, EntryNo)>),
    Free(std::slice::Iter<'a, EntryNo>),
}

impl Iterator for Entries<'_> {
    type Item = EntryNo;
    fn next(&mut self) -> Option<EntryNo> {
        match self {
            Self::Bound(entries) => entries.next().map(|(_, entry)| *entry),
            Self::Free(entries) => entries.next().copied(),
        }
    }
}
