//! What the collections' items have of each property, against a look at every item.

use super::*;

const NAMES: [&str; 5] = ["n", "m", "tags", "many", "day"];

/// Types, items (once for each type), texts where there is nothing else, and range of the numbers.
type Told = (BTreeSet<&'static str>, u64, Option<BTreeSet<String>>, Option<(f64, f64)>);

fn told_of<'a>(items: impl Iterator<Item = &'a Plain>, name: &str) -> Option<Told> {
    let (mut types, mut having, mut texts) = (BTreeSet::new(), 0, BTreeSet::new());
    let mut range: Option<(f64, f64)> = None;
    let mut whole = true;
    for item in items {
        let mut own = BTreeSet::new();
        for value in item.values(name) {
            match value {
                Value::String(text) => {
                    own.insert("string");
                    texts.insert(text);
                }
                Value::Bool(_) => {
                    own.insert("boolean");
                }
                value => {
                    let number = value.as_f64().unwrap();
                    own.insert("number");
                    whole &= number.fract() == 0.0;
                    range = Some(range.map_or((number, number), |(a, b)| (a.min(number), b.max(number))));
                }
            }
        }
        having += own.len() as u64;
        types.extend(own);
    }
    if whole && types.remove("number") {
        types.insert("integer");
    }
    let texts = (types == BTreeSet::from(["string"])).then_some(texts);
    (having > 0).then_some((types, having, texts, range))
}

impl World {
    /// Also what was noted for earlier views must not show.
    pub(super) fn check_properties(&self, scope: Scope) {
        let snapshot = self.catalog().snapshot();
        let all = COLLECTIONS.into_iter().map(Some).chain([None]);
        for asked in all {
            let id = asked.map(|id| CollectionId::new(id).unwrap());
            let items = || {
                self.model.values().filter(|item| {
                    let of = item.record.collection.as_str();
                    asked.is_none_or(|asked| asked == of) && (of != "secret" || scope.may_write())
                })
            };
            let got: BTreeMap<String, Told> = nilometer_query::queryables(&snapshot, id.as_ref(), scope)
                .into_iter()
                .filter(|q| NAMES.contains(&q.name.as_str()))
                .map(|q| {
                    let texts = q.values.map(BTreeSet::from_iter);
                    (q.name, (q.types.into_iter().collect(), q.facts.items, texts, q.range))
                })
                .collect();
            let expected: BTreeMap<String, Told> =
                NAMES.iter().filter_map(|name| Some(((*name).to_owned(), told_of(items(), name)?))).collect();
            assert_eq!(got, expected, "{asked:?}");
            if let Some(id) = id.filter(|_| items().next().is_some()) {
                let summaries = nilometer_query::summaries(&snapshot, id.as_str());
                assert_eq!(summaries["total_items"], json!([items().count()]));
            }
        }
    }
}
