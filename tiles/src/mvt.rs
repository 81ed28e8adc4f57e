//! Writes Mapbox Vector Tiles (specification 2.1): a protobuf message of layers, features and shared keys and values.
//!
//! Geometry is given in tile units, whole numbers with y downward; exterior rings have a positive area by the
//! surveyor's formula, interior rings a negative one, and rings are given without their closing point.

use std::collections::HashMap;

/// Tile units along a side.
pub const EXTENT: u32 = 4096;

/// A point in tile units.
pub type Point = [i32; 2];

/// The geometry of a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Geometry {
    /// One or more points.
    Points(Vec<Point>),
    /// Lines of at least two points.
    Lines(Vec<Vec<Point>>),
    /// Polygons: an exterior ring and its holes, each of at least three points.
    Polygons(Vec<Vec<Vec<Point>>>),
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// A number; whole ones are written as integers.
    Number(f64),
    /// A count.
    Count(u64),
    /// A truth value.
    Bool(bool),
}

const MOVE_TO: u32 = 1;
const LINE_TO: u32 = 2;
const CLOSE_PATH: u32 = 7;
/// Largest whole number that is written as an integer: what scripts in a browser hold exactly.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

fn zigzag(value: i32) -> u64 {
    u64::from(((value << 1) ^ (value >> 31)) as u32)
}

fn bytes_field(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(field << 3 | 2), out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn varint_field(field: u32, value: u64, out: &mut Vec<u8>) {
    varint(u64::from(field << 3), out);
    varint(value, out);
}

impl Value<'_> {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Text(text) => bytes_field(1, text.as_bytes(), &mut out),
            Self::Count(count) => varint_field(5, *count, &mut out),
            Self::Bool(truth) => varint_field(7, u64::from(*truth), &mut out),
            Self::Number(number) if number.fract() == 0.0 && number.abs() <= WHOLE_MAX => {
                let whole = *number as i64;
                if whole >= 0 {
                    varint_field(5, whole as u64, &mut out);
                } else {
                    varint_field(6, ((whole << 1) ^ (whole >> 63)) as u64, &mut out);
                }
            }
            Self::Number(number) => {
                out.push(3 << 3 | 1);
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        out
    }
}

/// Commands of a geometry, drawn from a cursor that keeps its place.
struct Commands {
    bytes: Vec<u8>,
    cursor: Point,
}

impl Commands {
    fn command(&mut self, id: u32, count: usize) {
        varint(u64::from(id) | (count as u64) << 3, &mut self.bytes);
    }

    fn to(&mut self, point: Point) {
        for (to, from) in point.into_iter().zip(self.cursor) {
            varint(zigzag(to.wrapping_sub(from)), &mut self.bytes);
        }
        self.cursor = point;
    }

    fn path(&mut self, points: &[Point]) {
        let Some((first, rest)) = points.split_first() else { return };
        self.command(MOVE_TO, 1);
        self.to(*first);
        self.command(LINE_TO, rest.len());
        rest.iter().for_each(|point| self.to(*point));
    }
}

impl Geometry {
    /// Type of the specification and commands.
    fn encode(&self) -> (u64, Vec<u8>) {
        let mut commands = Commands { bytes: Vec::new(), cursor: [0, 0] };
        let kind = match self {
            Self::Points(points) => {
                commands.command(MOVE_TO, points.len());
                points.iter().for_each(|point| commands.to(*point));
                1
            }
            Self::Lines(lines) => {
                lines.iter().for_each(|line| commands.path(line));
                2
            }
            Self::Polygons(polygons) => {
                for ring in polygons.iter().flatten() {
                    commands.path(ring);
                    commands.command(CLOSE_PATH, 1);
                }
                3
            }
        };
        (kind, commands.bytes)
    }
}

/// A layer being written.
pub struct Layer {
    name: &'static str,
    keys: Vec<String>,
    values: HashMap<Vec<u8>, u32>,
    /// The fields of keys and values are written as they come.
    key_bytes: Vec<u8>,
    value_bytes: Vec<u8>,
    feature_bytes: Vec<u8>,
    features: usize,
}

impl Layer {
    /// An empty layer.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            keys: Vec::new(),
            values: HashMap::new(),
            key_bytes: Vec::new(),
            value_bytes: Vec::new(),
            feature_bytes: Vec::new(),
            features: 0,
        }
    }

    /// Number of features.
    pub fn len(&self) -> usize {
        self.features
    }

    /// Whether there are none; such a layer is not written.
    pub fn is_empty(&self) -> bool {
        self.features == 0
    }

    /// Bytes of the layer in a tile.
    pub fn size(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        let body = self.body_size();
        1 + varint_len(body as u64) + body
    }

    fn body_size(&self) -> usize {
        let head = 2 + 2 + self.name.len() + 1 + varint_len(u64::from(EXTENT));
        head + self.feature_bytes.len() + self.key_bytes.len() + self.value_bytes.len()
    }

    /// Adds a feature.
    pub fn add(&mut self, id: Option<u64>, geometry: &Geometry, attributes: &[(&str, Value<'_>)]) {
        self.add_within(usize::MAX, id, std::slice::from_ref(geometry), attributes);
    }

    /// Adds a feature for each geometry of one thing, unless the layer would then have more bytes in a tile than
    /// `size_max`: all or none. Whether they were added.
    pub fn add_within(
        &mut self,
        size_max: usize,
        id: Option<u64>,
        geometries: &[Geometry],
        attributes: &[(&str, Value<'_>)],
    ) -> bool {
        let (known_keys, known_values) = (self.keys.len(), self.values.len());
        let (key_len, value_len) = (self.key_bytes.len(), self.value_bytes.len());
        let (features, feature_len) = (self.features, self.feature_bytes.len());
        let mut new_values = Vec::new();
        let mut tags = Vec::new();
        for (name, value) in attributes {
            varint(self.key(name), &mut tags);
            let value = value.encode();
            let next = self.values.len() as u32;
            let at = *self.values.entry(value.clone()).or_insert(next);
            if at == next {
                bytes_field(4, &value, &mut self.value_bytes);
                new_values.push(value);
            }
            varint(u64::from(at), &mut tags);
        }
        for geometry in geometries {
            let (kind, commands) = geometry.encode();
            let mut feature = Vec::with_capacity(commands.len() + tags.len() + 16);
            if let Some(id) = id {
                varint_field(1, id, &mut feature);
            }
            if !tags.is_empty() {
                bytes_field(2, &tags, &mut feature);
            }
            varint_field(3, kind, &mut feature);
            bytes_field(4, &commands, &mut feature);
            bytes_field(2, &feature, &mut self.feature_bytes);
            self.features += 1;
        }
        if self.size() <= size_max {
            return true;
        }
        self.features = features;
        self.keys.truncate(known_keys);
        for value in &new_values {
            self.values.remove(value);
        }
        debug_assert_eq!(self.values.len(), known_values);
        self.key_bytes.truncate(key_len);
        self.value_bytes.truncate(value_len);
        self.feature_bytes.truncate(feature_len);
        false
    }

    fn key(&mut self, name: &str) -> u64 {
        let known = self.keys.iter().position(|key| key == name);
        known.unwrap_or_else(|| {
            bytes_field(3, name.as_bytes(), &mut self.key_bytes);
            self.keys.push(name.to_owned());
            self.keys.len() - 1
        }) as u64
    }

    /// Appends the layer to a tile, which is nothing but its layers.
    pub fn write(&self, tile: &mut Vec<u8>) {
        if self.is_empty() {
            return;
        }
        varint(3 << 3 | 2, tile);
        varint(self.body_size() as u64, tile);
        varint_field(15, 2, tile);
        bytes_field(1, self.name.as_bytes(), tile);
        tile.extend_from_slice(&self.feature_bytes);
        tile.extend_from_slice(&self.key_bytes);
        tile.extend_from_slice(&self.value_bytes);
        varint_field(5, u64::from(EXTENT), tile);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_those_of_the_specification_s_examples() {
        // Sections 4.3.5.2 to 4.3.5.6 of the specification.
        let check = |geometry: Geometry, kind: u64, expected: &[u8]| {
            assert_eq!(geometry.encode(), (kind, expected.to_vec()), "{geometry:?}");
        };
        check(Geometry::Points(vec![[25, 17]]), 1, &[9, 50, 34]);
        check(Geometry::Points(vec![[5, 7], [3, 2]]), 1, &[17, 10, 14, 3, 9]);
        check(Geometry::Lines(vec![vec![[2, 2], [2, 10], [10, 10]]]), 2, &[9, 4, 4, 18, 0, 16, 16, 0]);
        check(
            Geometry::Lines(vec![vec![[2, 2], [2, 10], [10, 10]], vec![[1, 1], [3, 5]]]),
            2,
            &[9, 4, 4, 18, 0, 16, 16, 0, 9, 17, 17, 10, 4, 8],
        );
        check(Geometry::Polygons(vec![vec![vec![[3, 6], [8, 12], [20, 34]]]]), 3, &[9, 6, 12, 18, 10, 12, 24, 44, 15]);
    }

    #[test]
    fn a_layer_has_exactly_the_bytes_it_says_and_refuses_what_would_be_more() {
        let mut layer = Layer::new("items");
        let at = |n: i32| Geometry::Points(vec![[n, -n]]);
        for n in 0..200 {
            let text = format!("station-{}", n % 50);
            layer.add(Some(n), &at(n as i32), &[("id", Value::Text(&text)), ("level", Value::Number(n as f64 / 3.0))]);
        }
        let mut tile = Vec::new();
        layer.write(&mut tile);
        assert_eq!(tile.len(), layer.size());
        let (before, size) = (tile, layer.size());
        let fits = layer.add_within(size + 10, None, &[at(5)], &[("new", Value::Text("a text that is longer"))]);
        let mut after = Vec::new();
        layer.write(&mut after);
        assert!(!fits && after == before);
        assert!(!layer.add_within(size + 20, None, &[at(5), at(6)], &[("id", Value::Text("station-1"))]));
        assert_eq!(layer.size(), size);
        assert!(layer.add_within(size + 20, None, &[at(5)], &[("id", Value::Text("station-1"))]));
        assert!(layer.size() <= size + 20);
    }

    #[test]
    fn whole_numbers_are_integers_and_others_doubles() {
        assert_eq!(Value::Number(3.0).encode(), [40, 3]);
        assert_eq!(Value::Number(-2.0).encode(), [48, 3]);
        assert_eq!(Value::Number(0.5).encode()[0], 25);
        assert_eq!(Value::Count(300).encode(), [40, 0xac, 2]);
        assert_eq!(Value::Bool(true).encode(), [56, 1]);
        assert_eq!(Value::Text("a").encode(), [10, 1, b'a']);
    }
}
