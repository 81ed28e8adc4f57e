//! Makes the map beneath the data from Natural Earth: `build_basemap FOLDER OUT.pmtiles`.
//!
//! `FOLDER` holds `natural_earth/` (GeoJSON, as of the project natural-earth-geojson) and `world-atlas/` (TopoJSON). Land and
//! borders come from the topologies, whose arcs neighbours share, so that no slivers show; lakes, rivers, places and the names
//! of countries from Natural Earth's own files. Three scales: 1:110 million for zooms 0 and 1, 1:50 million for 2 to 4,
//! 1:10 million from 5 on. What a zoom shows of lakes, rivers and places is Natural Earth's own choice (`min_zoom`).

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use flate2::read::GzDecoder;
use geo::{Area, BoundingRect, Intersects, MapCoords};
use geo::{
    Coord, Geometry, GeometryCollection, InteriorPoint, LineString, MultiLineString, MultiPolygon, Point, Polygon,
};
use nilometer_indexer::geometry::normalise;
use nilometer_schemas::geojson;
use nilometer_tiles::mvt::{Layer, Value as Attribute};
use nilometer_tiles::{TileAddress, part_for_tile, pmtiles, shape_in_tile};
use serde_json::Value;

/// Last zoom; maps enlarge its tiles from there on.
const ZOOM_MAX: u8 = 6;
/// Tolerance in tile units: half a pixel, and finer on the last zoom, which is enlarged.
const TOLERANCE: f64 = 4.0;
const TOLERANCE_LAST: f64 = 2.0;
/// Natural Earth's zooms are those of tiles 256 pixels wide; ours are 512.
const ZOOM_SHIFT: f64 = 1.0;
/// Layers in the order in which they are written.
const LAYERS: [&str; 6] = ["land", "lakes", "rivers", "borders", "countries", "places"];
/// Names of countries in French, by three-letter code.
const COUNTRIES_FR: &str = include_str!("../../indexer/src/source/countries_fr.txt");

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One thing on the map.
#[derive(Clone)]
struct Feature {
    layer: usize,
    zooms: (u8, u8),
    shape: Geometry<f64>,
    /// Texts and numbers; `true` for what is marked.
    attributes: Vec<(&'static str, Value)>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out] = arguments.as_slice() else {
        eprintln!("usage: build_basemap FOLDER OUT.pmtiles");
        return ExitCode::from(2);
    };
    match run(Path::new(folder), Path::new(out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot build the basemap: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path, out: &Path) -> Outcome<()> {
    let mut features = Vec::new();
    for (scale, zooms) in [("110m", (0, 1)), ("50m", (2, 4)), ("10m", (5, ZOOM_MAX))] {
        topology(&folder.join(format!("world-atlas/countries-{scale}.json.gz")), zooms, &mut features)?;
    }
    let earth = folder.join("natural_earth");
    for (file, first, last) in [
        ("110m/physical/ne_110m_lakes.geojson", 0, 1),
        ("50m/physical/ne_50m_lakes.geojson.gz", 2, 4),
        ("10m/physical/ne_10m_lakes.geojson.gz", 5, ZOOM_MAX),
        ("10m/physical/ne_10m_lakes_europe.geojson.gz", 5, ZOOM_MAX),
        ("110m/physical/ne_110m_rivers_lake_centerlines.geojson", 0, 1),
        ("50m/physical/ne_50m_rivers_lake_centerlines.geojson.gz", 2, 4),
        ("10m/physical/ne_10m_rivers_lake_centerlines.geojson.gz", 5, ZOOM_MAX),
        ("10m/physical/ne_10m_rivers_europe.geojson.gz", 5, ZOOM_MAX),
        ("10m/physical/ne_10m_rivers_north_america.geojson.gz", 5, ZOOM_MAX),
    ] {
        let layer = if file.contains("lakes") { 1 } else { 2 };
        waters(&json(&earth.join(file))?, layer, (first, last), &mut features)?;
    }
    countries(&json(&earth.join("50m/cultural/ne_50m_admin_0_countries.geojson.gz"))?, &mut features)?;
    places(&json(&earth.join("10m/cultural/ne_10m_populated_places_simple.geojson.gz"))?, &mut features)?;
    // What matters most comes first: symbols are placed in this order.
    features.sort_by_key(rank_of);

    let mut tiles = BTreeMap::new();
    descend(TileAddress::new(0, 0, 0).map_err(|problem| problem.detail)?, &features, &mut tiles);
    let metadata = serde_json::json!({"name": "Basemap", "attribution": "Natural Earth"}).to_string();
    let bytes = pmtiles::write_archive(&tiles, &metadata)?;
    std::fs::write(out, &bytes)?;
    for zoom in 0..=ZOOM_MAX {
        let of_zoom = tiles.iter().filter(|((z, ..), bytes)| *z == zoom && !bytes.is_empty());
        let (count, size) = of_zoom.fold((0, 0), |(count, size), (_, bytes)| (count + 1, size + bytes.len()));
        println!("zoom {zoom}: {count} tiles, {size} bytes before compression");
    }
    println!("{} bytes  {}", bytes.len(), out.display());
    Ok(())
}

fn rank_of(feature: &Feature) -> (usize, i64) {
    let rank = feature.attributes.iter().find(|(name, _)| *name == "rank").and_then(|(_, rank)| rank.as_i64());
    (feature.layer, rank.unwrap_or(0))
}

fn json(path: &Path) -> Outcome<Value> {
    let mut text = String::new();
    let mut file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        GzDecoder::new(file).read_to_string(&mut text)?;
    } else {
        file.read_to_string(&mut text)?;
    }
    Ok(serde_json::from_str(&text)?)
}

/// Draws a tile and those below it.
fn descend(address: TileAddress, features: &[Feature], tiles: &mut BTreeMap<(u8, u32, u32), Vec<u8>>) {
    let zoom = address.zoom();
    let here: Vec<Feature> = features
        .iter()
        .filter(|feature| feature.zooms.1 >= zoom)
        .filter_map(|feature| Some(Feature { shape: part_for_tile(&feature.shape, address)?, ..feature.clone() }))
        .collect();
    if here.is_empty() {
        return;
    }
    tiles.insert((zoom, address.row(), address.col()), draw(address, &here));
    if zoom == ZOOM_MAX {
        return;
    }
    for (row, col) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        if let Ok(child) = TileAddress::new(zoom + 1, 2 * address.row() + row, 2 * address.col() + col) {
            descend(child, &here, tiles);
        }
    }
}

fn draw(address: TileAddress, features: &[Feature]) -> Vec<u8> {
    let tolerance = if address.zoom() == ZOOM_MAX { TOLERANCE_LAST } else { TOLERANCE };
    let mut layers = LAYERS.map(Layer::new);
    for feature in features.iter().filter(|feature| feature.zooms.0 <= address.zoom()) {
        let attributes: Vec<(&str, Attribute<'_>)> = feature
            .attributes
            .iter()
            .filter_map(|(name, value)| {
                let value = match value {
                    Value::String(text) => Attribute::Text(text),
                    Value::Number(number) => Attribute::Number(number.as_f64()?),
                    Value::Bool(truth) => Attribute::Bool(*truth),
                    _ => return None,
                };
                Some((*name, value))
            })
            .collect();
        for geometry in shape_in_tile(&feature.shape, address, tolerance) {
            // Islands and lakes below a pixel are left out, and so are ends of lines.
            let is_point = matches!(geometry, nilometer_tiles::mvt::Geometry::Points(_));
            if is_point == matches!(feature.layer, 4 | 5) {
                layers[feature.layer].add(None, &geometry, &attributes);
            }
        }
    }
    let mut tile = Vec::new();
    layers.iter().for_each(|layer| layer.write(&mut tile));
    tile
}

/// Land and borders of a TopoJSON file.
fn topology(path: &Path, zooms: (u8, u8), features: &mut Vec<Feature>) -> Outcome<()> {
    let topology = json(path)?;
    let arcs = arcs_of(&topology).ok_or("a topology without quantised arcs")?;
    let land = topology.pointer("/objects/land").ok_or("a topology without land")?;
    let mut polygons = Vec::new();
    for_each_polygon(land, &mut |rings| {
        let mut rings = rings.iter().map(|ring| unwrapped(joined(ring, &arcs)));
        if let Some(exterior) = rings.next() {
            let holes = rings.map(|hole| beside(hole, &exterior)).collect();
            polygons.push(Polygon::new(exterior, holes));
        }
    });
    for polygon in polygons {
        let shape = normalise(&polygon.into(), None).into_owned();
        features.push(Feature { layer: 0, zooms, shape, attributes: Vec::new() });
    }
    // An arc that two countries have is their border.
    let mut users = vec![0u32; arcs.len()];
    let countries = topology.pointer("/objects/countries").ok_or("a topology without countries")?;
    for country in countries["geometries"].as_array().into_iter().flatten() {
        let mut own: Vec<usize> = Vec::new();
        for_each_polygon(country, &mut |rings| own.extend(rings.iter().flatten().map(|arc| place(*arc))));
        own.sort_unstable();
        own.dedup();
        own.into_iter().for_each(|arc| users[arc] += 1);
    }
    let borders = arcs.iter().zip(users).filter(|(_, users)| *users > 1).map(|(arc, _)| LineString(arc.clone()));
    let shape = MultiLineString(borders.collect()).into();
    features.push(Feature { layer: 3, zooms, shape, attributes: Vec::new() });
    Ok(())
}

fn arcs_of(topology: &Value) -> Option<Vec<Vec<Coord<f64>>>> {
    let number = |pointer: &str| topology.pointer(pointer)?.as_f64();
    let scale = [number("/transform/scale/0")?, number("/transform/scale/1")?];
    let origin = [number("/transform/translate/0")?, number("/transform/translate/1")?];
    let arcs = topology["arcs"].as_array()?;
    let arc = |arc: &Value| {
        let mut at = [0.0, 0.0];
        let step = |step: &Value| {
            at = [at[0] + step.get(0)?.as_f64()?, at[1] + step.get(1)?.as_f64()?];
            Some(Coord { x: (origin[0] + at[0] * scale[0]).clamp(-180.0, 180.0), y: origin[1] + at[1] * scale[1] })
        };
        arc.as_array()?.iter().map(step).collect::<Option<Vec<_>>>()
    };
    arcs.iter().map(arc).collect()
}

/// The arc that a signed number names.
fn place(arc: i64) -> usize {
    (if arc < 0 { !arc } else { arc }) as usize
}

/// A ring of arcs, of which negative ones go backward; ends that meet stand once.
fn joined(ring: &[i64], arcs: &[Vec<Coord<f64>>]) -> LineString<f64> {
    let mut coords: Vec<Coord<f64>> = Vec::new();
    for arc in ring {
        let mut points = arcs.get(place(*arc)).cloned().unwrap_or_default();
        if *arc < 0 {
            points.reverse();
        }
        let skip = usize::from(!coords.is_empty());
        coords.extend(points.into_iter().skip(skip));
    }
    LineString(coords)
}

/// A ring without jumps at the antimeridian: its longitudes go on beyond ±180. One around the south pole is closed along it.
fn unwrapped(ring: LineString<f64>) -> LineString<f64> {
    let mut coords = ring.0;
    for at in 1..coords.len() {
        let turns = ((coords[at].x - coords[at - 1].x) / 360.0).round();
        coords[at].x -= 360.0 * turns;
    }
    if let (Some(first), Some(last)) = (coords.first().copied(), coords.last().copied())
        && (last.x - first.x).abs() > 180.0
    {
        coords.extend([Coord { x: last.x, y: -90.0 }, Coord { x: first.x, y: -90.0 }, first]);
    }
    LineString(coords)
}

/// A hole moved by whole turns to where its exterior is.
fn beside(hole: LineString<f64>, exterior: &LineString<f64>) -> LineString<f64> {
    let (Some(bounds), Some(first)) = (exterior.bounding_rect(), hole.0.first().copied()) else { return hole };
    let turns = ((bounds.center().x - first.x) / 360.0).round();
    hole.map_coords(|c| Coord { x: c.x + 360.0 * turns, y: c.y })
}

/// Calls `f` with the rings of every polygon in a TopoJSON geometry, as lists of arcs.
fn for_each_polygon(geometry: &Value, f: &mut impl FnMut(&[Vec<i64>])) {
    let rings = |polygon: &Value| -> Vec<Vec<i64>> { serde_json::from_value(polygon.clone()).unwrap_or_default() };
    match geometry["type"].as_str() {
        Some("Polygon") => f(&rings(&geometry["arcs"])),
        Some("MultiPolygon") => {
            geometry["arcs"].as_array().into_iter().flatten().for_each(|polygon| f(&rings(polygon)))
        }
        _ => geometry["geometries"].as_array().into_iter().flatten().for_each(|member| for_each_polygon(member, f)),
    }
}

/// The members of a GeoJSON file: properties and geometry, those without geometry left out.
fn members(collection: &Value) -> Outcome<Vec<(&Value, Geometry<f64>)>> {
    let mut out = Vec::new();
    for feature in collection["features"].as_array().into_iter().flatten() {
        if !feature["geometry"].is_null() {
            let geometry = geojson::from_value(&feature["geometry"]).map_err(|problem| problem.detail)?;
            out.push((&feature["properties"], geometry));
        }
    }
    Ok(out)
}

/// A name without the line breaks that some have.
fn name(properties: &Value, member: &str) -> Option<Value> {
    let text = properties[member].as_str()?.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then(|| text.into())
}

/// First zoom of ours at which a feature shows.
fn first_zoom(properties: &Value, member: &str, zooms: (u8, u8)) -> u8 {
    let natural = properties[member].as_f64().unwrap_or(0.0);
    // The last zoom stands for all that follow.
    ((natural - ZOOM_SHIFT).ceil().max(0.0) as u8).clamp(zooms.0, ZOOM_MAX)
}

fn waters(collection: &Value, layer: usize, zooms: (u8, u8), features: &mut Vec<Feature>) -> Outcome<()> {
    for (properties, shape) in members(collection)? {
        let first = first_zoom(properties, "min_zoom", zooms);
        if first > zooms.1 {
            continue;
        }
        let mut attributes: Vec<(&'static str, Value)> = Vec::new();
        attributes.extend(name(properties, "name").map(|name| ("name", name)));
        attributes.push(("rank", properties["scalerank"].as_f64().map_or(0, |rank| rank as i64).into()));
        features.push(Feature { layer, zooms: (first, zooms.1), shape, attributes });
    }
    Ok(())
}

fn countries(collection: &Value, features: &mut Vec<Feature>) -> Outcome<()> {
    for (properties, shape) in members(collection)? {
        let Some(point) = label_point(&shape) else { continue };
        let mut attributes: Vec<(&'static str, Value)> = Vec::new();
        attributes.extend(name(properties, "NAME_LONG").map(|name| ("name", name)));
        let codes = ["ADM0_A3", "ISO_A3"].map(|member| properties[member].as_str().unwrap_or_default());
        let french =
            COUNTRIES_FR.lines().filter_map(|line| line.split_once(' ')).find(|(code, _)| codes.contains(code));
        attributes.extend(french.map(|(_, name)| ("name_fr", name.into())));
        attributes.push(("rank", properties["LABELRANK"].as_f64().map_or(9, |rank| rank as i64).into()));
        let zooms = (0, ZOOM_MAX);
        let first = first_zoom(properties, "MIN_LABEL", zooms);
        features.push(Feature { layer: 4, zooms: (first, ZOOM_MAX), shape: point.into(), attributes });
    }
    Ok(())
}

/// Where a country's name stands: well inside its largest part.
fn label_point(shape: &Geometry<f64>) -> Option<Point<f64>> {
    let largest = match shape {
        Geometry::Polygon(polygon) => polygon.clone(),
        Geometry::MultiPolygon(MultiPolygon(polygons)) => {
            polygons.iter().max_by(|a, b| a.unsigned_area().total_cmp(&b.unsigned_area()))?.clone()
        }
        Geometry::GeometryCollection(GeometryCollection(_)) => return None,
        _ => return None,
    };
    let middle = geo::Centroid::centroid(&largest)?;
    if largest.intersects(&middle) { Some(middle) } else { largest.interior_point() }
}

fn places(collection: &Value, features: &mut Vec<Feature>) -> Outcome<()> {
    for (properties, shape) in members(collection)? {
        let zooms = (0, ZOOM_MAX);
        let first = first_zoom(properties, "min_zoom", zooms);
        let mut attributes: Vec<(&'static str, Value)> = Vec::new();
        attributes.extend(name(properties, "name").map(|name| ("name", name)));
        attributes.extend(name(properties, "name_fr").map(|name| ("name_fr", name)));
        attributes.push(("rank", properties["scalerank"].as_f64().map_or(9, |rank| rank as i64).into()));
        if properties["adm0cap"].as_f64() == Some(1.0) {
            attributes.push(("capital", true.into()));
        }
        features.push(Feature { layer: 5, zooms: (first, ZOOM_MAX), shape, attributes });
    }
    Ok(())
}
