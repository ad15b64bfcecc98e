//! Vectors C1 to C4 of the contract, and its examples 13, 25 to 28.

use super::*;
use crate::auth::secrets::tests::{VECTOR_SECRET, secrets};
use serde_json::value::RawValue;

const C1: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz012345.VsPAsL6sdEyaruCRxntiB3aD5a%2BZTD0GhOEajmYQr04%3D";
const C1_VALUE: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz012345";

fn cookies(secure: bool) -> Cookies {
    Cookies::new(secure, secrets(&[VECTOR_SECRET]))
}

fn request(header: &str) -> RequestCookies {
    RequestCookies::parse([header.as_bytes()])
}

fn token(header: &str) -> Option<String> {
    cookies(false).session_token(&request(header))
}

#[test]
fn the_vectors_are_written_as_the_predecessor_does() {
    let set = |name, value, age| cookies(false).set_signed(name, value, age);
    assert_eq!(
        set(Name::SessionToken, C1_VALUE, Some(SESSION_SECONDS)),
        format!("better-auth.session_token={C1}; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
    );
    assert_eq!(
        cookies(true).set_signed(Name::SessionToken, "0123456789abcdefghijABCDEFGHIJxy", Some(1)),
        "__Secure-better-auth.session_token=0123456789abcdefghijABCDEFGHIJxy.Io7Owgn%2BXbFBjDXSTwukj24RIcTNwq3R8ziy9LbDuRY%3D; Max-Age=1; Path=/; HttpOnly; Secure; SameSite=Lax"
    );
    assert_eq!(
        set(Name::DontRemember, "true", None),
        "better-auth.dont_remember=true.eAQ8%2BMdJWjmFDM47tYDT6eT7xEzDsRd1bBiXnEzE15k%3D; Path=/; HttpOnly; SameSite=Lax"
    );
    assert_eq!(
        set(Name::State, "state_-ABCDEFGHIJKLMNOPQRSTUVWXY", Some(STATE_SECONDS)),
        "better-auth.state=state_-ABCDEFGHIJKLMNOPQRSTUVWXY.qePixI2sBmj3KgDGzZdwglQvFZUDolgEeg4KWNyR0tM%3D; Max-Age=300; Path=/; HttpOnly; SameSite=Lax"
    );
}

#[test]
fn unescaped_quoted_and_lower_case_escapes_are_read() {
    let lower = C1.replace("%2B", "%2b").replace("%3D", "%3d");
    let bare = C1.replace("%2B", "+").replace("%3D", "=");
    for value in [C1.to_owned(), lower, bare, format!("\"{C1}\"")] {
        let header = format!("x=1; better-auth.session_token={value}; better-auth.session_token=bad");
        assert_eq!(token(&header).as_deref(), Some(C1_VALUE), "{header}");
    }
}

#[test]
fn anything_wrong_is_as_if_it_were_missing() {
    let header = |value: &str| format!("better-auth.session_token={value}");
    for wrong in [
        C1.replace("%3D", ""),
        C1.replace("%2B", "-"),
        C1_VALUE.to_owned(),
        C1.replace("AbC", "AbD"),
        format!("{C1_VALUE}."),
        String::new(),
    ] {
        assert_eq!(token(&header(&wrong)), None, "{wrong}");
    }
    assert_eq!(
        token(&format!("better-auth.session_token=bad; {}", header(C1))),
        None,
        "the first one counts"
    );
    assert_eq!(token(&format!("__Secure-better-auth.session_token={C1}")), None);
    assert_eq!(cookies(true).session_token(&request(&header(C1))), None);
    let other = Cookies::new(false, secrets(&["another-secret-0123456789"]));
    assert_eq!(other.session_token(&request(&header(C1))), None);
}

#[test]
fn a_previous_secret_still_reads() {
    let rotated = Cookies::new(false, secrets(&["another-secret-0123456789", VECTOR_SECRET]));
    let header = format!("better-auth.session_token={C1}");
    assert_eq!(rotated.session_token(&request(&header)).as_deref(), Some(C1_VALUE));
}

#[test]
fn not_to_be_remembered_is_two_cookies_without_an_age() {
    let set = cookies(false).set_session("T", false);
    assert!(set.iter().all(|cookie| cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax")));
    assert!(set.iter().all(|cookie| !cookie.contains("Max-Age")), "{set:?}");
    let header = set.iter().map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ");
    assert!(cookies(false).dont_remember(&request(&header)));
    assert!(!cookies(false).dont_remember(&request("better-auth.dont_remember=true")));
    assert_eq!(cookies(false).set_session("T", true).len(), 1);
}

#[test]
fn a_session_is_cleared_by_three_deletions() {
    assert_eq!(
        cookies(true).clear_session(&request("")),
        [
            "__Secure-better-auth.session_token=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax",
            "__Secure-better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax",
            "__Secure-better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax",
        ]
    );
}

fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap()
}

fn header_of(set: &[String]) -> String {
    let pairs = set.iter().filter(|cookie| !cookie.contains("Max-Age=0"));
    pairs.map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_large_copy_travels_in_pieces_and_leaves_none_behind() {
    let session = raw(r#"{"token":"T","expiresAt":"2100-01-01T00:00:00.000Z"}"#.to_owned());
    let user = |length: usize| raw(format!(r#"{{"id":"{}"}}"#, "u".repeat(length)));
    let (small, large, huge) = (user(10), user(9_000), user(40_000));
    let copy = |user| SessionCopy { session: &session, user, now_ms: 0 };
    let jar = cookies(true);

    let pieces = jar.set_session_data(&request(""), &copy(&large), true);
    assert!(pieces.len() > 2 && pieces.iter().all(|cookie| cookie.len() <= 4050));
    assert!(pieces[1].starts_with("__Secure-better-auth.session_data.1="));
    let came = request(&header_of(&pieces));
    assert_eq!(jar.session_data(&came, "T", 1).unwrap().user.get(), large.get());
    assert_eq!(jar.clear_session_data(&came).len(), pieces.len());
    assert_eq!(jar.clear_session(&came).len(), 3 + pieces.len());

    let whole = jar.set_session_data(&came, &copy(&small), false);
    assert!(!whole[0].contains("Max-Age") && whole.len() == 1 + pieces.len());
    let came = request(&header_of(&whole));
    assert_eq!(jar.session_data(&came, "T", 1).unwrap().user.get(), small.get());
    assert_eq!(jar.clear_session_data(&came).len(), 1);
    assert!(
        jar.session_data(&request(""), "T", 1).is_none() && jar.clear_session_data(&request("")).is_empty()
    );

    let none = jar.set_session_data(&came, &copy(&huge), true);
    assert!(none.len() == 1 && none[0].contains("Max-Age=0"), "too large: the old copy goes, none comes");
}

#[test]
fn a_copy_with_a_missing_piece_is_not_used() {
    let session = raw(r#"{"token":"T","expiresAt":"2100-01-01T00:00:00.000Z"}"#.to_owned());
    let user = raw(format!(r#""{}""#, "u".repeat(9_000)));
    let copy = SessionCopy { session: &session, user: &user, now_ms: 0 };
    let pieces = cookies(false).set_session_data(&request(""), &copy, true);
    for missing in 0..pieces.len() {
        let mut rest = pieces.clone();
        rest.remove(missing);
        assert!(cookies(false).session_data(&request(&header_of(&rest)), "T", 1).is_none());
    }
}
