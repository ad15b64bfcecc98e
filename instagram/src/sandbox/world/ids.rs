//! Identifiers, all from counters so that runs are reproducible.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $name(pub(crate) u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A professional account.
    AccountId,
    /// A human, whom each account sees under another [`Igsid`].
    PersonId,
    /// A person as seen by one account.
    Igsid,
    /// A comment or a post.
    ObjectId,
}

/// Decimal digits only: no sign, no blanks.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

impl AccountId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        digits(text).map(Self)
    }
}

impl Igsid {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        digits(text).map(Self)
    }
}

impl ObjectId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        digits(text).map(Self)
    }
}

/// A message; shown as `m_sbx_<n>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Mid(pub(crate) u64);

impl Mid {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.strip_prefix("m_sbx_").and_then(digits).map(Self)
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m_sbx_{}", self.0)
    }
}

/// First number of each kind, as the platform's ids look.
const ACCOUNT: u64 = 17_841_400_000_000_000;
const APP_SCOPED: u64 = 26_000_000_000_000_000;
const IGSID: u64 = 900_000_000_000_000;
const OBJECT: u64 = 18_000_000_000_000_000;
/// Numbers below are for the seed.
const FIRST_ACCOUNT: u64 = 10;
const FIRST_PERSON: u64 = 100;
const FIRST_IGSID: u64 = 1_000;
const FIRST_OBJECT: u64 = 1_000;
/// Accounts and people of the seed; their scoped ids are fixed.
pub(crate) const SEED_ACCOUNTS: u64 = 2;
pub(crate) const SEED_PEOPLE: u64 = 9;

/// The next number of each kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Counters {
    account: u64,
    person: u64,
    igsid: u64,
    object: u64,
    mid: u64,
    token: u64,
    other: u64,
}

fn take(counter: &mut u64) -> u64 {
    let n = *counter;
    *counter += 1;
    n
}

impl Counters {
    pub(crate) const fn starting_at(base: u64) -> Self {
        Self {
            account: FIRST_ACCOUNT + base,
            person: FIRST_PERSON + base,
            igsid: FIRST_IGSID + base,
            object: FIRST_OBJECT + base,
            mid: 1 + base,
            token: 1 + base,
            other: 1 + base,
        }
    }

    /// No counter falls below its start for `base`: a loaded state goes on above both.
    pub(crate) fn raise(&mut self, base: u64) {
        let floor = Self::starting_at(base);
        self.account = self.account.max(floor.account);
        self.person = self.person.max(floor.person);
        self.igsid = self.igsid.max(floor.igsid);
        self.object = self.object.max(floor.object);
        self.mid = self.mid.max(floor.mid);
        self.token = self.token.max(floor.token);
        self.other = self.other.max(floor.other);
    }

    /// The two ids of a new account.
    pub(crate) fn account(&mut self) -> (AccountId, u64) {
        seed_account(take(&mut self.account))
    }

    pub(crate) fn person(&mut self) -> PersonId {
        PersonId(take(&mut self.person))
    }

    pub(crate) fn igsid(&mut self) -> Igsid {
        Igsid(IGSID + take(&mut self.igsid))
    }

    pub(crate) fn object(&mut self) -> ObjectId {
        seed_object(take(&mut self.object))
    }

    pub(crate) fn mid(&mut self) -> Mid {
        Mid(take(&mut self.mid))
    }

    pub(crate) fn token(&mut self) -> u64 {
        take(&mut self.token)
    }

    /// Codes, updates, deliveries, faults, traces.
    pub(crate) fn other(&mut self) -> u64 {
        take(&mut self.other)
    }
}

/// The two ids of account number `n`.
pub(crate) const fn seed_account(n: u64) -> (AccountId, u64) {
    (AccountId(ACCOUNT + n), APP_SCOPED + n)
}

/// Comment or media number `n`.
pub(crate) const fn seed_object(n: u64) -> ObjectId {
    ObjectId(OBJECT + n)
}

/// The fixed scoped id of a person of the seed at an account of the seed.
pub(crate) fn seed_igsid(account: AccountId, person: PersonId) -> Option<Igsid> {
    let n = account.0.checked_sub(ACCOUNT)?;
    ((1..=SEED_ACCOUNTS).contains(&n) && (1..=SEED_PEOPLE).contains(&person.0))
        .then(|| Igsid(IGSID + (n - 1) * 100 + person.0))
}
