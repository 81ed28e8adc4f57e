//! Cutting a query into pieces of work that fit in memory, in the order of the answer: some features each, or, where
//! one feature has too many rows, some of its period.

use std::collections::VecDeque;
use std::sync::Arc;

use nilometer_indexer::Error;
use nilometer_indexer::series::{FeatureSummary, RowFilter, SeriesTable};
use nilometer_schemas::{Instant, ObservationKey};

use super::SeriesQuery;

/// Cuts what a query asks of a table into filters of about `rows_max` rows. `by_time` allows to cut a feature's period;
/// pieces of one feature then follow each other in time.
pub(super) fn cut(
    table: &SeriesTable,
    query: &SeriesQuery,
    rows_max: u64,
    by_time: bool,
) -> Result<VecDeque<RowFilter>, Error> {
    let from = query.period.and_then(|p| p.start);
    let to = query.period.and_then(|p| p.end);
    let by_time = by_time && table.model().key == ObservationKey::Time;
    let summaries = table.summaries()?;
    let mut cut = Cut { pieces: VecDeque::new(), features: Vec::new(), rows: 0, rows_max, by_time, from, to };
    match &query.features {
        None => summaries.iter().for_each(|(id, summary)| cut.add(id, summary)),
        Some(features) => {
            let mut features: Vec<&String> = features.iter().collect();
            features.sort_unstable();
            features.dedup();
            for id in features {
                if let Some(summary) = summaries.get(id) {
                    cut.add(id, summary);
                }
            }
        }
    }
    cut.flush();
    Ok(cut.pieces)
}

struct Cut {
    pieces: VecDeque<RowFilter>,
    features: Vec<String>,
    rows: u64,
    rows_max: u64,
    by_time: bool,
    from: Option<Instant>,
    to: Option<Instant>,
}

impl Cut {
    fn add(&mut self, id: &str, summary: &FeatureSummary) {
        let outside =
            self.from.is_some_and(|from| summary.last < from.0) || self.to.is_some_and(|to| summary.first > to.0);
        // A pass may have a version whose time the summary does not know.
        if outside && self.by_time {
            return;
        }
        let rows = self.rows_of(summary);
        if self.rows + rows > self.rows_max {
            self.flush();
        }
        if rows > self.rows_max && self.by_time {
            self.cut_period(id, summary, rows);
            return;
        }
        self.features.push(id.to_owned());
        self.rows += rows;
    }

    /// About how many rows of a feature fall into the period asked for.
    fn rows_of(&self, summary: &FeatureSummary) -> u64 {
        let span = (summary.last - summary.first).max(1) as f64;
        let begin = self.from.map_or(summary.first, |t| t.0.max(summary.first));
        let end = self.to.map_or(summary.last, |t| t.0.min(summary.last));
        let share = ((end - begin).max(0) as f64 / span).clamp(0.0, 1.0);
        ((summary.count as f64 * share) as u64).clamp(1, summary.count.max(1))
    }

    fn flush(&mut self) {
        if !self.features.is_empty() {
            let features = std::mem::take(&mut self.features);
            self.pieces.push_back(RowFilter { features: Some(Arc::new(features)), from: self.from, to: self.to });
        }
        self.rows = 0;
    }

    fn cut_period(&mut self, id: &str, summary: &FeatureSummary, rows: u64) {
        let begin = self.from.map_or(summary.first, |t| t.0.max(summary.first));
        let end = self.to.map_or(summary.last, |t| t.0.min(summary.last));
        let pieces = rows.div_ceil(self.rows_max) as i64;
        let width = (end - begin) / pieces + 1;
        let features = Some(Arc::new(vec![id.to_owned()]));
        for piece in 0..pieces {
            let from = begin + piece * width;
            let to = (from + width - 1).min(end);
            if from <= to {
                let (from, to) = (Some(Instant(from)), Some(Instant(to)));
                self.pieces.push_back(RowFilter { features: features.clone(), from, to });
            }
        }
    }
}
