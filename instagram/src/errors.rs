//! What each error of the platform calls for, as one table. Decided by code and subcode, not by status.

use std::time::Duration;

/// What kind of error it is. The caller's policy follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// The connection was never established: no byte of the request was written. Worth another attempt.
    Unreachable,
    /// Nobody knows whether it was done. Reads may be repeated; sends must be looked for first.
    Ambiguous,
    /// A rate limit. Worth another attempt after the pause.
    Rate,
    /// The token is refused. Verify it once before it counts as dead.
    Token,
    /// A permission or a setting is missing.
    Permission,
    /// Outside the window.
    Window,
    /// This person can not be reached.
    Recipient,
    /// The message itself is refused.
    Content,
    /// Refused for good, and not in the platform's own words: a proxy, or a page in place of an answer. Says nothing of
    /// the message.
    Unexplained,
    /// Already done, or not possible any more. Not an alarm.
    Done,
    /// The account is restricted. Stop automatic sends.
    Safety,
    /// Another app holds the thread.
    Owner,
}

impl ErrorClass {
    /// A short name out of a closed set, fit for metrics.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Ambiguous => "ambiguous",
            Self::Rate => "rate",
            Self::Token => "token",
            Self::Permission => "permission",
            Self::Window => "window",
            Self::Recipient => "recipient",
            Self::Content => "content",
            Self::Unexplained => "unexplained",
            Self::Done => "done",
            Self::Safety => "safety",
            Self::Owner => "owner",
        }
    }
}

/// What an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This account.
    Account,
    /// The app as a whole: all accounts.
    App,
    /// Publishing only; nothing that is sent here.
    Publishing,
}

/// What the table says beyond the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Nothing.
    None,
    /// After three in a row of the same account it is a missing permission.
    PermissionAfterThree,
    /// After three different recipients in a row it is a missing permission.
    PermissionAfterThreeRecipients,
    /// Worth exactly one more attempt, after this time.
    RetryOnceAfter(Duration),
    /// Pause at least this long, whatever is announced.
    PauseAtLeast(Duration),
    /// The comment was created all the same.
    CreatedAnyway,
    /// If an attempt with an unknown outcome came before, that one arrived.
    ArrivedIfDoubted,
    /// Tell the owner to log in to Instagram first.
    LogInToInstagram,
    /// Tell the owner how to switch message access on.
    AllowMessageAccess,
    /// The code is not in the table: log it.
    UnknownCode,
}

/// What a call was about: some codes mean different things for persons and for comments or media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A person.
    Person,
    /// A comment, a post, a message, the account itself.
    Object,
}

/// An error's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Classified {
    /// Its class.
    pub class: ErrorClass,
    /// What it is about.
    pub scope: Scope,
    /// What else the table says.
    pub advice: Advice,
}

/// Code, subcode (0: any other), class, scope, advice.
type Row = (u32, u32, ErrorClass, Scope, Advice);

const fn row(code: u32, subcode: u32, class: ErrorClass) -> Row {
    (code, subcode, class, Scope::Account, Advice::None)
}

const fn advised(code: u32, subcode: u32, class: ErrorClass, advice: Advice) -> Row {
    (code, subcode, class, Scope::Account, advice)
}

const fn scoped(code: u32, subcode: u32, class: ErrorClass, scope: Scope) -> Row {
    (code, subcode, class, scope, Advice::None)
}

const MINUTE: Duration = Duration::from_secs(60);
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// The platform's documented errors, and those reported by live integrations.
const TABLE: &[Row] = {
    use ErrorClass::{Ambiguous, Content, Done, Owner, Permission, Rate, Recipient, Safety, Token, Window};
    &[
        row(1, 0, Ambiguous),
        advised(1, 99, Ambiguous, Advice::PermissionAfterThree),
        row(1, 1_357_046, Ambiguous),
        row(2, 0, Ambiguous),
        row(2, 1_545_133, Ambiguous),
        row(3, 0, Permission),
        scoped(4, 0, Rate, Scope::App),
        row(4, 2_207_051, Safety),
        scoped(9, 2_207_042, Rate, Scope::Publishing),
        row(10, 0, Permission),
        row(10, 2_534_022, Window),
        row(10, 2_018_278, Window),
        row(10, 2_018_065, Window),
        row(10, 2_018_108, Recipient),
        row(10, 1_893_063, Safety),
        row(10, 2_534_077, Permission),
        row(17, 0, Rate),
        advised(20, 1_772_107, Done, Advice::CreatedAnyway),
        row(25, 2_207_050, Safety),
        row(32, 0, Rate),
        row(100, 0, Content),
        // For persons; see `classify` for the others.
        row(100, 33, Recipient),
        row(100, 2_018_001, Recipient),
        row(100, 2_534_014, Recipient),
        advised(100, 2_018_008, Content, Advice::RetryOnceAfter(MINUTE)),
        advised(100, 2_018_294, Content, Advice::RetryOnceAfter(MINUTE)),
        row(100, 2_018_047, Content),
        row(100, 2_018_074, Content),
        row(100, 2_018_109, Content),
        row(100, 2_534_001, Recipient),
        row(100, 2_534_013, Permission),
        row(100, 2_534_015, Content),
        advised(100, 2_534_025, Done, Advice::ArrivedIfDoubted),
        row(100, 2_534_029, Safety),
        row(100, 2_534_037, Owner),
        row(102, 0, Token),
        row(190, 0, Token),
        row(190, 458, Token),
        advised(190, 459, Token, Advice::LogInToInstagram),
        row(190, 460, Token),
        row(190, 463, Token),
        row(190, 464, Token),
        row(190, 467, Token),
        row(190, 492, Token),
        advised(200, 0, Recipient, Advice::PermissionAfterThreeRecipients),
        row(200, 1_545_041, Recipient),
        row(551, 0, Recipient),
        row(551, 1_545_041, Recipient),
        row(200, 2_018_028, Permission),
        row(200, 2_534_048, Permission),
        advised(200, 2_534_041, Permission, Advice::AllowMessageAccess),
        row(230, 0, Done),
        row(341, 0, Rate),
        row(368, 0, Safety),
        row(506, 0, Content),
        row(613, 0, Rate),
        row(613, 2_534_040, Rate),
        advised(613, 1996, Rate, Advice::PauseAtLeast(TEN_MINUTES)),
        row(613, 2_018_338, Safety),
        row(2022, 0, Safety),
        row(2_018_300, 0, Owner),
        row(9010, 0, Recipient),
        row(36_103, 0, Permission),
        row(80_002, 0, Rate),
        row(80_006, 0, Rate),
        row(9_000_001, 0, Done),
    ]
};

/// What an error object calls for. `subcode` is 0 when there is none; `is_transient` is the platform's hint, which
/// counts only for codes that are not in the table.
#[must_use]
pub fn classify(code: u32, subcode: u32, is_transient: bool, target: Target) -> Classified {
    if (code, subcode, target) == (100, 33, Target::Object) {
        return Classified { class: ErrorClass::Done, scope: Scope::Account, advice: Advice::None };
    }
    let find = |subcode: u32| TABLE.iter().find(|row| (row.0, row.1) == (code, subcode));
    match find(subcode).or_else(|| find(0)) {
        Some(&(_, _, class, scope, advice)) => Classified { class, scope, advice },
        None => {
            let class = if is_transient { ErrorClass::Ambiguous } else { ErrorClass::Content };
            Classified { class, scope: Scope::Account, advice: Advice::UnknownCode }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The platform's table as published, independent of the constant above.
    const PUBLISHED: &str = "
        1 AMBIG | 1/99 AMBIG | 1/1357046 AMBIG | 2 AMBIG | 2/1545133 AMBIG | 3 PERM | 4 RATE | 4/2207051 SAFETY
        9/2207042 RATE | 10 PERM | 10/2534022 WINDOW | 10/2018278 WINDOW | 10/2018065 WINDOW | 10/2018108 RCPT
        10/1893063 SAFETY | 10/2534077 PERM | 17 RATE | 20/1772107 DONE | 25/2207050 SAFETY | 32 RATE | 100 CONTENT
        100/33 RCPT | 100/2018001 RCPT | 100/2534014 RCPT | 100/2018008 CONTENT | 100/2018294 CONTENT
        100/2018047 CONTENT | 100/2018074 CONTENT | 100/2018109 CONTENT | 100/2534001 RCPT | 100/2534013 PERM
        100/2534015 CONTENT | 100/2534025 DONE | 100/2534029 SAFETY | 100/2534037 OWNER | 102 TOKEN | 190 TOKEN
        190/458 TOKEN | 190/459 TOKEN | 190/460 TOKEN | 190/463 TOKEN | 190/464 TOKEN | 190/467 TOKEN | 190/492 TOKEN
        200 RCPT | 200/2534066 RCPT | 200/1545041 RCPT | 551 RCPT | 551/1545041 RCPT | 200/2018028 PERM
        200/2534048 PERM | 200/2534041 PERM | 230 DONE | 341 RATE | 368 SAFETY | 506 CONTENT | 613 RATE
        613/2534040 RATE | 613/1996 RATE | 613/2018338 SAFETY | 2022 SAFETY | 2018300 OWNER | 9010 RCPT | 36103 PERM
        80002 RATE | 80006 RATE | 9000001 DONE
        10/1 PERM | 190/1 TOKEN | 100/1 CONTENT | 613/5 RATE | 9 CONTENT | 20 CONTENT | 25 CONTENT | 77777 CONTENT";

    fn class(name: &str) -> ErrorClass {
        match name {
            "AMBIG" => ErrorClass::Ambiguous,
            "RATE" => ErrorClass::Rate,
            "TOKEN" => ErrorClass::Token,
            "PERM" => ErrorClass::Permission,
            "WINDOW" => ErrorClass::Window,
            "RCPT" => ErrorClass::Recipient,
            "CONTENT" => ErrorClass::Content,
            "DONE" => ErrorClass::Done,
            "SAFETY" => ErrorClass::Safety,
            "OWNER" => ErrorClass::Owner,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_published_row_is_classified() {
        let rows: Vec<&str> =
            PUBLISHED.split(['|', '\n']).map(str::trim).filter(|row| !row.is_empty()).collect();
        assert_eq!(rows.len(), TABLE.len() + 9);
        for row in rows {
            let (codes, name) = row.split_once(' ').unwrap();
            let (code, subcode) = codes.split_once('/').unwrap_or((codes, "0"));
            let (code, subcode) = (code.parse().unwrap(), subcode.parse().unwrap());
            assert_eq!(classify(code, subcode, false, Target::Person).class, class(name), "{row}");
        }
    }

    #[test]
    fn rows_are_unique() {
        let rows: std::collections::HashSet<_> = TABLE.iter().map(|row| (row.0, row.1)).collect();
        assert_eq!(rows.len(), TABLE.len());
    }

    #[test]
    fn scope_target_and_advice() {
        assert_eq!(classify(4, 0, false, Target::Person).scope, Scope::App);
        assert_eq!(classify(9, 2_207_042, false, Target::Person).scope, Scope::Publishing);
        assert_eq!(classify(613, 0, false, Target::Person).scope, Scope::Account);
        assert_eq!(classify(100, 33, false, Target::Object).class, ErrorClass::Done);
        let advice = |code, subcode| classify(code, subcode, false, Target::Person).advice;
        assert_eq!(advice(613, 1996), Advice::PauseAtLeast(TEN_MINUTES));
        assert_eq!(advice(100, 2_534_025), Advice::ArrivedIfDoubted);
        assert_eq!(advice(200, 5), Advice::PermissionAfterThreeRecipients);
        assert_eq!(advice(77_777, 0), Advice::UnknownCode);
    }

    #[test]
    fn the_transient_hint_counts_only_for_unknown_codes() {
        assert_eq!(classify(77_777, 0, true, Target::Person).class, ErrorClass::Ambiguous);
        assert_eq!(classify(100, 0, true, Target::Person).class, ErrorClass::Content);
    }
}
