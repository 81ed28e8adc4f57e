//! A whole result, item by item in the order of its pages, in memory that does not grow with the result.
//!
//! Of each segment the places of the next few thousand items are known and are looked up anew when these are used up,
//! as the pages of a search do it. What grows is a bit for each document of the catalogue, and eight bytes for each
//! match where the order is that of relevance, since a score depends on all others.

use nilometer_indexer::segment::{Bits, SegmentData};
use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_schemas::{Problem, Scope, Search, SortKey, TimeInterval};

use crate::matched;
use crate::order::{self, Candidate, Found, Reach, Token};
use crate::plan::Plan;
use crate::words::Scores;

/// Places known ahead, of all segments together.
const AHEAD: u64 = 65_536;
/// Places known ahead of a small segment.
const AHEAD_MIN: u64 = 64;

/// All matches in order; see the module. A search's limit, token and page say nothing here.
pub struct Whole<'s> {
    snapshot: &'s Snapshot,
    keys: Vec<SortKey>,
    runs: Vec<Run<'s>>,
    period: Option<TimeInterval>,
    number_matched: u64,
}

/// The matches of one segment.
struct Run<'s> {
    data: &'s SegmentData,
    matches: Bits,
    count: u64,
    scores: Scores,
    /// How many places are looked up at once.
    chunk: usize,
    /// The next ones, last first.
    ahead: Vec<Candidate>,
    /// The last one that was looked up.
    last: Option<Candidate>,
    /// How many are not looked up yet.
    left: u64,
}

impl<'s> Whole<'s> {
    /// Finds the matches of a search and counts them.
    ///
    /// # Errors
    /// As [`crate::search`].
    pub fn new(snapshot: &'s Snapshot, search: &Search, scope: Scope) -> Result<Self, Problem> {
        Self::looking_ahead(snapshot, search, scope, AHEAD)
    }

    /// As [`Whole::new`], with about so many places known ahead, at least one of each segment.
    ///
    /// # Errors
    /// As [`crate::search`].
    pub fn looking_ahead(snapshot: &'s Snapshot, search: &Search, scope: Scope, ahead: u64) -> Result<Self, Problem> {
        let keys = order::keys_of(search);
        let plan = Plan::new(snapshot, search, scope)?;
        order::check_keys(search, snapshot, scope)?;
        let words = plan.words.as_ref().filter(|_| order::is_scored(&keys));
        let scorer = words.map(|words| words.scorer(snapshot, scope)).transpose()?;
        let mut runs = Vec::new();
        for (segment, found) in snapshot.segments().iter().zip(matched(&plan)) {
            let (_, matches) = found?;
            let count = matches.count();
            if count == 0 {
                continue;
            }
            let scores = scorer.as_ref().map(|scorer| scorer.scores(segment, &matches)).transpose()?;
            let scores = scores.unwrap_or_default();
            runs.push(Run {
                data: segment.data(),
                matches,
                count,
                scores,
                chunk: 0,
                ahead: vec![],
                last: None,
                left: count,
            });
        }
        let number_matched = runs.iter().map(|run| run.count).sum();
        for run in &mut runs {
            // Each segment's share: all together hold no more than one large segment would.
            let share = u128::from(ahead) * u128::from(run.count) / u128::from(number_matched);
            let least = u128::from(ahead.clamp(1, AHEAD_MIN));
            run.chunk = usize::try_from(share.max(least)).unwrap_or(usize::MAX);
        }
        Ok(Self { snapshot, keys, runs, period: search.datetime, number_matched })
    }

    /// All matches, exact.
    pub fn number_matched(&self) -> u64 {
        self.number_matched
    }

    /// All matches once, in no order, which costs no sorting. Leaves the place in the order as it is.
    pub fn in_any_order(&self) -> impl Iterator<Item = Result<StoredItem, Problem>> + '_ {
        let seqs = self.runs.iter().flat_map(|run| run.matches.iter().map(move |doc| run.data.seqs()[doc as usize]));
        seqs.map(|seq| self.read(seq))
    }

    fn read(&self, seq: u64) -> Result<StoredItem, Problem> {
        self.snapshot.item_by_seq(seq).map_err(|e| e.problem())
    }
}

impl Iterator for Whole<'_> {
    type Item = Result<StoredItem, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        for run in &mut self.runs {
            run.look_ahead(&self.keys, self.period);
        }
        let heads = self.runs.iter().enumerate().filter_map(|(at, run)| Some((at, run.ahead.last()?)));
        let (first, _) = heads.min_by(|(_, a), (_, b)| order::compare(&self.keys, a, b))?;
        let candidate = self.runs[first].ahead.pop()?;
        Some(self.read(candidate.seq))
    }
}

impl Run<'_> {
    fn look_ahead(&mut self, keys: &[SortKey], period: Option<TimeInterval>) {
        if !self.ahead.is_empty() || self.left == 0 {
            return;
        }
        let found = Found { matches: &self.matches, count: self.count, scores: &self.scores, period };
        let after = self.last.as_ref().map(|last| Token::at(last, keys));
        let reach = Reach { from: after.as_ref(), backward: false, inclusive: false, count: self.chunk };
        self.ahead = order::first_of(self.data, &found, keys, &reach);
        self.left = if self.ahead.is_empty() { 0 } else { self.left.saturating_sub(self.ahead.len() as u64) };
        self.last = self.ahead.last().cloned();
        self.ahead.reverse();
    }
}
