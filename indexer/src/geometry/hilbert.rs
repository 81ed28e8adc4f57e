//! Hilbert curve over the globe: neighbours on the curve are neighbours on the map.

use super::boxes::UNITS_PER_DEGREE;

/// Bits of each axis of the key.
const BITS: u32 = 16;

/// Hilbert key of a position in degrees, 16 bits an axis; positions off the globe count as on its edge.
pub fn hilbert(lon: f64, lat: f64) -> u32 {
    let cells = f64::from(1u32 << BITS);
    let cell = |share: f64| (share * cells).clamp(0.0, cells - 1.0) as u32;
    curve(BITS, cell((lon + 180.0) / 360.0), cell((lat + 90.0) / 180.0))
}

/// Hilbert key of the centre of a box (west, south, east, north) in 1e-7 degrees.
pub fn hilbert_of_box(part: [i32; 4]) -> u32 {
    let middle = |a: i32, b: i32| (f64::from(a) + f64::from(b)) / 2.0 / UNITS_PER_DEGREE;
    hilbert(middle(part[0], part[2]), middle(part[1], part[3]))
}

/// Position on the curve of cell (x, y) of a grid with `2^bits` cells an axis.
///
/// Descends from the whole square to the cell. In each quadrant the curve is the same figure, transposed in the first,
/// transposed and turned in the last. Source: D. Hilbert, Math. Ann. 38 (1891), 459–460.
fn curve(bits: u32, mut x: u32, mut y: u32) -> u32 {
    let mut key = 0;
    for level in (0..bits).rev() {
        let (right, upper) = ((x >> level) & 1, (y >> level) & 1);
        key = key << 2 | ((3 * right) ^ upper);
        if upper == 0 {
            if right == 1 {
                (x, y) = (!x, !y);
            }
            (x, y) = (y, x);
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_visits_every_cell_once_and_steps_to_a_neighbour() {
        for bits in 1..=6 {
            let side = 1u32 << bits;
            let mut at = vec![None; (side * side) as usize];
            for (x, y) in (0..side).flat_map(|x| (0..side).map(move |y| (x, y))) {
                let slot = &mut at[curve(bits, x, y) as usize];
                assert_eq!(*slot, None, "two cells share a key");
                *slot = Some((x, y));
            }
            for pair in at.windows(2) {
                let [(ax, ay), (bx, by)] = [pair[0], pair[1]].map(|cell| cell.expect("every key is used"));
                assert_eq!(ax.abs_diff(bx) + ay.abs_diff(by), 1, "{pair:?} at {bits} bits");
            }
        }
    }

    #[test]
    fn positions_off_the_globe_have_the_key_of_its_edge() {
        assert_eq!(hilbert(200.0, 95.0), hilbert(180.0, 90.0));
        assert_eq!(hilbert(-999.0, -95.0), hilbert(-180.0, -90.0));
        assert_eq!(hilbert(-180.0, -90.0), 0);
        assert_eq!(hilbert(180.0, -90.0), u32::MAX);
    }

    #[test]
    fn a_box_has_the_key_of_its_centre() {
        assert_eq!(hilbert_of_box([10_000_000, 20_000_000, 30_000_000, 60_000_000]), hilbert(2.0, 4.0));
        assert_eq!(hilbert_of_box([1_800_000_000, 0, 1_800_000_000, 0]), hilbert(180.0, 0.0));
    }
}
