//! The queries of OGC API EDR: which parameters each has, and the place that they name.

use nilometer_indexer::Snapshot;
use nilometer_schemas::limits::IDS_MAX;
use nilometer_schemas::{CollectionId, Kind, Problem, Search};

use super::place::{self, Place, TOLERANCE_M};
use crate::routes::ask::Ask;

/// A query of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Query {
    /// At the features nearest to positions.
    Position,
    /// At the features within a distance of positions.
    Radius,
    /// At the features that meet an area.
    Area,
    /// At the features that meet a box.
    Cube,
    /// At features named in the path, with commas between.
    Locations(String),
}

impl Query {
    /// The parameters that this query has beside those that all have.
    pub(super) fn parameters(&self) -> &'static [&'static str] {
        match self {
            Self::Position | Self::Radius => &POSITION,
            Self::Area => &AREA,
            Self::Cube => &CONDITIONS,
            Self::Locations(_) => &[],
        }
    }

    /// The place that the request names; an area becomes a part of the search.
    ///
    /// # Errors
    /// `Invalid` for a place that is missing or makes no sense, `NotFound` for a location that does not exist.
    pub(super) fn place(
        &self,
        ask: &Ask,
        snapshot: &Snapshot,
        collection: &CollectionId,
        search: &mut Search,
    ) -> Result<Place, Problem> {
        let coords = ask.parameter("coords");
        let within_m = || place::within_m(ask.parameter("within"), ask.parameter("within-units"));
        match self {
            Self::Position => {
                let positions = place::positions(coords)?;
                Ok(Place::Nearest { positions, tolerance_m: within_m()?.unwrap_or(TOLERANCE_M) })
            }
            Self::Radius => {
                let positions = place::positions(coords)?;
                let radius_m = within_m()?.ok_or_else(|| {
                    Problem::invalid("within", "a radius needs within and within-units")
                        .at("within")
                        .allowed(format!("a number from 0 on, with within-units one of {}", place::units().join(", ")))
                })?;
                Ok(Place::Around { positions, radius_m })
            }
            Self::Area => {
                let area = place::area(coords)?;
                if search.intersects.replace(area).is_some() {
                    return Err(Problem::invalid("coords", "coords and intersects exclude each other")
                        .at("intersects")
                        .allowed("a bbox, or a filter with S_INTERSECTS"));
                }
                Ok(Place::Matching)
            }
            Self::Cube if search.bbox.is_none() => Err(Problem::invalid("bbox", "a cube needs a bbox")
                .at("bbox")
                .allowed("west,south,east,north in degrees (or 6 numbers with heights)")),
            Self::Cube => Ok(Place::Matching),
            Self::Locations(text) => located(snapshot, collection, text).map(Place::Named),
        }
    }
}

/// Parameters of the question that say which features. The question's `datetime` is that of items; here it is that of
/// observations.
pub(super) const CONDITIONS: [&str; 10] =
    ["bbox", "bbox-crs", "intersects", "intersectsRefs", "ids", "filter", "filter-lang", "filter-crs", "query", "q"];
const AREA: [&str; 11] = with_first(["coords"]);
const POSITION: [&str; 13] = with_first(["coords", "within", "within-units"]);

/// These parameters, and the conditions after them.
const fn with_first<const FIRST: usize, const ALL: usize>(first: [&'static str; FIRST]) -> [&'static str; ALL] {
    let mut all = [""; ALL];
    let mut at = 0;
    while at < ALL {
        all[at] = if at < FIRST { first[at] } else { CONDITIONS[at - FIRST] };
        at += 1;
    }
    all
}

/// The ids in a path, each once. An id that holds commas itself is found as a whole.
fn located(snapshot: &Snapshot, collection: &CollectionId, text: &str) -> Result<Vec<String>, Problem> {
    let exists = |id: &str| snapshot.find(collection.as_str(), id).is_some();
    if exists(text) {
        return Ok(vec![text.to_owned()]);
    }
    let mut ids: Vec<String> = text.split(',').map(|id| id.trim().to_owned()).collect();
    if ids.len() > IDS_MAX {
        let detail = format!("{} locations are named, the limit is {IDS_MAX}", ids.len());
        return Err(Problem::new(Kind::TooLarge, "too-many-values", detail).allowed(format!("at most {IDS_MAX}")));
    }
    if let Some(unknown) = ids.iter().find(|id| !exists(id)) {
        let detail = format!("there is no location {unknown:?} in collection {:?}", collection.as_str());
        return Err(Problem::not_found("location-not-found", detail));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
