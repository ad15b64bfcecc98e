//! Secrets that are sealed again under another key: the tokens of providers, and what mails say.

use super::{Identity, IdentityEvent, Reply, account, row::Account, row::Login, value::Sealed};
use crate::Draft;
use std::sync::Arc;

/// Replaces an envelope wherever it stands. What was replaced or removed meanwhile stays as it is.
pub(super) fn reseal(draft: &mut Draft<Identity>, from: &Sealed, to: &Sealed) -> Reply {
    let accounts: Vec<Arc<Account>> = draft.accounts.iter().cloned().collect();
    for known in accounts {
        let Login::Provider(login) = &known.login else { continue };
        let mut login = login.clone();
        let tokens = [&mut login.tokens.access, &mut login.tokens.refresh, &mut login.tokens.id];
        let mut found = false;
        for token in tokens.into_iter().flatten().filter(|token| *token == from) {
            *token = to.clone();
            found = true;
        }
        if found {
            account::set(draft, Account { login: Login::Provider(login), ..Account::clone(&known) });
        }
    }
    let mails: Vec<_> = draft.mails.iter().filter(|mail| mail.payload == *from).map(|mail| mail.id).collect();
    for id in mails {
        draft.emit(IdentityEvent::MailResealed { id, payload: to.clone() });
    }
    Reply::Done
}
