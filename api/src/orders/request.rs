//! What is ordered: selections, each a search, as clients of hydroweb.next send them (`collections`) or as our own
//! (`selections`, or `search` alone).

use nilometer_indexer::Snapshot;
use nilometer_query::parse;
use nilometer_schemas::{CollectionId, Dialect, Filter, Instant, Kind, Problem, Scope, Search, TimeInterval};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use serde_path_to_error::Segment;

use super::subset::Subset;
use crate::routes::ask::no_collection;

/// Selections of an order or a basket at most.
pub(crate) const SELECTIONS_MAX: usize = 100;
/// Bytes of a name, and of a folder, at most.
const NAME_BYTES_MAX: usize = 256;
const FOLDER_BYTES_MAX: usize = 1_024;
/// Bytes of a webhook's address.
const WEBHOOK_BYTES_MAX: usize = 2_048;
/// Members of a search that say nothing of which items are ordered.
pub(crate) const NOT_ASKED: [&str; 7] = ["fields", "interpret", "limit", "page", "read", "token", "sortby"];
/// Properties of dates, which say nothing of collections without any.
const DATES: [&str; 2] = ["start_datetime", "end_datetime"];

/// A form in which files are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutputFormat {
    /// As they lie.
    Original,
    /// Zipped shapefiles as GeoParquet.
    Geoparquet,
    /// Zipped shapefiles as GeoJSON.
    Geojson,
    /// Series, and zipped shapefiles, as CSV.
    Csv,
    /// Series as Parquet.
    Parquet,
}

/// Items, and what is delivered of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Selection {
    /// The collection, of clients of hydroweb.next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) collection_id: Option<String>,
    /// What tells it from other selections of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) correlation_id: Option<String>,
    /// Where its files lie in the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<String>,
    /// Members of a search within the collection; null says nothing. `datetime` is when items were written into the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filters: Option<Map<String, Value>>,
    /// A search of our own: the body of `POST /search`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) search: Option<Value>,
    /// What is delivered; empty for the files as they lie, and series as CSV.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) formats: Vec<OutputFormat>,
    /// Which part of each file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subset: Option<Subset>,
}

/// Who is told of the end of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notification {
    /// The account's mail address.
    #[serde(default)]
    pub(crate) mail: bool,
    /// An address to which the order is posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<String>,
}

impl Notification {
    /// Whether nobody is told.
    pub(crate) fn is_none(&self) -> bool {
        !self.mail && self.webhook.is_none()
    }
}

/// A body as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default, rename = "workflowName", alias = "name")]
    name: Option<String>,
    collections: Option<Vec<Selection>>,
    selections: Option<Vec<Selection>>,
    search: Option<Value>,
    folder: Option<String>,
    #[serde(default)]
    formats: Vec<OutputFormat>,
    subset: Option<Subset>,
    #[serde(default)]
    accept_licences: Vec<String>,
    notify: Option<Notification>,
}

/// An order as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Name that the user gives it; perhaps empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    /// What is wanted, at least one.
    pub(crate) selections: Vec<Selection>,
    /// Who is told of its end.
    #[serde(default, skip_serializing_if = "Notification::is_none")]
    pub(crate) notify: Notification,
    /// The service's address when it was ordered, which letters name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) base: String,
    /// Collections whose terms the order accepts; acted upon at once, and not kept.
    #[serde(skip)]
    pub(crate) accepted: Vec<String>,
    /// Whether a client of hydroweb.next sent it, which hears of refusals by messages alone.
    #[serde(skip)]
    pub(crate) is_compatible: bool,
}

impl Request {
    /// Reads a body. Its selections are not looked at yet ([`Request::check`]).
    ///
    /// # Errors
    /// `Invalid` and `TooLarge` with a JSON pointer.
    pub(crate) fn read(body: Value) -> Result<Self, Problem> {
        let body: Body = serde_path_to_error::deserialize(body).map_err(|error| {
            let at: String = error.path().iter().filter_map(step).collect();
            bad(error.into_inner().to_string()).at(if at.is_empty() { "/".to_owned() } else { at })
        })?;
        let is_compatible = body.collections.is_some();
        let selections = match (body.collections, body.selections, body.search) {
            (Some(list), None, None) | (None, Some(list), None) => list,
            (None, None, Some(search)) => vec![Selection {
                search: Some(search),
                folder: body.folder,
                formats: body.formats,
                subset: body.subset,
                ..Selection::default()
            }],
            _ => return Err(bad("an order has one of collections, selections and search").at("/selections")),
        };
        let member = if is_compatible { "collections" } else { "selections" };
        let request = Self {
            name: body.name.unwrap_or_default(),
            selections,
            notify: body.notify.unwrap_or_default(),
            base: String::new(),
            accepted: body.accept_licences,
            is_compatible,
        };
        request.check_sizes(member)?;
        Ok(request)
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// `Invalid` for what a later version does not know any more.
    pub(crate) fn kept(text: &str) -> Result<Self, Problem> {
        serde_json::from_str(text).map_err(|error| bad(error.to_string()))
    }

    fn check_sizes(&self, member: &str) -> Result<(), Problem> {
        if self.selections.is_empty() {
            return Err(bad("an order has at least one selection").at(format!("/{member}")));
        }
        if self.selections.len() > SELECTIONS_MAX {
            let detail = format!("an order has at most {SELECTIONS_MAX} selections");
            return Err(Problem::new(Kind::TooLarge, "order-size", detail).at(format!("/{member}")));
        }
        if self.name.len() > NAME_BYTES_MAX {
            return Err(bad(format!("a name has at most {NAME_BYTES_MAX} bytes")).at("/workflowName"));
        }
        if self.notify.webhook.as_ref().is_some_and(|address| address.len() > WEBHOOK_BYTES_MAX) {
            let detail = format!("the address of a webhook has at most {WEBHOOK_BYTES_MAX} bytes");
            return Err(bad(detail).at("/notify/webhook"));
        }
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for (at, selection) in self.selections.iter().enumerate() {
            let pointer = |name: &str| format!("/{member}/{at}/{name}");
            if selection.folder.as_ref().is_some_and(|folder| folder.len() > FOLDER_BYTES_MAX) {
                return Err(bad(format!("a folder has at most {FOLDER_BYTES_MAX} bytes")).at(pointer("folder")));
            }
            if selection.collection_id.is_some() == selection.search.is_some() {
                return Err(bad("a selection has either collectionId or search").at(pointer("search")));
            }
            if selection.filters.is_some() && selection.search.is_some() {
                return Err(bad("a search has its own conditions, and no filters beside it").at(pointer("filters")));
            }
            let Some(collection) = selection.collection_id.as_deref() else { continue };
            let own = (collection, selection.correlation());
            if own.1.len() > NAME_BYTES_MAX || (selection.correlation_id.is_some() && seen.contains(&own)) {
                let detail =
                    format!("a correlation id has at most {NAME_BYTES_MAX} bytes and stands once for a collection");
                return Err(bad(detail).at(pointer("correlationId")));
            }
            seen.push(own);
        }
        Ok(())
    }

    /// Looks at every selection, so that what is taken can be asked.
    ///
    /// # Errors
    /// `Invalid` with a JSON pointer; `NotFound` for a collection that is not there.
    pub(crate) fn check(&self, snapshot: &Snapshot, scope: &Scope) -> Result<(), Problem> {
        let member = if self.is_compatible { "collections" } else { "selections" };
        for (at, selection) in self.selections.iter().enumerate() {
            let checked = selection.search(snapshot, scope).map(drop).and_then(|()| match &selection.subset {
                Some(subset) => subset.read().map(drop),
                None => Ok(()),
            });
            checked.map_err(|problem| {
                let name = problem.parameter.clone().unwrap_or_default();
                problem.at(format!("/{member}/{at}/{}", name.trim_start_matches('/')))
            })?;
        }
        Ok(())
    }
}

impl Selection {
    fn correlation(&self) -> &str {
        self.correlation_id.as_deref().or(self.collection_id.as_deref()).unwrap_or_default()
    }

    /// Ids of the collections that it names.
    pub(crate) fn named(&self) -> Vec<&str> {
        let of_search = self.search.as_ref().and_then(|search| search["collections"].as_array());
        let of_search = of_search.into_iter().flatten().filter_map(Value::as_str);
        self.collection_id.as_deref().into_iter().chain(of_search).collect()
    }

    /// Where the files of an item lie in the archive: in the folder that was asked for, else below its collection.
    pub(crate) fn folder(&self, collection: &str) -> String {
        match (&self.folder, &self.collection_id) {
            (Some(folder), _) => folder.clone(),
            (None, Some(own)) => format!("{own}/{}", self.correlation()),
            (None, None) => collection.to_owned(),
        }
    }

    /// The search that it is.
    ///
    /// # Errors
    /// `NotFound` for a collection that the scope does not see; `Invalid` for what is no search.
    pub(crate) fn search(&self, snapshot: &Snapshot, scope: &Scope) -> Result<Search, Problem> {
        let Some(id) = &self.collection_id else { return self.own_search(snapshot, scope) };
        let known = CollectionId::new(id.clone()).ok().filter(|id| snapshot.collection(id.as_str(), *scope).is_some());
        let id = known.ok_or_else(|| no_collection(id).at("collectionId"))?;
        let mut body = self.filters.clone().unwrap_or_default();
        body.retain(|_, value| !value.is_null());
        if let Some(name) = NOT_ASKED.into_iter().chain(["collections"]).find(|name| body.contains_key(*name)) {
            return Err(bad(format!("{name} says nothing in an order")).at(format!("filters/{name}")));
        }
        let ingested = body.remove("datetime").map(|value| ingested(&value)).transpose()?;
        if snapshot.collection_stats(id.as_str()).interval.is_none()
            && let Some(Value::Object(query)) = body.get_mut("query")
        {
            query.retain(|name, _| !DATES.contains(&name.as_str()));
        }
        body.insert("collections".into(), json!([id.as_str()]));
        let mut search = parse::from_json(&Value::Object(body), &[]).map_err(|problem| {
            let name = problem.parameter.clone().unwrap_or_default();
            problem.at(format!("filters/{}", name.trim_start_matches('/')))
        })?;
        for condition in ingested.into_iter().flatten().flatten() {
            search.search.filter = Some(and(search.search.filter.take(), condition));
        }
        Ok(search.search)
    }

    fn own_search(&self, snapshot: &Snapshot, scope: &Scope) -> Result<Search, Problem> {
        let mut body = self.search.clone().unwrap_or_default();
        let Some(members) = body.as_object_mut() else {
            return Err(bad("a search is an object, or the id of a kept one").at("search"));
        };
        members.retain(|name, value| !value.is_null() && !NOT_ASKED.contains(&name.as_str()));
        let search = parse::from_json(&body, &[]).map_err(|problem| {
            let name = problem.parameter.clone().unwrap_or_default();
            problem.at(format!("search/{}", name.trim_start_matches('/')))
        })?;
        let search = search.search;
        if let Some(id) = search.collections.iter().find(|id| snapshot.collection(id.as_str(), *scope).is_none()) {
            return Err(no_collection(id.as_str()).at("search/collections"));
        }
        Ok(search)
    }
}

fn and(filter: Option<Filter>, condition: Filter) -> Filter {
    match filter {
        Some(filter) => Filter::And(vec![filter, condition]),
        None => condition,
    }
}

/// The conditions that a period sets on when items were written.
fn ingested(value: &Value) -> Result<[Option<Filter>; 2], Problem> {
    let text = value.as_str().ok_or_else(|| bad("a period is a text").at("filters/datetime"))?;
    // Dates alone are whole days here, as in a person's order.
    let period = TimeInterval::parse(text, Dialect::Edr).map_err(|problem| problem.at("filters/datetime"))?;
    let condition = |operator: &str, moment: Option<Instant>| {
        let moment = moment?;
        let filter = json!({"op": operator, "args": [{"property": "ingested"}, {"timestamp": moment.to_string()}]});
        Some(nilometer_query::cql2::parse_json(&filter))
    };
    Ok([condition(">=", period.start).transpose()?, condition("<=", period.end).transpose()?])
}

/// A step of the way to a member, as a JSON pointer has it.
fn step(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::invalid("order", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(value: Value) -> Selection {
        serde_json::from_value(value).expect("a selection")
    }

    #[test]
    fn a_selection_lies_where_it_says_or_below_its_collection() {
        let check = |value: Value, folder: &str| assert_eq!(selection(value).folder("C"), folder);
        check(json!({"collectionId": "A"}), "A/A");
        check(json!({"collectionId": "A", "correlationId": "A_2", "folder": null}), "A/A_2");
        check(json!({"collectionId": "A", "correlationId": "A", "folder": "second/selection/"}), "second/selection/");
        check(json!({"search": {}}), "C");
    }

    #[test]
    fn a_period_bounds_when_items_were_written() {
        let count = |text: &str| ingested(&json!(text)).expect("a period").into_iter().flatten().count();
        assert_eq!(count("1990-01-01T00:00:00Z/.."), 1);
        assert_eq!(count("1990-01-01T00:00:00Z/2000-01-01T00:00:00Z"), 2);
        assert_eq!(count("2026-11-22"), 2);
        assert!(ingested(&json!("soon")).is_err() && ingested(&json!(7)).is_err());
    }

    #[test]
    fn what_clients_send_is_read_and_what_is_no_order_refused() {
        let selection = json!({"collectionId": "A", "correlationId": "A", "folder": "A/A", "filters": {"bbox": [-180, -90, 180, 90],
             "intersects": null, "datetime": null, "query": {"start_datetime": {"lte": "2100-01-01T00:00:00.000Z"}}}});
        let request = Request::read(json!({"workflowName": "my order", "collections": [selection]})).expect("an order");
        assert!(request.is_compatible && request.name == "my order" && request.selections.len() == 1);
        let native = Request::read(json!({"search": {"q": "Garonne"}, "formats": ["csv"]})).expect("an order");
        assert_eq!((native.is_compatible, native.selections[0].formats.as_slice()), (false, &[OutputFormat::Csv][..]));
        for (wrong, pointer) in [
            (json!({}), Some("/selections")),
            (json!({"collections": []}), Some("/collections")),
            (json!({"collections": [{"collectionId": "A"}], "search": {}}), Some("/selections")),
            (json!({"selections": [{"folder": "a"}]}), Some("/selections/0/search")),
            (json!({"collections": [selection, selection]}), Some("/collections/1/correlationId")),
            (json!({"selections": [{"search": {}, "folder": "x".repeat(2_000)}]}), Some("/selections/0/folder")),
            (json!({"selections": vec![json!({"search": {}}); 101]}), Some("/selections")),
            (json!({"search": {}, "surprise": 1}), Some("/surprise")),
            (json!({"selections": [{"search": {}, "formats": ["csv", "gif"]}]}), Some("/selections/0/formats/1")),
            (json!({"collections": [{"collectionId": "A", "folder": 7}]}), Some("/collections/0/folder")),
            (json!([]), Some("/")),
        ] {
            let problem = Request::read(wrong.clone()).expect_err("refused");
            assert_eq!(problem.parameter.as_deref(), pointer, "{wrong}");
        }
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let body = json!({"search": {"q": "x"}, "notify": {"mail": true}, "subset": {"bbox": [1, 2, 3, 4]}});
        let request = Request { accepted: Vec::new(), ..Request::read(body).expect("an order") };
        let text = serde_json::to_string(&request).expect("JSON");
        assert_eq!(Request::kept(&text), Ok(request));
    }
}
