//! What a request for tiles asks: the question of `/search` without its page, and the properties to draw.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use nilometer_query::parse::{self, Request};
use nilometer_schemas::limits::ID_BYTES_MAX;
use nilometer_schemas::{Problem, Search};
use nilometer_tiles::SearchKey;
use serde_json::{Value, json};

use crate::links::{JSON, Links, collection_path, saved_search_path, with_query};
use crate::problem::ApiError;
use crate::routes::ask::Ask;
use crate::routes::property_parameters::read_properties;
use crate::routes::question::{from_address, interpret, visible, within};
use crate::routes::searches;
use crate::state::App;

use super::TILE_MATRIX_SET;

/// Properties that one tile's items carry at most beside their own.
pub(crate) const PROPERTIES_MAX: usize = 20;
/// Parameter of the chosen properties.
const PROPERTIES: &str = "properties";
/// Parameters that say which page of a question to answer and how: of no meaning to a tile, and let pass, so that the
/// parameters of a search are those of its map.
const PAGE: [&str; 5] = ["limit", "token", "page", "sortby", "fields"];
/// Link relation of vector tilesets (OGC API Tiles).
pub(crate) const REL_TILESETS: &str = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector";

/// One request under `…/tiles`.
pub(super) struct TilesAsk {
    /// The request.
    pub(super) ask: Ask,
    /// The collection or kept question of the address.
    names: HashMap<String, String>,
}

impl FromRequestParts<App> for TilesAsk {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let names = Path::<HashMap<String, String>>::from_request_parts(parts, app).await;
        let names = names.map_err(|_| Problem::invalid("path", "the path is not UTF-8"))?.0;
        let (ask, format) = Ask::with_format(parts, app).await?;
        let is_tilejson = parts.uri.path().ends_with("/tilejson.json");
        let forms: &[&str] = match names.contains_key("zoom") {
            true => &["mvt"],
            false if is_tilejson => &["json"],
            false => &["json", "html"],
        };
        if let Some(format) = format.filter(|f| !forms.contains(&f.as_str())) {
            let problem = Problem::invalid("format", format!("there is no format {format:?} here"));
            return Err(problem.at("f").allowed(forms.join(", ")).into());
        }
        Ok(Self { ask, names })
    }
}

/// What is asked.
#[derive(Clone)]
pub(super) struct Question {
    /// The path that `/tiles` stands under: of the service, a collection or a kept question.
    pub(super) base: String,
    /// What the tileset is called.
    pub(super) title: String,
    /// The question.
    pub(super) search: Search,
    /// The question in normal form.
    text: Arc<str>,
    /// Properties to draw, in order, each once.
    pub(super) properties: Arc<[String]>,
    /// The parameters that make it, as they came.
    kept: Vec<(String, String)>,
    /// The collection of the address.
    pub(super) collection: Option<String>,
}

impl TilesAsk {
    /// A part of the path.
    pub(super) fn name(&self, name: &str) -> &str {
        self.names.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Reads the question.
    ///
    /// # Errors
    /// The parser's, and `NotFound` for a collection or kept question that does not exist for whoever asks.
    pub(super) async fn question(&self, app: &App) -> Result<Question, ApiError> {
        let ask = &self.ask;
        let properties = properties(ask)?;
        let mut query = ask.query.clone();
        let (base, title, request, collection) = if let Some(id) = self.names.get("search") {
            ask.only(&[PROPERTIES])?;
            let request = parse::from_json(&searches::load(app, id).await?, &[])?;
            (saved_search_path(id), "A kept question".to_owned(), request, None)
        } else {
            let mut read = ask.clone();
            interpret(app, &mut read).await?;
            let collection = self.names.get("collection").map(|id| visible(id, ask)).transpose()?;
            if let Some(collection) = &collection {
                read_properties(&mut read, collection)?;
            }
            let Request { search, canonical } = from_address(app, &read, &[PROPERTIES])?;
            // The addresses of the tiles say what was read: it is not read for each of them.
            query = read.query;
            match collection {
                None => (String::new(), "Items".to_owned(), Request { search, canonical }, None),
                Some(collection) => {
                    let id = collection.as_str().to_owned();
                    let search = within(search, &collection)?;
                    let request = Request { search, canonical };
                    (collection_path(&id), id.clone(), request, Some(id))
                }
            }
        };
        let text = normal_form(&request, collection.as_deref());
        let kept = kept(&query);
        Ok(Question { base, title, search: request.search, text, properties, kept, collection })
    }
}

/// The parameters that make a question and its map.
fn kept(query: &[(String, String)]) -> Vec<(String, String)> {
    query.iter().filter(|(name, _)| !PAGE.contains(&name.as_str())).cloned().collect()
}

fn normal_form(request: &Request, collection: Option<&str>) -> Arc<str> {
    let mut canonical = request.canonical.clone();
    if let Some(members) = canonical.as_object_mut() {
        members.retain(|name, _| !PAGE.contains(&name.as_str()));
        if let Some(id) = collection {
            members.insert("collections".into(), json!([id]));
        }
    }
    canonical.to_string().into()
}

/// The names of `properties=a,b`; those that no item has are no fault, as with `fields`.
fn properties(ask: &Ask) -> Result<Arc<[String]>, Problem> {
    let mut given = ask.query.iter().filter(|(name, _)| name == PROPERTIES).map(|(_, value)| value);
    let (text, more) = (given.next().map(String::as_str).unwrap_or_default(), given.next());
    let bad = |detail: String| {
        let allowed = format!("at most {PROPERTIES_MAX} names of at most {ID_BYTES_MAX} bytes, with commas between");
        Problem::invalid(PROPERTIES, detail).at(PROPERTIES).allowed(allowed)
    };
    if more.is_some() {
        return Err(bad("properties is given more than once".into()));
    }
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let mut names: Vec<String> =
        names.map(|name| name.strip_prefix("properties.").unwrap_or(name).to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > PROPERTIES_MAX {
        return Err(bad(format!("{} properties are named, the limit is {PROPERTIES_MAX}", names.len())));
    }
    if names.iter().any(|name| name.len() > ID_BYTES_MAX) {
        return Err(bad("a property's name is too long".into()));
    }
    Ok(names.into())
}

impl Question {
    /// How it is kept in the cache, for whoever asks.
    pub(super) fn key(&self, ask: &Ask, seq: u64) -> SearchKey {
        SearchKey { question: self.text.clone(), seq, scope: ask.scope }
    }

    /// A path under `/tiles`, with the question's parameters.
    pub(super) fn path(&self, tail: &str) -> String {
        with_query(&format!("{}/tiles{tail}", self.base), self.pairs())
    }

    /// The address of all tiles, the parts of the tile's place in braces.
    pub(super) fn template(&self, links: &Links, parts: [&str; 3]) -> String {
        let [zoom, row, col] = parts;
        let path = format!("{}/tiles/{TILE_MATRIX_SET}/{{{zoom}}}/{{{row}}}/{{{col}}}", self.base);
        links.absolute(&with_query(&path, self.pairs()))
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kept.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The link from an answer to the map of the same question: `base` is the path that `/tiles` stands under.
pub(crate) fn tileset_link(links: &Links, base: &str, query: &[(String, String)]) -> Value {
    let kept = kept(query);
    let pairs = kept.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    links.titled(REL_TILESETS, JSON, &with_query(&format!("{base}/tiles"), pairs), "Vector tiles")
}
