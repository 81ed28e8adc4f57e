//! The rows of an answer, one after the other: those of the range asked for, by its start.
//!
//! Series come by the time of the observation, the dialect asks and sorts by the start of the pass over the continent,
//! which lies before it; of many features, each one's rows come together. So a few rows are held back until none that belongs before them can come.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, SchemaRef, TimestampMicrosecondType};
use futures_util::StreamExt;
use nilometer_query::series::{BatchStream, Series};
use nilometer_schemas::observation::{
    DISCRIMINATOR_COLUMN, FEATURE_COLUMN, TIME_COLUMN, VERSION_COLUMN, VERSION_ORDER_COLUMN,
};
use nilometer_schemas::{Instant, Kind, Problem, TimeInterval};

use super::columns::Row;

/// Column with the start of the range.
pub(super) const RANGE_START: &str = "range_start_time";
/// Column with the version of processing.
pub(super) const CRID: &str = "crid";
/// How far the time of an observation may lie from the start of its range: a pass takes 51 minutes, whatever it covers.
const MARGIN_MICROS: i64 = 2 * 3600 * 1_000_000;

/// The period of observations among which those of a range are.
pub(super) fn widened((start, end): (Instant, Instant)) -> TimeInterval {
    TimeInterval {
        start: Some(Instant(start.0.saturating_sub(MARGIN_MICROS))),
        end: Some(Instant(end.0.saturating_add(MARGIN_MICROS))),
    }
}

/// Positions of the columns that decide on a row.
#[derive(Clone, Copy, Debug)]
struct Places {
    time: usize,
    feature: Option<usize>,
    range_start: Option<usize>,
    discriminator: Option<usize>,
    version: Option<usize>,
    version_order: Option<usize>,
    crid: Option<usize>,
}

impl Places {
    fn of(schema: &SchemaRef) -> Result<Self, Problem> {
        let at = |name: &str| schema.index_of(name).ok();
        let time = at(TIME_COLUMN).ok_or_else(|| Problem::new(Kind::Internal, "series", "a series has no times"))?;
        Ok(Self {
            time,
            feature: at(FEATURE_COLUMN),
            range_start: at(RANGE_START),
            discriminator: at(DISCRIMINATOR_COLUMN),
            version: at(VERSION_COLUMN),
            version_order: at(VERSION_ORDER_COLUMN),
            crid: at(CRID),
        })
    }
}

/// See the module.
pub(super) struct Rows {
    batches: Option<BatchStream>,
    places: Places,
    period: (Instant, Instant),
    crid: Option<String>,
    /// The feature of the rows held.
    feature: String,
    /// By start of the range, then as they came.
    held: BTreeMap<(Instant, u64), Row>,
    ready: VecDeque<Row>,
    arrivals: u64,
}

impl Rows {
    /// The rows of a series whose range starts within `[start, end)`, feature by feature; of one version of processing if it is named,
    /// the newest of each pass.
    ///
    /// # Errors
    /// `Internal` for a series without times.
    pub(super) fn of(series: Series, period: (Instant, Instant), crid: Option<String>) -> Result<Self, Problem> {
        let places = Places::of(&series.schema)?;
        let (held, ready) = (BTreeMap::new(), VecDeque::new());
        Ok(Self {
            batches: Some(series.batches),
            places,
            period,
            crid,
            feature: String::new(),
            held,
            ready,
            arrivals: 0,
        })
    }

    /// The next row.
    ///
    /// # Errors
    /// Those of the series.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Problem> {
        self.fill().await?;
        Ok(self.ready.pop_front())
    }

    /// Whether there is no row left; looks ahead.
    ///
    /// # Errors
    /// Those of the series.
    pub(super) async fn is_empty(&mut self) -> Result<bool, Problem> {
        self.fill().await?;
        Ok(self.ready.is_empty())
    }

    /// Number of rows, which are used up.
    ///
    /// # Errors
    /// Those of the series.
    pub(super) async fn count(mut self) -> Result<u64, Problem> {
        let mut count = 0;
        loop {
            self.fill().await?;
            if self.ready.is_empty() {
                return Ok(count);
            }
            count += self.ready.len() as u64;
            self.ready.clear();
        }
    }

    /// Reads batches until a row is ready or all are read.
    async fn fill(&mut self) -> Result<(), Problem> {
        while self.ready.is_empty() {
            let Some(batches) = &mut self.batches else { return Ok(()) };
            match batches.next().await {
                Some(batch) => self.take(&Arc::new(batch?)),
                None => {
                    self.batches = None;
                    self.ready.extend(std::mem::take(&mut self.held).into_values());
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, batch: &Arc<RecordBatch>) {
        let times = batch.column(self.places.time).as_primitive::<TimestampMicrosecondType>();
        for index in 0..batch.num_rows() {
            let row = Row { batch: Arc::clone(batch), index };
            self.settle_others(&row);
            let start = self.range_start(&row).unwrap_or(Instant(times.value(index)));
            if start >= self.period.0 && start < self.period.1 && self.is_of_version(&row) {
                self.hold(start, row);
            }
        }
        let Some(last) = batch.num_rows().checked_sub(1) else { return };
        // Whatever comes later was observed later, at most the margin after its range began.
        let settled = Instant(times.value(last).saturating_sub(MARGIN_MICROS));
        let later = self.held.split_off(&(settled, 0));
        self.ready.extend(std::mem::replace(&mut self.held, later).into_values());
    }

    /// Makes the rows of other features ready: series come feature by feature.
    fn settle_others(&mut self, row: &Row) {
        let feature = cell(row, self.places.feature).unwrap_or_default();
        if feature != self.feature {
            self.ready.extend(std::mem::take(&mut self.held).into_values());
            feature.clone_into(&mut self.feature);
        }
    }

    fn hold(&mut self, start: Instant, row: Row) {
        self.arrivals += 1;
        if self.crid.is_some()
            && let Some((key, other)) = self.same_pass(&row)
        {
            if self.version_order(&row) < self.version_order(other) {
                return;
            }
            self.held.remove(&key);
        }
        self.held.insert((start, self.arrivals), row);
    }

    /// The row held of the same pass, of which only one counts.
    fn same_pass(&self, row: &Row) -> Option<((Instant, u64), &Row)> {
        let discriminator = cell(row, self.places.discriminator).filter(|d| !d.is_empty())?;
        let same = |other: &Row| cell(other, self.places.discriminator) == Some(discriminator);
        self.held.iter().find(|(_, other)| same(other)).map(|(key, other)| (*key, other))
    }

    fn version_order(&self, row: &Row) -> i32 {
        self.places.version_order.map_or(0, |at| row.batch.column(at).as_primitive::<Int32Type>().value(row.index))
    }

    fn range_start(&self, row: &Row) -> Option<Instant> {
        Instant::parse(cell(row, self.places.range_start)?)
    }

    /// Whether it is of the version of processing that is asked for; rows without one are known by their version,
    /// which begins with it.
    fn is_of_version(&self, row: &Row) -> bool {
        let Some(wanted) = &self.crid else { return true };
        match cell(row, self.places.crid) {
            Some(crid) => crid == wanted,
            None => cell(row, self.places.version).is_some_and(|v| v.split('_').next() == Some(wanted)),
        }
    }
}

/// A text, if the column is there and holds one.
pub(super) fn cell(row: &Row, at: Option<usize>) -> Option<&str> {
    let column = row.batch.column(at?);
    if column.is_null(row.index) {
        return None;
    }
    match column.data_type() {
        DataType::Utf8 => Some(column.as_string::<i32>().value(row.index)),
        DataType::Utf8View => Some(column.as_string_view().value(row.index)),
        _ => None,
    }
}
