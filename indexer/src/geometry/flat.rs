//! Geometries as flat bytes that predicates read in place.
//!
//! All little-endian, in words of 8 bytes, coordinates as `f64` bit by bit. The first word is
//! `kind | parts << 8 | rings << 36` with 28 bits each. For a kind of 1 to 3 there is one part with one ring of `parts`
//! positions (a station, a footprint: most of what there is), and the positions follow. For kind 0 there follow the four bounds
//! (west, south, east, north), one word a part (`kind | first ring after it << 8`), one word a ring (first position
//! after it), and the positions.

use std::borrow::Cow;

use geo::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

use super::boxes::grow;
use super::planar::Position;
use super::simple::{Simple, simple_members};

/// Bits of a count in the first word.
const COUNT_BITS: u32 = 28;
/// Positions up to which bounds are computed rather than stored.
const SHORT_MAX: usize = 16;
const BOUNDS_OF_NOTHING: [f64; 4] = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// One or more points, in one ring.
    Points,
    /// One line, in one ring.
    Line,
    /// One polygon: exterior ring, then holes.
    Polygon,
}

impl PartKind {
    fn code(self) -> u64 {
        match self {
            Self::Points => 1,
            Self::Line => 2,
            Self::Polygon => 3,
        }
    }

    fn from_code(code: u64) -> Option<Self> {
        match code {
            1 => Some(Self::Points),
            2 => Some(Self::Line),
            3 => Some(Self::Polygon),
            _ => None,
        }
    }
}

/// The flat form of a geometry; its length is a multiple of 8. Coordinates survive bit by bit.
///
/// Multi-geometries and collections become lists of simple parts, empty members are left out.
///
/// # Panics
/// For more than 2^28 parts, rings or positions: gigabytes, which no record may have.
pub fn encode(geometry: &Geometry<f64>) -> Vec<u8> {
    let mut parts: Vec<u64> = Vec::new();
    let mut rings: Vec<u64> = Vec::new();
    let mut positions: Vec<Position> = Vec::new();
    for member in simple_members(geometry) {
        let mut ring = |coords: &mut dyn Iterator<Item = Coord<f64>>| {
            positions.extend(coords.map(|c| [c.x, c.y]));
            rings.push(positions.len() as u64);
        };
        let kind = match &member {
            Simple::Points(points) => {
                ring(&mut points.iter().map(|p| p.0));
                PartKind::Points
            }
            Simple::Line(line) => {
                ring(&mut line.iter().copied());
                PartKind::Line
            }
            Simple::Polygon(polygon) => {
                let filled = polygon.interiors().iter().filter(|hole| !hole.0.is_empty());
                std::iter::once(polygon.exterior()).chain(filled).for_each(|r| ring(&mut r.coords().copied()));
                PartKind::Polygon
            }
        };
        parts.push(kind.code() | (rings.len() as u64) << 8);
    }
    let count = |n: usize| {
        assert!(n < 1 << COUNT_BITS, "a geometry has fewer than 2^28 parts, rings and positions");
        n as u64
    };
    let mut words: Vec<u64> = Vec::with_capacity(5 + parts.len() + rings.len() + 2 * count(positions.len()) as usize);
    if parts.len() == 1 && rings.len() == 1 && positions.len() <= SHORT_MAX {
        words.push((parts[0] & 0xff) | count(positions.len()) << 8);
    } else {
        words.push(count(parts.len()) << 8 | count(rings.len()) << (8 + COUNT_BITS));
        words.extend(bounds_of(&positions).map(f64::to_bits));
        words.extend(parts);
        words.extend(rings);
    }
    words.extend(positions.iter().flatten().map(|v| v.to_bits()));
    words.into_iter().flat_map(u64::to_le_bytes).collect()
}

fn bounds_of(positions: &[Position]) -> [f64; 4] {
    let mut bounds = BOUNDS_OF_NOTHING;
    positions.iter().for_each(|&p| grow(&mut bounds, p));
    bounds
}

/// A geometry in its flat form, read in place.
#[derive(Clone, Debug)]
pub struct FlatGeometry<'a> {
    words: Cow<'a, [u64]>,
    bounds: [f64; 4],
    /// Kind and number of positions of the short form.
    short: Option<PartKind>,
    /// Indices of words.
    rings_at: usize,
    positions_at: usize,
}

impl<'a> FlatGeometry<'a> {
    /// Reads what [`encode`] wrote; `None` for anything else. Never panics, whatever the bytes.
    ///
    /// No copy is made when the bytes are aligned to 8. Lengths and indices are checked, coordinates and stored bounds are
    /// believed (files have checksums).
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let words = words_of(bytes)?;
        let (&head, rest) = words.split_first()?;
        let count_mask = (1u64 << COUNT_BITS) - 1;
        let (parts, rings) = ((head >> 8 & count_mask) as usize, (head >> (8 + COUNT_BITS)) as usize);
        if head & 0xff != 0 {
            let short = PartKind::from_code(head & 0xff)?;
            if rings != 0 || parts == 0 || rest.len() != 2 * parts {
                return None;
            }
            let bounds = bounds_of(bytemuck::cast_slice(rest));
            return Some(Self { words, bounds, short: Some(short), rings_at: 1, positions_at: 1 });
        }
        let (rings_at, positions_at) = (5 + parts, 5 + parts + rings);
        let positions = words.get(positions_at..)?.len();
        let ring_ends = &words[rings_at..positions_at];
        let last_position = ring_ends.last().copied().unwrap_or(0);
        if positions as u64 != last_position.checked_mul(2)? || !ring_ends.is_sorted() {
            return None;
        }
        let mut first_ring = 0;
        for part in &words[5..rings_at] {
            let (kind, end) = (PartKind::from_code(part & 0xff)?, part >> 8);
            let one_ring = end.checked_sub(first_ring)? == 1;
            if end == first_ring || !one_ring && kind != PartKind::Polygon {
                return None;
            }
            first_ring = end;
        }
        if first_ring != rings as u64 {
            return None;
        }
        let bounds = [1, 2, 3, 4].map(|i| f64::from_bits(words[i]));
        Some(Self { words, bounds, short: None, rings_at, positions_at })
    }

    /// West, south, east, north of all positions, degrees, exact; of an empty geometry west > east and south > north.
    pub fn bounds(&self) -> [f64; 4] {
        self.bounds
    }

    /// All positions of all parts.
    pub fn positions(&self) -> &[Position] {
        bytemuck::cast_slice(&self.words[self.positions_at..])
    }

    /// The simple parts, in order.
    pub fn parts(&self) -> impl Iterator<Item = FlatPart<'_>> {
        let positions = self.positions();
        let ring_ends = &self.words[self.rings_at..self.positions_at];
        let short = self.short.map(|kind| FlatPart { kind, positions, ring_ends: &[], first: 0 });
        let listed = if self.short.is_some() { &[][..] } else { &self.words[5..self.rings_at] };
        let mut first_ring = 0;
        let mut first = 0;
        short.into_iter().chain(listed.iter().map(move |part| {
            let end = (part >> 8) as usize;
            let ring_ends = &ring_ends[first_ring..end];
            let kind = PartKind::from_code(part & 0xff).unwrap_or(PartKind::Points);
            let part = FlatPart { kind, positions, ring_ends, first };
            first_ring = end;
            first = ring_ends.last().map_or(first, |&end| end as usize);
            part
        }))
    }

    /// The geometry again: a single type for one part, a multi-type for parts of one kind, else a collection.
    pub fn to_geometry(&self) -> Geometry<f64> {
        let mut members: Vec<Geometry<f64>> = self.parts().map(member).collect();
        match members.len() {
            0 => return Geometry::GeometryCollection(GeometryCollection(members)),
            1 => return members.swap_remove(0),
            _ => {}
        }
        let (mut points, mut lines, mut polygons) = (Vec::new(), Vec::new(), Vec::new());
        for member in &members {
            match member {
                Geometry::Point(point) => points.push(*point),
                Geometry::LineString(line) => lines.push(line.clone()),
                Geometry::Polygon(polygon) => polygons.push(polygon.clone()),
                _ => {}
            }
        }
        match members.len() {
            n if n == points.len() => Geometry::MultiPoint(MultiPoint(points)),
            n if n == lines.len() => Geometry::MultiLineString(MultiLineString(lines)),
            n if n == polygons.len() => Geometry::MultiPolygon(MultiPolygon(polygons)),
            _ => Geometry::GeometryCollection(GeometryCollection(members)),
        }
    }
}

/// The bytes as words: in place if they are aligned and this machine is little-endian, else copied.
fn words_of(bytes: &[u8]) -> Option<Cow<'_, [u64]>> {
    let (chunks, []) = bytes.as_chunks::<8>() else { return None };
    if cfg!(target_endian = "little")
        && let Ok(words) = bytemuck::try_cast_slice(bytes)
    {
        return Some(Cow::Borrowed(words));
    }
    Some(Cow::Owned(chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect()))
}

/// One simple part of a flat geometry.
#[derive(Clone, Copy, Debug)]
pub struct FlatPart<'g> {
    kind: PartKind,
    positions: &'g [Position],
    /// Position after each ring; none for the short form, whose only ring is all positions.
    ring_ends: &'g [u64],
    first: usize,
}

impl<'g> FlatPart<'g> {
    /// What the part is.
    pub fn kind(&self) -> PartKind {
        self.kind
    }

    /// The rings of a polygon, exterior first, each closed as stored; one run of positions for points and lines.
    pub fn rings(&self) -> impl Iterator<Item = &'g [Position]> + use<'g> {
        let FlatPart { positions, ring_ends, mut first, .. } = *self;
        let short = ring_ends.is_empty().then_some(positions);
        short.into_iter().chain(ring_ends.iter().map(move |&end| {
            let ring = &positions[first..end as usize];
            first = end as usize;
            ring
        }))
    }
}

fn member(part: FlatPart<'_>) -> Geometry<f64> {
    let mut rings = part.rings().map(|ring| ring.iter().map(|&[x, y]| Coord { x, y }).collect::<Vec<_>>());
    let first = rings.next().unwrap_or_default();
    match part.kind {
        PartKind::Points if first.len() == 1 => Geometry::Point(Point(first[0])),
        PartKind::Points => Geometry::MultiPoint(MultiPoint(first.into_iter().map(Point).collect())),
        PartKind::Line => Geometry::LineString(LineString(first)),
        PartKind::Polygon => Geometry::Polygon(Polygon::new(LineString(first), rings.map(LineString).collect())),
    }
}

#[cfg(test)]
mod tests {
    use geo::polygon;
    use proptest::prelude::*;

    use super::super::{bounds, samples};
    use super::*;

    /// The simple members as text, which shows every bit of a coordinate.
    fn members(geometry: &Geometry<f64>) -> Vec<String> {
        let show = |member: &Simple<'_>| match member {
            Simple::Points(points) => points.iter().map(|point| format!("{point:?}")).collect(),
            Simple::Line(line) => vec![format!("{line:?}")],
            Simple::Polygon(polygon) => vec![format!("{polygon:?}")],
        };
        simple_members(geometry).iter().flat_map(show).collect()
    }

    /// A copy of bytes that begins `shift` bytes after an aligned address.
    fn displaced(bytes: &[u8], shift: usize) -> (Vec<u64>, std::ops::Range<usize>) {
        let mut words = vec![0u64; bytes.len() / 8 + 2];
        bytemuck::cast_slice_mut(&mut words)[shift..shift + bytes.len()].copy_from_slice(bytes);
        (words, shift..shift + bytes.len())
    }

    #[test]
    fn a_footprint_takes_one_word_more_than_its_positions() {
        let quad = polygon![(x: 0., y: 0.), (x: 1., y: 0.), (x: 1., y: 1.), (x: 0., y: 1.)];
        assert_eq!(encode(&quad.into()).len(), 8 + 5 * 16);
        assert_eq!(encode(&Point::new(1.0, 2.0).into()).len(), 8 + 16);
    }

    #[test]
    fn aligned_bytes_are_read_in_place_and_others_copied() {
        let bytes = encode(&Point::new(0.1, -0.0).into());
        for (shift, in_place) in [(0, true), (3, false)] {
            let (words, range) = displaced(&bytes, shift);
            let flat = FlatGeometry::decode(&bytemuck::cast_slice(&words)[range]).expect("own encoding");
            assert_eq!(matches!(flat.words, Cow::Borrowed(_)), in_place);
            assert_eq!(flat.positions()[0].map(f64::to_bits), [0.1f64.to_bits(), (-0.0f64).to_bits()]);
        }
    }

    proptest! {
        #[test]
        fn a_geometry_survives_the_round_trip(shape in samples::geometry()) {
            let bytes = encode(&shape);
            prop_assert_eq!(bytes.len() % 8, 0);
            let flat = FlatGeometry::decode(&bytes).expect("own encoding");
            prop_assert_eq!(members(&flat.to_geometry()), members(&shape));
            prop_assert_eq!(flat.bounds(), bounds(&shape).unwrap_or(BOUNDS_OF_NOTHING));
            prop_assert_eq!(flat.parts().count(), simple_members(&shape).len());
        }

        #[test]
        fn no_bytes_make_decoding_or_reading_panic(
            shape in samples::geometry(), damage in prop::collection::vec((any::<usize>(), any::<u8>()), 0..4),
            cut in 0..64usize, noise in prop::collection::vec(any::<u8>(), 0..200)
        ) {
            let mut bytes = encode(&shape);
            let n = bytes.len();
            damage.iter().for_each(|&(at, value)| bytes[at % n] = value);
            bytes.truncate(n - cut.min(n));
            for bytes in [bytes, noise] {
                if let Some(flat) = FlatGeometry::decode(&bytes) {
                    let read: usize = flat.parts().flat_map(|part| part.rings()).map(<[Position]>::len).sum();
                    prop_assert_eq!(read, flat.positions().len());
                    flat.to_geometry();
                }
            }
        }

        #[test]
        fn every_single_bit_of_the_structure_is_checked_or_harmless(shape in samples::geometry(), bit in 0..2048usize) {
            let mut bytes = encode(&shape);
            let at = bit % (bytes.len() * 8);
            bytes[at / 8] ^= 1 << (at % 8);
            if let Some(flat) = FlatGeometry::decode(&bytes) {
                prop_assert_eq!(flat.parts().flat_map(|part| part.rings()).map(<[Position]>::len).sum::<usize>(), flat.positions().len());
            }
        }
    }
}
