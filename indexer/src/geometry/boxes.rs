//! Boxes (west, south, east, north): growing, rounding outward to integers, merging to a given number.

use super::hilbert;

/// Integer units of a box in one degree.
pub const UNITS_PER_DEGREE: f64 = 1e7;

/// Grows a box by a position.
pub(super) fn grow(bounds: &mut [f64; 4], [x, y]: [f64; 2]) {
    *bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
}

/// A box in 1e-7 degrees, rounded outward and clamped to the globe.
///
/// Seen through [`degrees_of_box`] it contains the given box (as far as that is on the globe). The rounding is monotone:
/// two boxes that share a point still do when rounded.
pub fn outward(bounds: [f64; 4]) -> [i32; 4] {
    let [w, s, e, n] = bounds;
    [down(w, 180.0), down(s, 90.0), up(e, 180.0), up(n, 90.0)]
}

/// The box in degrees.
pub fn degrees_of_box(part: [i32; 4]) -> [f64; 4] {
    part.map(|v| f64::from(v) / UNITS_PER_DEGREE)
}

fn down(degrees: f64, most: f64) -> i32 {
    let degrees = degrees.clamp(-most, most);
    let units = (degrees * UNITS_PER_DEGREE).floor();
    // The product is rounded, possibly upward past the value.
    (if units / UNITS_PER_DEGREE > degrees { units - 1.0 } else { units }) as i32
}

fn up(degrees: f64, most: f64) -> i32 {
    -down(-degrees, most)
}

/// Joins boxes that are near each other until at most `most` are left (at least one).
///
/// Neighbours on the Hilbert curve are joined in runs of equal length: cheap and good enough for what only preselects.
pub fn merge_boxes(mut boxes: Vec<[f64; 4]>, most: usize) -> Vec<[f64; 4]> {
    if boxes.len() <= most {
        return boxes;
    }
    boxes.sort_by_cached_key(|b| hilbert((b[0] + b[2]) / 2.0, (b[1] + b[3]) / 2.0));
    let run = boxes.len().div_ceil(most.max(1));
    boxes.chunks(run).map(union).collect()
}

/// The box around boxes; at least one must be given.
fn union(boxes: &[[f64; 4]]) -> [f64; 4] {
    let mut all = boxes[0];
    for b in boxes {
        grow(&mut all, [b[0], b[1]]);
        grow(&mut all, [b[2], b[3]]);
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_rounded_box_contains_the_box_and_exceeds_it_by_less_than_two_units(
            a in -180.0..180.0f64, b in -90.0..90.0f64, c in 0.0..1.0f64, d in 0.0..1.0f64
        ) {
            let given = [a, b, (a + c).min(180.0), (b + d).min(90.0)];
            let rounded = degrees_of_box(outward(given));
            prop_assert!(rounded[0] <= given[0] && rounded[1] <= given[1]);
            prop_assert!(rounded[2] >= given[2] && rounded[3] >= given[3]);
            for (r, g) in rounded.iter().zip(given) {
                prop_assert!((r - g).abs() < 2e-7);
            }
        }

        #[test]
        fn multiples_of_a_unit_are_not_widened(units in -1_800_000_000..=1_800_000_000i32) {
            let x = f64::from(units) / UNITS_PER_DEGREE;
            let rounded = outward([x, 0.0, x, 0.0]);
            prop_assert!(units - rounded[0] <= 1 && rounded[2] - units <= 1);
            prop_assert!(degrees_of_box(rounded)[0] <= x && x <= degrees_of_box(rounded)[2]);
        }

        #[test]
        fn merged_boxes_are_few_and_contain_every_box(
            corners in prop::collection::vec((-180.0..170.0f64, -90.0..80.0f64), 1..60), most in 1..20usize
        ) {
            let boxes: Vec<[f64; 4]> = corners.iter().map(|&(x, y)| [x, y, x + 1.0, y + 2.0]).collect();
            let merged = merge_boxes(boxes.clone(), most);
            prop_assert!(merged.len() <= most);
            for b in boxes {
                prop_assert!(merged.iter().any(|m| m[0] <= b[0] && m[1] <= b[1] && m[2] >= b[2] && m[3] >= b[3]));
            }
        }
    }

    #[test]
    fn boxes_off_the_globe_are_clamped() {
        assert_eq!(outward([-999.0, -99.0, 999.0, 99.0]), [-1_800_000_000, -900_000_000, 1_800_000_000, 900_000_000]);
    }
}
