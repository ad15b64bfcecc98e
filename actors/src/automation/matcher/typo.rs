//! Words that are one slip away from a trigger.
//!
//! Two words are at most one slip apart exactly when leaving out at most one letter of each can make them equal. So
//! every trigger is stored under the hashes of itself and of each word with one letter less, and a word of the text is
//! looked up the same way. The first letter must be right, as it nearly always is: that keeps "pink" from "link".

use super::PatternNo;
use crate::text::is_word_char;
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// Shortest trigger, in letters: shorter words are one slip away from too many others.
const LETTERS_MIN: usize = 4;
/// Longest trigger, in letters.
const LETTERS_MAX: usize = 32;
/// Bits of the filter for each stored hash: about one false answer in twelve.
const FILTER_BITS_EACH: usize = 12;

/// Triggers by the hashes of their near spellings.
pub(super) struct Typos {
    near: HashMap<u64, Vec<PatternNo>, BuildHasherDefault<Spread>>,
    /// One bit for each stored hash, in front of the map: nearly every word of a text ends here.
    filter: Box<[u64]>,
    words: HashMap<PatternNo, Box<str>>,
}

impl Typos {
    /// Stores those patterns that are one word of four to 32 letters.
    pub(super) fn new<'a>(patterns: impl Iterator<Item = (PatternNo, &'a str)>) -> Option<Self> {
        let words: HashMap<PatternNo, Box<str>> =
            patterns.filter(|(_, form)| is_tolerant(form)).map(|(no, form)| (no, form.into())).collect();
        if words.is_empty() {
            return None;
        }
        let mut near = HashMap::<u64, Vec<PatternNo>, _>::default();
        let mut letters = Letters::new();
        for (no, word) in &words {
            letters.read(word.chars());
            letters.each_near(|hash| {
                let patterns: &mut Vec<PatternNo> = near.entry(hash).or_default();
                if patterns.last() != Some(no) {
                    patterns.push(*no);
                }
            });
        }
        let bits = (near.len() * FILTER_BITS_EACH).next_power_of_two().max(64);
        let mut filter = vec![0_u64; bits / 64].into_boxed_slice();
        for hash in near.keys() {
            let (slot, bit) = place(*hash, filter.len());
            filter[slot] |= bit;
        }
        Some(Self { near, filter, words })
    }

    /// Calls with every trigger that a word of the text is one slip away from, and the place of the word.
    pub(super) fn each(&self, text: &str, mut visit: impl FnMut(PatternNo, (usize, usize))) {
        let mut letters = Letters::new();
        let mut seen: Vec<PatternNo> = Vec::new();
        for (start, word) in words(text) {
            if !letters.read(word.chars()) || letters.count + 1 < LETTERS_MIN {
                continue;
            }
            seen.clear();
            letters.each_near(|hash| {
                let (slot, bit) = place(hash, self.filter.len());
                if self.filter[slot] & bit == 0 {
                    return;
                }
                for no in self.near.get(&hash).into_iter().flatten() {
                    let trigger = self.words.get(no).map_or("", |word| &**word);
                    if !seen.contains(no) && strsim::osa_distance(trigger, word) == 1 {
                        seen.push(*no);
                        visit(*no, (start, start + word.len()));
                    }
                }
            });
        }
    }

    /// Rough bytes in memory.
    pub(super) fn weight(&self) -> usize {
        self.near.capacity() * 48 + self.filter.len() * 8 + self.words.len() * 64
    }
}

/// Whether slips in this trigger can be forgiven at all: numbers are not words ("2024" is not "2025").
fn is_tolerant(form: &str) -> bool {
    form.chars().all(char::is_alphabetic) && (LETTERS_MIN..=LETTERS_MAX).contains(&form.chars().count())
}

fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c| !is_word_char(c))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
}

const fn place(hash: u64, slots: usize) -> (usize, u64) {
    // Multiplying spreads the hash into the high bits; `slots` is a power of two.
    let spread = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((spread >> 32) as usize & (slots - 1), 1 << (spread >> 58))
}

/// Multiplier of the rolling hash.
const BASE: u64 = 0x0001_0000_01B3;

/// Hashes of the beginnings of a word, from which the hash of the word without any one letter follows at once.
struct Letters {
    count: usize,
    /// `starts[i]` is the hash of the first `i` letters.
    starts: [u64; LETTERS_MAX + 2],
}

impl Letters {
    const fn new() -> Self {
        Self { count: 0, starts: [0; LETTERS_MAX + 2] }
    }

    /// Reads a word; `false` when it is too long to be near any trigger.
    fn read(&mut self, letters: impl Iterator<Item = char>) -> bool {
        self.count = 0;
        for letter in letters {
            if self.count > LETTERS_MAX {
                return false;
            }
            self.starts[self.count + 1] =
                self.starts[self.count].wrapping_mul(BASE).wrapping_add(u64::from(u32::from(letter)) + 1);
            self.count += 1;
        }
        true
    }

    /// Calls with the hash of the word and of the word without each letter after the first.
    fn each_near(&self, mut visit: impl FnMut(u64)) {
        let whole = self.starts[self.count];
        visit(whole);
        let mut weight = 1_u64;
        for at in (1..self.count).rev() {
            let without = self.starts[at].wrapping_sub(self.starts[at + 1]).wrapping_mul(weight);
            visit(whole.wrapping_add(without));
            weight = weight.wrapping_mul(BASE);
        }
    }
}

/// The keys are hashes already; they only need spreading.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte) ^ self.0);
        }
    }
    fn write_u64(&mut self, value: u64) {
        let spread = value.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ (spread >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(trigger: &str, text: &str) -> bool {
        let mut found = false;
        if let Some(typos) = Typos::new([(0, trigger)].into_iter()) {
            typos.each(text, |_, _| found = true);
        }
        found
    }

    #[test]
    fn one_slip_is_forgiven() {
        for (trigger, text) in [
            ("link", "the lnik please"),
            ("link", "lin"),
            ("link", "links"),
            ("guide", "giude"),
            ("guide", "send guidr."),
            ("café", "cafe"),
            ("размер", "рамер"),
        ] {
            assert!(near(trigger, text), "{trigger} in {text:?}");
        }
        for (trigger, text) in [
            ("link", "pink"),
            ("link", "lk"),
            ("link", "like that"),
            ("link", "link"),
            ("vip", "vop"),
            ("2024", "2025"),
            ("free guide", "fre guide"),
        ] {
            assert!(!near(trigger, text), "{trigger} in {text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_index_finds_exactly_one_slip(trigger in "[a-d]{4,8}", word in "[a-d]{1,9}") {
            let expected = trigger.chars().next() == word.chars().next() && strsim::osa_distance(&trigger, &word) == 1;
            // Slips in which the first letter moves are left out; everything else must be found.
            prop_assert_eq!(near(&trigger, &word), expected, "{} {}", trigger, word);
        }
    }
}
