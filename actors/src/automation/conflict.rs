//! One trigger, one automation: who already has it.

use super::{Automation, AutomationId, Content, EventScope};
use crate::{Timestamp, text::normalise};

/// The automation that `content` would compete with: same trigger in matching form, overlapping scope, and for
/// comments overlapping posts. Only live automations count; `own` is the one being changed.
///
/// The same trigger on two different posts is allowed, and no posts means every post.
pub fn conflict<'a>(
    content: &Content,
    own: Option<&AutomationId>,
    others: impl IntoIterator<Item = &'a Automation>,
    now: Timestamp,
) -> Option<&'a AutomationId> {
    let forms: Vec<String> = content.triggers.iter().map(|t| normalise(t.as_str())).collect();
    others
        .into_iter()
        .filter(|other| other.is_live(now) && Some(&other.id) != own && overlap(content, &other.content))
        .find(|other| other.content.triggers.iter().any(|t| forms.contains(&normalise(t.as_str()))))
        .map(|other| &other.id)
}

fn overlap(left: &Content, right: &Content) -> bool {
    let both_hear = |event| left.trigger_scope.covers(event) && right.trigger_scope.covers(event);
    if both_hear(EventScope::Comment) {
        // Posts are what tells two rules for comments apart, also when both hear direct messages.
        return left.post_ids.is_empty()
            || right.post_ids.is_empty()
            || left.post_ids.iter().any(|post| right.post_ids.contains(post));
    }
    both_hear(EventScope::Dm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::automation::{Scope, matcher::tests::automation};

    fn case(scope: Scope, posts: &[&str]) -> Automation {
        let mut automation = automation("a", &["Link"]);
        automation.content.trigger_scope = scope;
        automation.content.post_ids = posts.iter().map(|p| (*p).into()).collect();
        automation
    }

    #[test]
    fn a_trigger_is_taken_only_where_both_would_hear_it() {
        use Scope::{Both, Comment, Dm};
        let now = Timestamp::from_millis(5);
        for (left, right, taken) in [
            (case(Dm, &[]), case(Dm, &[]), true),
            (case(Dm, &[]), case(Comment, &["1"]), false),
            (case(Dm, &[]), case(Both, &["1"]), true),
            (case(Comment, &["1"]), case(Comment, &["2"]), false),
            (case(Comment, &["1", "2"]), case(Both, &["2"]), true),
            (case(Comment, &["1"]), case(Comment, &[]), true),
            (case(Both, &["1"]), case(Both, &["2"]), false),
        ] {
            assert_eq!(conflict(&left.content, None, [&right], now).is_some(), taken, "{left:?} {right:?}");
            assert_eq!(conflict(&right.content, None, [&left], now).is_some(), taken);
        }
    }

    #[test]
    fn own_dead_and_different_ones_do_not_count() {
        let now = Timestamp::from_millis(5);
        let mine = case(Scope::Dm, &[]);
        assert_eq!(conflict(&mine.content, Some(&mine.id), [&mine], now), None);
        let mut off = mine.clone();
        off.is_active = false;
        let mut over = mine.clone();
        over.content.expires_at = Some(now);
        let other = automation("b", &["links"]);
        assert_eq!(conflict(&mine.content, None, [&off, &over, &other], now), None);
        let spelt = automation("c", &["x", "LI\u{200B}NK"]);
        assert_eq!(conflict(&mine.content, None, [&spelt], now), Some(&spelt.id));
    }
}
