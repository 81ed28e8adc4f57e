//! Items as a plain list holds them, and what a search asks of each: every rule spelled out, geometries by `geo`.

use geo::{Intersects, Rect, coord};
use nilometer_schemas::{Bbox, Direction, Instant, Search, SortKey};
use serde_json::{Value, json};

use crate::evaluator::{Record, truth};

/// An item, with when it was written.
#[derive(Clone, Debug)]
pub(crate) struct Plain {
    pub(crate) record: Record,
    pub(crate) seq: u64,
    pub(crate) ingested: i64,
}

impl Plain {
    /// `COLLECTION.ID`.
    pub(crate) fn reference(&self) -> String {
        format!("{}.{}", self.record.collection, self.record.id)
    }

    pub(crate) fn times(&self) -> Option<(i64, i64)> {
        let t = |name: &str| self.record.properties[name].as_str().and_then(Instant::parse).map(|t| t.0);
        let moment = t("datetime");
        Some((t("start_datetime").or(moment)?, t("end_datetime").or(moment)?))
    }

    pub(crate) fn values(&self, property: &str) -> Vec<Value> {
        match property {
            "id" => vec![json!(self.record.id)],
            "collection" => vec![json!(self.record.collection)],
            name => match &self.record.properties[name] {
                Value::Null => Vec::new(),
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            },
        }
    }
}

/// Whether an item is what a search asks for, its words aside. `places` are the geometries that its references name.
pub(crate) fn meets(item: &Plain, search: &Search, places: &[geo::Geometry<f64>]) -> bool {
    let record = &item.record;
    let geometry = record.geometry.as_ref();
    let meets_box = |b: &Bbox| {
        b.split().iter().any(|b| {
            geometry.is_some_and(|g| {
                g.intersects(&Rect::new(coord! {x: b.west, y: b.south}, coord! {x: b.east, y: b.north}))
            })
        })
    };
    let is_then = |asked: nilometer_schemas::TimeInterval| {
        item.times().is_some_and(|(start, end)| asked.overlaps(Instant(start), Instant(end)))
    };
    (search.collections.is_empty() || search.collections.iter().any(|c| c.as_str() == record.collection))
        && (search.ids.is_empty() || search.ids.iter().any(|i| i.as_str() == record.id))
        && search.datetime.is_none_or(is_then)
        && search.bbox.as_ref().is_none_or(meets_box)
        && search.intersects.as_ref().is_none_or(|q| geometry.is_some_and(|g| g.intersects(q)))
        && (search.intersects_refs.is_empty()
            || geometry.is_some_and(|g| places.iter().any(|place| g.intersects(place))))
        && search.filter.as_ref().is_none_or(|f| truth(record, f) == Some(true))
}

/// Rank of types, then the value; `None` for an absent one.
fn sort_value(item: &Plain, field: &str) -> Option<(u8, f64, String)> {
    let time = |t: Option<i64>| t.map(|t| (1, t as f64, String::new()));
    let moment = |name: &str| item.record.properties[name].as_str().and_then(Instant::parse).map(|t| t.0);
    match field {
        "datetime" => time(moment("datetime")),
        "start_datetime" => time(item.times().map(|t| t.0)),
        "end_datetime" => time(item.times().map(|t| t.1)),
        "ingested" => time(Some(item.ingested)),
        field => {
            let plain = |value: &Value| match value {
                Value::Bool(b) => Some((0, f64::from(u8::from(*b)), String::new())),
                Value::Number(n) => Some((1, n.as_f64()?, String::new())),
                Value::String(text) => Some((2, 0.0, text.clone())),
                _ => None,
            };
            let values = item.values(field);
            values.iter().filter_map(plain).min_by(|a, b| a.partial_cmp(b).unwrap())
        }
    }
}

/// Where one item stands to another in an order.
pub(crate) fn in_order(a: &Plain, b: &Plain, sortby: &[SortKey]) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    let newest = [SortKey { field: "datetime".into(), direction: Direction::Descending }];
    for key in if sortby.is_empty() { &newest[..] } else { sortby } {
        let ordering = match (sort_value(a, &key.field), sort_value(b, &key.field)) {
            (None, None) => Ordering::Equal,
            (None, _) => Ordering::Greater,
            (_, None) => Ordering::Less,
            (Some(x), Some(y)) => {
                let o = x.partial_cmp(&y).unwrap();
                if key.direction == Direction::Ascending { o } else { o.reverse() }
            }
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
    b.seq.cmp(&a.seq)
}
