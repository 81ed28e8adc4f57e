//! Every link of every answer is made here, from the address under which a request reached the service
//! ([`crate::context::RequestContext::public_url`]).
//!
//! JSON answers carry absolute links, pages carry links relative to the host, so that a page opened under another
//! name of the host still works.

use nilometer_schemas::Crs;
use serde_json::{Map, Value, json};

/// Media type of JSON.
pub const JSON: &str = "application/json";
/// Media type of GeoJSON.
pub const GEOJSON: &str = "application/geo+json";
/// Media type of JSON Schema.
pub const SCHEMA_JSON: &str = "application/schema+json";
/// Media type of a page.
pub const HTML: &str = "text/html";
/// Media type of newline-delimited JSON.
pub const NDJSON: &str = "application/x-ndjson";
/// Media type of Mapbox Vector Tiles.
pub const MVT: &str = "application/vnd.mapbox-vector-tile";
/// Media type of the OpenAPI document.
pub const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.1";
/// Media type of the same document in the version that OGC API Features names.
pub const OPENAPI_3_0: &str = "application/vnd.oai.openapi+json;version=3.0";

/// The reference system of all that is stored: WGS 84, longitude first.
pub const CRS84: &str = Crs::Crs84.uri();
/// The reference system of web maps, metres.
pub const WEB_MERCATOR: &str = Crs::Epsg3857.uri();
/// Link relation of queryables (OGC API Features Part 3).
pub const REL_QUERYABLES: &str = "http://www.opengis.net/def/rel/ogc/1.0/queryables";
/// Link relation of sortables (OGC API Features Part 5).
pub const REL_SORTABLES: &str = "http://www.opengis.net/def/rel/ogc/1.0/sortables";
/// Link relation of the functions that filters may call (OGC API Features Part 3).
pub const REL_FUNCTIONS: &str = "http://www.opengis.net/def/rel/ogc/1.0/functions";
/// Link relation of an item schema (OGC API Common Part 3).
pub const REL_SCHEMA: &str = "http://www.opengis.net/def/rel/ogc/1.0/schema";

/// Paths under which the service answers as well, with links that stay below the one asked: scripts of hydroweb.next users
/// have them written down.
pub const OTHER_ROOTS: [&str; 2] = ["/api/v1/rs-catalog/stac", "/api/catalog/stac"];

/// Where the service stands for one request: `origin` (`https://host[:port]`) and `prefix` (`` or `/a/b`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    origin: String,
    prefix: String,
}

impl Links {
    /// From the service's address, such as `https://host/prefix`; a trailing slash is dropped.
    pub fn new(url: &str) -> Self {
        let url = url.trim_end_matches('/');
        let host_begin = url.find("://").map_or(0, |i| i + 3);
        match url[host_begin..].find('/') {
            Some(slash) => {
                let (origin, prefix) = url.split_at(host_begin + slash);
                Self { origin: origin.to_owned(), prefix: prefix.to_owned() }
            }
            None => Self { origin: url.to_owned(), prefix: String::new() },
        }
    }

    /// The absolute address of a path that begins with `/` and is encoded already.
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.prefix)
    }

    /// The same without scheme and host, for pages.
    pub fn local(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// A STAC link object.
    pub fn link(&self, rel: &str, media_type: &str, path: &str) -> Value {
        json!({"rel": rel, "type": media_type, "href": self.absolute(path)})
    }

    /// A STAC link object with a title.
    pub fn titled(&self, rel: &str, media_type: &str, path: &str, title: &str) -> Value {
        json!({"rel": rel, "type": media_type, "href": self.absolute(path), "title": title})
    }

    /// A STAC link object with a method (`GET` or `POST`).
    pub fn with_method(&self, rel: &str, media_type: &str, path: &str, method: &str) -> Value {
        json!({"rel": rel, "type": media_type, "href": self.absolute(path), "method": method})
    }

    /// The link to another page of a POST question: the same question with the token in its body.
    pub fn page_of_post(&self, rel: &str, media_type: &str, path: &str, body: Map<String, Value>) -> Value {
        json!({"rel": rel, "type": media_type, "href": self.absolute(path), "method": "POST",
               "body": body, "merge": false})
    }
}

/// The path of a collection.
pub fn collection_path(collection: &str) -> String {
    format!("/collections/{}", encode(collection))
}

/// The path of a collection's items.
pub fn items_path(collection: &str) -> String {
    format!("/collections/{}/items", encode(collection))
}

/// The path of an item.
pub fn item_path(collection: &str, id: &str) -> String {
    format!("/collections/{}/items/{}", encode(collection), encode(id))
}

/// The path of a file of an item.
pub fn item_asset_path(collection: &str, id: &str, key: &str) -> String {
    format!("{}/assets/{}", item_path(collection, id), encode(key))
}

/// The path of a location's values (OGC API EDR).
pub fn location_path(collection: &str, id: &str) -> String {
    format!("/collections/{}/locations/{}", encode(collection), encode(id))
}

/// The path of a kept question.
pub fn saved_search_path(id: &str) -> String {
    format!("/searches/{}", encode(id))
}

/// A path with a query string made of pairs.
pub fn with_query<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = path.to_owned();
    for (i, (name, value)) in pairs.into_iter().enumerate() {
        out.push(if i == 0 { '?' } else { '&' });
        encode_into(name, &mut out);
        out.push('=');
        encode_into(value, &mut out);
    }
    out
}

/// Percent-encodes a path segment or query value: all but RFC 3986's unreserved characters, so slashes too.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode_into(text, &mut out);
    out
}

fn encode_into(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(b));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(b >> 4)]));
            out.push(char::from(HEX[usize::from(b & 15)]));
        }
    }
}

/// The links of an item's answer, as [`nilometer_schemas::ItemText::render`] takes them. What repeats on a page
/// (root, the collection's address) is written once.
pub struct ItemLinks {
    links: Links,
    root: String,
    collection: String,
    collection_href: String,
    /// Whether other forms of an item are linked.
    is_alone: bool,
}

impl ItemLinks {
    /// Links as seen from one request.
    pub fn new(links: &Links) -> Self {
        let root = format!(r#"{{"rel":"root","type":"{JSON}","href":"{}"}}"#, links.absolute("/"));
        Self { links: links.clone(), root, collection: String::new(), collection_href: String::new(), is_alone: false }
    }

    /// Those of an item that is answered alone, with one to its page (OGC API Features Part 1, `/req/core/f-links`).
    pub fn alone(links: &Links) -> Self {
        Self { is_alone: true, ..Self::new(links) }
    }

    /// `self`, `root`, `parent` and `collection` of an item, comma-separated.
    pub fn of(&mut self, collection: &str, id: &str) -> String {
        if self.collection != collection || self.collection_href.is_empty() {
            self.collection = collection.to_owned();
            self.collection_href = self.links.absolute(&collection_path(collection));
        }
        let href = &self.collection_href;
        let root = &self.root;
        // Addresses hold no quote, backslash or control character, so they need no JSON escapes.
        let alternate = if self.is_alone {
            format!(r#",{{"rel":"alternate","type":"{HTML}","href":"{href}/items/{}?f=html"}}"#, encode(id))
        } else {
            String::new()
        };
        format!(
            r#"{{"rel":"self","type":"{GEOJSON}","href":"{href}/items/{}"}},{root},{{"rel":"parent","type":"{JSON}","href":"{href}"}},{{"rel":"collection","type":"{JSON}","href":"{href}"}}{alternate}"#,
            encode(id)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_gives_scheme_host_and_prefix() {
        for (url, absolute, local) in [
            ("https://water.example", "https://water.example/x", "/x"),
            ("https://water.example/", "https://water.example/x", "/x"),
            ("https://water.example:8443/a/b/", "https://water.example:8443/a/b/x", "/a/b/x"),
        ] {
            let links = Links::new(url);
            assert_eq!((links.absolute("/x").as_str(), links.local("/x").as_str()), (absolute, local), "{url}");
        }
    }

    #[test]
    fn every_character_of_an_id_survives_in_a_path() {
        assert_eq!(item_path("a/b c", "é?#%&+"), "/collections/a%2Fb%20c/items/%C3%A9%3F%23%25%26%2B");
        assert_eq!(with_query("/search", [("q", "a&b"), ("x", "1")]), "/search?q=a%26b&x=1");
    }

    #[test]
    fn the_links_of_an_item_are_json_objects() {
        let links = Links::new("https://water.example/p");
        let mut maker = ItemLinks::new(&links);
        for (collection, id) in [("a\"", "\\"), ("b", "x/y"), ("b", "z")] {
            let text = format!("[{}]", maker.of(collection, id));
            let value: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(value[0]["href"], links.absolute(&item_path(collection, id)));
            assert_eq!(value[3]["href"], links.absolute(&collection_path(collection)));
        }
    }
}
