//! Tables of contacts for spreadsheets: what is in them, and the addresses where they are had.
//!
//! An address carries what is asked for, sealed: nothing is kept between making it and following it, and nobody reads or
//! makes one up. It is good for minutes.

mod table;

pub use table::{TooLarge, csv, xlsx};

use greenroom_actors::{
    Timestamp,
    user::{
        User,
        contact::Contact,
        contact_filter::{ContactFilter, ContactSort},
    },
};
use greenroom_persistence::secret::{Field, Keyring, SecretError};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Time for which an address is good.
pub const LINK_LIFETIME: Duration = Duration::from_secs(300);
/// Longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Where tokens belong among what is sealed.
const FIELD: Field<'static> = Field { tenant: "exports", name: "contacts" };

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text with commas, in UTF-8.
    Csv,
    /// A workbook.
    Xlsx,
}

impl Format {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactExport {
    /// Whose contacts.
    pub user_id: String,
    /// Which of them.
    pub filter: ContactFilter,
    /// In which order.
    pub sort: ContactSort,
    /// Largest first.
    pub descending: bool,
    /// In which form.
    pub format: Format,
    /// Until when it may be had.
    pub expires_at: Timestamp,
}

impl ContactExport {
    /// The token of its address.
    ///
    /// # Errors
    /// When it is too long, or there is no randomness.
    pub fn token(&self, keyring: &Keyring) -> Result<String, SecretError> {
        let text = serde_json::to_string(self).map_err(|_| SecretError::TooLong)?;
        keyring.seal(FIELD, &text, &mut rand::rngs::SysRng)
    }

    /// What a token asks for, while it is good.
    #[must_use]
    pub fn open(token: &str, keyring: &Keyring, now: Timestamp) -> Option<Self> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let text = keyring.open(FIELD, token).ok()?;
        let export: Self = serde_json::from_str(&text).ok()?;
        (now < export.expires_at).then_some(export)
    }

    /// Name of the file: `contacts-2026-11-30.csv`.
    #[must_use]
    pub fn file_name(&self, now: Timestamp) -> String {
        let day = jiff::Timestamp::from_millisecond(now.as_millis())
            .map_or_else(|_| "undated".to_owned(), |at| at.strftime("%Y-%m-%d").to_string());
        format!("contacts-{day}.{}", self.format.extension())
    }

    /// Its rows.
    pub fn rows<'a>(&'a self, user: &'a User) -> impl Iterator<Item = &'a Arc<Contact>> {
        user.list_contacts(self.sort, self.descending, &self.filter, None).map(|(_, contact)| contact)
    }

    /// Makes the file. Takes its time: not for async threads.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn file(&self, user: &User) -> Result<Vec<u8>, TooLarge> {
        match self.format {
            Format::Csv => csv(self.rows(user)),
            Format::Xlsx => xlsx(self.rows(user)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_persistence::secret::Key;

    fn export() -> ContactExport {
        ContactExport {
            user_id: "owner".to_owned(),
            filter: ContactFilter { search: Some("cake".to_owned()), ..ContactFilter::default() },
            sort: ContactSort::Score,
            descending: true,
            format: Format::Xlsx,
            expires_at: Timestamp::from_millis(1_796_040_000_000),
        }
    }

    fn ring() -> Keyring {
        Keyring::new(vec![Key::generate("k1", &mut rand::rngs::SysRng).unwrap()]).unwrap()
    }

    #[test]
    fn a_token_says_nothing_lasts_minutes_and_cannot_be_made_up() {
        let (export, ring) = (export(), ring());
        let token = export.token(&ring).unwrap();
        assert!(
            !token.contains("owner")
                && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        );
        let before = Timestamp::from_millis(1_796_039_999_999);
        assert_eq!(ContactExport::open(&token, &ring, before).as_ref(), Some(&export));
        assert_eq!(ContactExport::open(&token, &ring, export.expires_at), None);
        assert_eq!(ContactExport::open(&format!("{token}A"), &ring, before), None);
        assert_eq!(ContactExport::open(&token, &self::ring(), before), None, "of another installation");
        assert_eq!(export.file_name(before), "contacts-2026-11-30.xlsx");
    }
}
