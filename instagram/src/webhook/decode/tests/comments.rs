//! Comments, mentions and insights of stories.

use super::*;

fn comment(body: Result<Event, Reason>) -> (String, Comment) {
    let event = body.unwrap();
    assert_eq!(event.kind, Kind::Comment);
    match event.item {
        Item::Comment(comment) => (event.key.into_string(), *comment),
        other => panic!("{other:?}"),
    }
}

#[test]
fn comments_in_all_forms() {
    let (key, read) = comment(change(
        r#"{"field":"comments","value":{"id":"18000000000000201","text":"LINK please","from":{"id":"900000000000004","username":"fict_person_4"},"media":{"id":"18000000000000101","media_product_type":"FEED"}}}"#,
    ));
    assert_eq!(key, "17841400000000001:comment:18000000000000201");
    let expected = Comment {
        id: CommentId::parse("18000000000000201").unwrap(),
        parent: None,
        text: text("LINK please"),
        from: Some(person("900000000000004")),
        username: some("fict_person_4"),
        is_self: false,
        media: MediaId::parse("18000000000000101").ok(),
        original_media: None,
        media_product_type: some("FEED"),
        ad_id: None,
        ad_title: None,
        is_live: false,
    };
    assert_eq!(read, expected);

    let event = only(
        r#"{"object":"instagram","entry":[{"id":"17841400000000001","time":1767225620,"field":"comments","value":{"id":"18000000000000202","parent_id":"18000000000000201","text":"me too","from":{"id":"900000000000005","username":"fict_person_5"},"media":{"id":"18000000000000101","media_product_type":"REELS"}}}]}"#,
    );
    assert_eq!(event.as_ref().unwrap().time_source, TimeSource::Entry);
    assert_eq!(event.as_ref().unwrap().at, UnixMillis::from_secs(1_767_225_620));
    assert_eq!(comment(event).1.parent, CommentId::parse("18000000000000201").ok());

    let (_, ad) = comment(change(
        r#"{"field":"comments","value":{"id":"18000000000000203","text":"link","from":{"id":"900000000000006","username":"fict_person_6"},"media":{"id":"18000000000000901","media_product_type":"AD","ad_id":"120000000000001","ad_title":"Fictional ad","original_media_id":"18000000000000101"}}}"#,
    ));
    assert_eq!(ad.original_media, MediaId::parse("18000000000000101").ok());
    assert_eq!((ad.ad_id, ad.ad_title), (some("120000000000001"), some("Fictional ad")));

    let (key, live) = comment(change(
        r#"{"field":"live_comments","value":{"id":"18000000000000204","text":"link","from":{"id":"900000000000007","username":"fict_person_7"},"media":{"id":"18000000000000501","media_product_type":"LIVE"}}}"#,
    ));
    assert!(live.is_live);
    assert_eq!(key, "17841400000000001:comment:18000000000000204");
}

#[test]
fn comments_are_read_tolerantly() {
    let read = |value: &str| comment(change(&format!(r#"{{"field":"comments","value":{value}}}"#))).1;
    let bare = read(r#"{"comment_id":18000000000000201}"#);
    assert_eq!((bare.id.as_str(), bare.text, bare.from), ("18000000000000201", None, None));
    let odd = read(r#"{"id":"1","text":5,"from":"x","media":[],"parent_id":1.5}"#);
    assert_eq!((odd.text, odd.from, odd.media, odd.parent), (None, None, None, None));
    assert!(read(r#"{"id":"1","from":{"id":"2","self_ig_scoped_id":"3"}}"#).is_self);
    assert!(read(r#"{"id":"1","from":{"id":"26000000000000001"}}"#).is_self);
    assert!(read(r#"{"id":"1","from":{"id":"17841400000000001"}}"#).is_self);
    assert!(!read(r#"{"id":"1","from":{"id":"2","self_ig_scoped_id":null}}"#).is_self);
    for (value, reason) in [
        (r#"{"text":"x"}"#, Reason::Missing("id")),
        (r#"{"id":1.5}"#, Reason::Missing("id")),
        (r#"{"id":"../me"}"#, Reason::BadId { member: "id", error: IdError::BadCharacter }),
        (
            r#"{"id":"1","from":{"id":"1?fields=x"}}"#,
            Reason::BadId { member: "from.id", error: IdError::BadCharacter },
        ),
        (
            r#"{"id":"1","media":{"id":"a"}}"#,
            Reason::BadId { member: "media.id", error: IdError::BadCharacter },
        ),
    ] {
        assert_eq!(change(&format!(r#"{{"field":"comments","value":{value}}}"#)), Err(reason), "{value}");
    }
}

#[test]
fn mentions_and_story_insights() {
    let event = change(
        r#"{"field":"mentions","value":{"media_id":"18000000000000601","comment_id":"18000000000000602"}}"#,
    )
    .unwrap();
    assert_eq!(event.key.as_str(), "17841400000000001:mention:18000000000000601:18000000000000602");
    let event = change(r#"{"field":"mentions","value":{"media_id":"18000000000000601"}}"#).unwrap();
    assert_eq!(event.key.as_str(), "17841400000000001:mention:18000000000000601:-");
    let event = change(r#"{"field":"story_insights","value":{"media_id":"18000000000000401","impressions":120,"reach":100,"taps_forward":20,"taps_back":4,"exits":30,"replies":-1}}"#).unwrap();
    assert_eq!(event.key.as_str(), "17841400000000001:story_insights:18000000000000401:1767225620");
    let Item::StoryInsights { counts, .. } = event.item else { panic!() };
    assert_eq!(counts.len(), 6);
    assert_eq!(counts[5], ("replies".into(), -1));
}
