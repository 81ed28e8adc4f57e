//! A small map that shows where something lies: land, a graticule, and the shape.

use std::fmt::Write as _;

use maud::{Markup, html};
use serde_json::Value;

use super::figures::decimal;
use super::language::Language;
use super::layout::Frame;
use crate::routes::asset_path;

/// Degrees of longitude of the smallest window; the height is always half the width.
const WINDOW_MIN_DEG: f64 = 72.0;
/// Degrees of longitude of the whole world.
const WORLD_DEG: f64 = 360.0;
/// Room around a shape, in multiples of its size.
const ROOM: f64 = 3.0;
/// Positions drawn; longer shapes are thinned evenly.
const POSITIONS_MAX: usize = 3_000;
/// Shapes below this part of the window get a mark as well, or nobody would see them.
const MARK_BELOW: f64 = 0.05;

/// The lines of a shape: each a list of (longitude, latitude); a line of one position is a point.
type Lines = Vec<Vec<(f64, f64)>>;

/// West, south, east, north in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

/// What the map shows: x grows east, y grows **south**, degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    x: f64,
    y: f64,
    width: f64,
}

/// The map of a GeoJSON geometry, or nothing where it has no positions.
pub(super) fn of_geometry(frame: &Frame<'_>, geometry: &Value) -> Markup {
    let mut lines = Lines::new();
    collect(geometry, &mut lines);
    draw(frame, &lines)
}

/// The map of a box; `west > east` crosses the antimeridian.
pub(super) fn of_box(frame: &Frame<'_>, [west, south, east, north]: [f64; 4]) -> Markup {
    let ring = |west: f64, east: f64| vec![(west, south), (east, south), (east, north), (west, north), (west, south)];
    let lines = if west <= east { vec![ring(west, east)] } else { vec![ring(west, 180.0), ring(-180.0, east)] };
    draw(frame, &lines)
}

/// West, south, east, north of an item: its own `bbox`, else that of its positions.
pub(super) fn box_of(item: &Value) -> Option<[f64; 4]> {
    if let Some(own) = item["bbox"].as_array() {
        let own: Vec<f64> = own.iter().filter_map(Value::as_f64).collect();
        if let [west, south, east, north] | [west, south, _, east, north, _] = own[..] {
            return Some([west, south, east, north]);
        }
    }
    let mut lines = Lines::new();
    collect(&item["geometry"], &mut lines);
    bounds(&lines).map(|b| [b.west, b.south, b.east, b.north])
}

fn draw(frame: &Frame<'_>, lines: &Lines) -> Markup {
    let Some(bounds) = bounds(lines) else { return html! {} };
    let window = window(bounds);
    let (cx, cy) = ((bounds.west + bounds.east) / 2.0, -(bounds.south + bounds.north) / 2.0);
    let small = (bounds.east - bounds.west).max(bounds.north - bounds.south) < window.width * MARK_BELOW;
    let label = format!(
        "{}: {} {}, {} {}",
        frame.t("Map", "Carte"),
        frame.t("longitude", "longitude"),
        span(frame.language, bounds.west, bounds.east),
        frame.t("latitude", "latitude"),
        span(frame.language, bounds.south, bounds.north),
    );
    html! {
        figure.locator {
            svg viewBox=(format!("{:.3} {:.3} {:.3} {:.3}", window.x, window.y, window.width, window.width / 2.0))
                role="img" aria-label=(label) {
                image href=(frame.links.local(&asset_path("land.svg"))) x="-180" y="-90" width="360" height="180" {}
                path.graticule d=(graticule(window)) {}
                path.shape d=(shape(lines)) {}
                @if small { circle.mark cx=(round(cx)) cy=(round(cy)) r=(round(window.width / 70.0)) {} }
            }
            figcaption { (position_text(frame.language, bounds)) }
        }
    }
}

/// The lines of a geometry: rings, lines, points.
fn collect(geometry: &Value, out: &mut Lines) {
    if let Some(members) = geometry.get("geometries").and_then(Value::as_array) {
        members.iter().for_each(|member| collect(member, out));
        return;
    }
    if let Some(coordinates) = geometry.get("coordinates") {
        let points_apart = geometry.get("type").and_then(Value::as_str) == Some("MultiPoint");
        collect_coordinates(coordinates, points_apart, out);
    }
}

fn collect_coordinates(coordinates: &Value, points_apart: bool, out: &mut Lines) {
    let Some(list) = coordinates.as_array() else { return };
    if let Some(point) = position(coordinates) {
        out.push(vec![point]);
    } else if list.first().is_some_and(|first| position(first).is_some()) {
        let points = list.iter().filter_map(position);
        if points_apart {
            out.extend(points.map(|p| vec![p]));
        } else {
            out.push(points.collect());
        }
    } else {
        list.iter().for_each(|part| collect_coordinates(part, points_apart, out));
    }
}

fn position(value: &Value) -> Option<(f64, f64)> {
    let pair = value.as_array()?;
    Some((pair.first()?.as_f64()?, pair.get(1)?.as_f64()?))
}

fn bounds(lines: &Lines) -> Option<Bounds> {
    let mut positions = lines.iter().flatten();
    let (x, y) = positions.next()?;
    let mut b = Bounds { west: *x, south: *y, east: *x, north: *y };
    for (x, y) in positions {
        b.west = b.west.min(*x);
        b.east = b.east.max(*x);
        b.south = b.south.min(*y);
        b.north = b.north.max(*y);
    }
    Some(b)
}

fn window(b: Bounds) -> Window {
    let size = ((b.east - b.west) * ROOM).max((b.north - b.south) * 2.0 * ROOM);
    let width = size.clamp(WINDOW_MIN_DEG, WORLD_DEG);
    let height = width / 2.0;
    let x = ((b.west + b.east) / 2.0 - width / 2.0).clamp(-180.0, 180.0 - width);
    let y = (-(b.south + b.north) / 2.0 - height / 2.0).clamp(-90.0, 90.0 - height);
    Window { x, y, width }
}

/// Degrees between two lines, so that a window has about six.
fn step(width: f64) -> f64 {
    match width {
        w if w > 200.0 => 30.0,
        w if w > 100.0 => 15.0,
        _ => 10.0,
    }
}

fn graticule(window: Window) -> String {
    let step = step(window.width);
    let mut path = String::new();
    let mut x = (window.x / step).ceil() * step;
    while x <= window.x + window.width {
        let _ = write!(path, "M{} -90v180", round(x));
        x += step;
    }
    let mut y = (window.y / step).ceil() * step;
    while y <= window.y + window.width / 2.0 {
        let _ = write!(path, "M-180 {}h360", round(y));
        y += step;
    }
    path
}

fn shape(lines: &Lines) -> String {
    let total: usize = lines.iter().map(Vec::len).sum();
    let every = total.div_ceil(POSITIONS_MAX).max(1);
    let mut path = String::new();
    for line in lines {
        let last = line.len().saturating_sub(1);
        let mut command = 'M';
        for (i, (x, y)) in line.iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last) {
            let _ = write!(path, "{command}{} {}", round(*x), round(-y));
            command = 'L';
            if i == last && line.len() > 3 && line[0] == line[last] {
                path.push('z');
            }
        }
    }
    path
}

/// Three decimals are 100 m: far below a pixel of this map.
fn round(number: f64) -> f64 {
    // Adding zero turns -0 into 0.
    (number * 1_000.0).round() / 1_000.0 + 0.0
}

fn span(language: Language, low: f64, high: f64) -> String {
    let text = |v: f64| decimal(language, round(v));
    if round(low) == round(high) { text(low) } else { format!("{} … {}", text(low), text(high)) }
}

/// `44.8° N, 0.5° W`, or the corners of a box.
fn position_text(language: Language, b: Bounds) -> String {
    let text = |v: f64| decimal(language, round(v.abs()));
    let latitude = |v: f64| format!("{}° {}", text(v), if v < 0.0 { "S" } else { "N" });
    let longitude = |v: f64| format!("{}° {}", text(v), if v < 0.0 { language.of("W", "O") } else { "E" });
    let corner = |x: f64, y: f64| format!("{}, {}", latitude(y), longitude(x));
    if b.west == b.east && b.south == b.north {
        return corner(b.west, b.south);
    }
    format!("{} – {}", corner(b.west, b.south), corner(b.east, b.north))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(geometry: Value) -> Lines {
        let mut out = Lines::new();
        collect(&geometry, &mut out);
        out
    }

    #[test]
    fn every_geometry_type_gives_its_lines() {
        let square = json!([[0, 0], [2, 0], [2, 1], [0, 0]]);
        assert_eq!(lines(json!({"type": "Point", "coordinates": [1, 2]})), [vec![(1.0, 2.0)]]);
        assert_eq!(lines(json!({"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]})).len(), 2);
        assert_eq!(lines(json!({"type": "LineString", "coordinates": [[1, 2], [3, 4]]})).len(), 1);
        assert_eq!(lines(json!({"type": "Polygon", "coordinates": [square, square]})).len(), 2);
        assert_eq!(lines(json!({"type": "MultiPolygon", "coordinates": [[square], [square]]})).len(), 2);
        let nested = json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]});
        assert_eq!(lines(nested).len(), 1);
        assert_eq!(lines(Value::Null).len(), 0);
    }

    #[test]
    fn the_window_stays_on_the_map_and_holds_the_shape() {
        for geometry in [
            json!({"type": "Point", "coordinates": [179.9, -89.9]}),
            json!({"type": "Point", "coordinates": [-180.0, 90.0]}),
            json!({"type": "LineString", "coordinates": [[-180, -80], [180, 80]]}),
            json!({"type": "LineString", "coordinates": [[0, -80], [1, 80]]}),
        ] {
            let b = bounds(&lines(geometry)).expect("positions");
            let w = window(b);
            assert!(w.x >= -180.0 && w.x + w.width <= 180.0, "{w:?}");
            assert!(w.y >= -90.0 && w.y + w.width / 2.0 <= 90.0, "{w:?}");
            assert!(w.x <= b.west && w.x + w.width >= b.east, "{w:?} {b:?}");
            assert!(w.y <= -b.north && w.y + w.width / 2.0 >= -b.south, "{w:?} {b:?}");
        }
    }

    #[test]
    fn a_long_shape_is_thinned_but_stays_closed() {
        let mut ring: Vec<(f64, f64)> = (0..20_000).map(|i| (f64::from(i) / 1_000.0, 1.0)).collect();
        ring.push(ring[0]);
        let path = shape(&vec![ring]);
        assert!(path.matches('L').count() <= POSITIONS_MAX + 1);
        assert!(path.starts_with("M0 -1") && path.ends_with("L0 -1z"), "{}", &path[path.len() - 20..]);
    }

    #[test]
    fn positions_are_written_with_their_hemispheres() {
        let text = |geometry: Value| position_text(Language::English, bounds(&lines(geometry)).expect("positions"));
        assert_eq!(text(json!({"type": "Point", "coordinates": [-0.5, 44.8]})), "44.8° N, 0.5° W");
        assert_eq!(text(json!({"type": "LineString", "coordinates": [[-1, -2], [3, 4]]})), "2° S, 1° W – 4° N, 3° E");
    }
}
