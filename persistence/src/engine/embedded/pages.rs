//! History rows in pages: where new rows go. Pages of a stream never overlap, and every page is keyed by its first row.

use super::values::Rows;
use crate::RowNo;
use bytes::Bytes;
use std::collections::BTreeMap;

/// A page is full at this many bytes of rows. Small enough to be rewritten for a few new rows, large enough that one
/// read brings a screen of messages.
const PAGE_BYTES: usize = 4096;

/// Rows to write, by number.
pub(super) type NewRows = BTreeMap<RowNo, Bytes>;

/// What happens to the page that begins at a row: written, or removed when its rows moved to a page that begins
/// before it.
pub(super) type PageChange = (RowNo, Option<Rows>);

/// Puts rows into the pages of a stream. `page_before(no)` gives the last page that begins at or before `no`.
pub(super) fn place<E>(
    rows: &NewRows,
    mut page_before: impl FnMut(RowNo) -> Result<Option<(RowNo, Rows)>, E>,
    mut next_page_after: impl FnMut(RowNo) -> Result<Option<RowNo>, E>,
) -> Result<Vec<PageChange>, E> {
    let mut changes = Vec::new();
    let mut left = rows.clone();
    while let Some((first_new, _)) = left.first_key_value() {
        let first_new = *first_new;
        let old = page_before(first_new)?;
        let upper = next_page_after(first_new)?;
        let later = upper.map_or_else(BTreeMap::new, |upper| left.split_off(&upper));
        let here = std::mem::replace(&mut left, later);
        let (key, old_rows) = match old {
            Some((key, rows)) if upper.is_some() || fits(&rows) || first_new <= last_no(&rows) => {
                (Some(key), rows)
            }
            _ => (None, Rows::new()),
        };
        let mut merged: BTreeMap<RowNo, Bytes> = old_rows.into_iter().collect();
        merged.extend(here);
        let written = split(merged);
        if let Some(key) = key
            && !written.iter().any(|rows| rows.first().is_some_and(|(no, _)| *no == key))
        {
            changes.push((key, None));
        }
        changes.extend(written.into_iter().filter_map(|rows| Some((rows.first()?.0, Some(rows)))));
    }
    Ok(changes)
}

fn size(rows: &Rows) -> usize {
    rows.iter().map(|(_, row)| row.len() + 12).sum()
}

/// Whether rows may still be added at the end.
fn fits(rows: &Rows) -> bool {
    size(rows) < PAGE_BYTES
}

fn last_no(rows: &Rows) -> RowNo {
    rows.last().map_or(0, |(no, _)| *no)
}

fn split(rows: BTreeMap<RowNo, Bytes>) -> Vec<Rows> {
    let mut pages = Vec::new();
    let mut page = Rows::new();
    for row in rows {
        if !fits(&page) {
            pages.push(std::mem::take(&mut page));
        }
        page.push(row);
    }
    pages.push(page);
    pages
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn apply(pages: &mut BTreeMap<RowNo, Rows>, rows: &NewRows) {
        let changes = place::<Infallible>(
            rows,
            |no| Ok(pages.range(..=no).next_back().map(|(key, rows)| (*key, rows.clone()))),
            |no| Ok(no.checked_add(1).and_then(|after| pages.range(after..).next()).map(|(key, _)| *key)),
        );
        for (key, rows) in changes.unwrap() {
            match rows {
                Some(rows) => pages.insert(key, rows),
                None => pages.remove(&key),
            };
        }
    }

    proptest! {
        #[test]
        fn pages_hold_what_was_written_last(flushes in prop::collection::vec(
            prop::collection::btree_map(0..200_u64, (0..3000_usize).prop_map(|size| Bytes::from(vec![7; size])), 1..20),
            1..12,
        )) {
            let mut pages = BTreeMap::new();
            let mut model = NewRows::new();
            for rows in flushes {
                model.extend(rows.clone());
                apply(&mut pages, &rows);
                for (key, rows) in &pages {
                    prop_assert_eq!(rows.first().map(|(no, _)| *no), Some(*key));
                }
                let all: Rows = pages.values().flatten().cloned().collect();
                prop_assert_eq!(all, model.clone().into_iter().collect::<Rows>());
            }
        }

        #[test]
        fn appending_fills_pages(sizes in prop::collection::vec(1..500_usize, 50..200)) {
            let mut pages = BTreeMap::new();
            let mut total = 0;
            for (no, size) in (0..).zip(sizes) {
                total += size + 12;
                apply(&mut pages, &NewRows::from([(no, Bytes::from(vec![7; size]))]));
            }
            prop_assert!(pages.len() <= total / PAGE_BYTES + 1);
        }
    }
}
