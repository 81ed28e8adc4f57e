//! The members of items that are answered, by the rules that validators test.

use nilometer_schemas::{Fields, Problem};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Request, apply_fields};
use super::{get, post, refuse_get, refuse_post};

fn item() -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": "i", "collection": "c",
        "geometry": {"type": "Point", "coordinates": [1, 2]}, "bbox": [1, 2, 1, 2],
        "properties": {"datetime": "2020-01-01T00:00:00Z", "eo:cloud_cover": 5, "a.b": 1, "nested": {"x": 1, "y": 2}},
        "links": [{"rel": "self", "href": "h"}], "assets": {"data": {"href": "d", "type": "t"}, "thumb": {"href": "t"}},
    })
}

fn picked(request: Result<Request, Problem>) -> Value {
    apply_fields(item(), &request.unwrap().search.fields.expect("fields were given"))
}

fn names(item: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn no_fields_named_give_the_default_members() {
    for request in [
        get(&[("fields", "")]),
        post(json!({"fields": {}})),
        post(json!({"fields": {"include": null, "exclude": null}})),
        post(json!({"fields": {"include": [], "exclude": []}})),
    ] {
        assert_eq!(request.as_ref().unwrap().canonical, json!({"fields": {}}));
        let item = picked(request);
        assert_eq!(
            names(&item),
            ["assets", "bbox", "collection", "geometry", "id", "links", "properties", "stac_version", "type"]
        );
        assert_eq!(item["properties"], json!({"datetime": "2020-01-01T00:00:00Z"}));
    }
}

#[test]
fn an_included_field_comes_with_nothing_but_what_identifies_the_item() {
    for field in ["type", "stac_version", "id", "geometry", "bbox", "links", "assets"] {
        for request in [
            get(&[("fields", field)]),
            get(&[("fields", &format!("+{field}"))]),
            get(&[("fields", &format!(" {field}"))]),
            post(json!({"fields": {"include": [field]}})),
        ] {
            let picked = picked(request);
            assert_eq!(picked[field], item()[field]);
            assert!(names(&picked).len() <= 5, "{field}: {picked}");
            assert!(
                names(&picked).iter().all(|name| [field, "type", "stac_version", "id", "collection"].contains(name))
            );
        }
    }
}

#[test]
fn exclusion_alone_leaves_everything_else() {
    for request in [get(&[("fields", "-geometry")]), post(json!({"fields": {"exclude": ["geometry"]}}))] {
        let mut expected = item();
        expected.as_object_mut().unwrap().remove("geometry");
        assert_eq!(picked(request).as_object(), expected.as_object());
    }
}

#[test]
fn exclusion_with_an_empty_inclusion_starts_from_the_default_members() {
    for include in [json!([]), json!(null)] {
        let item = picked(post(json!({"fields": {"exclude": ["geometry"], "include": include}})));
        assert_eq!(names(&item), ["assets", "bbox", "collection", "id", "links", "properties", "stac_version", "type"]);
        assert_eq!(names(&item["properties"]), ["datetime"]);
        let item = picked(post(json!({"fields": {"exclude": ["properties"], "include": include}})));
        assert!(item.get("properties").is_none() && item.get("geometry").is_some());
    }
}

#[test]
fn the_longer_path_decides_and_inclusion_wins_a_tie() {
    for request in [
        get(&[("fields", "-properties,+properties.eo:cloud_cover")]),
        post(json!({"fields": {"exclude": ["properties"], "include": ["properties.eo:cloud_cover"]}})),
    ] {
        let item = picked(request);
        assert_eq!(names(&item), ["collection", "id", "properties", "stac_version", "type"]);
        assert_eq!(item["properties"], json!({"eo:cloud_cover": 5}));
    }
    for request in [
        get(&[("fields", "+geometry,-geometry")]),
        post(json!({"fields": {"exclude": ["geometry"], "include": ["geometry"]}})),
    ] {
        assert_eq!(names(&picked(request)), ["collection", "geometry", "id", "stac_version", "type"]);
    }
    let without = |fields: &str, path: &str, expected: Value| {
        assert_eq!(picked(get(&[("fields", fields)])).pointer(path), Some(&expected), "{fields}");
    };
    without("assets,-assets.thumb", "/assets", json!({"data": {"href": "d", "type": "t"}}));
    without("-assets.data.type", "/assets/data", json!({"href": "d"}));
    without("properties.nested.x", "/properties", json!({"nested": {"x": 1}}));
    without("properties.a.b", "/properties", json!({"a.b": 1}));
    let item = picked(get(&[("fields", "geometry,-type,nothing.here")]));
    assert_eq!(names(&item), ["collection", "geometry", "id", "stac_version"]);
}

#[test]
fn what_is_no_fields_object_is_refused() {
    for value in [
        json!(null),
        json!("id"),
        json!([]),
        json!({"include": "id"}),
        json!({"include": [1]}),
        json!({"only": ["id"]}),
        json!({"exclude": [""]}),
        json!({"include": vec!["a"; 257]}),
    ] {
        refuse_post("fields", value);
    }
    refuse_get("fields", "+,id");
}

#[test]
fn things_that_are_no_object_pass_the_field_picker() {
    assert_eq!(apply_fields(json!([1]), &Fields::default()), json!([1]));
}

proptest! {
    #[test]
    fn picked_fields_are_always_a_part_of_the_item(
        include in prop::collection::vec("(properties|assets|id|geometry|nested)(\\.(datetime|nested|data|x))?", 0..4),
        exclude in prop::collection::vec("(properties|assets|id|geometry|nested)(\\.(datetime|nested|data|x))?", 0..4),
    ) {
        fn is_part(part: &Value, whole: &Value) -> bool {
            match (part, whole) {
                (Value::Object(a), Value::Object(b)) => a.iter().all(|(k, v)| b.get(k).is_some_and(|w| is_part(v, w))),
                _ => part == whole,
            }
        }
        let picked = apply_fields(item(), &Fields { include: include.clone(), exclude: exclude.clone() });
        prop_assert!(is_part(&picked, &item()));
        for path in include {
            let pointer = format!("/{}", path.replace('.', "/"));
            if let Some(Value::String(leaf)) = item().pointer(&pointer) {
                prop_assert_eq!(picked.pointer(&pointer).and_then(Value::as_str), Some(leaf.as_str()));
            }
        }
    }
}
