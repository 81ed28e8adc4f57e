//! Which counts fit some items, chosen from their data: properties with few values by value, numbers by round steps, dates by
//! the calendar step that fits their span.

use nilometer_schemas::{CalendarInterval, Instant};
use serde_json::Value;

use crate::Queryable;
use crate::aggregate::{Step, number_value};

/// Facets by value that are defaults.
const TERMS_MAX: usize = 6;
/// Facets by step of a number or of time that are defaults.
const STEPS_MAX: usize = 4;
/// Of numbers, different values up to which each is a value of its own.
const NUMBERS_MAX: u64 = 12;
/// One in so many items must have the property.
const SHARED_BY: u64 = 10;
/// Steps of numbers that a histogram of default has at most.
const BUCKETS: usize = 20;
/// Calendar steps that a histogram of default has at most, as long as years are not too short.
const CALENDAR_STEPS: i64 = 100;
const MINUTE_US: i64 = 60_000_000;

/// A value of an option.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Suggested {
    /// The end of its parameter's name.
    pub(crate) option: &'static str,
    pub(crate) value: Value,
}

/// A facet that fits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facet {
    pub(crate) property: String,
    /// Whether each value is counted by itself.
    pub(crate) by_value: bool,
    /// Whether it is a histogram of numbers.
    is_histogram: bool,
    pub(crate) suggested: Option<Suggested>,
}

impl Facet {
    /// The name of the aggregation.
    pub(crate) fn aggregation(&self) -> String {
        let end = if self.is_histogram { "histogram" } else { "frequency" };
        format!("{}_{end}", self.property)
    }
}

/// The facets that fit best: what most items have comes first.
pub(crate) fn defaults(properties: &[Queryable], items: u64) -> Vec<Facet> {
    let fitting = fitting(properties, items);
    let (values, steps): (Vec<Facet>, Vec<Facet>) = fitting.into_iter().partition(|facet| facet.by_value);
    values.into_iter().take(TERMS_MAX).chain(steps.into_iter().take(STEPS_MAX)).collect()
}

/// All facets that fit: what most items have comes first, then by name.
pub(crate) fn fitting(properties: &[Queryable], items: u64) -> Vec<Facet> {
    let mut found: Vec<(u64, Facet)> = Vec::new();
    for property in properties {
        if property.facts.items * SHARED_BY >= items
            && let Some(facet) = facet(property)
        {
            found.push((property.facts.items, facet));
        }
    }
    found.sort_by(|(a_items, a), (b_items, b)| b_items.cmp(a_items).then_with(|| a.property.cmp(&b.property)));
    found.into_iter().map(|(_, facet)| facet).collect()
}

/// How to count by a property; `None` where counting tells nothing.
fn facet(property: &Queryable) -> Option<Facet> {
    let facts = &property.facts;
    let new = |by_value, is_histogram, suggested| {
        Some(Facet { property: property.name.clone(), by_value, is_histogram, suggested })
    };
    if facts.distinct < 2 || matches!(property.name.as_str(), "id" | "collection") {
        return None;
    }
    // What differs from item to item narrows nothing down.
    let is_shared = facts.values > facts.distinct;
    match property.types[..] {
        ["string"] => match facts.times {
            Some((first, last)) => {
                let interval = calendar_interval(first, last).name().into();
                new(false, false, Some(Suggested { option: "interval", value: interval }))
            }
            None if property.values.is_some() && is_shared => new(true, false, None),
            None => None,
        },
        ["boolean"] => new(true, false, None),
        ["integer" | "number"] if facts.distinct <= NUMBERS_MAX && is_shared => new(true, false, None),
        [kind @ ("integer" | "number")] => {
            let (min, max) = property.range?;
            // Whole numbers that are all different are names.
            if kind == "integer" && !is_shared {
                return None;
            }
            let width = Step::round(min, max, BUCKETS, kind == "integer").width();
            new(false, true, Some(Suggested { option: "interval", value: number_value(width) }))
        }
        _ => None,
    }
}

/// The shortest calendar step that is not too short for a span.
pub(crate) fn calendar_interval(first: Instant, last: Instant) -> CalendarInterval {
    let minutes = |interval| match interval {
        CalendarInterval::Minute => 1,
        CalendarInterval::Hour => 60,
        CalendarInterval::Day => 1_440,
        CalendarInterval::Week => 7 * 1_440,
        CalendarInterval::Month => 30 * 1_440,
        CalendarInterval::Quarter => 91 * 1_440,
        CalendarInterval::Year => 365 * 1_440,
    };
    let span = last.0.saturating_sub(first.0) / MINUTE_US;
    let fits = |interval: &CalendarInterval| span / minutes(*interval) < CALENDAR_STEPS;
    CalendarInterval::ALL.into_iter().find(fits).unwrap_or(CalendarInterval::Year)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PropertyFacts;

    fn property(name: &str, kind: &'static str, items: u64, distinct: u64) -> Queryable {
        let facts = PropertyFacts { items, values: items, distinct, times: None };
        let few = (kind == "string" && distinct <= 50).then(Vec::new);
        Queryable { name: name.into(), types: vec![kind], values: few, range: Some((0.0, 1_000.0)), facts }
    }

    #[test]
    fn each_property_is_counted_as_its_values_ask() {
        let check = |property: Queryable, expected: Option<(&str, Option<Value>)>| {
            let found = fitting(std::slice::from_ref(&property), 100);
            let found = found.first().map(|f| (f.aggregation(), f.suggested.as_ref().map(|s| s.value.clone())));
            let expected = expected.map(|(name, value)| (name.to_owned(), value));
            assert_eq!(found, expected, "{property:?}");
        };
        check(property("country", "string", 100, 7), Some(("country_frequency", None)));
        check(property("country", "string", 100, 1), None);
        check(property("country", "string", 9, 2), None);
        check(property("name", "string", 100, 100), None);
        check(property("open", "boolean", 100, 2), Some(("open_frequency", None)));
        check(property("order", "integer", 100, 9), Some(("order_frequency", None)));
        check(property("code", "integer", 100, 100), None);
        check(property("width_m", "integer", 100, 90), Some(("width_m_histogram", Some(100.into()))));
        check(property("width_m", "number", 100, 100), Some(("width_m_histogram", Some(100.into()))));
        let year = |year| Instant::from_date(year, 1, 1).expect("a date");
        for distinct in [100, 20] {
            let mut dated = property("opened", "string", 100, distinct);
            dated.facts.times = Some((year(1990), year(2020)));
            check(dated, Some(("opened_frequency", Some("year".into()))));
        }
    }

    #[test]
    fn what_most_items_have_comes_first_and_there_are_not_too_many() {
        let mut many: Vec<Queryable> =
            (0..20).map(|i| property(&format!("p{i:02}"), "string", 50 + i % 3, 5)).collect();
        many.extend((0..20).map(|i| property(&format!("n{i:02}"), "number", 60, 60)));
        let names: Vec<String> = defaults(&many, 100).into_iter().map(|facet| facet.property).collect();
        assert_eq!(names, ["p02", "p05", "p08", "p11", "p14", "p17", "n00", "n01", "n02", "n03"]);
    }

    #[test]
    fn calendar_steps_fit_the_span() {
        let check = |days: i64, expected: &str| {
            let last = Instant(days * 1_440 * MINUTE_US);
            assert_eq!(calendar_interval(Instant(0), last).name(), expected, "{days} days");
        };
        check(0, "minute");
        check(3, "hour");
        check(60, "day");
        check(365, "week");
        check(5 * 365, "month");
        check(20 * 365, "quarter");
        check(300 * 365, "year");
    }
}
