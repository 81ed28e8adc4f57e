//! Items in another reference system than CRS84 (OGC API Features Part 2): `crs` says which, `Content-Crs` tells it.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use nilometer_schemas::{Crs, Problem};
use serde_json::{Value, json};

use super::ask::Ask;

/// The parameter.
pub(super) const CRS: &str = "crs";
const CONTENT_CRS: HeaderName = HeaderName::from_static("content-crs");

/// The system that is asked for.
///
/// # Errors
/// `Invalid` for one that is not offered.
pub(super) fn asked(ask: &Ask) -> Result<Crs, Problem> {
    let mut named = ask.query.iter().filter(|(name, _)| name == CRS);
    let crs = named.next().map_or(Ok(Crs::Crs84), |(_, text)| Crs::parse(CRS, text))?;
    match named.next() {
        None => Ok(crs),
        Some(_) => Err(Problem::invalid("repeated-parameter", "crs is given more than once").at(CRS)),
    }
}

/// Refuses a body that says its positions are in another system than CRS84: they would be stored as they stand.
///
/// # Errors
/// `Invalid`, naming the header.
pub(super) fn check_body(ask: &Ask) -> Result<(), Problem> {
    let Some(value) = ask.headers.get(CONTENT_CRS) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default().trim();
    match Crs::parse("Content-Crs", text.trim_start_matches('<').trim_end_matches('>')) {
        Ok(Crs::Crs84) => Ok(()),
        _ => Err(Problem::invalid("crs", "what is written has its positions in CRS84, longitude first")
            .at("Content-Crs")
            .allowed(format!("<{}>", Crs::Crs84.uri()))),
    }
}

/// The answer with the name of its system.
pub(super) fn named(mut response: Response, crs: Crs) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("<{}>", crs.uri())) {
        response.headers_mut().insert(CONTENT_CRS, value);
    }
    response
}

/// Puts an item's geometry and box into a system.
pub(super) fn transform(item: &mut Value, crs: Crs) {
    if crs == Crs::Crs84 {
        return;
    }
    if let Some(geometry) = item.get_mut("geometry") {
        transform_geometry(geometry, crs);
    }
    let numbers: Option<Vec<f64>> =
        item.get("bbox").and_then(Value::as_array).and_then(|list| list.iter().map(Value::as_f64).collect());
    match numbers.as_deref() {
        Some(&[west, south, east, north]) => item["bbox"] = json!(crs.bbox_from_crs84([west, south, east, north])),
        Some(&[west, south, low, east, north, high]) => {
            let [a, b, c, d] = crs.bbox_from_crs84([west, south, east, north]);
            item["bbox"] = json!([a, b, low, c, d, high]);
        }
        _ => {}
    }
}

fn transform_geometry(geometry: &mut Value, crs: Crs) {
    if let Some(Value::Array(members)) = geometry.get_mut("geometries") {
        members.iter_mut().for_each(|member| transform_geometry(member, crs));
    }
    if let Some(coordinates) = geometry.get_mut("coordinates") {
        transform_positions(coordinates, crs);
    }
}

/// A position, or lists of positions; heights stay.
fn transform_positions(value: &mut Value, crs: Crs) {
    let Value::Array(list) = value else { return };
    match (list.first().and_then(Value::as_f64), list.get(1).and_then(Value::as_f64)) {
        (Some(longitude), Some(latitude)) => {
            let [first, second] = crs.from_crs84([longitude, latitude]);
            (list[0], list[1]) = (first.into(), second.into());
        }
        _ => list.iter_mut().for_each(|member| transform_positions(member, crs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_of_an_item_is_transformed_and_heights_stay() {
        let mut item = json!({
            "bbox": [1.0, 2.0, -5.0, 3.0, 4.0, 9.0],
            "geometry": {"type": "GeometryCollection", "geometries": [
                {"type": "Point", "coordinates": [1.0, 2.0, 9.5]},
                {"type": "MultiPolygon", "coordinates": [[[[1.0, 2.0], [3.0, 4.0]]]]},
                {"type": "MultiPoint", "coordinates": []},
            ]},
            "properties": {"coordinates": [1.0, 2.0]},
        });
        transform(&mut item, Crs::Epsg4326);
        assert_eq!(item["bbox"], json!([2.0, 1.0, -5.0, 4.0, 3.0, 9.0]));
        assert_eq!(item["geometry"]["geometries"][0]["coordinates"], json!([2.0, 1.0, 9.5]));
        assert_eq!(item["geometry"]["geometries"][1]["coordinates"], json!([[[[2.0, 1.0], [4.0, 3.0]]]]));
        assert_eq!(item["properties"]["coordinates"], json!([1.0, 2.0]));
        let mut nowhere = json!({"geometry": null});
        transform(&mut nowhere, Crs::Epsg3857);
        assert_eq!(nowhere, json!({"geometry": null}));
    }
}
