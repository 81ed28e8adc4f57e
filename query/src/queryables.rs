//! What can be filtered and sorted by, learned from the live items that a scope may see.

use std::collections::{BTreeMap, BTreeSet};

use nilometer_indexer::segment::{Bits, ColumnKind, SegmentData};
use nilometer_schemas::Instant;

use crate::aggregate::{Found, distinct, moment_of};

use crate::filter::{Datum, Document};

/// Distinct texts up to which a property's values are listed.
const VALUES_MAX: usize = 50;

/// A property that can be filtered by.
#[derive(Clone, Debug, PartialEq)]
pub struct Queryable {
    /// Name without `properties.`.
    pub name: String,
    /// JSON types seen in the data: `string`, `number`, `integer`, `boolean`.
    pub types: Vec<&'static str>,
    /// All values of a text property, when there are few.
    pub values: Option<Vec<String>>,
    /// Smallest and largest value of a numeric property.
    pub range: Option<(f64, f64)>,
    /// How it is used.
    pub facts: PropertyFacts,
}

/// How a property is used by the items at hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyFacts {
    /// Items that have it; one with values of several types counts once for each.
    pub items: u64,
    /// All values of all items.
    pub values: u64,
    /// Different values.
    pub distinct: u64,
    /// First and last moment, if it has texts and all are moments or dates.
    pub times: Option<(Instant, Instant)>,
}

#[derive(Default)]
struct Seen {
    facts: PropertyFacts,
    /// A text is no moment.
    untimely: bool,
    /// Columns that were looked at, each of which has its values counted once.
    columns: usize,
    types: BTreeSet<&'static str>,
    values: BTreeSet<String>,
    many: bool,
    range: Option<(f64, f64)>,
}

impl Seen {
    /// Notes the moments that texts are, until one is none.
    fn look_for_times<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        for text in texts {
            let Some(moment) = moment_of(text).filter(|_| !self.untimely) else {
                self.untimely = true;
                self.facts.times = None;
                return;
            };
            let (first, last) = self.facts.times.unwrap_or((moment, moment));
            self.facts.times = Some((first.min(moment), last.max(moment)));
        }
    }
}

fn look(data: &SegmentData, docs: &Bits, seen: &mut BTreeMap<String, Seen>) {
    for column in data.columns() {
        if matches!(column.name, "id" | "collection") {
            continue;
        }
        let mut used = vec![false; column.dictionary.len()];
        let (mut values, mut items, mut last) = (0, 0, None);
        data.for_each_pair(&column, |doc, code| {
            if docs.contains(doc) {
                used[code as usize] = true;
                values += 1;
                items += u64::from(last != Some(doc));
                last = Some(doc);
            }
        });
        if values == 0 {
            continue;
        }
        let entry = seen.entry(column.name.to_owned()).or_default();
        entry.facts.values += values;
        entry.facts.items += items;
        entry.columns += 1;
        entry.facts.distinct += used.iter().filter(|used| **used).count() as u64;
        let used = used.iter().enumerate().filter(|(_, used)| **used).map(|(code, _)| code as u32);
        match column.kind {
            ColumnKind::Bool => {
                entry.types.insert("boolean");
            }
            ColumnKind::Text => {
                entry.types.insert("string");
                entry.look_for_times(used.clone().map(|code| column.dictionary.text(code)));
                for code in used {
                    if entry.values.len() == VALUES_MAX && !entry.values.contains(column.dictionary.text(code)) {
                        entry.many = true;
                        break;
                    }
                    entry.values.insert(column.dictionary.text(code).to_owned());
                }
            }
            ColumnKind::Number => {
                let numbers: Vec<f64> = used.map(|code| column.dictionary.number(code)).collect();
                let whole = numbers.iter().all(|n| n.fract() == 0.0);
                entry.types.insert(if whole { "integer" } else { "number" });
                let (low, high) = (numbers[0], numbers[numbers.len() - 1]);
                entry.range = Some(entry.range.map_or((low, high), |(a, b)| (a.min(low), b.max(high))));
            }
        }
    }
}

/// The properties of the documents in the match sets.
pub(crate) fn collect(found: &[Found<'_>]) -> Vec<Queryable> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for found in found {
        look(found.data, &found.matches, &mut seen);
    }
    let queryable = |(name, mut seen): (String, Seen)| {
        // What several segments have is counted in each of them.
        if seen.columns > 1 && (seen.many || seen.types.iter().any(|t| *t != "string")) {
            seen.facts.distinct = distinct(found, &name);
        }
        queryable((name, seen))
    };
    seen.into_iter().map(queryable).collect()
}

fn queryable((name, seen): (String, Seen)) -> Queryable {
    let mut types: Vec<&'static str> = seen.types.iter().copied().collect();
    // Every integer is a number: a property seen as both is a number.
    if types.contains(&"number") {
        types.retain(|t| *t != "integer");
    }
    let listed = !seen.many && types == ["string"];
    let values = listed.then(|| seen.values.into_iter().collect::<Vec<String>>());
    let mut facts = seen.facts;
    if let Some(values) = &values {
        facts.distinct = values.len() as u64;
    }
    Queryable { name, types, values, range: seen.range, facts }
}

/// The properties of documents, but for moments and what every document has (`id`).
pub(crate) fn of_documents(documents: &[Document]) -> Vec<Queryable> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for (name, values) in documents.iter().flat_map(Document::all).filter(|(name, _)| *name != "id") {
        for value in values {
            add(seen.entry(name.to_owned()).or_default(), value);
        }
    }
    seen.into_iter().filter(|(_, seen)| !seen.types.is_empty()).map(queryable).collect()
}

fn add(seen: &mut Seen, value: &Datum<'_>) {
    match value {
        Datum::Bool(_) => {
            seen.types.insert("boolean");
        }
        Datum::Number(number) => {
            seen.types.insert(if number.fract() == 0.0 { "integer" } else { "number" });
            seen.range = Some(seen.range.map_or((*number, *number), |(a, b)| (a.min(*number), b.max(*number))));
        }
        Datum::Text(text) => {
            seen.types.insert("string");
            seen.many |= seen.values.len() == VALUES_MAX && !seen.values.contains(text.as_ref());
            if !seen.many {
                seen.values.insert(text.to_string());
            }
        }
        Datum::Time(_) => {}
    }
}
