//! The change feed of both servers.

use std::collections::BTreeSet;

use nilometer_tests::Client;
use serde_json::Value;

use crate::compared::{Compared, Pair};
use crate::model::{Level, Seen};

/// The same puts in the same order; no deletion of what the twin never had, and all deletions of
/// collections that are not seen in part.
pub(crate) fn compare(compared: &mut Compared, pair: &Pair, seen: &Seen) {
    let context = &pair.context;
    let read = |client: &Client| {
        let mut all = Vec::new();
        let mut since = 0;
        loop {
            let page = client.get(&format!("/changes?since={since}&limit=7")).expect(200).json();
            all.extend(page["changes"].as_array().cloned().unwrap_or_default());
            since = page["until"].as_u64().expect("a number");
            if page["more"] != true {
                return all;
            }
        }
    };
    let (a, b) = (read(&pair.whole), read(&pair.twin));
    let puts = |all: &[Value]| -> Vec<(Value, Value, Value)> {
        let puts = all.iter().filter(|change| change["operation"] == "put");
        puts.map(|change| (change["collection"].clone(), change["id"].clone(), change["item"].clone())).collect()
    };
    let items = |all: &[Value]| -> Vec<(Value, Value, Value)> {
        puts(all).into_iter().filter(|(_, id, _)| id.is_string()).collect()
    };
    assert_eq!(items(&a), items(&b), "{context}\nthe puts of the feed");
    let collections = |all: &[Value]| -> BTreeSet<String> {
        puts(all).into_iter().filter(|(_, id, _)| id.is_null()).map(|(collection, ..)| collection.to_string()).collect()
    };
    assert_eq!(collections(&a), collections(&b), "{context}\nthe collections of the feed");
    let deletions = |all: &[Value]| -> BTreeSet<(String, String)> {
        let deleted = all.iter().filter(|change| change["operation"] == "delete");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        deleted.map(|change| (text(&change["collection"]), text(&change["id"]))).collect()
    };
    let (told, true_ones) = (deletions(&a), deletions(&b));
    assert!(told.is_subset(&true_ones), "{context}\ndeletions {told:?}, of which there were {true_ones:?}");
    let partial = |id: &String| seen.collections.iter().any(|(own, level)| own == id && *level == Level::Partial);
    let due: BTreeSet<_> = true_ones.into_iter().filter(|(collection, _)| !partial(collection)).collect();
    assert!(due.is_subset(&told), "{context}\ndeletions {told:?}, due were {due:?}");
    compared.model("change feed", true, String::new);
}
