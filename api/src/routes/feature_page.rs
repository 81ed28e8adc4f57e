//! A page of items as GeoJSON: stored texts copied into one buffer, parsed only when members were picked or positions are
//! answered in another reference system.

use nilometer_query::Page;
use nilometer_query::parse::apply_fields;
use nilometer_schemas::{Crs, Fields};
use serde_json::Value;

use super::crs;
use crate::files::AssetLinks;
use crate::links::ItemLinks;
use crate::problem::ApiError;

/// Bytes that one item takes in a page, for the first reservation only.
const ITEM_BYTES_GUESS: usize = 2_048;

/// Writes a FeatureCollection with exact counts, `links`, and what the question was read as, if it was a sentence.
///
/// # Errors
/// `Internal` if a stored item is no JSON.
pub(crate) fn feature_collection(
    page: &Page,
    fields: Option<&Fields>,
    crs: Crs,
    assets: &AssetLinks,
    page_links: &[Value],
    reading: Option<&Value>,
) -> Result<Vec<u8>, ApiError> {
    let mut out = Vec::with_capacity(256 + page.items.len() * ITEM_BYTES_GUESS);
    let counts = format!(
        r#"{{"type":"FeatureCollection","numberMatched":{},"numberReturned":{},"features":["#,
        page.number_matched,
        page.items.len()
    );
    out.extend_from_slice(counts.as_bytes());
    let mut item_links = ItemLinks::new(assets.links());
    for (i, item) in page.items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let own_links = item_links.of(item.collection.as_str(), item.id.as_str());
        if fields.is_none() && crs == Crs::Crs84 {
            assets.text(item).render(item.ingested, &own_links, &mut out);
            continue;
        }
        let mut whole = Vec::new();
        assets.text(item).render(item.ingested, &own_links, &mut whole);
        let mut value: Value = serde_json::from_slice(&whole).map_err(ApiError::internal)?;
        crs::transform(&mut value, crs);
        if let Some(fields) = fields {
            value = apply_fields(value, fields);
        }
        serde_json::to_writer(&mut out, &value).map_err(ApiError::internal)?;
    }
    out.extend_from_slice(b"],\"links\":");
    serde_json::to_writer(&mut out, page_links).map_err(ApiError::internal)?;
    if let Some(reading) = reading {
        out.extend_from_slice(b",\"nilometer:reading\":");
        serde_json::to_writer(&mut out, reading).map_err(ApiError::internal)?;
    }
    out.push(b'}');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::Links;
    use nilometer_indexer::StoredItem;
    use nilometer_schemas::{Instant, Item};
    use serde_json::json;

    fn page() -> Page {
        let stored = |id: &str| {
            let item = Item::from_value(
                &json!({"type": "Feature", "id": id, "collection": "c", "geometry": null,
                        "properties": {"datetime": "2020-01-01T00:00:00Z"}}),
                None,
            )
            .expect("a valid item");
            StoredItem { seq: 1, ingested: Instant(0), collection: item.collection, id: item.id, text: item.text }
        };
        Page { number_matched: 7, items: vec![stored("a"), stored("b/c")], next: None, prev: None, widened: Vec::new() }
    }

    #[test]
    fn a_page_is_geojson_with_exact_counts_and_links_of_its_own() {
        let links = Links::new("http://h/p");
        let own = [links.link("self", "x", "/search")];
        let assets = AssetLinks::as_stored(&links);
        let bytes = feature_collection(&page(), None, Crs::Crs84, &assets, &own, None).expect("a page");
        let value: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!((&value["numberMatched"], &value["numberReturned"]), (&json!(7), &json!(2)));
        assert_eq!(value["features"][1]["links"][0]["href"], "http://h/p/collections/c/items/b%2Fc");
        assert_eq!(value["features"][0]["properties"]["ingested"], "1970-01-01T00:00:00Z");
        assert_eq!(value["links"], json!([{"rel": "self", "type": "x", "href": "http://h/p/search"}]));
    }
}
