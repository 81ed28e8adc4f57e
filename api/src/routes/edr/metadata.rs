//! What a collection's JSON says of OGC API EDR: its queries, parameters, formats and reference system.

use nilometer_query::series::{Method, Step};
use nilometer_schemas::{CRS84_NAME, Crs, Parameter};
use serde_json::{Map, Value, json};

use super::format::Format;
use super::parameter::named_parameter;
use super::place;
use crate::links::{CRS84, GEOJSON, Links, collection_path};

/// Reference system of times.
const TRS: &str = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian";
/// A well-known text of [`CRS84`], which EDR wants beside its name (OGC 12-063r5).
const CRS84_WKT: &str = "GEOGCRS[\"WGS 84 (CRS84)\",ENSEMBLE[\"World Geodetic System 1984 ensemble\",\
    MEMBER[\"World Geodetic System 1984 (G1762)\"],ELLIPSOID[\"WGS 84\",6378137,298.257223563],ENSEMBLEACCURACY[2.0]],\
    CS[ellipsoidal,2],AXIS[\"geodetic longitude (Lon)\",east,ORDER[1]],AXIS[\"geodetic latitude (Lat)\",north,ORDER[2]],\
    ANGLEUNIT[\"degree\",0.0174532925199433],ID[\"OGC\",\"CRS84\"]]";
/// The queries of a collection with observations.
pub(crate) const QUERIES: [&str; 5] = ["locations", "position", "radius", "area", "cube"];
/// Units of heights, which EDR wants named where there is a cube; none of ours has heights.
const HEIGHT_UNITS: [&str; 1] = ["m"];

/// Adds the members of EDR to a collection. Each has the query `items`; those with observations have all of ours.
pub(crate) fn describe(
    body: &mut Map<String, Value>,
    links: &Links,
    id: &str,
    parameters: &[Parameter],
    language: &str,
) {
    let has_values = !parameters.is_empty();
    let mut queries = Map::new();
    for query in QUERIES.into_iter().filter(|_| has_values) {
        queries.insert(query.into(), json!({"link": query_link(links, id, query)}));
    }
    queries.insert("items".into(), json!({"link": query_link(links, id, "items")}));
    let formats = if has_values { Format::labels() } else { vec![Format::GeoJson.label()] };
    let described = parameters.iter().map(|p| (p.name.clone(), named_parameter(p, language)));
    body.insert("data_queries".into(), queries.into());
    body.insert("parameter_names".into(), Value::Object(described.collect()));
    body.insert("output_formats".into(), json!(formats));
    // Items are answered in all of them (OGC API Features), values in the one that has a short name (OGC API EDR).
    body.insert("crs".into(), Crs::ALL.map(Crs::uri).into_iter().chain([CRS84_NAME]).collect());
    body.insert("storageCrs".into(), Crs::Crs84.uri().into());
    if let Some(extent) = body.get_mut("extent") {
        describe_extent(extent);
    }
}

/// Names the reference systems of an extent, and its interval as the one value of time.
fn describe_extent(extent: &mut Value) {
    extent["spatial"]["crs"] = CRS84.into();
    let values: Vec<String> =
        extent["temporal"]["interval"].as_array().into_iter().flatten().map(interval_text).collect();
    extent["temporal"]["values"] = json!(values);
    extent["temporal"]["trs"] = TRS.into();
}

fn interval_text(interval: &Value) -> String {
    let end = |at: usize| interval[at].as_str().unwrap_or("..");
    format!("{}/{}", end(0), end(1))
}

/// The links of a collection with observations to its queries.
pub(crate) fn data_links(links: &Links, id: &str, parameters: &[Parameter]) -> Vec<Value> {
    let path = collection_path(id);
    let link = |query: &str| {
        let media_type = if query == "locations" { GEOJSON } else { Format::CoverageJson.media_type() };
        links.titled("data", media_type, &format!("{path}/{query}"), query)
    };
    QUERIES.into_iter().filter(|_| !parameters.is_empty()).map(link).collect()
}

fn query_link(links: &Links, id: &str, query: &str) -> Value {
    // The list of locations and the items are GeoJSON; the values at a location have all formats.
    let formats = if query == "items" { vec![Format::GeoJson.label()] } else { Format::labels() };
    let mut variables = json!({
        "title": title(query), "query_type": query, "output_formats": formats, "default_output_format": formats[0],
        "crs_details": [{"crs": CRS84_NAME, "wkt": CRS84_WKT}],
    });
    match query {
        "locations" => variables["multiple_locations"] = true.into(),
        "radius" | "position" => variables["within_units"] = json!(place::units()),
        "cube" => variables["height_units"] = json!(HEIGHT_UNITS),
        _ => {}
    }
    if query != "items" {
        variables["description"] = resampling().into();
    }
    let href = links.absolute(&format!("{}/{query}", collection_path(id)));
    json!({"href": href, "rel": "data", "variables": variables})
}

fn title(query: &str) -> &'static str {
    match query {
        "locations" => "Features with observations, and the values at named ones",
        "position" => "Values at the nearest feature",
        "radius" => "Values at all features within a distance",
        "area" => "Values at all features that meet an area",
        "cube" => "Values at all features that meet a box",
        _ => "Items",
    }
}

/// One sentence about the parameters that the standard does not have.
fn resampling() -> String {
    let methods: Vec<&str> = Method::ALL.iter().map(|method| method.as_str()).collect();
    let (steps, methods) = (steps(), methods.join(", "));
    format!(
        "Statistics of calendar steps in place of values: resample={steps} with method={methods} (a list); every \
         statistic comes with the number of values it rests on. Versions: version=latest, all, or a name."
    )
}

/// The steps that `resample` knows, in the words of its own refusal.
pub(crate) fn steps() -> String {
    Step::parse("").err().and_then(|problem| problem.allowed).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(parameters: &[Parameter]) -> Value {
        let mut body = Map::new();
        let extent =
            json!({"spatial": {"bbox": [[1, 2, 3, 4]]}, "temporal": {"interval": [["2020-01-01T00:00:00Z", null]]}});
        body.insert("extent".into(), extent);
        describe(&mut body, &Links::new("http://h/p"), "a/b", parameters, "en");
        Value::Object(body)
    }

    #[test]
    fn a_collection_with_observations_has_all_queries_and_others_their_items() {
        let wse: Parameter =
            serde_json::from_value(json!({"name": "wse", "unit": "m", "datum": "EGM2008"})).expect("valid");
        let json = described(&[wse]);
        for query in QUERIES {
            let link = &json["data_queries"][query]["link"];
            assert_eq!(link["href"], format!("http://h/p/collections/a%2Fb/{query}"));
            assert_eq!((&link["rel"], &link["variables"]["query_type"]), (&json!("data"), &json!(query)));
            let formats = link["variables"]["output_formats"].as_array().expect("formats");
            assert!(formats.contains(&link["variables"]["default_output_format"]));
        }
        let wse = &json["parameter_names"]["wse"];
        assert_eq!((&wse["type"], &wse["observedProperty"]["label"]), (&json!("Parameter"), &json!("wse")));
        assert_eq!(json["output_formats"], json!(["CoverageJSON", "GeoJSON", "CSV", "Parquet", "Arrow"]));
        assert_eq!(json["extent"]["temporal"]["values"], json!(["2020-01-01T00:00:00Z/.."]));
        let plain = described(&[]);
        assert_eq!(
            plain["data_queries"].as_object().map(|q| q.keys().collect::<Vec<_>>()),
            Some(vec![&"items".to_owned()])
        );
        assert_eq!((&plain["parameter_names"], &plain["output_formats"]), (&json!({}), &json!(["GeoJSON"])));
    }
}
