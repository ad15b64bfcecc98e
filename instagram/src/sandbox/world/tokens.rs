//! Authorization codes and access tokens.

use super::{AccountId, World};
use crate::sandbox::limits::{CODES_MAX, TOKENS_MAX};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Life of a code and of a short-lived token, milliseconds.
const HOUR: i64 = 3_600_000;
/// Life of a long-lived token, milliseconds.
pub(crate) const LONG_LIFE: i64 = 60 * 24 * HOUR;
/// Age from which a token can be refreshed, milliseconds.
pub(crate) const REFRESH_AGE: i64 = 24 * HOUR;
/// Characters of a token.
const TOKEN_LENGTH: usize = 180;

/// What became of a token besides expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// Usable until it expires.
    Good,
    /// The owner removed the app.
    Revoked,
    /// The owner changed the password.
    PasswordChanged,
    /// The owner must log in to Instagram first.
    Checkpoint,
}

/// An access token without its text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) account: AccountId,
    pub(crate) scopes: Vec<String>,
    pub(crate) issued_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) long_lived: bool,
    pub(crate) standing: Standing,
}

/// An authorization code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Code {
    account: AccountId,
    scopes: Vec<String>,
    redirect_uri: String,
    expires_at: i64,
}

/// All tokens and codes, by text; numbered in order of creation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tokens {
    tokens: HashMap<String, Token>,
    token_order: BTreeMap<u64, String>,
    codes: HashMap<String, Code>,
    code_order: BTreeMap<u64, String>,
}

impl Tokens {
    pub(crate) fn get(&self, text: &str) -> Option<&Token> {
        self.tokens.get(text)
    }

    pub(crate) fn get_mut(&mut self, text: &str) -> Option<&mut Token> {
        self.tokens.get_mut(text)
    }

    pub(crate) fn of_mut(&mut self, account: AccountId) -> impl Iterator<Item = &mut Token> {
        self.tokens.values_mut().filter(move |token| token.account == account)
    }

    pub(crate) fn count(&self) -> usize {
        self.tokens.len()
    }
}

impl World {
    /// A token for an account; `long_lived` lives 60 days, otherwise one hour.
    pub(crate) fn issue_token(
        &mut self,
        account: AccountId,
        scopes: Vec<String>,
        long_lived: bool,
    ) -> (String, i64) {
        let n = self.counters.token();
        let text = format!("{:Z<TOKEN_LENGTH$}", format!("IGSBX{n}"));
        let life = if long_lived { LONG_LIFE } else { HOUR };
        let token = Token {
            account,
            scopes,
            issued_at: self.now,
            expires_at: self.now + life,
            long_lived,
            standing: Standing::Good,
        };
        let tokens = &mut self.tokens;
        tokens.tokens.insert(text.clone(), token);
        tokens.token_order.insert(n, text.clone());
        if tokens.tokens.len() > TOKENS_MAX
            && let Some((_, old)) = tokens.token_order.pop_first()
        {
            tokens.tokens.remove(&old);
        }
        (text, life / 1_000)
    }

    /// A code for the consent that was given.
    pub(crate) fn issue_code(
        &mut self,
        account: AccountId,
        scopes: Vec<String>,
        redirect_uri: String,
    ) -> String {
        let n = self.counters.other();
        let text = format!("AQsbx{n}");
        let code = Code { account, scopes, redirect_uri, expires_at: self.now + HOUR };
        let tokens = &mut self.tokens;
        tokens.codes.insert(text.clone(), code);
        tokens.code_order.insert(n, text.clone());
        if tokens.codes.len() > CODES_MAX
            && let Some((_, old)) = tokens.code_order.pop_first()
        {
            tokens.codes.remove(&old);
        }
        text
    }

    /// Spends a code: usable once, within an hour, with the address it was given for.
    pub(crate) fn spend_code(&mut self, text: &str, redirect_uri: &str) -> Option<(AccountId, Vec<String>)> {
        if self.tokens.codes.get(text)?.redirect_uri != redirect_uri {
            return None;
        }
        let code = self.tokens.codes.remove(text)?;
        (code.expires_at > self.now).then_some((code.account, code.scopes))
    }
}
