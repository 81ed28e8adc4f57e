//! The reference systems in which positions are asked for and answered (OGC API Features Part 2). All that is stored and
//! computed is CRS84.

use std::f64::consts::{FRAC_PI_4, PI};

use crate::Problem;

/// Radius of the sphere of EPSG:3857, metres (the semi-major axis of WGS 84).
const RADIUS_M: f64 = 6_378_137.0;
/// The map ends before the poles, where it would be infinite.
const MERCATOR_LATITUDE_MAX: f64 = 89.999_999;

/// The short name of CRS84.
pub const CRS84_NAME: &str = "CRS84";

/// A reference system of positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Crs {
    /// WGS 84, longitude first, degrees.
    #[default]
    Crs84,
    /// WGS 84, latitude first, degrees.
    Epsg4326,
    /// Web Mercator, metres east and north.
    Epsg3857,
}

impl Crs {
    /// All of them, the stored one first.
    pub const ALL: [Self; 3] = [Self::Crs84, Self::Epsg4326, Self::Epsg3857];

    /// Its address.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Crs84 => "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
            Self::Epsg4326 => "http://www.opengis.net/def/crs/EPSG/0/4326",
            Self::Epsg3857 => "http://www.opengis.net/def/crs/EPSG/0/3857",
        }
    }

    /// Reads an address, `https` as well, or the short name that OGC API EDR has for CRS84; `parameter` is where it stands.
    ///
    /// # Errors
    /// `Invalid` for any other system, naming those that are offered.
    pub fn parse(parameter: &str, text: &str) -> Result<Self, Problem> {
        let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
        if text == CRS84_NAME {
            return Ok(Self::Crs84);
        }
        let is_meant = |crs: &Self| crs.uri().strip_prefix("http://") == Some(bare);
        Self::ALL.into_iter().find(is_meant).ok_or_else(|| {
            let shown: String = text.chars().take(120).collect();
            Problem::invalid("crs", format!("positions are not offered in {shown:?}"))
                .at(parameter)
                .allowed(Self::ALL.map(Self::uri).join(", "))
        })
    }

    /// A position of CRS84 in this system, in the order of its axes.
    pub fn from_crs84(self, [longitude, latitude]: [f64; 2]) -> [f64; 2] {
        match self {
            Self::Crs84 => [longitude, latitude],
            Self::Epsg4326 => [latitude, longitude],
            Self::Epsg3857 => {
                let latitude = latitude.clamp(-MERCATOR_LATITUDE_MAX, MERCATOR_LATITUDE_MAX).to_radians();
                [RADIUS_M * longitude.to_radians(), RADIUS_M * (FRAC_PI_4 + latitude / 2.0).tan().ln()]
            }
        }
    }

    /// The inverse of [`Crs::from_crs84`].
    pub fn to_crs84(self, [first, second]: [f64; 2]) -> [f64; 2] {
        match self {
            Self::Crs84 => [first, second],
            Self::Epsg4326 => [second, first],
            Self::Epsg3857 => {
                [(first / RADIUS_M).to_degrees(), (2.0 * (second / RADIUS_M).exp().atan() - PI / 2.0).to_degrees()]
            }
        }
    }

    /// A box of four numbers, or six with heights, in this system as one of CRS84. What lies beyond the ends of the
    /// map of EPSG:3857 is cut off.
    ///
    /// # Errors
    /// `Invalid` for another count.
    pub fn bbox_to_crs84(self, numbers: &[f64]) -> Result<[f64; 4], Problem> {
        let (low, high) = match *numbers {
            [a, b, c, d] | [a, b, _, c, d, _] => ([a, b], [c, d]),
            _ => {
                let detail = format!("a bbox has 4 or 6 numbers, not {}", numbers.len());
                return Err(Problem::invalid("bbox", detail).at("bbox").allowed("4 or 6 numbers"));
            }
        };
        let ([west, south], [east, north]) = (self.to_crs84(low), self.to_crs84(high));
        if self == Self::Epsg3857 {
            return Ok([west.clamp(-180.0, 180.0), south, east.clamp(-180.0, 180.0), north]);
        }
        Ok([west, south, east, north])
    }

    /// A box of CRS84 in this system.
    pub fn bbox_from_crs84(self, [west, south, east, north]: [f64; 4]) -> [f64; 4] {
        let ([a, b], [c, d]) = (self.from_crs84([west, south]), self.from_crs84([east, north]));
        [a, b, c, d]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_read_with_either_scheme_and_others_are_refused() {
        for crs in Crs::ALL {
            assert_eq!(Crs::parse("crs", crs.uri()), Ok(crs));
            assert_eq!(Crs::parse("crs", &crs.uri().replace("http:", "https:")), Ok(crs));
        }
        for text in
            ["", "EPSG:2154", "http://www.opengis.net/def/crs/EPSG/0/2154", "www.opengis.net/def/crs/EPSG/0/4326"]
        {
            assert_eq!(Crs::parse("bbox-crs", text).map_err(|p| p.parameter), Err(Some("bbox-crs".into())), "{text}");
        }
    }

    #[test]
    fn published_positions_come_out() {
        // IOGP 373-7-2, "Popular Visualisation Pseudo Mercator": the worked example.
        let [east, north] = Crs::Epsg3857.from_crs84([-100.0 - 20.0 / 60.0, 24.0 + 22.0 / 60.0 + 54.433 / 3_600.0]);
        assert!((east + 11_169_055.58).abs() < 0.01 && (north - 2_800_000.0).abs() < 0.01, "{east} {north}");
        assert_eq!(Crs::Epsg4326.from_crs84([4.8, 45.7]), [45.7, 4.8]);
        let pole = Crs::Epsg3857.from_crs84([0.0, 90.0]);
        assert!(pole[1].is_finite() && pole[1] > 1e8);
    }

    proptest! {
        #[test]
        fn a_position_comes_back(longitude in -180.0f64..180.0, latitude in -89.9f64..89.9) {
            for crs in Crs::ALL {
                let [x, y] = crs.to_crs84(crs.from_crs84([longitude, latitude]));
                prop_assert!((x - longitude).abs() < 1e-9 && (y - latitude).abs() < 1e-9, "{crs:?}: {x} {y}");
            }
        }
    }
}
