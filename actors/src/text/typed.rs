//! Text that the owner types, as it is stored.

use icu_normalizer::ComposingNormalizer;
use std::borrow::Cow;

/// The text has a control character other than newline and tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("control characters are not allowed")]
pub struct ControlCharacter;

/// The stored form of typed text: NFC, line ends as newlines, everything else as typed (product rule).
///
/// # Errors
/// [`ControlCharacter`] for any but newline and tab.
pub fn typed(text: &str) -> Result<Cow<'_, str>, ControlCharacter> {
    let text = if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    };
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(ControlCharacter);
    }
    const NFC: icu_normalizer::ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfc();
    Ok(match text {
        Cow::Borrowed(text) => NFC.normalize(text),
        Cow::Owned(text) => Cow::Owned(NFC.normalize(&text).into_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_as_typed_but_composed() {
        assert_eq!(typed("Cafe\u{301} <b>\r\nx\ty").unwrap(), "Café <b>\nx\ty");
        assert!(matches!(typed("plain"), Ok(Cow::Borrowed("plain"))));
        assert_eq!(typed("a\u{0}"), Err(ControlCharacter));
        assert_eq!(typed("a\u{9b}"), Err(ControlCharacter));
    }
}
