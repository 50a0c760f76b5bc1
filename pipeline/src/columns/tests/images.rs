//! Images: fill what the target lacks, are covered where they agree and kept where they differ.

use super::*;

#[test]
fn post_image_fills_missing_attributes() {
    let (parent, named) = (lookup("contact", OTHER, "null"), lookup("contact", OTHER, r#""Ann""#));
    let state = choice("0");
    check(
        &update(&[("name", r#""new""#), ("parent", &parent), ("revenue", &money("1.5"))]).after(
            "PostImage",
            &[
                ("parent", &named),
                ("name", r#""new""#),
                ("revenue", &money("1.5000")),
                ("city", r#""Vienna""#),
                ("statecode", &state),
                ("owner", &named),
                ("accountid", &format!("\"{ID}\"")),
            ],
            &[("statecode", "Active"), ("revenue", "$1.50"), ("parent", "Ann")],
        ),
        &[
            ("name", "new"),
            ("parent", OTHER),
            ("parent_entitytype", "contact"),
            ("parentname", "Ann"),
            ("revenue", "1.5"),
            ("city", "Vienna"),
            ("statecode", "0"),
            ("statecodename", "Active"),
            ("owner", OTHER),
            ("owner_entitytype", "contact"),
            ("ownername", "Ann"),
            ("accountid", ID),
            ("_changed", "[name,parent,revenue]"),
            ("_labels", r#"{"revenue":"$1.50"}"#),
        ],
    );
}

#[test]
fn different_image_value_goes_to_rest_with_its_formatted_value() {
    let (ours, theirs) = (choice("0"), choice("1"));
    check(
        &formatted(&[("statecode", &ours), ("name", "null"), ("huge", "1E+300")], &[("statecode", "Active")])
            .after(
                "Post",
                &[("statecode", &theirs), ("name", r#""old""#), ("huge", "1E+300"), ("tiny", "1E-300")],
                &[("statecode", "Inactive")],
            ),
        &[
            ("statecode", "0"),
            ("statecodename", "Active"),
            ("_changed", "[statecode,name,huge]"),
            (
                "_rest",
                r#"{"InputParameters":{"Target":{"Attributes":{"huge":1E+300}}},"PostEntityImages":{"Post":{"Attributes":{"name":"old","statecode":{"Value":1},"tiny":1E-300},"FormattedValues":{"statecode":"Inactive"}}}}"#,
            ),
        ],
    );
}

#[test]
fn different_image_lookup_goes_to_rest_whole() {
    let (ours, theirs) = (lookup("contact", OTHER, "null"), lookup("contact", ID, r#""Bob""#));
    let rest = format!(
        r#"{{"PostEntityImages":{{"Post":{{"Attributes":{{"parent":{{"Id":"{ID}","LogicalName":"contact","Name":"Bob"}}}},"FormattedValues":{{"parent":"Bob"}}}}}}}}"#
    );
    check(
        &update(&[("parent", &ours)]).after("Post", &[("parent", &theirs)], &[("parent", "Bob")]),
        &[("parent", OTHER), ("parent_entitytype", "contact"), ("_changed", "[parent]"), ("_rest", &rest)],
    );
}

#[test]
fn second_image_fills_what_the_first_lacks() {
    check(
        &update(&[("a", "1")])
            .after("One", &[("a", "1"), ("b", "2")], &[("b", "two")])
            .after("Two", &[("b", "2.0"), ("c", "3")], &[("b", "two"), ("c", "three")])
            .after("Three", &[("c", "4")], &[("b", "deux")]),
        &[
            ("a", "1"),
            ("b", "2"),
            ("c", "3"),
            ("_changed", "[a]"),
            ("_labels", r#"{"b":"two","c":"three"}"#),
            (
                "_rest",
                r#"{"PostEntityImages":{"Three":{"Attributes":{"c":4},"FormattedValues":{"b":"deux"}}}}"#,
            ),
        ],
    );
}

#[test]
fn image_of_another_record_goes_to_rest() {
    let other = record("contact", OTHER, &[("name", r#""Ann""#)], &[]);
    let mut body = update(&[("a", "1")]);
    body.after.push(("Post", other));
    let rest = format!(
        r#"{{"PostEntityImages":{{"Post":{{"Attributes":{{"name":"Ann"}},"Id":"{OTHER}","LogicalName":"contact"}}}}}}"#
    );
    check(&body, &[("a", "1"), ("_changed", "[a]"), ("_rest", &rest)]);
}

#[test]
fn images_do_not_leak_into_the_next_event() {
    let first = update(&[("a", "1")]).after("Post", &[("a", "1")], &[("a", "one")]);
    let mut next = first.clone();
    next.after = vec![("Post", record("account", OTHER, &[("a", "1")], &[("a", "one")]))];
    let mut rows = Rows::new();
    rows.push(&first.json());
    rows.push(&next.json());
    let batch = rows.take();
    let [alone, after] = [row_of(&next.json()), row(&batch, 1)].map(|mut row| {
        assert!(row.remove("_sequence_number").is_some());
        row
    });
    assert_eq!(after, alone);
    assert_eq!(row(&batch, 0)["_labels"], r#"{"a":"one"}"#);
}

#[test]
fn automatic_image_gives_the_record_s_name() {
    let key = format!("\"{ID}\"");
    let automatic = "AsynchronousStepPrimaryName";
    for (name, labels) in [
        ("Contoso", None),
        ("Fabrikam", Some(r#"{"AsynchronousStepPrimaryName":{"Attributes":{"name":"Fabrikam"}}}"#)),
    ] {
        let mut expected = vec![("name", "Contoso"), ("_changed", "[name]")];
        expected.extend(labels.map(|labels| ("_labels", labels)));
        let name = format!("\"{name}\"");
        let image = [("name", name.as_str()), ("accountid", &key)];
        check(&update(&[("name", r#""Contoso""#)]).after(automatic, &image, &[]), &expected);
    }
    // It proposes no column either.
    check(
        &update(&[("x", "null")]).after(automatic, &[("name", r#""Contoso""#)], &[]),
        &[
            ("_changed", "[x]"),
            ("_labels", r#"{"AsynchronousStepPrimaryName":{"Attributes":{"name":"Contoso"}}}"#),
        ],
    );
}

#[test]
fn pre_images_become_one_json_column() {
    let image = record("account", ID, &[("name", r#""old""#), ("none", "null")], &[("statecode", "Active")]);
    let automatic = record("account", ID, &[("name", r#""old""#)], &[]);
    let before = format!(
        r#"{{"AsynchronousStepPrimaryName":{{"Attributes":{{"name":"old"}},"Id":"{ID}","LogicalName":"account"}},"Pre":{{"Attributes":{{"name":"old","none":null}},"FormattedValues":{{"statecode":"Active"}},"Id":"{ID}","LogicalName":"account"}}}}"#
    );
    check(
        &update(&[("name", r#""new""#)])
            .before("Pre", image)
            .before("AsynchronousStepPrimaryName", automatic),
        &[("name", "new"), ("_changed", "[name]"), ("_before", &before)],
    );
}
