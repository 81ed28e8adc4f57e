//! The layer `items`: true shapes with attributes, the largest first, as many as a tile may hold.

use std::borrow::Cow;
use std::collections::HashMap;

use nilometer_indexer::geometry::FlatGeometry;
use nilometer_query::tile::{Attribute, Attributes, MapItem};

use crate::draw::{Drawn, draw};
use crate::frame::Frame;
use crate::mvt::{Layer, Value};

/// Name of the layer.
pub const ITEMS_LAYER: &str = "items";
/// Properties that every item shows where it has them.
const ALWAYS: [&str; 1] = ["title"];
/// Items that are drawn at most: more have no room in a tile, whatever they are.
const DRAWN_MAX: usize = 20_000;

/// What became of the items of a tile.
pub(crate) struct Items {
    pub(crate) layer: Layer,
    /// Items that reach into the tile.
    pub(crate) found: u64,
    /// Items of these that are not in the layer.
    pub(crate) left_out: u64,
    /// Whether the layer lacks titles and chosen attributes for want of room.
    pub(crate) bare: bool,
}

/// A found item with its size on the map.
struct Found<'a> {
    item: MapItem<'a>,
    /// Half the length around its box, degrees: what is larger is drawn first and lies below.
    size: f64,
}

/// Draws the items. Where they have more than `size_max` bytes, first all attributes but `id` and `collection` go, then the
/// items that are smallest on the map, of equal ones the oldest write.
pub(crate) fn items_layer<'a>(
    items: &mut dyn Iterator<Item = MapItem<'a>>,
    frame: &Frame,
    chosen: &[String],
    size_max: usize,
) -> Items {
    let mut found: Vec<(Found<'a>, u64)> = items
        .filter_map(|item| {
            let [west, south, east, north] = item.geometry()?.bounds();
            let seq = item.seq();
            Some((Found { item, size: (east - west) + (north - south) }, seq))
        })
        .collect();
    let all = found.len() as u64;
    let order = |a: &(Found<'_>, u64), b: &(Found<'_>, u64)| b.0.size.total_cmp(&a.0.size).then(b.1.cmp(&a.1));
    if found.len() > DRAWN_MAX {
        found.select_nth_unstable_by(DRAWN_MAX, order);
        found.truncate(DRAWN_MAX);
    }
    found.sort_unstable_by(order);
    let mut names: Vec<String> = ALWAYS.iter().map(|name| (*name).to_owned()).collect();
    names.extend(chosen.iter().filter(|name| !ALWAYS.contains(&name.as_str())).cloned());
    let mut shapes = Shapes { frame, drawn: HashMap::new() };
    let beyond = all - found.len() as u64;
    if beyond == 0 {
        let (layer, left_out) = fill(&found, &mut shapes, &names, size_max);
        if left_out == 0 {
            return Items { layer, found: all, left_out, bare: false };
        }
    }
    let (layer, left_out) = fill(&found, &mut shapes, &[], size_max);
    Items { layer, found: all, left_out: left_out + beyond, bare: true }
}

/// Each distinct shape of a segment is drawn once.
struct Shapes<'f> {
    frame: &'f Frame,
    drawn: HashMap<(usize, u32), Option<Drawn>>,
}

impl Shapes<'_> {
    fn get(&mut self, item: &MapItem<'_>) -> Option<&Drawn> {
        let key = (std::ptr::from_ref(item.data) as usize, item.shape);
        let frame = self.frame;
        let make = || item.geometry().and_then(|shape: FlatGeometry<'_>| draw(&shape, frame));
        self.drawn.entry(key).or_insert_with(make).as_ref()
    }
}

fn fill(found: &[(Found<'_>, u64)], shapes: &mut Shapes<'_>, names: &[String], size_max: usize) -> (Layer, u64) {
    let mut layer = Layer::new(ITEMS_LAYER);
    let mut left_out = 0;
    let mut by_segment: HashMap<usize, Attributes<'_>> = HashMap::new();
    for (Found { item, .. }, seq) in found {
        let Some(drawn) = shapes.get(item) else { continue };
        let segment = std::ptr::from_ref(item.data) as usize;
        let attributes = by_segment.entry(segment).or_insert_with(|| Attributes::new(item.data, names));
        let values: Vec<(&str, Attribute<'_>)> = names
            .iter()
            .enumerate()
            .filter(|(_, name)| !matches!(name.as_str(), "id" | "collection"))
            .filter_map(|(at, name)| Some((name.as_str(), attributes.get(item.doc, at)?)))
            .collect();
        let mut tags = vec![
            ("id", Value::Text(item.data.id_of(item.doc))),
            ("collection", Value::Text(item.data.collection_of(item.doc))),
        ];
        tags.extend(values.iter().map(|(name, value)| (*name, value_of(value))));
        left_out += u64::from(!layer.add_within(size_max, Some(*seq), &drawn.geometries, &tags));
    }
    (layer, left_out)
}

fn value_of<'v>(attribute: &'v Attribute<'_>) -> Value<'v> {
    match attribute {
        Attribute::Text(Cow::Borrowed(text)) => Value::Text(text),
        Attribute::Text(Cow::Owned(text)) => Value::Text(text),
        Attribute::Number(number) => Value::Number(*number),
        Attribute::Bool(truth) => Value::Bool(*truth),
    }
}
