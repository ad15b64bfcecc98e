//! The tables of sections 5.1 to 5.3 of the contract.

use super::*;

const OWN: &str = "https://app.example.com";

fn trusted(patterns: &[&str]) -> TrustedOrigins {
    TrustedOrigins::new(OWN, &patterns.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
}

fn check_pattern(pattern: &str, accepted: &[&str], refused: &[&str]) {
    Pattern::parse(pattern).unwrap();
    let trusted = trusted(&[pattern]);
    for address in accepted {
        assert!(trusted.trusts(address), "{pattern} should accept {address}");
    }
    for address in refused {
        assert!(!trusted.trusts(address), "{pattern} should refuse {address}");
    }
}

#[test]
fn an_exact_origin_is_scheme_host_and_port() {
    check_pattern(
        "https://Admin.example.com:8443/",
        &[
            "https://admin.example.com:8443/any?x#y",
            "https://app.example.com",
            "HTTPS://APP.example.com:443/x",
        ],
        &[
            "https://admin.example.com",
            "http://admin.example.com:8443",
            "https://xadmin.example.com:8443",
            "https://admin.example.com:8443@evil.example",
            "http://app.example.com",
            "https://app.example.com.evil.example",
            "app.example.com",
            "/x",
            "",
            "null",
        ],
    );
}

#[test]
fn a_star_with_a_scheme_crosses_dots_but_no_slash() {
    check_pattern(
        "https://*.preview.example.com",
        &["https://a.preview.example.com", "https://a.b.preview.example.com/x"],
        &[
            "https://preview.example.com",
            "http://a.preview.example.com",
            "https://a.preview.example.com:8443",
            "https://a.preview.example.com.evil.example",
            "https://evil.example/x.preview.example.com",
            "https://evil.example#.preview.example.com",
        ],
    );
    check_pattern(
        "http://localhost:*",
        &["http://localhost:3000"],
        &["http://localhost", "https://localhost:1"],
    );
    check_pattern("https://app?.example.com", &["https://app1.example.com"], &["https://app12.example.com"]);
    check_pattern("exp://10.0.*", &["exp://10.0.0.7:8081/--/x"], &["exp://10.1.0.7", "https://10.0.0.7"]);
}

#[test]
fn a_pattern_without_a_scheme_is_of_hosts() {
    check_pattern(
        "*.example.org",
        &["https://a.example.org", "http://b.a.example.org"],
        &["https://example.org", "https://a.example.org:8080", "https://a.example.org.evil.example"],
    );
    check_pattern("*.example.org:*", &["https://a.example.org:8080"], &["https://a.example.org"]);
}

#[test]
fn digits_and_dots_match_literals_only() {
    check_pattern(
        "192.168.*",
        &["http://192.168.1.7", "http://192.168.0.1/"],
        &["http://192.168.evil.example", "http://192.169.1.7", "http://192.168.1.7:80801"],
    );
    check_pattern("10.0.0.?:*", &["http://10.0.0.9:3000"], &["http://10.0.0.10:3000"]);
}

#[test]
fn custom_schemes_match_on_borders() {
    check_pattern("myapp://", &["myapp://", "MYAPP://anything/x"], &["myapps://", "https://myapp"]);
    check_pattern(
        "myapp://home/auth",
        &["myapp://home/auth", "myapp://HOME/auth/done?x"],
        &["myapp://home/authority", "myapp://other/auth", "myapp://home/auth/../x", "myapp://home"],
    );
}

#[test]
fn patterns_that_say_nothing_or_everything_are_refused() {
    for wrong in ["", "example.com", "https://", "not an origin", "https://*/x", "://x", "1http://x", "a/*"] {
        assert_eq!(Pattern::parse(wrong), Err(PatternError::NotAnOrigin), "{wrong}");
    }
    for wrong in ["*", "*://*", "*.*", "*:*"] {
        assert_eq!(Pattern::parse(wrong), Err(PatternError::TrustsAll), "{wrong}");
    }
}

#[test]
fn globs_do_not_explode() {
    let glob = format!("https://{}b", "*a".repeat(500));
    assert!(!glob_matches(&glob, &format!("https://{}", "a".repeat(4000))));
    assert!(glob_matches("a*b*", "axxbxxb") && glob_matches("*", "") && !glob_matches("?", ""));
}

fn outcome(result: Result<(), AuthError>) -> Option<&'static str> {
    result.err().and_then(|error| error.code())
}

fn from<'a>(has_cookies: bool, origin: Option<&'a str>, referer: Option<&'a str>) -> Provenance<'a> {
    Provenance { has_cookies, origin, referer, ..Provenance::default() }
}

#[test]
fn a_request_with_cookies_needs_a_trusted_origin() {
    let check = |from: Provenance<'_>| outcome(check_origin(&trusted(&[]), &from));
    let evil = Some("https://evil.example");
    assert_eq!(check(from(false, evil, None)), None);
    assert_eq!(check(from(true, Some(OWN), evil)), None);
    assert_eq!(check(from(true, None, Some("https://app.example.com/page"))), None);
    assert_eq!(check(from(true, None, None)), Some("MISSING_OR_NULL_ORIGIN"));
    assert_eq!(check(from(true, Some("null"), Some(OWN))), Some("MISSING_OR_NULL_ORIGIN"));
    assert_eq!(check(from(true, evil, Some(OWN))), Some("INVALID_ORIGIN"));
    let same = |site| Provenance { fetch_site: Some(site), ..from(true, Some("null"), None) };
    assert_eq!(check(same("same-origin")), None);
    assert_eq!(check(same("same-site")), Some("MISSING_OR_NULL_ORIGIN"));
}

#[test]
fn forms_without_cookies_are_checked_by_what_the_browser_says() {
    let check = |from: Provenance<'_>| outcome(check_form(&trusted(&[]), &from));
    let browser = |site, mode, origin| Provenance {
        fetch_site: Some(site),
        fetch_mode: Some(mode),
        ..from(false, origin, None)
    };
    assert_eq!(check(from(false, None, None)), None, "no browser");
    assert_eq!(check(from(false, Some("https://evil.example"), None)), Some("INVALID_ORIGIN"));
    assert_eq!(check(from(false, None, Some("https://evil.example/x"))), Some("INVALID_ORIGIN"));
    assert_eq!(check(from(false, Some(OWN), None)), None);
    assert_eq!(check(from(true, None, None)), Some("MISSING_OR_NULL_ORIGIN"));
    let blocked = Some("CROSS_SITE_NAVIGATION_LOGIN_BLOCKED");
    assert_eq!(check(browser("cross-site", "navigate", Some(OWN))), blocked);
    assert_eq!(check(browser("cross-site", "cors", Some("https://evil.example"))), Some("INVALID_ORIGIN"));
    assert_eq!(check(browser("cross-site", "cors", None)), Some("MISSING_OR_NULL_ORIGIN"));
    assert_eq!(check(browser("same-origin", "cors", Some(OWN))), None);
    let dest = Provenance { fetch_dest: Some("document"), ..Provenance::default() };
    assert_eq!(check(dest), Some("MISSING_OR_NULL_ORIGIN"));
}
