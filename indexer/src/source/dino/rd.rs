//! Positions on the Dutch grid (Rijksdriehoeksmeting, EPSG:28992).

/// What an item with a converted position says of it.
pub(super) const STATEMENT: &str =
    "converted from EPSG:28992 by the polynomials of Schreutelkamp and Strang van Hees (2001), good to about a metre";

/// Grid coordinates of the base point, Amersfoort, in metres, and its position in degrees of WGS84.
const X0: f64 = 155_000.0;
const Y0: f64 = 463_000.0;
const LAT0: f64 = 52.155_174_4;
const LON0: f64 = 5.387_206_21;

/// Powers of dx and dy and the coefficient, in seconds of arc, of the latitude.
const LATITUDE: [(i32, i32, f64); 11] = [
    (0, 1, 3235.65389),
    (2, 0, -32.58297),
    (0, 2, -0.24750),
    (2, 1, -0.84978),
    (0, 3, -0.06550),
    (2, 2, -0.01709),
    (1, 0, -0.00738),
    (4, 0, 0.00530),
    (2, 3, -0.00039),
    (4, 1, 0.00033),
    (1, 1, -0.00012),
];

/// The same of the longitude.
const LONGITUDE: [(i32, i32, f64); 12] = [
    (1, 0, 5260.52916),
    (1, 1, 105.94684),
    (1, 2, 2.45656),
    (3, 0, -0.81885),
    (1, 3, 0.05594),
    (3, 1, -0.05607),
    (0, 1, 0.01199),
    (3, 2, -0.00256),
    (1, 4, 0.00128),
    (0, 2, 0.00022),
    (2, 0, -0.00022),
    (5, 0, 0.00026),
];

/// Longitude and latitude in degrees of WGS84 of a position in metres on the grid; `None` outside the area where the
/// grid is used (x 0 to 300 km, y 300 to 625 km).
///
/// Source: F. H. Schreutelkamp and G. L. Strang van Hees, "Benaderingsformules voor de transformatie tussen
/// RD- en WGS84-kaartcoördinaten", Geodesia 2001 no. 2. The approximation is good to about a metre.
pub(super) fn to_wgs84(x_m: f64, y_m: f64) -> Option<(f64, f64)> {
    if !(0.0..=300_000.0).contains(&x_m) || !(300_000.0..=625_000.0).contains(&y_m) {
        return None;
    }
    let (dx, dy) = ((x_m - X0) * 1e-5, (y_m - Y0) * 1e-5);
    let sum = |terms: &[(i32, i32, f64)]| terms.iter().map(|(p, q, k)| k * dx.powi(*p) * dy.powi(*q)).sum::<f64>();
    Some((LON0 + sum(&LONGITUDE) / 3600.0, LAT0 + sum(&LATITUDE) / 3600.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_positions_are_met_within_two_metres() {
        let check = |x: f64, y: f64, lon: f64, lat: f64| {
            let (found_lon, found_lat) = to_wgs84(x, y).unwrap();
            let east_m = (found_lon - lon) * 111_320.0 * lat.to_radians().cos();
            let north_m = (found_lat - lat) * 111_320.0;
            assert!(east_m.hypot(north_m) < 2.0, "{x} {y}: {east_m} m east, {north_m} m north");
        };
        // Amersfoort, and the tower of the Westerkerk in Amsterdam, an example that implementations of these formulas share.
        check(155_000.0, 463_000.0, 5.387_206_21, 52.155_174_40);
        check(120_700.723, 487_525.501, 4.883_525_59, 52.374_532_53);
        assert_eq!(to_wgs84(5.0, 52.0), None);
    }
}
