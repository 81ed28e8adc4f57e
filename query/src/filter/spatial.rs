//! Relations of stored geometries to a caller's: DE-9IM, planar, as `geo` computes it, where boxes and the intersection
//! alone do not tell.

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use geo::relate::IntersectionMatrix;
use geo::{BoundingRect, Geometry, Intersects, MultiPoint, Polygon, Relate};
use nilometer_indexer::geometry::{FlatGeometry, encode, normalise};
use nilometer_indexer::segment::{Bits, SegmentData};
use nilometer_schemas::{Expr, Problem, SpatialRelation, geojson};

use super::work::Work;
use crate::near;
use crate::space::PreparedGeometry;
use crate::space_match;

/// Members of a collection that are compared with each other before they are joined; of more, all are joined.
const COMPARED_MAX: usize = 32;
/// How near a point of joined areas must be to one of the areas' own to be taken for it, degrees.
const SAME: f64 = 1e-9;

/// A relation to a caller's geometry. Only of relations that no two disjoint geometries have.
pub(crate) struct Relation {
    relation: SpatialRelation,
    prepared: PreparedGeometry,
    /// `None` for a collection that is of several dimensions: no relation but intersection is defined of it.
    geometry: Option<Geometry<f64>>,
    vertices: u64,
    is_area: bool,
    work: Arc<Work>,
}

/// The documents of which a condition is true, and those of which it is unknown.
pub(super) struct Related {
    pub(super) trues: Bits,
    pub(super) vague: Bits,
}

impl Relation {
    pub(super) fn new(relation: SpatialRelation, geometry: &Geometry<f64>, work: &Arc<Work>) -> Self {
        let geometry = normalise(geometry, None);
        let prepared = PreparedGeometry::new(&geometry);
        let vertices = geojson::vertex_count(&geometry) as u64;
        let geometry = plain(&geometry).map(Cow::into_owned);
        let is_area = matches!(geometry, Some(Geometry::Polygon(_) | Geometry::MultiPolygon(_)));
        Self { relation, prepared, geometry, vertices, is_area, work: Arc::clone(work) }
    }

    /// Refuses a geometry that has no relations.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.geometry.is_some() {
            return Ok(());
        }
        let detail = format!(
            "{} takes no collection that mixes points, lines and areas",
            self.relation.operator().to_ascii_uppercase()
        );
        let allowed = "points, lines or areas, or a collection of one of these; S_INTERSECTS and S_DISJOINT take any";
        Err(Problem::invalid("filter-value", detail).at("filter").allowed(allowed))
    }

    pub(super) fn work(&self) -> &Work {
        &self.work
    }

    /// Which documents' geometries have the relation.
    pub(super) fn related(&self, data: &SegmentData) -> Related {
        let (mut trues, mut vague) = (Bits::none(data.docs()), Bits::none(data.docs()));
        space_match::shapes(data, &self.prepared).for_each(|shape| {
            let found = data.geometry(shape).map_or(Some(false), |flat| self.of_meeting(&flat));
            let set = match found {
                Some(true) => &mut trues,
                Some(false) => return,
                None => &mut vague,
            };
            data.docs_of_geometry(shape).iter().for_each(|doc| set.insert(*doc));
        });
        Related { trues, vague }
    }

    /// Whether one document's geometry has the relation; `None` without a geometry.
    pub(super) fn of(&self, data: &SegmentData, doc: u32) -> Option<bool> {
        self.of_flat(&data.geometry(data.geometry_of(doc)?)?)
    }

    /// Whether a geometry has the relation; `None` where that is not defined.
    pub(super) fn of_flat(&self, flat: &FlatGeometry<'_>) -> Option<bool> {
        if self.prepared.intersects(flat) { self.of_meeting(flat) } else { Some(false) }
    }

    /// The relation of a geometry that is known to share a point.
    fn of_meeting(&self, flat: &FlatGeometry<'_>) -> Option<bool> {
        if self.prepared.encloses_box(flat.bounds()) {
            return Some(self.relation == SpatialRelation::Within);
        }
        if !self.bounds_allow(flat.bounds()) {
            return Some(false);
        }
        // Most of what there is are stations: a point lies in an area or on its boundary.
        if let ([position], true) = (flat.positions(), self.is_area) {
            let on_edge = self.prepared.has_on_edge(*position);
            return Some(match self.relation {
                SpatialRelation::Within => !on_edge,
                SpatialRelation::Touches => on_edge,
                _ => false,
            });
        }
        self.work.look_at(self.vertices + flat.positions().len() as u64)?;
        related(self.relation, &*plain(&flat.to_geometry())?, self.geometry.as_ref()?)
    }

    /// Whether the bounds of a stored geometry do not exclude the relation.
    fn bounds_allow(&self, stored: [f64; 4]) -> bool {
        let own = self.prepared.overall();
        let holds = |outer: [f64; 4], inner: [f64; 4]| {
            outer[0] <= inner[0] && outer[1] <= inner[1] && outer[2] >= inner[2] && outer[3] >= inner[3]
        };
        match self.relation {
            SpatialRelation::Within => holds(own, stored),
            SpatialRelation::Contains => holds(stored, own),
            SpatialRelation::Equals => own == stored,
            _ => true,
        }
    }
}

/// A geometry of one dimension with the same points, whose areas do not overlap; `None` for a collection that has parts of
/// several dimensions which do not lie in each other.
fn plain(geometry: &Geometry<f64>) -> Option<Cow<'_, Geometry<f64>>> {
    let Geometry::GeometryCollection(_) = geometry else { return Some(Cow::Borrowed(geometry)) };
    let mut members = Members::default();
    members.take(geometry);
    let Members { areas, mut lines, mut points } = members;
    let areas = joined(areas);
    if !areas.0.is_empty() {
        let area = Geometry::MultiPolygon(areas.clone());
        lines.retain(|line| !matrix(&area, &line.clone().into()).is_some_and(|matrix| matrix.is_covers()));
        points.retain(|point| !area.intersects(point));
    }
    points.retain(|point| !lines.iter().any(|line| line.intersects(point)));
    let kinds = [!areas.0.is_empty(), !lines.is_empty(), !points.is_empty()];
    Some(Cow::Owned(match kinds {
        [true, false, false] => areas.into(),
        [false, true, false] => geo::MultiLineString(lines).into(),
        [false, false, _] => MultiPoint(points).into(),
        _ => return None,
    }))
}

/// The parts of a collection by dimension.
#[derive(Default)]
struct Members {
    areas: Vec<Polygon<f64>>,
    lines: Vec<geo::LineString<f64>>,
    points: Vec<geo::Point<f64>>,
}

impl Members {
    fn take(&mut self, geometry: &Geometry<f64>) {
        match geometry {
            Geometry::GeometryCollection(all) => all.0.iter().for_each(|one| self.take(one)),
            Geometry::Polygon(area) => self.areas.push(area.clone()),
            Geometry::MultiPolygon(areas) => self.areas.extend(areas.0.iter().cloned()),
            Geometry::Rect(area) => self.areas.push(area.to_polygon()),
            Geometry::Triangle(area) => self.areas.push(area.to_polygon()),
            Geometry::LineString(line) => self.lines.push(line.clone()),
            Geometry::MultiLineString(lines) => self.lines.extend(lines.0.iter().cloned()),
            Geometry::Line(line) => self.lines.push((*line).into()),
            Geometry::Point(point) => self.points.push(*point),
            Geometry::MultiPoint(points) => self.points.extend(points.0.iter().copied()),
        }
    }
}

/// Areas as one that is valid: members that share more than points become one.
fn joined(areas: Vec<Polygon<f64>>) -> geo::MultiPolygon<f64> {
    use geo::dimensions::Dimensions;
    let apart = |a: &Polygon<f64>, b: &Polygon<f64>| {
        let boxes = a.bounding_rect().zip(b.bounding_rect());
        if boxes.is_some_and(|(a, b)| !a.intersects(&b)) {
            return true;
        }
        matrix(&a.clone().into(), &b.clone().into()).is_some_and(|matrix| {
            use geo::coordinate_position::CoordPos::{Inside, OnBoundary};
            matrix.get(Inside, Inside) == Dimensions::Empty
                && matrix.get(OnBoundary, OnBoundary) < Dimensions::OneDimensional
        })
    };
    let pairs = || (0..areas.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
    if areas.len() <= COMPARED_MAX && pairs().all(|(i, j)| apart(&areas[i], &areas[j])) {
        return geo::MultiPolygon(areas);
    }
    // Joining moves points by less than anybody measures, but then they touch nothing any more.
    let own: Vec<geo::Coord<f64>> = areas.iter().flat_map(geo::CoordsIter::coords_iter).collect();
    let near = |c: geo::Coord<f64>| {
        let is_same = |o: &&geo::Coord<f64>| (o.x - c.x).abs() <= SAME && (o.y - c.y).abs() <= SAME;
        own.iter().find(is_same).copied().unwrap_or(c)
    };
    geo::MapCoords::map_coords(&geo::unary_union(&areas), near)
}

thread_local! {
    static PREPARED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is expected: it becomes an unknown, and is not worth a line in the log.
pub fn expects_panic() -> bool {
    PREPARED.get()
}

/// How two geometries lie to each other; `None` where that cannot be told.
///
/// `geo` does not promise to survive shapes that are not valid, as areas that cross themselves.
fn matrix(left: &Geometry<f64>, right: &Geometry<f64>) -> Option<IntersectionMatrix> {
    PREPARED.set(true);
    let matrix = catch_unwind(AssertUnwindSafe(|| left.relate(right)));
    PREPARED.set(false);
    matrix.ok()
}

/// Whether two geometries of one dimension each have a relation; `None` where that cannot be told.
fn related(relation: SpatialRelation, left: &Geometry<f64>, right: &Geometry<f64>) -> Option<bool> {
    matrix(left, right).map(|matrix| holds(relation, &matrix))
}

fn holds(relation: SpatialRelation, matrix: &IntersectionMatrix) -> bool {
    match relation {
        SpatialRelation::Intersects => matrix.is_intersects(),
        SpatialRelation::Disjoint => matrix.is_disjoint(),
        SpatialRelation::Equals => matrix.is_equal_topo(),
        SpatialRelation::Touches => matrix.is_touches(),
        SpatialRelation::Within => matrix.is_within(),
        SpatialRelation::Contains => matrix.is_contains(),
        SpatialRelation::Overlaps => matrix.is_overlaps(),
        SpatialRelation::Crosses => matrix.is_crosses(),
    }
}

/// The relation of two literals; `None` where one of the two is none.
pub(super) fn of_literals(relation: SpatialRelation, left: &Expr, right: &Expr) -> Option<bool> {
    let (Expr::Geometry(left), Expr::Geometry(right)) = (left, right) else { return None };
    let (left, right) = (normalise(left, None), normalise(right, None));
    match relation {
        SpatialRelation::Intersects => Some(left.intersects(&*right)),
        SpatialRelation::Disjoint => Some(!left.intersects(&*right)),
        _ => related(relation, &*plain(&left)?, &*plain(&right)?),
    }
}

/// The relation of every geometry to itself.
pub(super) fn of_itself(relation: SpatialRelation) -> bool {
    matches!(
        relation,
        SpatialRelation::Intersects | SpatialRelation::Equals | SpatialRelation::Within | SpatialRelation::Contains
    )
}

/// Great-circle distance of a geometry's closest point from a position, kilometres.
pub(super) fn distance_km(geometry: &Geometry<f64>, position: [f64; 2]) -> Option<f64> {
    let bytes = encode(&normalise(geometry, None));
    FlatGeometry::decode(&bytes).and_then(|flat| distance_of(&flat, position))
}

/// The same of a stored geometry.
pub(super) fn distance_of(flat: &FlatGeometry<'_>, position: [f64; 2]) -> Option<f64> {
    let km = near::distance_m(flat, position) / 1_000.0;
    km.is_finite().then_some(km)
}

/// What lies within a distance of a position: `distance_km(geometry, POINT(…)) < km`.
pub(crate) struct Around {
    position: [f64; 2],
    km: f64,
    is_inclusive: bool,
    /// Holds all that can lie so near.
    reach: PreparedGeometry,
    work: Arc<Work>,
}

impl Around {
    pub(super) fn new(position: [f64; 2], km: f64, is_inclusive: bool, work: &Arc<Work>) -> Self {
        let reach = PreparedGeometry::from_bbox(near::reach(position, km.max(0.0) * 1_000.0));
        Self { position, km, is_inclusive, reach, work: Arc::clone(work) }
    }

    pub(super) fn work(&self) -> &Work {
        &self.work
    }

    /// Whether a geometry lies so near; `None` where it has no distance.
    pub(super) fn of_flat(&self, flat: &FlatGeometry<'_>) -> Option<bool> {
        self.work.look_at(flat.positions().len() as u64)?;
        let km = distance_of(flat, self.position)?;
        Some(km < self.km || self.is_inclusive && km == self.km)
    }

    /// Whether a document lies so near; `None` without a geometry.
    pub(super) fn of(&self, data: &SegmentData, doc: u32) -> Option<bool> {
        self.of_flat(&data.geometry(data.geometry_of(doc)?)?)
    }

    /// The documents that lie so near.
    pub(super) fn trues(&self, data: &SegmentData) -> Bits {
        let mut bits = Bits::none(data.docs());
        space_match::shapes(data, &self.reach).for_each(|shape| {
            if data.geometry(shape).is_some_and(|flat| self.of_flat(&flat) == Some(true)) {
                data.docs_of_geometry(shape).iter().for_each(|doc| bits.insert(*doc));
            }
        });
        bits
    }
}
