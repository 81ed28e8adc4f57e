//! Searching collections by what they say of themselves (STAC's collection search extension).
//!
//! They are few and in memory, so they are looked at one by one.

use nilometer_indexer::geometry::FlatGeometry;
use nilometer_schemas::{Bbox, Direction, Instant, Problem, Search, SortKey};
use serde_json::{Map, Value};

use crate::filter::{Condition, Document, compile};
use crate::order::{SortValue, Token, check_named};
use crate::queryables::{self, Queryable};
use crate::space::PreparedGeometry;
use crate::unknown::{self, UnknownProperties};

/// Members that nobody filters or sorts by.
const UNREAD: [&str; 3] = ["links", "assets", "extent"];

/// A page of collections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionsFound {
    /// All that match.
    pub number_matched: usize,
    /// The page's collections, as places in what was searched.
    pub places: Vec<usize>,
    /// Token of the next page; `None` on the last.
    pub next: Option<String>,
    /// Token of the page before; `None` on the first.
    pub prev: Option<String>,
    /// What the filter names and no collection has.
    pub unknown: UnknownProperties,
}

/// Answers a search for collections, of which box, period, filter, order and page count. Each collection is its JSON with the
/// extent that it is answered with; the order without `sortby` is that of ids.
///
/// A filter names members of the collection, those of `summaries` also without that prefix; `geometry` is its extent in
/// space, and its period is the one in time.
///
/// # Errors
/// `Invalid` for a token of another order, a sort key that no collection has, and of a strict search for what its filter names
/// and no collection has; `filter-too-large` for relations that take
/// too much work.
pub fn collections(bodies: &[&Map<String, Value>], search: &Search) -> Result<CollectionsFound, Problem> {
    let documents: Vec<Document> = bodies.iter().map(|body| document(body)).collect();
    let unknown = unknown_of(&documents, search);
    if search.strict {
        unknown::refuse(&unknown, "collection", "/collections-queryables")?;
    }
    let mut keys = search.sortby.clone();
    keys.push(SortKey { field: "id".into(), direction: Direction::Ascending });
    for key in &search.sortby {
        let is_known = documents.is_empty() || documents.iter().any(|d| !d.values(&key.field).is_empty());
        check_named(&key.field, is_known)?;
    }
    let token = search.token.as_deref().map(|text| Token::read(text, &keys)).transpose()?;
    let place = search.bbox.map(PreparedGeometry::from_bbox);
    let condition = search.filter.as_ref().map(compile);
    let matches = |document: &Document| {
        let meets = |flat: FlatGeometry<'_>| place.as_ref().is_none_or(|place| place.intersects(&flat));
        (place.is_none() || document.geometry().is_some_and(meets))
            && search.datetime.is_none_or(|asked| {
                document.period().is_some_and(|(start, end)| asked.overlaps(Instant(start), Instant(end)))
            })
            && condition.as_ref().is_none_or(|condition| condition.of_document(document) == Some(true))
    };
    let sort_values = |at: usize| -> Vec<SortValue> {
        keys.iter().map(|key| SortValue::first_of(documents[at].values(&key.field))).collect()
    };
    let mut found: Vec<(Vec<SortValue>, usize)> =
        (0..documents.len()).filter(|at| matches(&documents[*at])).map(|at| (sort_values(at), at)).collect();
    condition.as_ref().map_or(Ok(()), Condition::check)?;
    let number_matched = found.len();
    found.sort_by(|a, b| SortValue::compare_all(&a.0, &b.0, &keys));
    // A token names the collection beside the page: the one before its first, or going back the one after its last.
    let begin = match &token {
        None => 0,
        Some(token) => {
            let is_before = |values: &Vec<SortValue>| {
                let order = SortValue::compare_all(values, &token.values, &keys);
                order.is_lt() || order.is_eq() && !token.backward
            };
            let at = found.partition_point(|(values, _)| is_before(values));
            if token.backward { at.saturating_sub(search.limit) } else { at }
        }
    };
    let end = match &token {
        Some(token) if token.backward => {
            found.partition_point(|(values, _)| SortValue::compare_all(values, &token.values, &keys).is_lt())
        }
        _ => begin.saturating_add(search.limit).min(found.len()),
    };
    let page = &found[begin..end];
    let beside = |one: Option<&(Vec<SortValue>, usize)>, is_there: bool, backward: bool| {
        let one = one.filter(|_| is_there);
        one.map(|(values, _)| Token::of_values(values.clone(), &keys, backward).write()).transpose()
    };
    let next = beside(page.last(), end < found.len(), false)?;
    let prev = beside(page.first(), begin > 0, true)?;
    Ok(CollectionsFound { number_matched, places: page.iter().map(|(_, at)| *at).collect(), next, prev, unknown })
}

fn unknown_of(documents: &[Document], search: &Search) -> UnknownProperties {
    let Some(filter) = &search.filter else { return UnknownProperties::default() };
    let is_there = |name: &str| documents.is_empty() || documents.iter().any(|d| d.has(name));
    let names = || documents.iter().flat_map(Document::all).map(|(name, _)| name.to_owned()).collect();
    unknown::unknown_among(filter, is_there, names)
}

/// What collections can be filtered by: their members that hold values, those of `summaries` also without that prefix.
/// Their place and period are not listed.
pub fn collection_queryables(bodies: &[&Map<String, Value>]) -> Vec<Queryable> {
    let documents: Vec<Document> = bodies.iter().map(|body| document(body)).collect();
    queryables::of_documents(&documents)
}

fn document(body: &Map<String, Value>) -> Document {
    let members = body.iter().filter(|(name, _)| !UNREAD.contains(&name.as_str()));
    let mut members: Map<String, Value> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(Value::Object(summaries)) = body.get("summaries") {
        for (name, value) in summaries {
            members.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    let mut document = Document::new(&members);
    let extent =
        |pointer: &str| body.get("extent").and_then(|extent| extent.pointer(pointer)).and_then(Value::as_array);
    if let Some(boxes) = extent("/spatial/bbox") {
        // The first of several is around the others.
        let boxes = if boxes.len() > 1 { &boxes[1..] } else { &boxes[..] };
        let boxes: Vec<geo::Polygon<f64>> = boxes.iter().filter_map(bbox_of).flat_map(polygons).collect();
        if !boxes.is_empty() {
            document.set_geometry(&geo::MultiPolygon(boxes).into());
        }
    }
    if let Some(Value::Array(ends)) = extent("/temporal/interval").and_then(|intervals| intervals.first()) {
        let end = |at: usize| ends.get(at).and_then(Value::as_str).and_then(Instant::parse);
        document.set_period(end(0), end(1));
    }
    document
}

fn bbox_of(value: &Value) -> Option<Bbox> {
    let numbers: Option<Vec<f64>> = value.as_array()?.iter().map(Value::as_f64).collect();
    Bbox::from_numbers(&numbers?).ok()
}

fn polygons(bbox: Bbox) -> impl Iterator<Item = geo::Polygon<f64>> {
    bbox.split().into_iter().map(|part| {
        let [west, south, east, north] = part.numbers();
        geo::Rect::new((west, south), (east, north)).to_polygon()
    })
}
