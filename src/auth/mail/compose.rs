//! The words of mails, plain and as a page.

use super::MailKind;

/// Subject, plain text and page.
pub(super) struct Words {
    pub(super) subject: &'static str,
    pub(super) text: String,
    pub(super) html: String,
}

struct Parts {
    subject: &'static str,
    what: &'static str,
    action: &'static str,
    unless: &'static str,
}

const fn parts(kind: MailKind) -> Parts {
    match kind {
        MailKind::ResetPassword => Parts {
            subject: "Reset your password",
            what: "Somebody asked to reset the password of your account. The link is good for one hour and works once.",
            action: "Choose a new password",
            unless: "If it was not you, ignore this mail: your password stays as it is.",
        },
        MailKind::VerifyEmail => Parts {
            subject: "Verify your email address",
            what: "Please verify that this is your email address. The link is good for one hour.",
            action: "Verify the address",
            unless: "If you have no account here, ignore this mail.",
        },
        MailKind::ChangeEmailConfirmation => Parts {
            subject: "Confirm the change of your email address",
            what: "Somebody asked to change the email address of your account. The link is good for one hour.",
            action: "Agree to the change",
            unless: "If it was not you, do not open the link, and change your password.",
        },
        MailKind::ChangeEmailVerification => Parts {
            subject: "Verify your new email address",
            what: "Please verify that this is your new email address. The link is good for one hour.",
            action: "Use this address",
            unless: "If you did not ask for it, ignore this mail.",
        },
        MailKind::DeleteAccount => Parts {
            subject: "Confirm the deletion of your account",
            what: "Somebody asked to delete your account with everything in it. This cannot be undone. The link is good for one day.",
            action: "Delete the account",
            unless: "If it was not you, do not open the link, and change your password.",
        },
    }
}

pub(super) fn compose(kind: MailKind, url: &str) -> Words {
    let Parts { subject, what, action, unless } = parts(kind);
    let link = escape(url);
    Words {
        subject,
        text: format!("{what}\r\n\r\n{action}:\r\n{url}\r\n\r\n{unless}\r\n"),
        html: format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{subject}</title></head>\
             <body style=\"font-family:sans-serif;line-height:1.5;max-width:36rem;margin:2rem auto\">\
             <p>{what}</p><p><a href=\"{link}\">{action}</a></p><p>{unless}</p>\
             <p style=\"color:#666;font-size:.85em\">If the link does not open, copy this address: {link}</p>\
             </body></html>\r\n"
        ),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_carries_its_link_in_both_forms() {
        let kinds = [
            MailKind::ResetPassword,
            MailKind::VerifyEmail,
            MailKind::ChangeEmailConfirmation,
            MailKind::ChangeEmailVerification,
            MailKind::DeleteAccount,
        ];
        let mut subjects: Vec<&str> = Vec::new();
        for kind in kinds {
            let words = compose(kind, "https://app.example.com/x?token=T&callbackURL=%2F\"><b>");
            assert!(words.text.contains("https://app.example.com/x?token=T&callbackURL=%2F"));
            assert!(words.html.contains(
                "href=\"https://app.example.com/x?token=T&amp;callbackURL=%2F&quot;&gt;&lt;b&gt;\""
            ));
            subjects.push(words.subject);
        }
        subjects.sort_unstable();
        subjects.dedup();
        assert_eq!(subjects.len(), kinds.len());
    }
}
