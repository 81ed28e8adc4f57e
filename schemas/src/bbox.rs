//! Bounding boxes in CRS84.

use crate::{Crs, Problem};

/// West, south, east, north in degrees, CRS84. `west > east` crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bbox {
    /// Western edge, -180..=180.
    pub west: f64,
    /// Southern edge, -90..=90.
    pub south: f64,
    /// Eastern edge, -180..=180.
    pub east: f64,
    /// Northern edge, -90..=90.
    pub north: f64,
}

impl Bbox {
    /// Takes 4 numbers, or 6 of which the heights are dropped (heights are not indexed).
    ///
    /// # Errors
    /// `Invalid` for another count, numbers outside the globe or `south > north`.
    pub fn from_numbers(numbers: &[f64]) -> Result<Self, Problem> {
        let allowed =
            "west,south,east,north in degrees (or 6 numbers with heights); west > east crosses the antimeridian";
        let bad = |detail: String| Problem::invalid("bbox", detail).at("bbox").allowed(allowed);
        let [west, south, east, north] = match *numbers {
            [w, s, e, n] => [w, s, e, n],
            [w, s, _, e, n, _] => [w, s, e, n],
            _ => return Err(bad(format!("a bbox has 4 or 6 numbers, not {}", numbers.len()))),
        };
        if !numbers.iter().all(|v| v.is_finite()) {
            return Err(bad("a bbox holds finite numbers".into()));
        }
        if !(-180.0..=180.0).contains(&west) || !(-180.0..=180.0).contains(&east) {
            return Err(bad(format!("longitudes lie between -180 and 180, not {west} and {east}")));
        }
        if !(-90.0..=90.0).contains(&south) || !(-90.0..=90.0).contains(&north) {
            return Err(bad(format!("latitudes lie between -90 and 90, not {south} and {north}")));
        }
        if south > north {
            return Err(bad(format!("south {south} is above north {north}")));
        }
        Ok(Self { west, south, east, north })
    }

    /// Parses the comma-separated form of a URL.
    ///
    /// # Errors
    /// As [`Bbox::from_numbers`], and for what is no number.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Self::parse_in(text, Crs::Crs84)
    }

    /// As [`Bbox::parse`], of numbers in another reference system.
    ///
    /// # Errors
    /// As [`Bbox::parse`].
    pub fn parse_in(text: &str, crs: Crs) -> Result<Self, Problem> {
        let mut numbers = Vec::with_capacity(6);
        for part in text.split(',') {
            let number = part.trim().parse::<f64>().map_err(|_| {
                Problem::invalid("bbox", format!("{part:?} is not a number"))
                    .at("bbox")
                    .allowed("west,south,east,north in degrees")
            })?;
            numbers.push(number);
            if numbers.len() > 6 {
                break;
            }
        }
        if crs == Crs::Crs84 { Self::from_numbers(&numbers) } else { Self::from_numbers(&crs.bbox_to_crs84(&numbers)?) }
    }

    /// One box, or two when it crosses the antimeridian; each with `west <= east`.
    pub fn split(self) -> Vec<Self> {
        if self.west <= self.east {
            return vec![self];
        }
        vec![Self { east: 180.0, ..self }, Self { west: -180.0, ..self }]
    }

    /// The four numbers.
    pub fn numbers(self) -> [f64; 4] {
        [self.west, self.south, self.east, self.north]
    }
}
