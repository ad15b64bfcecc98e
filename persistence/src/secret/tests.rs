use super::*;
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

const FIELD: Field<'static> = Field { tenant: "u1", name: "instagram.access_token" };

fn key(id: &str, byte: u8) -> Key {
    Key::new(id, Zeroizing::new([byte; KEY_BYTES])).unwrap()
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

#[test]
fn a_sealed_field_opens_only_where_it_belongs() {
    let ring = Keyring::new(vec![key("k1", 1)]).unwrap();
    let sealed = ring.seal(FIELD, "token", &mut rng()).unwrap();
    assert_eq!(ring.open(FIELD, &sealed).unwrap().as_str(), "token");
    assert_eq!(ring.open(Field { tenant: "u2", ..FIELD }, &sealed).unwrap_err(), SecretError::Altered);
    assert_eq!(ring.open(Field { name: "other", ..FIELD }, &sealed).unwrap_err(), SecretError::Altered);
    let shifted = Field { tenant: "u1i", name: "nstagram.access_token" };
    assert_eq!(ring.open(shifted, &sealed).unwrap_err(), SecretError::Altered);
}

/// Sealed with another implementation: key bytes 01, nonce bytes 08. Kept for ever.
#[test]
fn the_released_form_still_opens() {
    const GOLDEN: &str = "gr1.k1.CAgICAgICAgICAgICAgICAgICAgICAgIf-Zah6zeyM5aDAUWHv3Tpva16gCp";
    let ring = Keyring::new(vec![key("k1", 1)]).unwrap();
    assert_eq!(ring.open(FIELD, GOLDEN).unwrap().as_str(), "token");
}

#[test]
fn a_new_key_seals_and_the_old_one_still_opens() {
    let old = Keyring::new(vec![key("k1", 1)]).unwrap();
    let sealed = old.seal(FIELD, "token", &mut rng()).unwrap();
    let ring = Keyring::new(vec![key("k2", 2), key("k1", 1)]).unwrap();
    assert_eq!(ring.open(FIELD, &sealed).unwrap().as_str(), "token");
    assert_eq!(ring.needs_rotation(&sealed), Ok(true));
    let resealed = ring.seal(FIELD, "token", &mut rng()).unwrap();
    assert_eq!(ring.needs_rotation(&resealed), Ok(false));
    assert_eq!(old.open(FIELD, &resealed).unwrap_err(), SecretError::UnknownKey);
    let swapped = Keyring::new(vec![key("k1", 2)]).unwrap();
    assert_eq!(swapped.open(FIELD, &sealed).unwrap_err(), SecretError::Altered);
}

#[test]
fn nonces_differ() {
    let ring = Keyring::new(vec![key("k1", 1)]).unwrap();
    let mut rng = rng();
    let first = ring.seal(FIELD, "token", &mut rng).unwrap();
    assert_ne!(first, ring.seal(FIELD, "token", &mut rng).unwrap());
}

#[test]
fn key_text_round_trips_and_debug_hides_it() {
    let made = Key::generate("main-1", &mut rng()).unwrap();
    let text = made.expose();
    let read = Key::parse(&text).unwrap();
    assert_eq!((read.id(), *read.bytes), ("main-1", *made.bytes));
    let shown = format!("{:?}", Keyring::new(vec![read]).unwrap());
    let (_, secret) = text.split_once(':').unwrap();
    assert!(shown.contains("main-1") && !shown.contains(secret), "{shown}");
}

#[test]
fn bad_keys_and_rings_are_refused() {
    for text in ["", "k1", "k1:", ":AAAA", "K1:AAAA", "k1:AAAA", "k1:!!!!"] {
        assert_eq!(Key::parse(text).unwrap_err(), SecretError::BadKey, "{text}");
    }
    assert_eq!(Keyring::new(Vec::new()).unwrap_err(), SecretError::BadKeyring);
    assert_eq!(
        Keyring::new(vec![key("a", 1), key("b", 1), key("a", 2)]).unwrap_err(),
        SecretError::BadKeyring
    );
    let many = |count: u8| (0..count).map(|n| key(&format!("k{n}"), n)).collect();
    assert!(Keyring::new(many(16)).is_ok());
    assert_eq!(Keyring::new(many(17)).unwrap_err(), SecretError::BadKeyring);
    let file = format!("# current\n{}\n\n{}\n", *key("b", 2).expose(), *key("a", 1).expose());
    assert_eq!(Keyring::parse(&file).unwrap().current_id(), "b");
}

#[test]
fn the_length_limit_holds() {
    let ring = Keyring::new(vec![key("k1", 1)]).unwrap();
    assert!(ring.seal(FIELD, &"x".repeat(PLAIN_BYTES_MAX), &mut rng()).is_ok());
    let over = ring.seal(FIELD, &"x".repeat(PLAIN_BYTES_MAX + 1), &mut rng());
    assert_eq!(over.unwrap_err(), SecretError::TooLong);
}

#[test]
fn every_flipped_character_is_noticed() {
    let ring = Keyring::new(vec![key("k1", 1)]).unwrap();
    let sealed = ring.seal(FIELD, "token", &mut rng()).unwrap();
    for at in 0..sealed.len() {
        let mut bytes = sealed.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(ring.open(FIELD, &String::from_utf8(bytes).unwrap()).is_err(), "character {at}");
    }
}

proptest! {
    #[test]
    fn any_text_is_opened_or_refused(text in ".*") {
        let ring = Keyring::new(vec![key("k1", 1)]).unwrap();
        prop_assert!(ring.open(FIELD, &text).is_err());
        let framed = format!("gr1.k1.{text}");
        prop_assert!(ring.open(FIELD, &framed).is_err());
    }

    #[test]
    fn any_plain_text_comes_back(plain in ".*", tenant in ".*", name in ".*") {
        let ring = Keyring::new(vec![key("k1", 1)]).unwrap();
        let field = Field { tenant: &tenant, name: &name };
        let sealed = ring.seal(field, &plain, &mut rng()).unwrap();
        let opened = ring.open(field, &sealed).unwrap();
        prop_assert_eq!(opened.as_str(), plain.as_str());
    }
}
