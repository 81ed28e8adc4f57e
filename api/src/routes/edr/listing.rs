//! The rows of one feature's series, gathered for a page.

use std::collections::HashSet;

use futures_util::StreamExt;
use nilometer_indexer::Snapshot;
use nilometer_query::series::{SeriesColumn, SeriesQuery, series};
use nilometer_schemas::{Instant, ObservationKey, ObservationModel, Scope};

use super::table::{Cell, Distances, Rows, Table};
use crate::problem::ApiError;

/// Rows with their columns.
pub(crate) struct Listing {
    /// Columns of values.
    pub(crate) columns: Vec<SeriesColumn>,
    /// Rows by time and discriminator.
    pub(crate) rows: Vec<ListedRow>,
    /// Whether there are more rows than were asked for; those that are here are then the first ones.
    pub(crate) is_cut: bool,
}

/// One row.
pub(crate) struct ListedRow {
    /// When; with statistics, the begin of the step.
    pub(crate) time: Instant,
    /// What tells it apart from others of the same time; may be empty.
    pub(crate) discriminator: String,
    /// Version of the product; may be empty.
    pub(crate) version: String,
    /// Values in the order of the columns.
    pub(crate) values: Vec<Listed>,
}

/// One value; numbers are finite.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Listed {
    /// There is none.
    Missing,
    /// A number.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
}

impl From<Cell<'_>> for Listed {
    fn from(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Missing => Self::Missing,
            Cell::Number(number) => Self::Number(number),
            Cell::Integer(number) => Self::Integer(number),
            Cell::Text(text) => Self::Text(text.to_owned()),
        }
    }
}

/// Gathers at most `rows_max` rows of a query. `own` names the parameters that are meant, beside those that only tell how
/// good they are.
///
/// Rows without a value of `own` are kept where they say that something was looked for and not found: those of a pass,
/// and those whose discriminator has values at other times. Others belong to other kinds of observation, such as the
/// samples beside a daily discharge.
///
/// # Errors
/// As [`series`].
pub(crate) async fn gather(
    snapshot: &Snapshot,
    query: &SeriesQuery,
    scope: Scope,
    own: &[String],
    rows_max: usize,
) -> Result<Listing, ApiError> {
    let mut series = series(snapshot, query, scope)?;
    let table = Table::new(&series.schema, &series.columns, Distances::new(), None)?;
    let mut rows = Vec::new();
    let mut is_cut = false;
    while let Some(batch) = series.batches.next().await.transpose()? {
        let batch = table.rows(&batch)?;
        let cells = Rows::of(&batch, series.columns.len());
        let room = rows_max - rows.len();
        is_cut = cells.count > room;
        rows.extend((0..cells.count.min(room)).map(|row| ListedRow {
            time: cells.time(row),
            discriminator: cells.discriminator(row).unwrap_or_default().to_owned(),
            version: cells.version(row).unwrap_or_default().to_owned(),
            values: cells.values.iter().map(|column| column.at(row).into()).collect(),
        }));
        if is_cut {
            break;
        }
    }
    let stored = snapshot.collection(query.collection.as_str(), scope);
    let key = stored.map_or(ObservationKey::Time, |stored| ObservationModel::of_collection(&stored.collection).key);
    if key == ObservationKey::Time {
        let meant: Vec<bool> = series.columns.iter().map(|c| own.contains(&c.parameter.name)).collect();
        keep_own_kind(&mut rows, &meant);
    }
    Ok(Listing { columns: series.columns, rows, is_cut })
}

/// Drops rows of kinds that have no value in a column that is meant.
fn keep_own_kind(rows: &mut Vec<ListedRow>, meant: &[bool]) {
    let has_value =
        |row: &ListedRow| row.values.iter().zip(meant).any(|(value, meant)| *meant && *value != Listed::Missing);
    let kinds: HashSet<String> =
        rows.iter().filter(|row| has_value(row)).map(|row| row.discriminator.clone()).collect();
    rows.retain(|row| kinds.contains(&row.discriminator));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(discriminator: &str, value: Listed) -> ListedRow {
        let time = Instant::UNDATED_START;
        let quality = Listed::Text("approved".into());
        ListedRow { time, discriminator: discriminator.into(), version: String::new(), values: vec![value, quality] }
    }

    #[test]
    fn a_missing_value_of_the_same_kind_is_kept_and_another_kind_is_not() {
        let mut rows =
            vec![row("flow", Listed::Number(1.0)), row("flow", Listed::Missing), row("sample", Listed::Missing)];
        keep_own_kind(&mut rows, &[true, false]);
        let kept: Vec<(&str, &Listed)> = rows.iter().map(|r| (r.discriminator.as_str(), &r.values[0])).collect();
        assert_eq!(kept, [("flow", &Listed::Number(1.0)), ("flow", &Listed::Missing)]);
    }
}
