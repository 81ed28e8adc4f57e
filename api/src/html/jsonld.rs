//! What search engines for data read of a page: schema.org `Dataset`, made from the same answers as the JSON.

use maud::{Markup, html};
use nilometer_schemas::Parameter;
use serde_json::{Map, Value, json};

use super::embed::data_block;
use super::layout::Frame;
use super::series::unit;
use super::values::{item_title_in, web_address};
use crate::links::{GEOJSON, JSON, collection_path, item_path, items_path, location_path, with_query};
use crate::routes::edr::Format;

const MEDIA_TYPE: &str = "application/ld+json";
/// A description has at least so many characters, or harvesters refuse it.
const DESCRIPTION_CHARS_MIN: usize = 50;
/// Formats of values offered.
const FORMATS: [Format; 3] = [Format::Csv, Format::Parquet, Format::CoverageJson];

/// The canonical address of a page; a language chosen in the address belongs to it.
pub(super) fn canonical(frame: &Frame<'_>, path: &str) -> Markup {
    let address = frame.lang.map_or_else(|| path.to_owned(), |lang| with_query(path, [("lang", lang)]));
    html! { link rel="canonical" href=(frame.links.absolute(&address)); }
}

/// A collection, from its JSON answer.
pub(super) fn collection(frame: &Frame<'_>, body: &Value, parameters: &[Parameter]) -> Markup {
    let id = body["id"].as_str().unwrap_or_default();
    let title = body["title"].as_str().unwrap_or(id);
    let description = long_enough(body["description"].as_str().unwrap_or_default(), title);
    let mut out = dataset(frame, &collection_path(id), id, title, &description);
    about(&mut out, body);
    if let Some(bbox) = body["extent"]["spatial"]["bbox"][0].as_array() {
        let numbers: Vec<f64> = bbox.iter().filter_map(Value::as_f64).collect();
        if let [west, south, east, north] = numbers[..] {
            let shape = json!({"@type": "GeoShape", "box": format!("{south} {west} {north} {east}")});
            out.insert("spatialCoverage".into(), json!({"@type": "Place", "geo": shape}));
        }
    }
    if let [begin, end] = body["extent"]["temporal"]["interval"][0].as_array().map(Vec::as_slice).unwrap_or_default() {
        let text = |end: &Value| end.as_str().unwrap_or("..").to_owned();
        if !begin.is_null() || !end.is_null() {
            out.insert("temporalCoverage".into(), format!("{}/{}", text(begin), text(end)).into());
        }
    }
    measured(&mut out, frame, parameters.iter());
    out.insert(
        "distribution".into(),
        json!([
            download(frame, GEOJSON, &with_query(&items_path(id), [("f", "json")])),
            download(frame, JSON, &with_query(&collection_path(id), [("f", "json")])),
        ]),
    );
    data_block(MEDIA_TYPE, &Value::Object(out))
}

/// An item, from its JSON, with its collection's JSON answer. `parameters` are those of which it has values, with the
/// period of its observations as text.
pub(super) fn item(
    frame: &Frame<'_>,
    item: &Value,
    collection: &Value,
    parameters: &[&Parameter],
    period: Option<&str>,
) -> Markup {
    let (id, own) = (item["id"].as_str().unwrap_or_default(), collection["id"].as_str().unwrap_or_default());
    let title = item_title_in(item, frame.language);
    let collection_title = collection["title"].as_str().unwrap_or(own);
    let text = item["properties"]["description"].as_str().or(collection["description"].as_str()).unwrap_or_default();
    let description = long_enough(&format!("{title} ({collection_title}). {text}"), &title);
    let path = item_path(own, id);
    let mut out = dataset(frame, &path, &format!("{own}/{id}"), &title, &description);
    about(&mut out, collection);
    let part =
        json!({"@type": "Dataset", "@id": frame.links.absolute(&collection_path(own)), "name": collection_title});
    out.insert("isPartOf".into(), part);
    if let Some(place) = place(item, &title) {
        out.insert("spatialCoverage".into(), place);
    }
    if let Some(period) = period {
        out.insert("temporalCoverage".into(), period.into());
    } else if let Some(moment) = item["properties"]["datetime"].as_str() {
        out.insert("temporalCoverage".into(), moment.into());
    }
    measured(&mut out, frame, parameters.iter().copied());
    let mut downloads = vec![download(frame, GEOJSON, &with_query(&path, [("f", "json")]))];
    if period.is_some() {
        let values = location_path(own, id);
        let of = |format: Format| download(frame, format.media_type(), &with_query(&values, [("f", format.label())]));
        downloads.extend(FORMATS.map(of));
    }
    // What we deliver ourselves is for those with an account; who harvests these descriptions has none.
    let is_elsewhere = |asset: &&Value| asset.get("nilometer:href").is_none();
    let assets = item["assets"].as_object().into_iter().flat_map(|assets| assets.values());
    for asset in assets.filter(is_elsewhere) {
        if let Some(address) = asset["href"].as_str().and_then(web_address) {
            downloads.push(json!({"@type": "DataDownload", "contentUrl": address, "encodingFormat": asset["type"]}));
        }
    }
    out.insert("distribution".into(), downloads.into());
    data_block(MEDIA_TYPE, &Value::Object(out))
}

fn dataset(frame: &Frame<'_>, path: &str, identifier: &str, name: &str, description: &str) -> Map<String, Value> {
    let address = frame.links.absolute(path);
    let out = json!({
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": address,
        "url": address,
        "identifier": identifier,
        "name": name,
        "description": description,
        "inLanguage": frame.language.tag(),
        "includedInDataCatalog": {"@type": "DataCatalog", "name": "Nilometer", "url": frame.links.absolute("/")},
    });
    match out {
        Value::Object(out) => out,
        _ => Map::new(),
    }
}

/// Licence, keywords, version, makers and DOI.
fn about(out: &mut Map<String, Value>, collection: &Value) {
    let links = || collection["links"].as_array().into_iter().flatten();
    let linked = |rel: &str| links().find(|l| l["rel"] == rel).and_then(|l| web_address(l["href"].as_str()?));
    if let Some(licence) = linked("license").or(collection["license"].as_str().filter(|name| *name != "other")) {
        out.insert("license".into(), licence.into());
    }
    if let Some(doi) = doi(collection) {
        out.insert("sameAs".into(), doi.into());
    }
    for member in ["keywords", "version"] {
        if let Some(value) = collection.get(member) {
            out.insert(member.into(), value.clone());
        }
    }
    let providers: Vec<Value> = collection["providers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|p| {
            let mut provider = json!({"@type": "Organization", "name": p["name"]});
            if let Some(address) = p["url"].as_str().and_then(web_address) {
                provider["url"] = address.into();
            }
            provider
        })
        .collect();
    if !providers.is_empty() {
        out.insert("creator".into(), providers.into());
    }
}

/// The address of a collection's DOI, from the Scientific Citation extension or a link to cite.
pub(super) fn doi(collection: &Value) -> Option<String> {
    if let Some(doi) = collection["sci:doi"].as_str() {
        return Some(format!("https://doi.org/{doi}"));
    }
    let mut links = collection["links"].as_array()?.iter().filter(|link| link["rel"] == "cite-as");
    links.find_map(|link| web_address(link["href"].as_str()?)).map(str::to_owned)
}

fn measured<'p>(out: &mut Map<String, Value>, frame: &Frame<'_>, parameters: impl Iterator<Item = &'p Parameter>) {
    let list: Vec<Value> = parameters
        .filter(|parameter| parameter.unit.is_some())
        .map(|parameter| {
            let own = parameter.unit.as_deref().unwrap_or_default();
            json!({
                "@type": "PropertyValue",
                "name": super::series::name(frame.language, Some(parameter), &parameter.name),
                "alternateName": parameter.name,
                "unitText": unit(own),
            })
        })
        .collect();
    if !list.is_empty() {
        out.insert("variableMeasured".into(), list.into());
    }
}

fn place(item: &Value, name: &str) -> Option<Value> {
    if item["geometry"]["type"] == "Point" {
        let (lon, lat) = (item["geometry"]["coordinates"][0].as_f64()?, item["geometry"]["coordinates"][1].as_f64()?);
        let geo = json!({"@type": "GeoCoordinates", "latitude": lat, "longitude": lon});
        return Some(json!({"@type": "Place", "name": name, "geo": geo}));
    }
    let bbox: Vec<f64> = item["bbox"].as_array()?.iter().filter_map(Value::as_f64).collect();
    let [west, south, east, north] = bbox[..] else { return None };
    let geo = json!({"@type": "GeoShape", "box": format!("{south} {west} {north} {east}")});
    Some(json!({"@type": "Place", "name": name, "geo": geo}))
}

fn download(frame: &Frame<'_>, media_type: &str, path: &str) -> Value {
    json!({"@type": "DataDownload", "encodingFormat": media_type, "contentUrl": frame.links.absolute(path)})
}

fn long_enough(text: &str, title: &str) -> String {
    let text = text.trim();
    if text.chars().count() >= DESCRIPTION_CHARS_MIN {
        return text.to_owned();
    }
    format!("{title}. {text} Data on the world's surface water, served by Nilometer.")
}
