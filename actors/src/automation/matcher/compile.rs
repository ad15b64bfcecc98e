//! From automations to the compiled form: ranking is decided here, once.

use super::{Compiled, Entry, EntryNo, Hit, Pattern, PatternNo, bare::bare, search::Search, typo::Typos};
use crate::{
    automation::{Automation, EventScope, MatchMode, Scope},
    id::MediaId,
    text::{is_spaceless_script, is_word_char, normalise},
};
use std::{cmp::Reverse, collections::HashMap};

/// A trigger of an automation before it has a rank.
struct Candidate<'a> {
    automation: &'a Automation,
    trigger: &'a super::super::Trigger,
    form: String,
    hit: Hit,
}

impl Candidate<'_> {
    /// Everything of the ranking but the post, which depends on the event.
    fn rank(&self) -> impl Ord + '_ {
        let content = &self.automation.content;
        (
            self.hit,
            Reverse(self.form.chars().count()),
            content.trigger_scope == Scope::Both,
            !content.hrn_enforced,
            self.automation.created_at,
            &self.automation.id,
            // One automation, two triggers of one length: any fixed order will do.
            self.trigger,
        )
    }
}

pub(super) fn compile<'a>(automations: impl Iterator<Item = &'a Automation>) -> Compiled {
    let mut candidates: Vec<Candidate<'_>> = automations
        .filter(|automation| automation.is_active && automation.diagnostic.is_none())
        .flat_map(|automation| {
            automation.content.triggers.iter().map(move |trigger| candidate(automation, trigger))
        })
        .filter(|candidate| !candidate.form.is_empty())
        .collect();
    candidates.sort_by(|left, right| left.rank().cmp(&right.rank()));

    let mut places = Places::default();
    let mut entries = Vec::with_capacity(candidates.len());
    for (entry, candidate) in (0..).zip(&candidates) {
        places.add(entry, candidate);
        entries.push(Entry {
            automation: candidate.automation.id.clone(),
            version: candidate.automation.version,
            trigger: candidate.trigger.shared(),
            hit: candidate.hit,
            typo_tolerance: candidate.automation.content.typo_tolerance,
            expires_at: candidate.automation.content.expires_at,
        });
    }
    places.finish(entries)
}

fn candidate<'a>(automation: &'a Automation, trigger: &'a super::super::Trigger) -> Candidate<'a> {
    let form = normalise(trigger.as_str());
    let hit = match automation.content.match_mode {
        MatchMode::Exact => Hit::Exact,
        MatchMode::Word if form.chars().any(is_spaceless_script) => Hit::Contains,
        MatchMode::Word => Hit::Word,
        MatchMode::Contains => Hit::Contains,
    };
    Candidate { automation, trigger, form, hit }
}

/// Where each entry can be found.
#[derive(Default)]
struct Places {
    /// Patterns that stand somewhere in a text, and whole texts, each by its form.
    searched: HashMap<String, Lanes>,
    exact: HashMap<String, Lanes>,
}

#[derive(Default)]
struct Lanes {
    dm: Vec<EntryNo>,
    comment: Vec<EntryNo>,
    bound: Vec<(MediaId, EntryNo)>,
    typo_tolerance: bool,
}

impl Places {
    fn add(&mut self, entry: EntryNo, candidate: &Candidate<'_>) {
        let content = &candidate.automation.content;
        let lanes = if candidate.hit == Hit::Exact {
            let whole =
                bare(&candidate.form).map_or_else(|| candidate.form.clone(), |bare| bare.into_owned());
            self.exact.entry(whole).or_default()
        } else {
            self.searched.entry(candidate.form.clone()).or_default()
        };
        lanes.typo_tolerance |= content.typo_tolerance && candidate.hit == Hit::Word;
        if content.trigger_scope.covers(EventScope::Dm) {
            lanes.dm.push(entry);
        }
        if content.trigger_scope.covers(EventScope::Comment) {
            if content.post_ids.is_empty() {
                lanes.comment.push(entry);
            }
            lanes.bound.extend(content.post_ids.iter().map(|post| (post.clone(), entry)));
        }
    }

    fn finish(self, entries: Vec<Entry>) -> Compiled {
        // Sorted, so that the same automations always compile to the same form.
        let mut searched: Vec<(String, Lanes)> = self.searched.into_iter().collect();
        searched.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let mut whole: Vec<(String, Lanes)> = self.exact.into_iter().collect();
        whole.sort_unstable_by(|left, right| left.0.cmp(&right.0));

        let forms: Vec<&str> = searched.iter().map(|(form, _)| form.as_str()).collect();
        let search = Search::new(&forms);
        let tolerant = (0..).zip(&searched).filter(|(_, (_, lanes))| lanes.typo_tolerance);
        let typos = Typos::new(tolerant.map(|(no, (form, _))| (no, form.as_str())));

        let mut by_post = HashMap::<MediaId, Vec<(PatternNo, EntryNo)>>::new();
        let mut exact = HashMap::new();
        let mut patterns = Vec::with_capacity(searched.len() + whole.len());
        let first_whole = searched.len();
        for (no, (form, lanes)) in (0..).zip(searched.into_iter().chain(whole)) {
            for (post, entry) in lanes.bound {
                by_post.entry(post).or_default().push((no, entry));
            }
            patterns.push(Pattern {
                edges: (
                    form.chars().next().is_some_and(is_word_char),
                    form.chars().next_back().is_some_and(is_word_char),
                ),
                dm: lanes.dm.into(),
                comment: lanes.comment.into(),
            });
            if patterns.len() > first_whole {
                exact.insert(form.into_boxed_str(), no);
            }
        }
        let by_post = by_post
            .into_iter()
            .map(|(post, mut bound)| {
                bound.sort_unstable();
                bound.dedup();
                (post, bound.into())
            })
            .collect();
        Compiled { entries, patterns, search, exact, by_post, typos }
    }
}
