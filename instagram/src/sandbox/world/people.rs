//! People, and how each account sees them.

use super::{AccountId, Igsid, PersonId, World, accounts::set, ids::seed_igsid};
use crate::sandbox::{control::Refused, limits::PEOPLE_MAX};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// A human with an Instagram account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) id: PersonId,
    pub(crate) username: String,
    pub(crate) name: Option<String>,
    /// Follows the accounts it talks to: its messages land in the inbox, not in requests.
    pub(crate) follows: bool,
    /// Blocked the accounts it talked to.
    pub(crate) blocked: bool,
    pub(crate) followers: u64,
}

/// All people and their scoped ids.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct People {
    by_id: BTreeMap<PersonId, Person>,
    by_username: HashMap<String, PersonId>,
    by_igsid: BTreeMap<Igsid, (AccountId, PersonId)>,
    /// Rebuilt from `by_igsid`.
    #[serde(skip)]
    igsids: HashMap<(AccountId, PersonId), Igsid>,
}

impl People {
    pub(crate) fn get(&self, id: PersonId) -> Option<&Person> {
        self.by_id.get(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Person> {
        self.by_id.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The account and the person behind a scoped id.
    pub(crate) fn behind(&self, igsid: Igsid) -> Option<(AccountId, &Person)> {
        let (account, person) = self.by_igsid.get(&igsid)?;
        Some((*account, self.by_id.get(person)?))
    }

    /// Scoped ids given out so far.
    pub(crate) fn scoped_ids_of(&self, person: PersonId) -> Vec<(AccountId, Igsid)> {
        self.by_igsid.iter().filter(|(_, (_, p))| *p == person).map(|(igsid, (a, _))| (*a, *igsid)).collect()
    }

    /// By own id, username or scoped id.
    pub(crate) fn find(&self, text: &str) -> Option<PersonId> {
        let number = text.parse::<u64>().ok();
        number
            .map(PersonId)
            .filter(|id| self.by_id.contains_key(id))
            .or_else(|| number.and_then(|n| self.by_igsid.get(&Igsid(n)).map(|(_, person)| *person)))
            .or_else(|| self.by_username.get(text).copied())
    }

    pub(super) fn reindex(&mut self) {
        self.igsids = self.by_igsid.iter().map(|(igsid, key)| (*key, *igsid)).collect();
    }
}

/// What the control API can set; everything is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PersonChange {
    pub(crate) username: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) follows: Option<bool>,
    pub(crate) blocked: Option<bool>,
    pub(crate) followers: Option<u64>,
}

impl World {
    /// Makes a person with a fresh id.
    pub(crate) fn create_person(&mut self, change: PersonChange) -> Result<PersonId, Refused> {
        let id = self.counters.person();
        self.create_person_as(id, change)
    }

    pub(super) fn create_person_as(
        &mut self,
        id: PersonId,
        change: PersonChange,
    ) -> Result<PersonId, Refused> {
        if self.people.len() >= PEOPLE_MAX {
            return Err(Refused::Full("people"));
        }
        let username = change.username.clone().unwrap_or_else(|| format!("fict_person_{id}"));
        if self.people.by_username.contains_key(&username) {
            return Err(Refused::Conflict("the username is taken"));
        }
        self.people.by_username.insert(username.clone(), id);
        let person = Person {
            id,
            username,
            name: Some(format!("Fict Person {id}")),
            follows: true,
            blocked: false,
            followers: 321,
        };
        self.people.by_id.insert(id, person);
        self.change_person(id, change)?;
        Ok(id)
    }

    /// Applies what is set.
    pub(crate) fn change_person(&mut self, id: PersonId, change: PersonChange) -> Result<(), Refused> {
        let people = &mut self.people;
        let Some(person) = people.by_id.get_mut(&id) else { return Err(Refused::NotFound("person")) };
        if let Some(username) = change.username
            && username != person.username
        {
            if people.by_username.contains_key(&username) {
                return Err(Refused::Conflict("the username is taken"));
            }
            people.by_username.remove(&person.username);
            people.by_username.insert(username.clone(), id);
            person.username = username;
        }
        if change.name.is_some() {
            person.name = change.name.filter(|name| !name.is_empty());
        }
        set(&mut person.follows, change.follows);
        set(&mut person.blocked, change.blocked);
        set(&mut person.followers, change.followers);
        Ok(())
    }

    /// The id under which `account` sees `person`; made on first use.
    pub(crate) fn igsid(&mut self, account: AccountId, person: PersonId) -> Igsid {
        if let Some(igsid) = self.people.igsids.get(&(account, person)) {
            return *igsid;
        }
        let igsid = seed_igsid(account, person).unwrap_or_else(|| self.counters.igsid());
        self.people.by_igsid.insert(igsid, (account, person));
        self.people.igsids.insert((account, person), igsid);
        igsid
    }
}
