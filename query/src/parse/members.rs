//! The members of a search body, each read and put into normal form.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use nilometer_schemas::limits::{
    COLLECTIONS_MAX, IDS_MAX, PAGE_LIMIT_MAX, Q_CHARS_MAX, Q_TERMS_MAX, REFS_MAX, SORT_KEYS_MAX,
};
use nilometer_schemas::{
    Bbox, CollectionId, Crs, Dialect, Direction, Filter, ItemId, Kind, Problem, Search, SortKey, TimeInterval, Words,
    geojson,
};
use serde_json::{Map, Value, json};

use super::{Request, fields, query, words};
use crate::cql2::{self, QueryGeometry, number};

/// The members of a search body, which are also the parameters of its URL form.
pub(super) const NAMES: [&str; 19] = [
    "bbox",
    "collections",
    "datetime",
    "fields",
    "filter",
    "filter-crs",
    "filter-lang",
    "ids",
    "interpret",
    "intersects",
    "intersectsRefs",
    "limit",
    "page",
    "q",
    "query",
    "read",
    "sortby",
    "strict",
    "token",
];

/// A value that makes no sense, in the words of its member.
pub(super) fn bad(name: &str, detail: impl Into<String>) -> Problem {
    Problem::invalid("invalid-parameter", detail).at(name)
}

fn too_many(name: &str, detail: String, limit: usize) -> Problem {
    Problem::new(Kind::TooLarge, "too-many-values", detail).at(name).allowed(format!("at most {limit}"))
}

/// Refuses names that nobody reads.
pub(super) fn check_names<'a>(
    mut names: impl Iterator<Item = &'a str>,
    known: &[&str],
    extra_allowed: &[&str],
) -> Result<(), Problem> {
    let Some(unknown) = names.find(|name| !known.contains(name) && !extra_allowed.contains(name)) else {
        return Ok(());
    };
    let shown: String = unknown.chars().take(80).collect();
    let mut allowed: Vec<&str> = known.iter().chain(extra_allowed).copied().collect();
    allowed.sort_unstable();
    allowed.dedup();
    Err(Problem::invalid("unknown-parameter", format!("there is no parameter {shown:?}"))
        .at(shown)
        .allowed(allowed.join(", ")))
}

/// Reads a body whose member names were checked.
pub(super) fn read(body: &Map<String, Value>, dialect: Dialect) -> Result<Request, Problem> {
    let mut reader = Reader { body, canonical: BTreeMap::new() };
    let mut search = Search {
        collections: reader.collections()?,
        ids: reader.ids()?,
        bbox: reader.bbox()?,
        intersects: reader.intersects()?,
        intersects_refs: reader.intersects_refs()?,
        datetime: reader.datetime(dialect)?,
        filter: reader.condition()?,
        strict: reader.strict()?,
        words: reader.words()?,
        sortby: reader.sortby()?,
        token: reader.token()?,
        page: reader.page()?,
        ..Search::default()
    };
    if let Some(limit) = reader.limit()? {
        search.limit = limit;
    }
    if let Some(value) = body.get("fields") {
        let fields = fields::read(value)?;
        reader.keep("fields", fields::to_value(&fields));
        search.fields = Some(fields);
    }
    // Pages tell what they were read from; it sets no condition.
    reader.text("read")?;
    if search.bbox.is_some() && search.intersects.is_some() {
        return Err(Problem::invalid("bbox-and-intersects", "bbox and intersects exclude each other")
            .at("intersects")
            .allowed("one of the two; a filter with S_INTERSECTS may be added to either"));
    }
    if search.token.is_some() && search.page.get() > 1 {
        return Err(bad("page", "token and page exclude each other").allowed("one of the two"));
    }
    let canonical = Value::Object(reader.canonical.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    Ok(Request { search, canonical })
}

/// The query extension's condition as filter, under the limits of filters.
fn of_query(cql2: &Value) -> Result<Filter, Problem> {
    cql2::parse_json(cql2).map_err(|problem| problem.at("query"))
}

struct Reader<'a> {
    body: &'a Map<String, Value>,
    canonical: BTreeMap<&'static str, Value>,
}

impl<'a> Reader<'a> {
    /// A member that is there and not null.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.body.get(name).filter(|value| !value.is_null())
    }

    fn keep(&mut self, name: &'static str, value: Value) {
        self.canonical.insert(name, value);
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(bad(name, format!("{name} is a text"))),
        }
    }

    /// A list of texts; empty when absent. A non-empty one is kept.
    fn texts(&mut self, name: &'static str, limit: usize) -> Result<Vec<&'a str>, Problem> {
        let texts: Option<Vec<&str>> = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() > limit => {
                return Err(too_many(name, format!("{} values in {name}, the limit is {limit}", list.len()), limit));
            }
            Some(Value::Array(list)) => list.iter().map(Value::as_str).collect(),
            // stac-api-validator sends a single collection without brackets when it tests sorting.
            Some(Value::String(text)) => Some(vec![text]),
            Some(_) => None,
        };
        let texts = texts.ok_or_else(|| bad(name, format!("{name} is an array of texts")))?;
        if !texts.is_empty() {
            self.keep(name, json!(texts));
        }
        Ok(texts)
    }

    fn collections(&mut self) -> Result<Vec<CollectionId>, Problem> {
        let mut ids = Vec::new();
        for text in self.texts("collections", COLLECTIONS_MAX)? {
            ids.push(CollectionId::new(text).map_err(|problem| problem.at("collections"))?);
        }
        Ok(ids)
    }

    fn ids(&mut self) -> Result<Vec<ItemId>, Problem> {
        let mut ids = Vec::new();
        for text in self.texts("ids", IDS_MAX)? {
            ids.push(ItemId::new(text).map_err(|problem| problem.at("ids"))?);
        }
        Ok(ids)
    }

    fn bbox(&mut self) -> Result<Option<Bbox>, Problem> {
        let Some(value) = self.get("bbox") else { return Ok(None) };
        let numbers: Option<Vec<f64>> =
            value.as_array().and_then(|list| list.iter().take(7).map(Value::as_f64).collect());
        let numbers = numbers.ok_or_else(|| {
            Problem::invalid("bbox", "a bbox is an array of numbers").at("bbox").allowed("[west, south, east, north]")
        })?;
        let bbox = Bbox::from_numbers(&numbers)?;
        self.keep("bbox", bbox.numbers().into_iter().map(number).collect());
        Ok(Some(bbox))
    }

    fn intersects(&mut self) -> Result<Option<geo::Geometry<f64>>, Problem> {
        let Some(value) = self.get("intersects") else { return Ok(None) };
        let geometry = QueryGeometry::from_geojson(value).map_err(|problem| problem.at("intersects"))?.geometry;
        self.keep("intersects", geojson::to_value(&geometry));
        Ok(Some(geometry))
    }

    fn intersects_refs(&mut self) -> Result<Vec<String>, Problem> {
        let refs = self.texts("intersectsRefs", REFS_MAX)?;
        for reference in &refs {
            // Ids may hold dots themselves: one with something on both sides is enough.
            let inner = reference.char_indices().any(|(at, c)| c == '.' && at > 0 && at + 1 < reference.len());
            if !inner {
                return Err(
                    bad("intersectsRefs", format!("{reference:?} names no stored item")).allowed("COLLECTION.ID")
                );
            }
        }
        Ok(refs.into_iter().map(str::to_owned).collect())
    }

    fn datetime(&mut self, dialect: Dialect) -> Result<Option<TimeInterval>, Problem> {
        let Some(text) = self.text("datetime")? else { return Ok(None) };
        let interval = TimeInterval::parse(text, dialect)?;
        self.keep("datetime", interval.to_string().into());
        Ok(Some(interval))
    }

    /// The filter and what the query extension adds to it, which is kept as one filter.
    fn condition(&mut self) -> Result<Option<Filter>, Problem> {
        let filter = self.filter()?;
        let query = match self.get("query") {
            None => None,
            Some(value) => query::to_cql2(value)?,
        };
        let condition = match (filter, query) {
            (filter, None) => filter,
            (None, Some(query)) => Some(of_query(&query)?),
            (Some(filter), Some(query)) => {
                Some(of_query(&json!({"op": "and", "args": [cql2::to_json(&filter), query]}))?)
            }
        };
        if let Some(condition) = &condition {
            self.keep("filter", cql2::to_json(condition));
            self.keep("filter-lang", "cql2-json".into());
        }
        Ok(condition)
    }

    fn filter(&self) -> Result<Option<Filter>, Problem> {
        let crs = self.text("filter-crs")?.map(|crs| Crs::parse("filter-crs", crs)).transpose()?.unwrap_or_default();
        let is_text = match self.text("filter-lang")? {
            None | Some("cql2-json") => false,
            Some("cql2-text") => true,
            Some(other) => {
                let shown: String = other.chars().take(80).collect();
                return Err(bad("filter-lang", format!("there is no filter language {shown:?}"))
                    .allowed("cql2-text, cql2-json"));
            }
        };
        let Some(value) = self.get("filter") else { return Ok(None) };
        match value {
            Value::String(text) if is_text => cql2::parse_text_in(text, crs).map(Some),
            _ if is_text => Err(bad("filter", "a filter in cql2-text is a text")),
            Value::String(_) => {
                let detail = "a filter in cql2-json is an object; for text add \"filter-lang\": \"cql2-text\"";
                Err(bad("filter", detail))
            }
            value => cql2::parse_json_in(value, crs).map(Some),
        }
    }

    /// Whether unknown properties are refused; a URL has a text. Only `true` is kept: it alone changes the answer.
    fn strict(&mut self) -> Result<bool, Problem> {
        let strict = match self.get("strict") {
            None => false,
            Some(Value::Bool(strict)) => *strict,
            Some(Value::String(text)) if text == "true" || text == "false" => text == "true",
            Some(_) => return Err(bad("strict", "strict is true or false").allowed("true, false")),
        };
        if strict {
            self.keep("strict", true.into());
        }
        Ok(strict)
    }

    /// Words and phrases; a text is a list separated by commas.
    fn words(&mut self) -> Result<Option<Words>, Problem> {
        let parts: Vec<&str> = match self.get("q") {
            None => return Ok(None),
            Some(Value::String(text)) => words::terms(text),
            Some(Value::Array(list)) if list.is_empty() => return Ok(None),
            Some(Value::Array(list)) => {
                let parts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                parts.ok_or_else(|| bad("q", "q is a text or an array of texts"))?
            }
            Some(_) => return Err(bad("q", "q is a text or an array of texts")),
        };
        let chars: usize = parts.iter().map(|part| part.chars().count()).sum();
        if chars > Q_CHARS_MAX {
            return Err(too_many("q", format!("q has {chars} characters, the limit is {Q_CHARS_MAX}"), Q_CHARS_MAX));
        }
        let terms: Vec<&str> = parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect();
        let together = self.interpret()?;
        let read = if together { words::read_together(&terms.join(" "))? } else { words::read(&terms)? };
        let Some(words) = read else {
            return Err(
                bad("q", "q holds no word").allowed("words or phrases, separated by commas; one of them must match")
            );
        };
        let count = words.leaves();
        if count > Q_TERMS_MAX {
            return Err(too_many("q", format!("q has {count} words, the limit is {Q_TERMS_MAX}"), Q_TERMS_MAX));
        }
        self.keep("q", json!(terms));
        Ok(Some(words))
    }

    /// Whether the words of `q` are those of a person, who means all of them and no run of words.
    fn interpret(&mut self) -> Result<bool, Problem> {
        let words = match self.get("interpret") {
            None | Some(Value::Bool(false)) => return Ok(false),
            Some(Value::Bool(true)) => true,
            Some(Value::String(text)) => match text.as_str() {
                "true" | "words" => true,
                "false" | "" => return Ok(false),
                _ => false,
            },
            Some(_) => false,
        };
        if !words {
            return Err(bad("interpret", "what interpret asks for does not exist").allowed("true, words, false"));
        }
        // What was read of the words stands in other members by now.
        self.keep("interpret", "words".into());
        Ok(true)
    }

    fn sortby(&mut self) -> Result<Vec<SortKey>, Problem> {
        let list = match self.get("sortby") {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(bad("sortby", "sortby is an array").allowed(SORTBY)),
        };
        if list.len() > SORT_KEYS_MAX {
            return Err(too_many(
                "sortby",
                format!("{} sort keys, the limit is {SORT_KEYS_MAX}", list.len()),
                SORT_KEYS_MAX,
            ));
        }
        let mut keys: Vec<SortKey> = Vec::with_capacity(list.len());
        for value in list {
            let key = sort_key(value)?;
            // A field that is sorted by already decides nothing a second time.
            if keys.iter().all(|earlier| earlier.field != key.field) {
                keys.push(key);
            }
        }
        if !keys.is_empty() {
            let direction = |key: &SortKey| if key.direction == Direction::Ascending { "asc" } else { "desc" };
            let written = keys.iter().map(|key| json!({"field": key.field, "direction": direction(key)})).collect();
            self.keep("sortby", written);
        }
        Ok(keys)
    }

    /// The page size, clamped to the most that is offered.
    fn limit(&mut self) -> Result<Option<usize>, Problem> {
        let Some(value) = self.get("limit") else { return Ok(None) };
        let whole = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 1.0);
        let Some(number) = whole else {
            return Err(bad(
                "limit",
                format!("limit is a whole number from 1 on; more than {PAGE_LIMIT_MAX} gives {PAGE_LIMIT_MAX}"),
            )
            .allowed(format!("1 to {PAGE_LIMIT_MAX}")));
        };
        let limit = number.min(PAGE_LIMIT_MAX as f64) as usize;
        self.keep("limit", limit.into());
        Ok(Some(limit))
    }

    /// The number of the page, from 1; clients of hydroweb.next send it as a text.
    fn page(&mut self) -> Result<NonZeroUsize, Problem> {
        let page = match self.get("page") {
            None => return Ok(NonZeroUsize::MIN),
            Some(Value::String(text)) => text.parse::<NonZeroUsize>().ok(),
            Some(value) => value.as_u64().and_then(|n| usize::try_from(n).ok()).and_then(NonZeroUsize::new),
        };
        let page = page.ok_or_else(|| bad("page", "page is a whole number from 1 on").allowed("1, 2, 3 …"))?;
        self.keep("page", page.get().into());
        Ok(page)
    }

    fn token(&mut self) -> Result<Option<String>, Problem> {
        let Some(token) = self.text("token")? else { return Ok(None) };
        if token.is_empty() {
            return Err(bad("token", "the token is empty").allowed("a token from the next link of a page"));
        }
        self.keep("token", token.into());
        Ok(Some(token.to_owned()))
    }
}

const SORTBY: &str = "{\"field\": NAME, \"direction\": \"asc\" or \"desc\"}, +NAME or -NAME";

fn sort_key(value: &Value) -> Result<SortKey, Problem> {
    let fault = |detail: &str| bad("sortby", detail).allowed(SORTBY);
    let (field, direction) = match value {
        // An unencoded plus arrives as a blank, which is trimmed here.
        Value::String(text) => match text.trim() {
            text if text.starts_with('-') => (&text[1..], Direction::Descending),
            text => (text.strip_prefix('+').unwrap_or(text), Direction::Ascending),
        },
        Value::Object(members) => {
            if members.keys().any(|name| name != "field" && name != "direction") {
                return Err(fault("a sort key has a field and a direction only"));
            }
            let Some(Value::String(field)) = members.get("field") else {
                return Err(fault("a sort key names a field"));
            };
            let direction = match members.get("direction").map(Value::as_str) {
                None | Some(Some("asc")) => Direction::Ascending,
                Some(Some("desc")) => Direction::Descending,
                Some(_) => return Err(fault("the direction of a sort key is asc or desc")),
            };
            (field.as_str(), direction)
        }
        _ => return Err(fault("a sort key is an object or a text")),
    };
    let field = field.trim();
    let field = field.strip_prefix("properties.").unwrap_or(field);
    if field.is_empty() {
        return Err(fault("a sort key names no field"));
    }
    if field == "geometry" {
        return Err(fault("geometries have no order"));
    }
    Ok(SortKey { field: field.to_owned(), direction })
}
