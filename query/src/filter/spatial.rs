//! Relations of stored geometries to a caller's: DE-9IM, planar, as `geo` computes it, where boxes and the intersection
//! alone do not tell.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use geo::Relate;
use geo::relate::IntersectionMatrix;
use nilometer_indexer::geometry::{FlatGeometry, encode, normalise};
use nilometer_indexer::segment::{Bits, SegmentData};
use nilometer_schemas::limits::RELATED_VERTICES_MAX;
use nilometer_schemas::{Expr, Problem, SpatialRelation, geojson};

use crate::near;
use crate::space::PreparedGeometry;
use crate::space_match;

/// A relation to a caller's geometry. Only of relations that no two disjoint geometries have.
pub(crate) struct Relation {
    relation: SpatialRelation,
    prepared: PreparedGeometry,
    geometry: geo::Geometry<f64>,
    vertices: u64,
    is_area: bool,
    /// Vertices related so far, of both sides of all pairs, in all segments.
    spent: AtomicU64,
}

impl Relation {
    pub(super) fn new(relation: SpatialRelation, geometry: &geo::Geometry<f64>) -> Self {
        let geometry = normalise(geometry, None).into_owned();
        Self {
            relation,
            prepared: PreparedGeometry::new(&geometry),
            vertices: geojson::vertex_count(&geometry) as u64,
            is_area: matches!(geometry, geo::Geometry::Polygon(_) | geo::Geometry::MultiPolygon(_)),
            geometry,
            spent: AtomicU64::new(0),
        }
    }

    /// Refuses what took more work than the limit allows.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.spent.load(Ordering::Relaxed) <= RELATED_VERTICES_MAX {
            return Ok(());
        }
        let detail = format!(
            "{} would relate shapes of more than {RELATED_VERTICES_MAX} vertices altogether",
            self.relation.operator().to_ascii_uppercase()
        );
        Err(Problem::invalid("filter-too-large", detail)
            .at("filter")
            .allowed("a geometry of fewer vertices, or fewer items, as by collections, bbox or datetime"))
    }

    /// The documents whose geometry has the relation.
    pub(super) fn trues(&self, data: &SegmentData) -> Bits {
        let mut bits = Bits::none(data.docs());
        space_match::shapes(data, &self.prepared).for_each(|shape| {
            if data.geometry(shape).is_some_and(|flat| self.of_meeting(&flat)) {
                data.docs_of_geometry(shape).iter().for_each(|doc| bits.insert(*doc));
            }
        });
        bits
    }

    /// Whether one document's geometry has the relation; `None` without a geometry.
    pub(super) fn of(&self, data: &SegmentData, doc: u32) -> Option<bool> {
        let flat = data.geometry(data.geometry_of(doc)?)?;
        Some(self.of_flat(&flat))
    }

    /// Whether a geometry has the relation.
    pub(super) fn of_flat(&self, flat: &FlatGeometry<'_>) -> bool {
        self.prepared.intersects(flat) && self.of_meeting(flat)
    }

    /// The relation of a geometry that is known to share a point.
    fn of_meeting(&self, flat: &FlatGeometry<'_>) -> bool {
        if self.prepared.encloses_box(flat.bounds()) {
            return self.relation == SpatialRelation::Within;
        }
        if !self.bounds_allow(flat.bounds()) {
            return false;
        }
        // Most of what there is are stations: a point lies in an area or on its boundary.
        if let ([position], true) = (flat.positions(), self.is_area) {
            let on_edge = self.prepared.has_on_edge(*position);
            return match self.relation {
                SpatialRelation::Within => !on_edge,
                SpatialRelation::Touches => on_edge,
                _ => false,
            };
        }
        let work = self.vertices + flat.positions().len() as u64;
        if self.spent.fetch_add(work, Ordering::Relaxed) > RELATED_VERTICES_MAX {
            return false;
        }
        related(self.relation, &flat.to_geometry(), &self.geometry)
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

/// Whether two geometries have a relation.
///
/// `geo` does not promise to survive shapes that are not valid, as areas that cross themselves; those have no relation.
fn related(relation: SpatialRelation, left: &geo::Geometry<f64>, right: &geo::Geometry<f64>) -> bool {
    let matrix = catch_unwind(AssertUnwindSafe(|| left.relate(right)));
    matrix.is_ok_and(|matrix| holds(relation, &matrix))
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
    Some(related(relation, &normalise(left, None), &normalise(right, None)))
}

/// The relation of every geometry to itself.
pub(super) fn of_itself(relation: SpatialRelation) -> bool {
    matches!(
        relation,
        SpatialRelation::Intersects | SpatialRelation::Equals | SpatialRelation::Within | SpatialRelation::Contains
    )
}

/// Great-circle distance of a geometry's closest point from a position, kilometres.
pub(super) fn distance_km(geometry: &geo::Geometry<f64>, position: [f64; 2]) -> Option<f64> {
    let bytes = encode(&normalise(geometry, None));
    FlatGeometry::decode(&bytes).and_then(|flat| distance_of(&flat, position))
}

/// The same of a stored geometry.
pub(super) fn distance_of(flat: &FlatGeometry<'_>, position: [f64; 2]) -> Option<f64> {
    let km = near::distance_m(flat, position) / 1_000.0;
    km.is_finite().then_some(km)
}
