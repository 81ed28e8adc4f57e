//! Features by place: those that match and have observations, in the order of their ids or by their distance.

use nilometer_indexer::Snapshot;
use nilometer_indexer::geometry::{FlatGeometry, PartKind, planar};
use nilometer_indexer::segment::SegmentData;
use nilometer_schemas::{Bbox, Problem, Scope, Search};

use crate::plan::Plan;
use crate::space::PreparedGeometry;
use crate::{Page, matched, page_of, series};

/// Mean radius of the Earth, metres (IUGG, (2a + b) / 3).
const EARTH_RADIUS_M: f64 = 6_371_008.8;
/// By how much the box around a circle is made larger, so that rounding loses nothing.
const REACH_MARGIN: f64 = 1.0 + 1e-9;

/// Longitude and latitude, degrees.
type Position = [f64; 2];

/// A feature, and how far it lies from where somebody asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// Id of its item.
    pub id: String,
    /// Distance of its closest point, metres on the sphere; 0 inside an area.
    pub distance_m: f64,
}

/// Whether a document is a feature with observations that the scope sees.
fn is_observed(snapshot: &Snapshot, data: &SegmentData, doc: u32, scope: Scope) -> bool {
    series::summary(snapshot, data.collection_of(doc), data.id_of(doc), scope).is_some()
}

/// As [`crate::search`], of the features alone that have observations; the search's `datetime` is not that of the
/// items, but a period that the observations must reach into.
///
/// # Errors
/// As [`crate::search`].
pub fn features(snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<Page, Problem> {
    let period = search.datetime;
    let search = Search { datetime: None, ..search.clone() };
    let keep = |data: &SegmentData, doc: u32| {
        let summary = series::summary(snapshot, data.collection_of(doc), data.id_of(doc), scope);
        summary.is_some_and(|s| period.is_none_or(|period| period.overlaps(s.span.0, s.span.1)))
    };
    page_of(snapshot, &search, scope, Some(&keep))
}

/// Ids of all matching features that have observations, ascending, whatever the search's page. The search names one
/// collection.
///
/// # Errors
/// As [`crate::search`].
pub fn feature_ids(snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<Vec<String>, Problem> {
    let plan = Plan::new(snapshot, search, scope)?;
    let mut ids = Vec::new();
    for segment in matched(&plan) {
        let (segment, matches) = segment?;
        let data = segment.data();
        matches.for_each(|doc| {
            if is_observed(snapshot, data, doc, scope) {
                ids.push(data.id_of(doc).to_owned());
            }
        });
    }
    ids.sort_unstable();
    Ok(ids)
}

/// All matching features with observations within `radius_m` of one of the positions, nearest first. The search names
/// one collection.
///
/// The closest point of a line or an area is looked for in a plane around the position, its distance is taken on
/// the sphere: within some kilometres that is exact to a thousandth.
///
/// # Errors
/// As [`crate::search`].
pub fn features_within(
    snapshot: &Snapshot,
    search: &Search,
    positions: &[Position],
    radius_m: f64,
    scope: Scope,
) -> Result<Vec<Near>, Problem> {
    let mut found: Vec<Near> = Vec::new();
    for position in positions {
        candidates(snapshot, search, *position, radius_m, scope, |near| {
            found.push(near);
            true
        })?;
    }
    // Of a feature near several positions the shortest way counts.
    found.sort_by(|a, b| a.id.cmp(&b.id).then(a.distance_m.total_cmp(&b.distance_m)));
    found.dedup_by(|later, first| later.id == first.id);
    found.sort_by(by_distance);
    Ok(found)
}

/// The nearest matching feature with observations, if there is one within `radius_m`. The search names one collection.
///
/// # Errors
/// As [`crate::search`].
pub fn nearest(
    snapshot: &Snapshot,
    search: &Search,
    position: Position,
    radius_m: f64,
    scope: Scope,
) -> Result<Option<Near>, Problem> {
    let mut found = None;
    candidates(snapshot, search, position, radius_m, scope, |near| {
        found = Some(near);
        false
    })?;
    Ok(found)
}

fn by_distance(a: &Near, b: &Near) -> std::cmp::Ordering {
    a.distance_m.total_cmp(&b.distance_m).then_with(|| a.id.cmp(&b.id))
}

/// Gives the features with observations around one position to `take`, nearest first, until it wants no more.
fn candidates(
    snapshot: &Snapshot,
    search: &Search,
    position: Position,
    radius_m: f64,
    scope: Scope,
    mut take: impl FnMut(Near) -> bool,
) -> Result<(), Problem> {
    let mut plan = Plan::new(snapshot, search, scope)?;
    plan.and_place(PreparedGeometry::from_bbox(reach(position, radius_m)));
    let mut around = Vec::new();
    for segment in matched(&plan) {
        let (segment, matches) = segment?;
        let data = segment.data();
        matches.for_each(|doc| {
            let shape = data.geometry_of(doc).and_then(|at| data.geometry(at));
            let distance_m = shape.map_or(f64::INFINITY, |shape| distance_m(&shape, position));
            if distance_m <= radius_m {
                around.push((Near { id: data.id_of(doc).to_owned(), distance_m }, segment, doc));
            }
        });
    }
    around.sort_by(|(a, ..), (b, ..)| by_distance(a, b));
    for (near, segment, doc) in around {
        if is_observed(snapshot, segment.data(), doc, scope) && !take(near) {
            break;
        }
    }
    Ok(())
}

/// A box that holds the circle around a position; near a pole all longitudes.
pub(crate) fn reach([lon, lat]: Position, radius_m: f64) -> Bbox {
    let angle = radius_m * REACH_MARGIN / EARTH_RADIUS_M;
    let (south, north) = (lat - angle.to_degrees(), lat + angle.to_degrees());
    let ratio = angle.sin() / lat.to_radians().cos();
    if south <= -90.0 || north >= 90.0 || ratio >= 1.0 {
        return Bbox { west: -180.0, south: south.max(-90.0), east: 180.0, north: north.min(90.0) };
    }
    let half = ratio.asin().to_degrees();
    let turned = |lon: f64| (lon + 180.0).rem_euclid(360.0) - 180.0;
    Bbox { west: turned(lon - half), south, east: turned(lon + half), north }
}

/// Great-circle distance, metres (haversine formula).
pub fn haversine_m(a: Position, b: Position) -> f64 {
    let (lat_a, lat_b) = (a[1].to_radians(), b[1].to_radians());
    let (half_lat, half_lon) = ((lat_b - lat_a) / 2.0, (b[0] - a[0]).to_radians() / 2.0);
    let h = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
    2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
}

/// Distance of a shape's closest point, metres; 0 inside an area, infinite for an empty shape.
pub(crate) fn distance_m(shape: &FlatGeometry<'_>, position: Position) -> f64 {
    let mut shortest = f64::INFINITY;
    // Shapes lie within ±180: across the antimeridian they are met one turn further.
    for turn in [-360.0, 0.0, 360.0] {
        let from = [position[0] + turn, position[1]];
        for part in shape.parts() {
            if part.kind() == PartKind::Polygon && planar::in_rings(from, part.rings()) {
                return 0.0;
            }
            for ring in part.rings() {
                if part.kind() == PartKind::Points {
                    ring.iter().for_each(|p| shortest = shortest.min(haversine_m(from, *p)));
                } else {
                    ring.windows(2).for_each(|e| shortest = shortest.min(haversine_m(from, closest(from, e[0], e[1]))));
                }
            }
        }
    }
    shortest
}

/// The point of an edge closest to a position, in a plane where degrees of longitude are as short as they are there.
fn closest(from: Position, a: Position, b: Position) -> Position {
    let squeeze = from[1].to_radians().cos();
    let edge = [(b[0] - a[0]) * squeeze, b[1] - a[1]];
    let way = [(from[0] - a[0]) * squeeze, from[1] - a[1]];
    let length = edge[0] * edge[0] + edge[1] * edge[1];
    let along = if length > 0.0 { ((way[0] * edge[0] + way[1] * edge[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
    [a[0] + (b[0] - a[0]) * along, a[1] + (b[1] - a[1]) * along]
}

#[cfg(test)]
mod tests {
    use super::*;
    use nilometer_indexer::geometry::{encode, normalise};
    use nilometer_schemas::geojson;
    use proptest::prelude::*;

    fn distance_of(geometry: &str, position: Position) -> f64 {
        let geometry = geojson::parse(geometry).expect("a geometry");
        let bytes = encode(&normalise(&geometry, None));
        distance_m(&FlatGeometry::decode(&bytes).expect("our own bytes"), position)
    }

    #[test]
    fn distances_are_those_of_the_sphere_to_the_closest_point() {
        let check = |geometry: &str, position: Position, expected_m: f64| {
            let got = distance_of(geometry, position);
            assert!((got - expected_m).abs() <= expected_m * 1e-3 + 1.0, "{geometry}: {got}, not {expected_m}");
        };
        let degree = EARTH_RADIUS_M.to_radians();
        check(r#"{"type":"Point","coordinates":[0,0]}"#, [0.0, 1.0], degree);
        check(r#"{"type":"Point","coordinates":[0,60]}"#, [0.1, 60.0], degree * 0.05);
        check(r#"{"type":"Point","coordinates":[179.9,0]}"#, [-179.9, 0.0], degree * 0.2);
        check(r#"{"type":"LineString","coordinates":[[0,0],[10,0]]}"#, [5.0, 0.1], degree * 0.1);
        check(r#"{"type":"LineString","coordinates":[[179,0],[181,0]]}"#, [-179.5, 0.1], degree * 0.1);
        let square = r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}"#;
        check(square, [0.5, 0.5], 0.0);
        check(square, [0.5, 1.5], degree * 0.5);
    }

    proptest! {
        #[test]
        fn the_box_around_a_circle_holds_every_point_of_it(
            lon in -180.0..180.0f64, lat in -90.0..90.0f64, radius_m in 0.0..30_000_000.0f64,
            other_lon in -180.0..180.0f64, other_lat in -90.0..90.0f64,
        ) {
            if haversine_m([lon, lat], [other_lon, other_lat]) <= radius_m {
                let held = reach([lon, lat], radius_m).split().into_iter().any(|b| {
                    (b.west..=b.east).contains(&other_lon) && (b.south..=b.north).contains(&other_lat)
                });
                prop_assert!(held);
            }
        }
    }
}
