//! The order of a page for people who name none: what was observed first, what is planned last.
//!
//! Newest first, as programs get it, would open with passes of a satellite that nobody has flown yet. Here items with
//! values come first, those with the newest of all leading; then what has a date that is not to come, newest first;
//! then what has none, by title. What is to come stands behind, soonest first, and planned passes of the past at the
//! very end. Nothing is left out: the parts are searches of their own, which together hold each item once.

use nilometer_indexer::Snapshot;
use nilometer_indexer::orbit::COLLECTION as PLANNED;
use nilometer_query::Page;
use nilometer_schemas::{
    Comparison, Direction, Expr, Filter, IN_PERIOD, Instant, Problem, RELEVANCE, Scalar, Scope, Search, SortKey,
};

use crate::reading::Reading;

const HOUR_US: i64 = 3_600_000_000;
/// Time of the newest value of an item's series.
const LAST_VALUE: &str = "observations:last";

/// The order of what a sentence asks programs for, largest first by each of these keys: what has values in the period, or any
/// where a quantity is meant, comes first. `None` where the best match does.
pub(super) fn of_reading(snapshot: &Snapshot, reading: &Reading, scope: Scope) -> Option<Vec<&'static str>> {
    if !nilometer_query::is_sortable(snapshot, LAST_VALUE, scope) {
        return None;
    }
    let asks_for_values = reading.period.is_some() || reading.measured;
    let by_match = !reading.words.is_empty();
    match (asks_for_values, by_match) {
        (false, true) => None,
        (false, false) => Some(vec![LAST_VALUE]),
        (true, true) => Some(vec![IN_PERIOD, RELEVANCE]),
        (true, false) => Some(vec![IN_PERIOD, LAST_VALUE]),
    }
}

/// The order of a page for people that finds words: what has values in the period that they name comes first.
pub(super) fn with_words(search: &Search) -> Vec<SortKey> {
    let keys: &[&str] = match (&search.words, search.datetime) {
        (Some(_), Some(_)) => &[IN_PERIOD, RELEVANCE],
        _ => &[],
    };
    keys.iter().map(|key| SortKey { field: (*key).into(), direction: Direction::Descending }).collect()
}

/// The parts, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// All that is neither planned nor to come.
    Known,
    /// What is to come.
    Coming,
    /// Planned passes whose time has gone by.
    Gone,
}

const PARTS: [Part; 3] = [Part::Known, Part::Coming, Part::Gone];

/// The hour that the order is made for: a page does not change within it but with the data.
pub(super) fn hour(now: Instant) -> Instant {
    Instant(now.0.div_euclid(HOUR_US) * HOUR_US)
}

/// A page of a search that names no order. Its token names the part, the hour and where in the part it ends.
///
/// # Errors
/// `Invalid` for a token of another order; the query's.
pub(super) fn page(snapshot: &Snapshot, search: &Search, now: Instant, scope: Scope) -> Result<Page, Problem> {
    let (begin, now, mut token) = match &search.token {
        Some(text) => read(text)?,
        None => (0, hour(now), None),
    };
    let number_matched = nilometer_query::count(snapshot, &Search { token: None, ..search.clone() }, scope)?;
    let mut page = Page { number_matched, items: Vec::new(), next: None, prev: None, widened: Vec::new() };
    for (at, part) in PARTS.into_iter().enumerate().skip(begin) {
        let room = search.limit - page.items.len();
        let own = Search { limit: room.max(1), token: token.take(), ..of(snapshot, search, part, now, scope) };
        let found = nilometer_query::search(snapshot, &own, scope)?;
        if room == 0 {
            // The page is full: what the part holds stands on the next one.
            if found.items.is_empty() {
                continue;
            }
            page.next = Some(write(at, now, None));
            return Ok(page);
        }
        page.items.extend(found.items);
        if found.next.is_some() {
            page.next = Some(write(at, now, found.next.as_deref()));
            return Ok(page);
        }
    }
    Ok(page)
}

fn of(snapshot: &Snapshot, search: &Search, part: Part, now: Instant, scope: Scope) -> Search {
    let compare =
        |name: &str, op, value| Filter::Compare { left: Expr::property(name), op, right: Expr::Literal(value) };
    let planned = |op| compare("collection", op, Scalar::Text(PLANNED.into()));
    let dated = |op| compare("datetime", op, Scalar::Timestamp(now));
    let not_coming = || Filter::Or(vec![Filter::IsNull(Expr::property("datetime")), dated(Comparison::LessEqual)]);
    let condition = match part {
        Part::Known => Filter::And(vec![planned(Comparison::NotEqual), not_coming()]),
        Part::Coming => dated(Comparison::Greater),
        Part::Gone => Filter::And(vec![planned(Comparison::Equal), not_coming()]),
    };
    let filter = search.filter.iter().cloned().chain([condition]).collect();
    let key = |field: &str, direction| SortKey { field: field.into(), direction };
    let newest = key("datetime", Direction::Descending);
    let mut sortby = Vec::new();
    if part == Part::Known && nilometer_query::is_sortable(snapshot, LAST_VALUE, scope) {
        sortby.extend(search.datetime.map(|_| key(IN_PERIOD, Direction::Descending)));
        sortby.push(key(LAST_VALUE, Direction::Descending));
    }
    match part {
        Part::Coming => sortby.push(key("datetime", Direction::Ascending)),
        Part::Known | Part::Gone => sortby.push(newest),
    }
    if nilometer_query::is_sortable(snapshot, "title", scope) {
        sortby.push(key("title", Direction::Ascending));
    }
    Search { filter: Some(Filter::And(filter)), sortby, ..search.clone() }
}

/// `PART~HOUR~TOKEN`, the last empty at the begin of a part.
fn write(part: usize, now: Instant, token: Option<&str>) -> String {
    format!("{part}~{}~{}", now.0.div_euclid(HOUR_US), token.unwrap_or_default())
}

fn read(text: &str) -> Result<(usize, Instant, Option<String>), Problem> {
    let read = || {
        let mut fields = text.splitn(3, '~');
        let part = fields.next()?.parse::<usize>().ok().filter(|part| *part < PARTS.len())?;
        let now = Instant(fields.next()?.parse::<i64>().ok()?.checked_mul(HOUR_US)?);
        Some((part, now, fields.next().filter(|t| !t.is_empty()).map(str::to_owned)))
    };
    read().ok_or_else(|| {
        let detail = "the token belongs to a search with another order";
        Problem::invalid("token", detail).at("token").allowed("the token of a page's next link, unchanged")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_part_hour_and_place() {
        let now = Instant(1_764_115_200_000_000);
        for token in [None, Some("abc_-")] {
            assert_eq!(read(&write(1, now, token)), Ok((1, now, token.map(str::to_owned))));
        }
        for text in ["", "eyJhIjo", "3~0~", "0~x~", "0~9223372036854775807~", "1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
