//! STAC items as this service keeps them: their own text, and what the index needs of it.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::distinct::{Distinct, twice};
use crate::item_assets::as_stored;
use crate::limits::{ITEM_BYTES_MAX, JSON_DEPTH_MAX};
use crate::{CollectionId, Instant, ItemId, Kind, Problem, geojson};

/// Link relations that the service makes itself and therefore drops from what is written.
pub const RESERVED_RELS: [&str; 7] = ["self", "root", "parent", "collection", "item", "items", "child"];

/// The links of a JSON document that are not the service's own.
///
/// # Errors
/// The place of the first that is no object: dropped in silence, it would be missed by whoever wrote it.
pub(crate) fn foreign_links(links: Vec<Value>) -> Result<Vec<Value>, usize> {
    if let Some(at) = links.iter().position(|link| !link.is_object()) {
        return Err(at);
    }
    let text = |link: &Value, member: &str| link.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_page = |href: String| href.contains("/collections/") && href.ends_with("?f=html");
    let own = |link: &Value| match text(link, "rel").as_str() {
        "alternate" => is_page(text(link, "href")),
        "order" => text(link, "href").ends_with("/api/download/workflows"),
        rel => RESERVED_RELS.contains(&rel),
    };
    Ok(links.into_iter().filter(|link| !own(link)).collect())
}

/// An item's JSON text, laid out so that an answer is made by copying: `{…,"properties":{…},"links":[…]}`.
///
/// All members stand as they came, texts of numbers included; only `properties` and `links` are moved to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemText {
    text: String,
    properties_end: usize,
}

impl ItemText {
    /// Takes back a text that [`ItemText::parts`] gave away.
    ///
    /// # Errors
    /// `Internal` if the offset does not point at the end of the properties.
    pub fn from_parts(text: String, properties_end: usize) -> Result<Self, Problem> {
        if !text.get(properties_end..).is_some_and(|tail| tail.starts_with("},\"links\":[")) || !text.ends_with("]}") {
            return Err(Problem::new(Kind::Internal, "item-text", "a stored item's text is damaged"));
        }
        Ok(Self { text, properties_end })
    }

    /// The text, and the byte offset of the brace that closes `properties`.
    pub fn parts(&self) -> (&str, usize) {
        (&self.text, self.properties_end)
    }

    /// The stored JSON as it is, without what the service adds.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends the item's answer to `out`: the text with `ingested` among the properties, and `links`
    /// (comma-separated JSON objects without brackets, may be empty) put before the item's own.
    pub fn render(&self, ingested: Instant, links: &str, out: &mut Vec<u8>) {
        let text = self.text.as_bytes();
        let links_begin = self.properties_end + "},\"links\":[".len();
        let empty = text[self.properties_end - 1] == b'{';
        out.extend_from_slice(&text[..self.properties_end]);
        if !empty {
            out.push(b',');
        }
        out.extend_from_slice(b"\"ingested\":\"");
        out.extend_from_slice(ingested.to_string().as_bytes());
        out.push(b'"');
        out.extend_from_slice(&text[self.properties_end..links_begin]);
        out.extend_from_slice(links.as_bytes());
        let rest = &text[links_begin..];
        if !links.is_empty() && rest != b"]}" {
            out.push(b',');
        }
        out.extend_from_slice(rest);
    }
}

/// An item ready to be written: identity, text, and the parts that are indexed.
#[derive(Clone, Debug)]
pub struct Item {
    /// Collection it belongs to.
    pub collection: CollectionId,
    /// Identifier within the collection.
    pub id: ItemId,
    /// Its JSON.
    pub text: ItemText,
    /// Geometry as it came (may exceed ±180); `None` where it is null.
    pub geometry: Option<geo::Geometry<f64>>,
    /// The item's `bbox`, west, south, east, north, where it has one.
    pub bbox: Option<[f64; 4]>,
    /// `datetime`, or `None` where it is null.
    pub datetime: Option<Instant>,
    /// First moment: `start_datetime` if both ends are given, else `datetime`.
    pub start: Instant,
    /// Last moment: `end_datetime` if both ends are given, else `datetime`.
    pub end: Instant,
    /// All properties.
    pub properties: Map<String, Value>,
}

fn bad(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::invalid("item", detail).at(pointer)
}

/// Refuses JSON nested deeper than [`JSON_DEPTH_MAX`], without building it.
///
/// # Errors
/// `Invalid`.
pub fn check_depth(text: &str) -> Result<(), Problem> {
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    for b in text.bytes() {
        if in_text {
            match b {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match b {
            b'"' => in_text = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > JSON_DEPTH_MAX {
                    return Err(Problem::invalid(
                        "json-depth",
                        format!("the JSON is nested deeper than {JSON_DEPTH_MAX}"),
                    ));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// The members of an object in their order, with distinct names.
pub(crate) struct Members<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> serde::de::Visitor<'de> for Reader {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &RawValue)> = Vec::with_capacity(12);
                while let Some(member) = map.next_entry::<String, &RawValue>()? {
                    members.push(member);
                }
                // Sorted rather than each against all: an item may have ten thousands of members.
                let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                match names.windows(2).find(|pair| pair[0] == pair[1]) {
                    Some(pair) => Err(twice(pair[0])),
                    None => Ok(Members(members)),
                }
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// JSON in which no object, however deep, has two members of one name; read without being kept.
struct AllDistinct;

impl<'de> serde::Deserialize<'de> for AllDistinct {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> serde::de::Visitor<'de> for Reader {
            type Value = AllDistinct;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, _: bool) -> Result<AllDistinct, E> {
                Ok(AllDistinct)
            }
            fn visit_i64<E>(self, _: i64) -> Result<AllDistinct, E> {
                Ok(AllDistinct)
            }
            fn visit_u64<E>(self, _: u64) -> Result<AllDistinct, E> {
                Ok(AllDistinct)
            }
            fn visit_f64<E>(self, _: f64) -> Result<AllDistinct, E> {
                Ok(AllDistinct)
            }
            fn visit_str<E>(self, _: &str) -> Result<AllDistinct, E> {
                Ok(AllDistinct)
            }
            fn visit_unit<E>(self) -> Result<AllDistinct, E> {
                Ok(AllDistinct)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<AllDistinct, A::Error> {
                while seq.next_element::<AllDistinct>()?.is_some() {}
                Ok(AllDistinct)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<AllDistinct, A::Error> {
                let mut names = HashSet::new();
                while let Some((name, AllDistinct)) = map.next_entry::<String, AllDistinct>()? {
                    if let Some(name) = names.replace(name) {
                        return Err(twice(&name));
                    }
                }
                Ok(AllDistinct)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Refuses what the reader of shapes passes over: two members of one name, and the coordinates of a collection.
fn check_geometry(text: &str) -> Result<(), Problem> {
    let not_distinct = |e: serde_json::Error| bad("/geometry", e.to_string());
    let Members(members) = serde_json::from_str(text).map_err(not_distinct)?;
    let is_collection = members.iter().any(|(n, v)| n == "type" && v.get() == "\"GeometryCollection\"");
    for (name, raw) in members {
        match name.as_str() {
            "coordinates" if is_collection => {
                return Err(bad("/geometry", "a GeometryCollection has geometries and no coordinates"));
            }
            // Positions are many, and hold no members.
            "coordinates" => {}
            "geometries" => {
                for member in serde_json::from_str::<Vec<&RawValue>>(raw.get()).unwrap_or_default() {
                    check_geometry(member.get())?;
                }
            }
            _ => {
                serde_json::from_str::<AllDistinct>(raw.get()).map_err(not_distinct)?;
            }
        }
    }
    Ok(())
}

fn time_of(properties: &Map<String, Value>, name: &str) -> Result<Option<Instant>, Problem> {
    match properties.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Instant::parse(text).map(Some).ok_or_else(|| {
            bad(&format!("/properties/{name}"), format!("{text:?} is not an RFC 3339 moment"))
                .allowed("2023-07-21T05:00:00Z")
        }),
        Some(_) => Err(bad(&format!("/properties/{name}"), format!("{name} is a text or null"))),
    }
}

/// `(datetime, start, end)` of an item's properties.
fn times(properties: &Map<String, Value>) -> Result<(Option<Instant>, Instant, Instant), Problem> {
    let datetime = time_of(properties, "datetime")?;
    let (start, end) = match (time_of(properties, "start_datetime")?, time_of(properties, "end_datetime")?, datetime) {
        (Some(start), Some(end), _) => (start, end),
        (_, _, Some(moment)) => (moment, moment),
        _ => {
            return Err(bad(
                "/properties/datetime",
                "an item has a datetime, or null with start_datetime and end_datetime",
            ));
        }
    };
    if end < start {
        return Err(bad("/properties/end_datetime", format!("the end {end} is before the start {start}")));
    }
    Ok((datetime, start, end))
}

impl Item {
    /// Reads an item from JSON text. `collection` names where it is written, if the address does.
    ///
    /// Filled in where absent: `stac_version` (1.1.0), `collection`, `assets` ({}), `bbox` (from the geometry), and a null
    /// `datetime` beside `start_datetime` and `end_datetime`, which STAC wants and a merge patch cannot write.
    /// A `properties.ingested` of the sender is dropped, since the service keeps its own; assets with addresses of the
    /// service get back those that were stored.
    ///
    /// # Errors
    /// `Invalid` with a JSON pointer; `TooLarge` above the item limit; `Conflict` if the text names another collection.
    pub fn parse(text: &str, collection: Option<&CollectionId>) -> Result<Self, Problem> {
        if text.len() > ITEM_BYTES_MAX {
            return Err(Problem::new(
                Kind::TooLarge,
                "item-size",
                format!("the item has {} bytes, the limit is {ITEM_BYTES_MAX}", text.len()),
            ));
        }
        check_depth(text)?;
        let Members(mut members) =
            serde_json::from_str(text).map_err(|e| bad("", format!("not a JSON object: {e}")))?;
        let assets: Option<Box<RawValue>>;
        if let Some((_, raw)) = members.iter_mut().find(|(name, _)| name == "assets") {
            assets = as_stored(raw.get()).and_then(|text| RawValue::from_string(text).ok());
            *raw = assets.as_deref().unwrap_or(raw);
        }
        let get = |name: &str| members.iter().find(|(n, _)| n == name).map(|(_, v)| *v).filter(|v| v.get() != "null");
        let text_of = |name: &str| -> Result<Option<String>, Problem> {
            get(name)
                .map(|raw| {
                    serde_json::from_str::<String>(raw.get())
                        .map_err(|_| bad(&format!("/{name}"), format!("an item's {name} is a text")))
                })
                .transpose()
        };
        match text_of("type")?.as_deref() {
            Some("Feature") => {}
            _ => return Err(bad("/type", "an item's type is \"Feature\"")),
        }
        let id = text_of("id")?.ok_or_else(|| bad("/id", "an item has an id, a text"))?;
        let id = ItemId::new(id).map_err(|p| p.at("/id"))?;
        let own_collection =
            text_of("collection")?.map(CollectionId::new).transpose().map_err(|p| p.at("/collection"))?;
        let collection = match (collection, own_collection) {
            (Some(c), Some(own)) if own != *c => {
                return Err(Problem::new(
                    Kind::Conflict,
                    "collection-differs",
                    format!("the item belongs to {own:?}, the address names {c:?}"),
                )
                .at("/collection"));
            }
            (Some(c), _) => c.clone(),
            (None, Some(own)) => own,
            (None, None) => return Err(bad("/collection", "an item names its collection")),
        };
        check_stac_members(text_of("stac_version")?.as_deref(), get("stac_extensions"), get("assets"))?;
        if !members.iter().any(|(name, _)| name == "geometry") {
            return Err(bad("/geometry", "an item has a geometry, which may be null"));
        }
        let geometry = match get("geometry") {
            Some(raw) => Some(geojson::parse(raw.get()).map_err(|p| p.at("/geometry"))?),
            None => None,
        };
        let bbox = match get("bbox") {
            Some(raw) => Some(read_bbox(raw.get())?),
            None => None,
        };
        let properties_raw =
            get("properties").ok_or_else(|| bad("/properties", "an item has properties, an object"))?;
        let read: Result<Distinct, _> = serde_json::from_str(properties_raw.get());
        let mut properties =
            match read.map_err(|e| bad("/properties", format!("the properties cannot be read: {e}")))? {
                Distinct(Value::Object(properties)) => properties,
                Distinct(_) => return Err(bad("/properties", "the properties are not an object")),
            };
        let sent_ingested = properties.shift_remove("ingested").is_some();
        let has_datetime = properties.contains_key("datetime");
        if !has_datetime {
            properties.shift_insert(0, "datetime".into(), Value::Null);
        }
        let (datetime, start, end) = times(&properties)?;
        let links: Vec<Value> = match get("links") {
            Some(raw) => serde_json::from_str(raw.get()).map_err(|_| bad("/links", "an item's links are an array"))?,
            None => Vec::new(),
        };
        let links = foreign_links(links).map_err(|at| bad(&format!("/links/{at}"), "a link is an object"))?;
        let properties_text = match has_datetime {
            true => Cow::Borrowed(properties_raw.get()),
            // What is written there stays to the letter.
            false => Cow::Owned(properties_raw.get().replacen('{', "{\"datetime\":null,", 1)),
        };
        let text = lay_out(
            &members,
            &collection,
            bbox,
            geometry.as_ref(),
            (!sent_ingested).then_some(&*properties_text),
            &properties,
            &links,
        )?;
        Ok(Self { collection, id, text, geometry, bbox, datetime, start, end, properties })
    }

    /// The item's members as they are stored, without its geometry, which may be large and was read already.
    ///
    /// # Errors
    /// `Invalid` for two members of one name anywhere, and for a collection of geometries with coordinates;
    /// `Internal` if the text is damaged.
    pub(crate) fn members_but_geometry(&self) -> Result<Map<String, Value>, Problem> {
        let json = |e: serde_json::Error| Problem::new(Kind::Internal, "item-text", e.to_string());
        let Members(members) = serde_json::from_str(&self.text.text).map_err(json)?;
        let mut read = Map::with_capacity(members.len());
        for (name, raw) in members {
            if name == "geometry" {
                if self.geometry.is_some() {
                    check_geometry(raw.get())?;
                }
                continue;
            }
            serde_json::from_str::<AllDistinct>(raw.get()).map_err(|e| bad(&format!("/{name}"), e.to_string()))?;
            read.insert(name, serde_json::from_str(raw.get()).map_err(json)?);
        }
        Ok(read)
    }

    /// Reads an item from a JSON value.
    ///
    /// # Errors
    /// As [`Item::parse`].
    pub fn from_value(value: &Value, collection: Option<&CollectionId>) -> Result<Self, Problem> {
        Self::parse(&value.to_string(), collection)
    }

    /// What an item is called, in any language: its title and names (`name`, `name:fr`, `name_fr`, `names`).
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.texts(|key| {
            let (own, _) = key.split_once([':', '_']).unwrap_or((key, ""));
            matches!(own, "title" | "name" | "names")
        })
    }

    /// Texts that free-text search reads besides the names: description, keywords, and what the item belongs to, such as
    /// its river, basin, country, mission or product.
    pub fn described(&self) -> impl Iterator<Item = &str> {
        const DESCRIBED: [&str; 32] = [
            "description",
            "keywords",
            "river",
            "basin",
            "bassin",
            "lake",
            "reservoir",
            "station",
            "water",
            "aquifer",
            "sea",
            "country",
            "continent",
            "region",
            "province",
            "state",
            "department",
            "commune",
            "city",
            "location",
            "platform",
            "mission",
            "constellation",
            "instruments",
            "instrument",
            "product",
            "provider",
            "operator",
            "variable",
            "variables",
            "parameter",
            "parameters",
        ];
        self.texts(|key| {
            let key = key.rsplit(':').next().unwrap_or(key);
            // `sub_basin` and `water_body` tell as much as `basin` and `water` do; a code or an address does not.
            key.split('_').any(|part| DESCRIBED.contains(&part)) && !key.ends_with("_code") && !key.ends_with("_id")
        })
    }

    fn texts(&self, holds: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
        self.properties.iter().filter(move |(key, _)| holds(key)).flat_map(|(_, value)| match value {
            Value::String(text) => vec![text.as_str()],
            Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        })
    }
}

/// Checks the members of STAC that are kept as they come: a reader takes their form for granted.
fn check_stac_members(
    version: Option<&str>,
    extensions: Option<&RawValue>,
    assets: Option<&RawValue>,
) -> Result<(), Problem> {
    if let Some(version) = version.filter(|text| !is_version(text)) {
        return Err(bad("/stac_version", format!("{version:?} is no version of STAC")).allowed("such as 1.1.0"));
    }
    if let Some(raw) = extensions {
        serde_json::from_str::<Vec<String>>(raw.get())
            .map_err(|_| bad("/stac_extensions", "an item's stac_extensions are an array of addresses"))?;
    }
    let Some(raw) = assets else { return Ok(()) };
    let assets: Map<String, Value> =
        serde_json::from_str(raw.get()).map_err(|_| bad("/assets", "an item's assets are an object"))?;
    match assets.iter().find(|(_, asset)| !asset["href"].is_string()) {
        None => Ok(()),
        Some((name, _)) => Err(bad(&format!("/assets/{name}/href"), "an asset has an href, a text")),
    }
}

fn read_bbox(raw: &str) -> Result<[f64; 4], Problem> {
    let numbers: Vec<f64> = serde_json::from_str(raw).map_err(|_| bad("/bbox", "a bbox is an array of numbers"))?;
    box_of(&numbers).map_err(|detail| bad("/bbox", detail))
}

/// West, south, east, north of the 4 or 6 numbers of a record's box, or what is wrong with them.
pub(crate) fn box_of(numbers: &[f64]) -> Result<[f64; 4], String> {
    match *numbers {
        // Longitudes may lie beyond 180, as those of a geometry across the antimeridian do.
        [w, s, e, n] | [w, s, _, e, n, _] if -90.0 <= s && s <= n && n <= 90.0 => Ok([w, s, e, n]),
        [_, s, _, n] | [_, s, _, _, n, _] => {
            Err(format!("a bbox lies between -90 and 90 with its south below its north, not {s} to {n}"))
        }
        _ => Err(format!("a bbox has 4 or 6 numbers, not {}", numbers.len())),
    }
}

/// Whether a text is the number of a version of STAC, such as `1.1.0` or `1.0.0-rc.4`.
pub(crate) fn is_version(text: &str) -> bool {
    let (core, _) = text.split_once('-').unwrap_or((text, ""));
    let parts: Vec<&str> = core.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// Writes the members in stored order: all others as they came, then properties, then foreign links.
fn lay_out(
    members: &[(String, &RawValue)],
    collection: &CollectionId,
    bbox: Option<[f64; 4]>,
    geometry: Option<&geo::Geometry<f64>>,
    properties_raw: Option<&str>,
    properties: &Map<String, Value>,
    links: &[Value],
) -> Result<ItemText, Problem> {
    let json = |e: serde_json::Error| Problem::new(Kind::Internal, "item-text", e.to_string());
    let mut text = String::with_capacity(1024);
    let mut push = |name: &str, value: &str| -> Result<(), Problem> {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(&serde_json::to_string(name).map_err(json)?);
        text.push(':');
        text.push_str(value);
        Ok(())
    };
    let given = |name: &str| members.iter().any(|(n, v)| n == name && v.get() != "null");
    for (name, value) in members {
        let filled_in =
            matches!(name.as_str(), "stac_version" | "collection" | "bbox" | "assets") && value.get() == "null";
        if !matches!(name.as_str(), "properties" | "links") && !filled_in {
            push(name, value.get())?;
        }
    }
    if !given("stac_version") {
        push("stac_version", "\"1.1.0\"")?;
    }
    if !given("collection") {
        push("collection", &serde_json::to_string(collection.as_str()).map_err(json)?)?;
    }
    if bbox.is_none()
        && let Some(numbers) = geometry.and_then(geojson::bbox)
    {
        push("bbox", &serde_json::to_string(&numbers).map_err(json)?)?;
    }
    if !given("assets") {
        push("assets", "{}")?;
    }
    let compact = match properties_raw {
        // Blanks before the closing brace go, so that the splice point follows the last value.
        Some(raw) => {
            let raw = raw.trim();
            raw[..raw.len() - 1].trim_end().to_owned() + "}"
        }
        None => serde_json::to_string(properties).map_err(json)?,
    };
    push("properties", &compact)?;
    let properties_end = text.len() - 1;
    text.push_str(",\"links\":[");
    for (i, link) in links.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        text.push_str(&link.to_string());
    }
    text.push_str("]}");
    ItemText::from_parts(text, properties_end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(text: &str, links: &str) -> Value {
        let item = Item::parse(text, None).expect("valid");
        let mut out = Vec::new();
        item.text.render(Instant(0), links, &mut out);
        serde_json::from_slice(&out).expect("the answer is JSON")
    }

    #[test]
    fn an_answer_holds_every_member_as_it_came_with_our_links_first() {
        let got = answer(
            r#"{"type":"Feature","id":"a","collection":"c","x":{"y":1.10},"geometry":null,"links":[{"rel":"self","href":"x"},{"rel":"via","href":"v"}],
               "properties":{"datetime":"2020-01-01T00:00:00Z","n":{"a":{}} } }"#,
            r#"{"rel":"self","href":"s"}"#,
        );
        assert_eq!(got["x"], json!({"y": 1.1}));
        assert_eq!(
            got["properties"],
            json!({"datetime": "2020-01-01T00:00:00Z", "n": {"a": {}}, "ingested": "1970-01-01T00:00:00Z"})
        );
        assert_eq!(got["links"], json!([{"rel": "self", "href": "s"}, {"rel": "via", "href": "v"}]));
        assert_eq!((&got["assets"], &got["stac_version"]), (&json!({}), &json!("1.1.0")));
    }

    #[test]
    fn numbers_keep_their_text() {
        let item = Item::parse(r#"{"type":"Feature","id":"a","collection":"c","geometry":null,"properties":{"datetime":"2020-01-01T00:00:00Z","v":1.10,"w":12345678901234567890123}}"#, None).expect("valid");
        assert!(item.text.as_str().contains("\"v\":1.10,\"w\":12345678901234567890123"));
    }

    #[test]
    fn what_is_wrong_is_said_with_a_pointer() {
        for (text, pointer) in [
            (r#"{"type":"Feature","collection":"c","properties":{}}"#, "/id"),
            (r#"{"type":"Feature","id":"a","collection":"c","geometry":null,"properties":{}}"#, "/properties/datetime"),
            (
                r#"{"type":"Feature","id":"a","collection":"c","geometry":{"type":"Point","coordinates":[1,100]},"properties":{"datetime":"2020-01-01T00:00:00Z"}}"#,
                "/geometry",
            ),
            (
                r#"{"type":"Feature","id":"a","geometry":null,"properties":{"datetime":"2020-01-01T00:00:00Z"}}"#,
                "/collection",
            ),
            (r#"{"id":"a"}"#, "/type"),
            (
                r#"{"type":"Feature","id":"a","collection":"c","properties":{"datetime":"2020-01-01T00:00:00Z"}}"#,
                "/geometry",
            ),
            (
                r#"{"type":"Feature","id":"a","collection":"c","geometry":null,"links":[{"rel":"self"},"x"],"properties":{"datetime":"2020-01-01T00:00:00Z"}}"#,
                "/links/1",
            ),
            (
                r#"{"type":"Feature","id":"a","collection":"c","stac_version":"5","properties":{"datetime":null}}"#,
                "/stac_version",
            ),
            (
                r#"{"type":"Feature","id":"a","collection":"c","stac_extensions":"x","properties":{"datetime":null}}"#,
                "/stac_extensions",
            ),
            (r#"{"type":"Feature","id":"a","collection":"c","assets":[],"properties":{"datetime":null}}"#, "/assets"),
            (
                r#"{"type":"Feature","id":"a","collection":"c","assets":{"x":{}},"properties":{"datetime":null}}"#,
                "/assets/x/href",
            ),
            (
                r#"{"type":"Feature","id":"a","collection":"c","bbox":[0,9,1,8],"geometry":null,"properties":{"datetime":null}}"#,
                "/bbox",
            ),
            (
                r#"{"type":"Feature","id":"a","collection":"c","geometry":null,"properties":{"datetime":"yesterday"}}"#,
                "/properties/datetime",
            ),
        ] {
            assert_eq!(Item::parse(text, None).expect_err(text).parameter.as_deref(), Some(pointer), "{text}");
        }
        assert!(Item::parse(&"[".repeat(200), None).is_err());
        let twice = |text: &str| Item::parse(text, None).expect_err(text).detail;
        assert!(twice(r#"{"type":"Feature","id":"a","id":"b"}"#).contains("\"id\" stands twice"));
        let text = r#"{"type":"Feature","id":"a","collection":"c","geometry":null,"properties":{"datetime":null,"n":1,"n":2}}"#;
        assert!(twice(text).contains("\"n\" stands twice"));
    }
}
