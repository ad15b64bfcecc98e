use super::*;

#[test]
fn every_registered_type_round_trips() {
    for (name, content) in [
        ("fixed", "Hello {{first_name}}"),
        ("ai_prompt", "Be kind"),
        ("generic_template", r#"[{"subtitle":"b","title":"a"}]"#),
    ] {
        let response = Response::parse(name, content).unwrap();
        assert_eq!((response.type_name(), response.content().as_str()), (name, content));
        let bytes = rmp_serde::to_vec_named(&response).unwrap();
        assert_eq!(rmp_serde::from_slice::<Response>(&bytes).unwrap(), response);
    }
    assert_eq!(Response::NAMES, ["fixed", "ai_prompt", "generic_template"]);
}

#[test]
fn unknown_types_and_blank_content_are_refused() {
    assert_eq!(Response::parse("carousel", "x").unwrap_err()[0].code, FieldCode::NotAllowed);
    for name in Response::NAMES {
        assert_eq!(Response::parse(name, " \n ").unwrap_err()[0].code, FieldCode::Required);
    }
}
