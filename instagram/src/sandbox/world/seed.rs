//! The demo seed.

use super::{
    PersonId, World,
    accounts::AccountChange,
    ids::{SEED_ACCOUNTS, SEED_PEOPLE, seed_account, seed_object},
    media::Media,
    people::PersonChange,
};

const HOUR: i64 = 3_600_000;
/// Username, name and first media number of each account.
const ACCOUNTS: [(&str, &str, u64); 2] =
    [("fictional.bakery", "Fictional Bakery", 101), ("fictional.gym", "Fictional Gym", 201)];
/// Type, product type, caption and age in hours of each post.
const MEDIA: [(&str, &str, &str, i64); 6] = [
    ("IMAGE", "FEED", "Fresh bread every morning. Comment LINK for the recipe.", 240),
    ("CAROUSEL_ALBUM", "FEED", "Five ways to fold a croissant", 120),
    ("VIDEO", "REELS", "Behind the scenes. Comment GUIDE and we send it to you.", 72),
    ("IMAGE", "FEED", "New opening hours", 48),
    ("VIDEO", "REELS", "The sound of a good crust", 24),
    ("IMAGE", "STORY", "Today only", 1),
];

impl World {
    /// Accounts, media and people with their well-known ids. The limits are far above the seed, so nothing is refused.
    pub(super) fn plant_demo(&mut self) {
        for (n, (username, name, first_media)) in (1..=SEED_ACCOUNTS).zip(ACCOUNTS) {
            let change = AccountChange {
                username: Some(username.into()),
                name: Some(name.into()),
                ..AccountChange::default()
            };
            let ids = seed_account(n);
            let planted = self.create_account_as(ids, change);
            debug_assert!(planted.is_ok(), "the seed is small");
            for (number, (media_type, product_type, caption, hours)) in (first_media..).zip(MEDIA) {
                let planted = self.place_media(Media {
                    id: seed_object(number),
                    account: ids.0,
                    media_type: media_type.into(),
                    product_type: product_type.into(),
                    caption: Some(caption.into()),
                    at: self.now - hours * HOUR,
                    comment_enabled: true,
                    original: None,
                    likes: number,
                });
                debug_assert!(planted.is_ok(), "the seed is small");
            }
        }
        for n in 1..=SEED_PEOPLE {
            let planted = self.create_person_as(PersonId(n), PersonChange::default());
            debug_assert!(planted.is_ok(), "the seed is small");
            for account in 1..=SEED_ACCOUNTS {
                self.igsid(seed_account(account).0, PersonId(n));
            }
        }
    }
}
