//! Cutting lines and polygons with a half-plane bounded by a meridian.
//!
//! The pieces are closed sets: their union with what lies beyond is the shape, up to the rounding of the latitudes at which
//! edges cross the meridian. Both sides of a cut compute the same latitudes.

use geo::{Coord, CoordinatePosition, LineString, Polygon, coordinate_position::CoordPos};

/// One side of a meridian, itself included.
#[derive(Clone, Copy, Debug)]
pub(super) enum HalfPlane {
    /// Longitudes up to this one.
    West(f64),
    /// Longitudes from this one.
    East(f64),
}

impl HalfPlane {
    fn meridian(self) -> f64 {
        match self {
            Self::West(x) | Self::East(x) => x,
        }
    }

    fn has_inside(self, c: Coord<f64>) -> bool {
        match self {
            Self::West(x) => c.x < x,
            Self::East(x) => c.x > x,
        }
    }
}

/// Where the edge `ab`, whose ends lie on different sides or on the meridian, meets it. Does not depend on its direction.
fn crossing(a: Coord<f64>, b: Coord<f64>, x: f64) -> Coord<f64> {
    if a.x == x {
        return a;
    }
    if b.x == x {
        return b;
    }
    let (a, b) = if a.x < b.x { (a, b) } else { (b, a) };
    let y = a.y + (x - a.x) / (b.x - a.x) * (b.y - a.y);
    Coord { x, y: y.clamp(a.y.min(b.y), a.y.max(b.y)) }
}

/// The pieces of a line in a half-plane. Where it only touches the meridian from beyond there is no piece.
pub(super) fn cut_line(line: &[Coord<f64>], half: HalfPlane) -> Vec<Vec<Coord<f64>>> {
    let x = half.meridian();
    let keeps = |c: Coord<f64>| half.has_inside(c) || c.x == x;
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    for edge in line.windows(2) {
        let (a, b) = (edge[0], edge[1]);
        if keeps(a) && piece.is_empty() {
            piece.push(a);
        }
        if keeps(a) != keeps(b) && a.x != x && b.x != x {
            piece.push(crossing(a, b, x));
        }
        if keeps(b) {
            piece.push(b);
        } else if !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    pieces.push(piece);
    pieces.retain(|piece| piece.len() >= 2);
    pieces
}

/// A run of ring vertices strictly inside the half-plane, with a point on the meridian at either end.
struct Chain {
    points: Vec<Coord<f64>>,
    used: bool,
}

impl Chain {
    /// The end's point and its neighbour inside.
    fn end(&self, last: bool) -> (Coord<f64>, Coord<f64>) {
        let n = self.points.len();
        if last { (self.points[n - 1], self.points[n - 2]) } else { (self.points[0], self.points[1]) }
    }
}

/// What a ring leaves in the half-plane.
enum Remains {
    Whole,
    Chains(Vec<Chain>),
}

fn cut_ring(ring: &[Coord<f64>], half: HalfPlane) -> Remains {
    let n = ring.len();
    let outside = ring.iter().filter(|&&c| !half.has_inside(c)).count();
    let Some(start) = ring.iter().position(|&c| !half.has_inside(c)) else { return Remains::Whole };
    if outside == 1 && ring[start].x == half.meridian() {
        // A ring that touches the meridian with one vertex stays a ring, or a hole would become a pinch in its shell.
        return Remains::Whole;
    }
    let mut chains = Vec::new();
    let mut points = Vec::new();
    // From a vertex not inside, so that no chain wraps around the ring's beginning.
    for i in start..start + n {
        let (a, b) = (ring[i % n], ring[(i + 1) % n]);
        match (half.has_inside(a), half.has_inside(b)) {
            (false, true) => points = vec![crossing(a, b, half.meridian()), b],
            (true, true) => points.push(b),
            (true, false) => {
                points.push(crossing(a, b, half.meridian()));
                chains.push(Chain { points: std::mem::take(&mut points), used: false });
            }
            (false, false) => {}
        }
    }
    Remains::Chains(chains)
}

/// The parts of a polygon in a half-plane, holes respected. Where it only touches the meridian from beyond there is none.
///
/// Along the meridian the polygon's interior lies between the 1st and 2nd crossing, the 3rd and 4th, and so on: joining
/// these pairs closes the chains to rings, without the false edges that clipping ring by ring leaves on the meridian.
pub(super) fn cut_polygon(polygon: &Polygon<f64>, half: HalfPlane) -> Vec<Polygon<f64>> {
    let mut shells = Vec::new();
    let mut holes = Vec::new();
    let mut chains = Vec::new();
    for (i, ring) in std::iter::once(polygon.exterior()).chain(polygon.interiors()).enumerate() {
        let open = open_ring(&ring.0);
        match cut_ring(open, half) {
            Remains::Whole if open.is_empty() => {}
            Remains::Whole if i == 0 => shells.push(ring.clone()),
            Remains::Whole => holes.push(ring.clone()),
            Remains::Chains(more) => chains.extend(more),
        }
    }
    shells.extend(join(chains));
    assign(shells, holes)
}

fn open_ring(ring: &[Coord<f64>]) -> &[Coord<f64>] {
    match ring {
        [first, rest @ .., last] if !rest.is_empty() && first == last => &ring[..ring.len() - 1],
        _ => ring,
    }
}

/// Joins chains to closed rings; an end is (chain, whether it is the last point).
fn join(mut chains: Vec<Chain>) -> Vec<LineString<f64>> {
    let mut ends: Vec<(usize, bool)> = (0..chains.len()).flat_map(|i| [(i, false), (i, true)]).collect();
    // Ends at the same latitude come in the order that they have just inside the half-plane.
    let slope = |at: Coord<f64>, inner: Coord<f64>| (inner.y - at.y) / (inner.x - at.x).abs();
    ends.sort_by(|&(i, last_i), &(j, last_j)| {
        let ((a, a_inner), (b, b_inner)) = (chains[i].end(last_i), chains[j].end(last_j));
        a.y.total_cmp(&b.y).then_with(|| slope(a, a_inner).total_cmp(&slope(b, b_inner)))
    });
    let mut partner = vec![[(0, false); 2]; chains.len()];
    for pair in ends.chunks_exact(2) {
        let (a, b) = (pair[0], pair[1]);
        partner[a.0][usize::from(a.1)] = b;
        partner[b.0][usize::from(b.1)] = a;
    }
    let mut rings = Vec::new();
    for first in 0..chains.len() {
        let mut ring: Vec<Coord<f64>> = Vec::new();
        let mut entry = (first, false);
        while !chains[entry.0].used {
            let (chain, from_last) = entry;
            chains[chain].used = true;
            let points = &chains[chain].points;
            if from_last {
                ring.extend(points.iter().rev());
            } else {
                ring.extend(points);
            }
            entry = partner[chain][usize::from(!from_last)];
        }
        ring.dedup();
        if ring.len() > 3 || (ring.len() == 3 && ring[0] != ring[2]) {
            ring.extend(ring.first().copied());
            ring.dedup();
            rings.push(LineString(ring));
        }
    }
    rings
}

/// Gives every hole to the shell around it.
fn assign(shells: Vec<LineString<f64>>, holes: Vec<LineString<f64>>) -> Vec<Polygon<f64>> {
    let mut polygons: Vec<Polygon<f64>> = shells.into_iter().map(|shell| Polygon::new(shell, Vec::new())).collect();
    for hole in holes {
        let home = match polygons.len() {
            0 => continue,
            1 => 0,
            _ => polygons.iter().position(|p| surrounds(p.exterior(), &hole)).unwrap_or(0),
        };
        polygons[home].interiors_push(hole);
    }
    polygons
}

/// Whether a ring surrounds a hole that does not cross it. The hole may touch it with vertices, hence the edges' middles.
fn surrounds(shell: &LineString<f64>, hole: &LineString<f64>) -> bool {
    let shell = Polygon::new(shell.clone(), Vec::new());
    let middles = hole.lines().map(|edge| (edge.start + edge.end) / 2.0);
    for c in hole.coords().copied().chain(middles) {
        match shell.coordinate_position(&c) {
            CoordPos::Inside => return true,
            CoordPos::Outside => return false,
            CoordPos::OnBoundary => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use geo::{Area, Validation, polygon};
    use proptest::prelude::*;

    use super::super::samples::star_with_hole;
    use super::*;

    #[test]
    fn a_comb_is_cut_into_its_teeth() {
        let comb = polygon![
            (x: 0., y: 0.), (x: 4., y: 0.), (x: 4., y: 1.), (x: 1., y: 1.), (x: 1., y: 2.), (x: 4., y: 2.),
            (x: 4., y: 3.), (x: 0., y: 3.)
        ];
        let teeth = cut_polygon(&comb, HalfPlane::East(2.0));
        assert_eq!(teeth.iter().map(Area::unsigned_area).collect::<Vec<_>>(), [2.0, 2.0]);
        let back = cut_polygon(&comb, HalfPlane::West(2.0));
        assert_eq!(back.iter().map(Area::unsigned_area).collect::<Vec<_>>(), [5.0]);
    }

    #[test]
    fn a_hole_on_the_meridian_opens_and_one_beside_it_stays() {
        let square = polygon!(
            exterior: [(x: 0., y: 0.), (x: 10., y: 0.), (x: 10., y: 10.), (x: 0., y: 10.)],
            interiors: [
                [(x: 4., y: 4.), (x: 6., y: 4.), (x: 6., y: 6.), (x: 4., y: 6.)],
                [(x: 1., y: 1.), (x: 2., y: 1.), (x: 2., y: 2.), (x: 1., y: 2.)],
            ],
        );
        let west = cut_polygon(&square, HalfPlane::West(5.0));
        assert_eq!((west.len(), west[0].interiors().len(), west[0].unsigned_area()), (1, 1, 50.0 - 2.0 - 1.0));
        let east = cut_polygon(&square, HalfPlane::East(5.0));
        assert_eq!((east.len(), east[0].interiors().len(), east[0].unsigned_area()), (1, 0, 50.0 - 2.0));
    }

    #[test]
    fn touching_the_meridian_from_beyond_leaves_nothing() {
        let square = polygon![(x: 5., y: 0.), (x: 6., y: 0.), (x: 6., y: 1.), (x: 5., y: 1.)];
        assert!(cut_polygon(&square, HalfPlane::West(5.0)).is_empty());
        assert_eq!(cut_polygon(&square, HalfPlane::East(5.0))[0].unsigned_area(), 1.0);
        let line = [Coord { x: 6., y: 0. }, Coord { x: 5., y: 1. }, Coord { x: 6., y: 2. }];
        assert!(cut_line(&line, HalfPlane::West(5.0)).is_empty());
        assert_eq!(cut_line(&line, HalfPlane::East(5.0)), [line.to_vec()]);
    }

    proptest! {
        #[test]
        fn both_halves_are_valid_and_have_the_whole_area(star in star_with_hole(), at in -8..=8i32) {
            let at = f64::from(at) / 2.0;
            let halves = [HalfPlane::West(at), HalfPlane::East(at)].map(|half| cut_polygon(&star, half));
            let area: f64 = halves.iter().flatten().map(Area::unsigned_area).sum();
            prop_assert!((area - star.unsigned_area()).abs() < 1e-9, "{area} of {}", star.unsigned_area());
            for part in halves.iter().flatten() {
                prop_assert!(part.is_valid(), "{part:?}: {:?}", part.validation_errors());
            }
        }
    }
}
