//! Professional accounts and their switches.

use super::{AccountId, ObjectId, World};
use crate::sandbox::{control::Refused, limits::ACCOUNTS_MAX};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// A professional account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) app_scoped: u64,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) account_type: String,
    pub(crate) followers: u64,
    /// Private accounts get no comment events.
    pub(crate) public: bool,
    /// "Allow access to messages" in the owner's app.
    pub(crate) messages_access: bool,
    /// Unix milliseconds; 0 when free.
    pub(crate) restricted_until: i64,
    /// Whether the Human Agent feature is granted.
    pub(crate) human_agent: bool,
    /// Impressions of the last 24 hours, the factor of the limit for ordinary calls.
    pub(crate) impressions: u64,
    /// Fields of the account's webhook subscription; empty: no webhooks.
    pub(crate) subscribed: Vec<String>,
    /// Whether the platform itself ended the subscription after failed deliveries.
    pub(crate) webhooks_disabled: bool,
    pub(crate) messenger_profile: Map<String, Value>,
    /// The broadcast that runs now.
    pub(crate) live: Option<ObjectId>,
    /// Usage that the control API forces: percent and minutes.
    pub(crate) forced_usage: Option<(u32, u32)>,
    /// When deliveries began to fail without a break, monotonic milliseconds.
    #[serde(skip)]
    pub(crate) failing_since: Option<u64>,
}

/// All accounts, by id, with their other names.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Accounts {
    by_id: BTreeMap<AccountId, Account>,
    by_app_scoped: HashMap<u64, AccountId>,
    by_username: HashMap<String, AccountId>,
}

impl Accounts {
    pub(crate) fn get(&self, id: AccountId) -> Option<&Account> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.by_id.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// By either id.
    pub(crate) fn by_number(&self, n: u64) -> Option<AccountId> {
        if self.by_id.contains_key(&AccountId(n)) {
            return Some(AccountId(n));
        }
        self.by_app_scoped.get(&n).copied()
    }

    /// By either id or the username.
    pub(crate) fn find(&self, text: &str) -> Option<AccountId> {
        AccountId::parse(text)
            .and_then(|id| self.by_number(id.0))
            .or_else(|| self.by_username.get(text).copied())
    }

    fn insert(&mut self, account: Account) {
        self.by_app_scoped.insert(account.app_scoped, account.id);
        self.by_username.insert(account.username.clone(), account.id);
        self.by_id.insert(account.id, account);
    }
}

/// What the control API can set; everything is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AccountChange {
    pub(crate) username: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) account_type: Option<String>,
    pub(crate) followers: Option<u64>,
    pub(crate) public: Option<bool>,
    pub(crate) messages_access: Option<bool>,
    pub(crate) restricted_until: Option<i64>,
    pub(crate) human_agent: Option<bool>,
    pub(crate) impressions: Option<u64>,
}

impl World {
    /// Makes an account with fresh ids.
    pub(crate) fn create_account(&mut self, change: AccountChange) -> Result<AccountId, Refused> {
        let ids = self.counters.account();
        self.create_account_as(ids, change)
    }

    pub(super) fn create_account_as(
        &mut self,
        (id, app_scoped): (AccountId, u64),
        change: AccountChange,
    ) -> Result<AccountId, Refused> {
        if self.accounts.len() >= ACCOUNTS_MAX {
            return Err(Refused::Full("accounts"));
        }
        let username =
            change.username.clone().unwrap_or_else(|| format!("fict_account_{}", id.0 % 1_000_000));
        if self.accounts.by_username.contains_key(&username) {
            return Err(Refused::Conflict("the username is taken"));
        }
        self.accounts.insert(Account {
            id,
            app_scoped,
            name: username.clone(),
            username,
            account_type: "BUSINESS".into(),
            followers: 1_234,
            public: true,
            messages_access: true,
            restricted_until: 0,
            human_agent: true,
            impressions: 10_000,
            subscribed: Vec::new(),
            webhooks_disabled: false,
            messenger_profile: Map::new(),
            live: None,
            forced_usage: None,
            failing_since: None,
        });
        self.change_account(id, change)?;
        Ok(id)
    }

    /// Applies what is set.
    pub(crate) fn change_account(&mut self, id: AccountId, change: AccountChange) -> Result<(), Refused> {
        let accounts = &mut self.accounts;
        let Some(account) = accounts.by_id.get_mut(&id) else { return Err(Refused::NotFound("account")) };
        if let Some(username) = change.username
            && username != account.username
        {
            if accounts.by_username.contains_key(&username) {
                return Err(Refused::Conflict("the username is taken"));
            }
            accounts.by_username.remove(&account.username);
            accounts.by_username.insert(username.clone(), id);
            account.username = username;
        }
        set(&mut account.name, change.name);
        set(&mut account.account_type, change.account_type);
        set(&mut account.followers, change.followers);
        set(&mut account.public, change.public);
        set(&mut account.messages_access, change.messages_access);
        set(&mut account.restricted_until, change.restricted_until);
        set(&mut account.human_agent, change.human_agent);
        set(&mut account.impressions, change.impressions);
        Ok(())
    }
}

/// Overwrites when there is a value.
pub(crate) fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
