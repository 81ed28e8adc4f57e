//! The figures of the service, of which those of the catalogue tell what visitors see.

use nilometer_tests::Client;

use crate::compared::{Compared, Pair};
use crate::model::{Level, Seen};

/// Names of figures that are of collections and items; the others are of the service as a whole.
const OF_WHAT_IS_SEEN: [&str; 2] = ["nilometer_index_docs", "nilometer_collection_items"];
/// Tables tell what they hold where all of it is seen. The twin has what is seen of the others, and tells that.
const OF_WHOLE_TABLES: &str = "nilometer_series_rows";

pub(crate) fn compare(compared: &mut Compared, pair: &Pair, seen: &Seen) {
    let are_tables_whole = seen.collections.iter().all(|(_, level)| *level != Level::Partial);
    let figures = |client: &Client| {
        let text = client.get("/metrics").expect(200).text();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let names = OF_WHAT_IS_SEEN.into_iter().chain(are_tables_whole.then_some(OF_WHOLE_TABLES));
        lines.retain(|line| names.clone().any(|name| line.starts_with(name)));
        lines.sort();
        lines
    };
    let (whole, twin) = (figures(&pair.whole), figures(&pair.twin));
    let count = format!("nilometer_index_docs {}", seen.catalogue.items().len());
    let is_true = whole == twin && whole.contains(&count);
    compared.model("metrics", is_true, || format!("{whole:?}, {twin:?} and not {count}"));
}
