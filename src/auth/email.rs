//! Addresses: the contract's syntax, and the form that is looked up.

use greenroom_actors::identity::limits::EMAIL_BYTES_MAX;

/// Whether a text is an address: ASCII only, no trimming.
///
/// Local part of letters, digits and `_ ' + - .`, no dot at either end, no two in a row, the last character no
/// apostrophe; then labels of letters, digits and hyphens that do not begin with a hyphen, and a last one of two or more
/// letters. One that is longer than [`EMAIL_BYTES_MAX`] is nobody's.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    text.len() <= EMAIL_BYTES_MAX && is_local(local) && is_domain(domain)
}

/// The form of an address that is stored and looked up.
#[must_use]
pub fn canonical(address: &str) -> String {
    address.to_lowercase()
}

fn is_local(local: &str) -> bool {
    let taken = |c: u8| c.is_ascii_alphanumeric() || b"_'+-.".contains(&c);
    let last = |c: u8| c.is_ascii_alphanumeric() || b"_+-".contains(&c);
    local.bytes().all(taken)
        && local.bytes().next_back().is_some_and(last)
        && !local.starts_with('.')
        && !local.contains("..")
}

fn is_domain(domain: &str) -> bool {
    let Some((labels, top)) = domain.rsplit_once('.') else { return false };
    let is_label = |label: &str| {
        label.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric())
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    labels.split('.').all(is_label) && top.len() >= 2 && top.bytes().all(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_contract() {
        for right in [
            "o'neil+x@example.co.uk",
            "a@b.cd",
            "A_b-c.d@1-2-.example.com",
            "-@x.yy",
            "a'b@example.com",
            "+@example.com",
        ] {
            assert!(is_address(right), "{right}");
        }
        for wrong in [
            "a@localhost",
            "a@1.2.3.4",
            "a!b@example.com",
            "nope",
            "zz",
            "",
            "@example.com",
            ".a@example.com",
            "a.@example.com",
            "a..b@example.com",
            "a'@example.com",
            "a@-x.com",
            "a@x..com",
            "a@.com",
            "a@x.c",
            "a@x.c1",
            "a@b@c.com",
            " a@b.cd",
            "a@b.cd ",
            "ä@b.cd",
            "a@ä.cd",
            "a@b.cd\n",
        ] {
            assert!(!is_address(wrong), "{wrong:?}");
        }
        let of_length = |length: usize| format!("{}@b.cd", "a".repeat(length - 5));
        assert!(is_address(&of_length(EMAIL_BYTES_MAX)) && !is_address(&of_length(EMAIL_BYTES_MAX + 1)));
        assert_eq!(canonical("Ada@Example.com"), "ada@example.com");
    }
}
