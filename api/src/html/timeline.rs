//! Items along time: bars that are links, with what a script needs to brush over them.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_schemas::{AggregationKind, CalendarInterval, Instant, Problem, Scope, Search};

use super::facets::count_by;
use super::layout::Frame;
use crate::links::with_query;

/// Years up to which months are shown.
const YEARS_IN_MONTHS: i64 = 9;
/// Bars at most; what lies before them is left out and said to be.
const BARS_MAX: usize = 240;
/// Units of a bar's width in the drawing, its gap included.
const BAR: usize = 4;
/// Units of the drawing's height.
const HEIGHT: f64 = 40.0;

/// One bar: a calendar year or month, and the items in it.
#[derive(Clone, Debug, PartialEq)]
struct Bar {
    /// `2024` or `2024-02`.
    label: String,
    /// First day.
    start: String,
    /// Last day.
    end: String,
    count: u64,
}

/// The bars of a question, without gaps, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Timeline {
    bars: Vec<Bar>,
    /// Items before the first bar.
    before: u64,
}

impl Timeline {
    /// Counts the items of a question along time, whatever its own period.
    ///
    /// # Errors
    /// The query's.
    pub(super) fn of(snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<Self, Problem> {
        let search = Search { datetime: None, token: None, ..search.clone() };
        let years = counts(snapshot, &search, CalendarInterval::Year, scope)?;
        let (Some((first, _)), Some((last, _))) = (years.first(), years.last()) else { return Ok(Self::default()) };
        if last / 12 - first / 12 < YEARS_IN_MONTHS {
            return Ok(Self::from_counts(&counts(snapshot, &search, CalendarInterval::Month, scope)?, 1));
        }
        Ok(Self::from_counts(&years, 12))
    }

    /// From pairs of a month's number since year 0 and its items; `step` months make one bar.
    fn from_counts(counts: &[(i64, u64)], step: i64) -> Self {
        let (Some((first, _)), Some((last, _))) = (counts.first(), counts.last()) else { return Self::default() };
        let room = (BARS_MAX as i64 - 1) * step;
        let begin = (*first).max(last - room);
        let before = counts.iter().filter(|(month, _)| *month < begin).map(|(_, n)| n).sum();
        let mut bars = Vec::new();
        let mut month = begin;
        while month <= *last {
            let count = counts.iter().find(|(m, _)| *m == month).map_or(0, |(_, n)| *n);
            bars.push(bar(month, step, count));
            month += step;
        }
        Self { bars, before }
    }

    /// Whether there is anything to choose from.
    pub(super) fn is_worth_showing(&self) -> bool {
        self.bars.len() > 1
    }

    /// The drawing. `question` is what the bars' links ask besides their period; `datetime` is the question's own.
    pub(super) fn draw(&self, frame: &Frame<'_>, question: &[(String, String)], datetime: &str) -> Markup {
        let most = self.bars.iter().map(|b| b.count).max().unwrap_or(0).max(1);
        let (first, last) = (self.bars.first(), self.bars.last());
        let data: Vec<(&str, &str, u64)> =
            self.bars.iter().map(|b| (b.start.as_str(), b.end.as_str(), b.count)).collect();
        let data = serde_json::to_string(&data).unwrap_or_default();
        html! {
            figure.timeline data-bars=(data) data-datetime=(datetime) {
                svg viewBox=(format!("0 0 {} {HEIGHT}", self.bars.len() * BAR)) preserveAspectRatio="none" role="list"
                    aria-label=(frame.t("Items over time", "Éléments au fil du temps")) {
                    @for (i, bar) in self.bars.iter().enumerate().filter(|(_, bar)| bar.count > 0) {
                        // The square root lets a month with few items be seen beside one with many.
                        @let height = ((bar.count as f64 / most as f64).sqrt() * (HEIGHT - 2.0)).max(1.5);
                        @let text = format!("{}: {}", bar.label, frame.language.items(bar.count));
                        @let period = format!("{}T00:00:00Z/{}T23:59:59.999999Z", bar.start, bar.end);
                        @let pairs = question.iter().map(|(n, v)| (n.as_str(), v.as_str()));
                        @let href = with_query("/search", pairs.chain([("datetime", period.as_str())]));
                        a href=(frame.href(&href)) role="listitem" rel="nofollow" aria-label=(text) {
                            title { (text) }
                            rect.room x=(i * BAR) y="0" width=(BAR) height=(HEIGHT) {}
                            rect.bar x=(format!("{:.1}", (i * BAR) as f64 + 0.3)) y=(format!("{:.1}", HEIGHT - height))
                                width=(format!("{:.1}", BAR as f64 - 0.6)) height=(format!("{height:.1}")) {}
                        }
                    }
                }
                figcaption {
                    span { (first.map_or("", |b| b.label.as_str())) }
                    @if self.before > 0 {
                        span { (frame.t("earlier:", "avant :")) " " (frame.language.number(self.before)) }
                    }
                    span { (last.map_or("", |b| b.label.as_str())) }
                }
            }
        }
    }
}

/// Months since year 0 with their items, oldest first.
fn counts(
    snapshot: &Snapshot,
    search: &Search,
    interval: CalendarInterval,
    scope: Scope,
) -> Result<Vec<(i64, u64)>, Problem> {
    let kind = AggregationKind::Dates { property: "datetime".into(), interval };
    let buckets = count_by(snapshot, search, kind, scope)?;
    let month = |key: &str| Some(key.get(..4)?.parse::<i64>().ok()? * 12 + key.get(5..7)?.parse::<i64>().ok()? - 1);
    Ok(buckets.iter().filter_map(|b| Some((month(b.key.as_str()?)?, b.frequency))).collect())
}

fn bar(month: i64, step: i64, count: u64) -> Bar {
    let name = |month: i64| format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1);
    let last = month + step - 1;
    // Months have 28 to 31 days: the last one that is a date.
    let day = |day: u32| format!("{}-{day}", name(last));
    let end = (28..=31).rev().map(day).find(|d| Instant::parse(&format!("{d}T00:00:00Z")).is_some());
    Bar {
        label: if step == 12 { format!("{:04}", month.div_euclid(12)) } else { name(month) },
        start: format!("{}-01", name(month)),
        end: end.unwrap_or_else(|| day(28)),
        count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_without_gaps_and_end_on_the_last_day() {
        let months = Timeline::from_counts(&[(2023 * 12 + 11, 3), (2024 * 12 + 1, 5)], 1);
        let shown: Vec<_> = months.bars.iter().map(|b| (b.label.as_str(), b.end.as_str(), b.count)).collect();
        assert_eq!(shown, [("2023-12", "2023-12-31", 3), ("2024-01", "2024-01-31", 0), ("2024-02", "2024-02-29", 5)]);
        let years = Timeline::from_counts(&[(1900 * 12, 1), (2024 * 12, 5)], 12);
        assert_eq!((years.bars.len(), years.before, years.bars[0].end.as_str()), (125, 0, "1900-12-31"));
        assert!(!Timeline::from_counts(&[], 1).is_worth_showing());
    }

    #[test]
    fn what_lies_before_the_bars_is_counted() {
        let long = Timeline::from_counts(&[(0, 7), (2024 * 12, 5)], 12);
        assert_eq!((long.bars.len(), long.before), (BARS_MAX, 7));
    }
}
