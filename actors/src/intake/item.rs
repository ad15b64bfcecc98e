//! What the intake log keeps: raw bytes with a little beside them. `Debug` shows sizes only: the bytes hold what people
//! wrote.

use super::Weigh;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Bytes kept of one item in the quarantine; longer ones are cut, because what is wrong with them shows at their
/// beginning.
pub const KEPT_BYTES_MAX: usize = 16 * 1024;
/// Longest item that is kept for an account that may be connected later, in bytes: several times the longest message with
/// all that can hang on it. It is delivered then, so it must be whole.
pub const UNROUTED_ITEM_BYTES_MAX: usize = 64 * 1024;
/// Longest account id or reason kept, in characters.
const LABEL_CHARS_MAX: usize = 128;
/// Why a cut item of an account that was connected later is in the quarantine.
const CUT: &str = "item came before its account was connected and was too long to be kept whole";
/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 128;

/// An item of an account that nobody has connected.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unrouted {
    account: Arc<str>,
    raw: Arc<[u8]>,
    cut: bool,
}

impl Unrouted {
    /// Keeps the item when it has at most [`UNROUTED_ITEM_BYTES_MAX`], else the first [`KEPT_BYTES_MAX`] of it.
    #[must_use]
    pub fn new(account: &str, raw: &[u8]) -> Self {
        let (raw, cut) = if raw.len() <= UNROUTED_ITEM_BYTES_MAX { (raw.into(), false) } else { kept(raw) };
        Self { account: label(account), raw, cut }
    }

    /// The account, as the delivery named it.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The item, bytes as received; `None` when it was cut and cannot be delivered any more.
    #[must_use]
    pub fn whole(&self) -> Option<&[u8]> {
        (!self.cut).then_some(&*self.raw)
    }

    /// What is left of an item that was cut, for the quarantine; `None` when it is whole.
    pub(super) fn cut(&self) -> Option<Quarantined> {
        let (account, raw) = (Some(Arc::clone(&self.account)), Arc::clone(&self.raw));
        self.cut.then(|| Quarantined { account, reason: CUT.into(), raw, cut: true })
    }
}

impl Weigh for Unrouted {
    fn size(&self) -> usize {
        ENTRY_BYTES + self.account.len() + self.raw.len()
    }
}

impl fmt::Debug for Unrouted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unrouted({}, {} bytes)", self.account, self.raw.len())
    }
}

/// A delivery or item that could not be understood.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    account: Option<Arc<str>>,
    reason: Arc<str>,
    raw: Arc<[u8]>,
    cut: bool,
}

impl Quarantined {
    /// Keeps at most [`KEPT_BYTES_MAX`] of the bytes.
    #[must_use]
    pub fn new(account: Option<&str>, reason: &str, raw: &[u8]) -> Self {
        let (raw, cut) = kept(raw);
        Self { account: account.map(label), reason: label(reason), raw, cut }
    }

    /// The account, when the delivery named one.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// What is wrong with it.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The first bytes, and whether there were more.
    #[must_use]
    pub fn raw(&self) -> (&[u8], bool) {
        (&self.raw, self.cut)
    }
}

impl Weigh for Quarantined {
    fn size(&self) -> usize {
        ENTRY_BYTES
            + self.account.as_ref().map_or(0, |account| account.len())
            + self.reason.len()
            + self.raw.len()
    }
}

impl fmt::Debug for Quarantined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quarantined({}, {} bytes)", self.reason, self.raw.len())
    }
}

fn kept(raw: &[u8]) -> (Arc<[u8]>, bool) {
    let end = raw.len().min(KEPT_BYTES_MAX);
    (raw.get(..end).unwrap_or_default().into(), end < raw.len())
}

fn label(text: &str) -> Arc<str> {
    crate::text::cut_chars(text, LABEL_CHARS_MAX).0.into()
}
