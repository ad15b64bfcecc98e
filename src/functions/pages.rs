//! Pages of a list: stable while rows come and go.
//!
//! A page is the half-open range after a cursor up to and with another. What ends it is fixed when the page is first
//! evaluated and kept in the subscription's journal, so that pages once loaded neither overlap nor leave gaps.

use super::{
    context::Reader,
    failure::{CallError, Failure},
};
use crate::auth::secrets::Secrets;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// Most rows of a page that a client may ask for.
pub const ROWS_MAX: usize = 500;
/// A page that grew beyond this should be split.
const SPLIT_ROWS: usize = 2 * ROWS_MAX;
/// Most rows of one page, however it was asked for.
const PAGE_ROWS_MAX: usize = 6_000;
/// Longest cursor that is looked at, in bytes.
const CURSOR_BYTES_MAX: usize = 1_024;
/// Bytes of a cursor's seal.
const SEAL_BYTES: usize = 32;

/// Which page (sync contract, section 11.1).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaginationOpts {
    /// Rows wanted; at least 1.
    pub num_items: f64,
    /// Where it begins; null is the beginning.
    pub cursor: Option<String>,
    /// Where it ends, whatever `numItems` says.
    #[serde(default)]
    pub end_cursor: Option<String>,
    /// Keeps uses of the hook apart; ignored.
    #[serde(default)]
    #[allow(dead_code, reason = "accepted and ignored, as the contract asks")]
    id: Option<f64>,
    /// Ignored: pages are bounded anyway.
    #[serde(default)]
    #[allow(dead_code, reason = "accepted and ignored, as the contract asks")]
    maximum_rows_read: Option<f64>,
    /// Ignored: pages are bounded anyway.
    #[serde(default)]
    #[allow(dead_code, reason = "accepted and ignored, as the contract asks")]
    maximum_bytes_read: Option<f64>,
}

/// One page.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaginationResult<T> {
    /// Its rows.
    pub page: Vec<T>,
    /// Nothing comes after it.
    pub is_done: bool,
    /// Where the next page begins.
    pub continue_cursor: String,
    /// Where it may be cut in two.
    pub split_cursor: Option<String>,
    /// Whether it should be.
    pub page_status: Option<PageStatus>,
}

/// Whether a page should be cut in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum PageStatus {
    /// It has grown.
    SplitRecommended,
    /// It had to be cut short.
    SplitRequired,
}

/// Where a cursor points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Place<K> {
    /// After this row.
    After(K),
    /// Behind the last row.
    End,
}

/// Evaluates a page of rows that are in the order of their keys. `rows(after)` gives those after a key, or all. `scope` is
/// what else the query was asked: a cursor is good for the same query of the same caller only.
///
/// # Errors
/// `InvalidCursor` as clients expect it; a wrong `numItems`.
pub fn page<K, T, I>(
    reader: &Reader,
    opts: &PaginationOpts,
    scope: &impl Serialize,
    rows: impl FnOnce(Option<&K>) -> I,
) -> Result<PaginationResult<T>, CallError>
where
    K: Clone + Ord + Serialize + DeserializeOwned,
    I: Iterator<Item = (K, T)>,
{
    let asked = Asked::new(reader, opts, scope)?;
    let rows = rows(asked.after());
    asked.finish(rows)
}

/// A page that was asked for: for rows that are fetched first, see [`page`].
pub(super) struct Asked<'a, K> {
    reader: &'a Reader,
    seal: Sealer<'a>,
    wanted: usize,
    start: Option<Place<K>>,
    end: Option<Place<K>>,
}

impl<'a, K: Clone + Ord + Serialize + DeserializeOwned> Asked<'a, K> {
    pub(super) fn new(
        reader: &'a Reader,
        opts: &PaginationOpts,
        scope: &impl Serialize,
    ) -> Result<Self, CallError> {
        let seal = Sealer::new(reader, scope);
        let wanted = wanted(opts.num_items)?;
        let start = opts.cursor.as_deref().map(|cursor| seal.open::<K>(cursor)).transpose()?;
        let end = match (&opts.end_cursor, &reader.journal) {
            (Some(end), _) => Some(seal.open::<K>(end)?),
            (None, Some(journal)) => Some(seal.open::<K>(journal)?),
            (None, None) => None,
        };
        Ok(Self { reader, seal, wanted, start, end })
    }

    /// Rows after this one are wanted; all when there is none.
    pub(super) const fn after(&self) -> Option<&K> {
        match &self.start {
            Some(Place::After(key)) => Some(key),
            Some(Place::End) | None => None,
        }
    }

    /// Rows with these keys, in order, are all that the page can need.
    pub(super) fn is_enough<'k>(&self, keys: impl Iterator<Item = &'k K>) -> bool
    where
        K: 'k,
    {
        let mut keys = keys;
        match (&self.start, &self.end) {
            (Some(Place::End), _) => true,
            (_, Some(Place::After(last))) => {
                keys.enumerate().any(|(place, key)| key > last || place > PAGE_ROWS_MAX)
            }
            (_, Some(Place::End)) => keys.nth(PAGE_ROWS_MAX).is_some(),
            (_, None) => keys.nth(self.wanted).is_some(),
        }
    }

    /// The page, from the rows after [`Asked::after`].
    pub(super) fn finish<T>(
        self,
        rows: impl Iterator<Item = (K, T)>,
    ) -> Result<PaginationResult<T>, CallError> {
        let Self { reader, seal, wanted, start, end } = self;
        // A page behind the last row: what came later belongs to the page that ended there.
        if matches!(start, Some(Place::End)) {
            return finish(reader, &seal, Vec::<(K, T)>::new(), &Place::End, false);
        }
        let mut taken = Vec::new();
        let mut is_cut = false;
        let mut at = Place::End;
        for (key, row) in rows {
            if matches!(&end, Some(Place::After(last)) if key > *last) {
                break;
            }
            if (end.is_none() && taken.len() == wanted) || taken.len() == PAGE_ROWS_MAX {
                is_cut = end.is_some();
                at = taken.last().map_or(Place::End, |(key, _): &(K, T)| Place::After(key.clone()));
                break;
            }
            taken.push((key, row));
        }
        let at = if is_cut { at } else { end.unwrap_or(at) };
        finish(reader, &seal, taken, &at, is_cut)
    }
}

fn finish<K: Clone + Serialize, T>(
    reader: &Reader,
    seal: &Sealer<'_>,
    taken: Vec<(K, T)>,
    at: &Place<K>,
    is_cut: bool,
) -> Result<PaginationResult<T>, CallError> {
    let middle = taken.len().div_ceil(2).checked_sub(1).filter(|_| taken.len() > 1);
    let split_cursor = middle
        .and_then(|middle| taken.get(middle))
        .map(|(key, _)| seal.seal(&Place::After(key.clone())))
        .transpose()?;
    let page_status = match taken.len() {
        _ if is_cut => Some(PageStatus::SplitRequired),
        rows if rows > SPLIT_ROWS => Some(PageStatus::SplitRecommended),
        _ => None,
    };
    let continue_cursor = seal.seal(at)?;
    if !is_cut {
        let _ = reader.next_journal.set(continue_cursor.as_str().into());
    }
    Ok(PaginationResult {
        page: taken.into_iter().map(|(_, row)| row).collect(),
        is_done: matches!(at, Place::End),
        continue_cursor,
        split_cursor,
        page_status,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole and in range"
)]
fn wanted(num_items: f64) -> Result<usize, CallError> {
    /// The contract's bound of what may be asked for.
    const ASKED_MAX: f64 = 32_000.0;
    if num_items.fract() != 0.0 || !(1.0..=ASKED_MAX).contains(&num_items) {
        return Err(Failure::field("paginationOpts.numItems", "a whole number from 1 to 32000").into());
    }
    Ok((num_items as usize).min(ROWS_MAX))
}

/// Seals cursors, so that none can be made up or carried to another query.
struct Sealer<'a> {
    secrets: &'a Secrets,
    /// What the seal is for.
    context: Vec<u8>,
}

impl<'a> Sealer<'a> {
    fn new(reader: &'a Reader, scope: &impl Serialize) -> Self {
        let scope = serde_json::to_vec(scope).unwrap_or_default();
        let mut hash = Sha256::new();
        for part in [reader.caller.user_id.as_bytes(), reader.path.as_bytes(), &scope] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let context = [b"page:".as_slice(), hash.finalize().as_slice()].concat();
        Self { secrets: &reader.app.auth.secrets, context }
    }

    fn seal<K: Serialize>(&self, place: &Place<K>) -> Result<String, CallError> {
        let mut bytes = rmp_serde::to_vec(place).map_err(|_| crate::sync::Trouble::Internal)?;
        let seal = self.secrets.sign(&[self.context.as_slice(), &bytes].concat());
        bytes.extend(seal);
        Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    fn open<K: DeserializeOwned>(&self, cursor: &str) -> Result<Place<K>, CallError> {
        if cursor.len() > CURSOR_BYTES_MAX {
            return Err(CallError::InvalidCursor);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| CallError::InvalidCursor)?;
        let body = bytes.len().checked_sub(SEAL_BYTES).ok_or(CallError::InvalidCursor)?;
        let (place, seal) = bytes.split_at(body);
        if !self.secrets.verify(&[self.context.as_slice(), place].concat(), seal) {
            return Err(CallError::InvalidCursor);
        }
        rmp_serde::from_slice(place).map_err(|_| CallError::InvalidCursor)
    }
}
