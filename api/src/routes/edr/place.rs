//! Where values are asked for: the `coords`, `bbox` and `within` of OGC API EDR.

use geo::Geometry;
use nilometer_indexer::Snapshot;
use nilometer_query::cql2::parse_wkt;
use nilometer_query::{Near, feature_ids, features_within, nearest};
use nilometer_schemas::limits::POSITIONS_MAX;
use nilometer_schemas::{Kind, Problem, Scope, Search};

use super::table::Distances;

/// Units of distances, with their length in metres. The first is the default; all names may be written in any case.
const UNITS: [(&str, f64); 10] = [
    ("km", 1_000.0),
    ("m", 1.0),
    ("mi", 1_609.344),
    ("kilometers", 1_000.0),
    ("kilometres", 1_000.0),
    ("meters", 1.0),
    ("metres", 1.0),
    ("miles", 1_609.344),
    ("nmi", 1_852.0),
    ("ft", 0.3048),
];
/// How far the feature of a position may lie where the caller does not say, metres.
pub(crate) const TOLERANCE_M: f64 = 10_000.0;

/// Where values are asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// At these features.
    Named(Vec<String>),
    /// At the feature nearest to each position, if it lies within the tolerance.
    Nearest {
        /// Longitude and latitude.
        positions: Vec<[f64; 2]>,
        /// Metres.
        tolerance_m: f64,
    },
    /// At all features within a distance of one of the positions.
    Around {
        /// Longitude and latitude.
        positions: Vec<[f64; 2]>,
        /// Metres.
        radius_m: f64,
    },
    /// At all features that the search finds.
    Matching,
}

/// The features of a place.
pub(super) struct Found {
    /// Their ids.
    pub(super) ids: Vec<String>,
    /// How far each lies from where it was asked for; empty where no position was named.
    pub(super) distances: Distances,
}

impl Place {
    /// The features with observations, of those that the search finds.
    ///
    /// # Errors
    /// Those of the search.
    pub(super) fn find(&self, snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<Found, Problem> {
        let near: Vec<Near> = match self {
            Self::Named(ids) => return Ok(Found { ids: ids.clone(), distances: Distances::new() }),
            Self::Matching => {
                return Ok(Found { ids: feature_ids(snapshot, search, scope)?, distances: Distances::new() });
            }
            Self::Around { positions, radius_m } => features_within(snapshot, search, positions, *radius_m, scope)?,
            Self::Nearest { positions, tolerance_m } => {
                let mut found = Vec::new();
                for position in positions {
                    found.extend(nearest(snapshot, search, *position, *tolerance_m, scope)?);
                }
                found
            }
        };
        let mut distances = Distances::with_capacity(near.len());
        for Near { id, distance_m } in near {
            // One feature may be the nearest to several positions.
            let shortest = distances.entry(id).or_insert(distance_m);
            *shortest = shortest.min(distance_m);
        }
        let mut ids: Vec<String> = distances.keys().cloned().collect();
        ids.sort_unstable();
        Ok(Found { ids, distances })
    }
}

/// The units that `within-units` knows.
pub(crate) fn units() -> Vec<&'static str> {
    UNITS.iter().map(|(name, _)| *name).collect()
}

/// The `coords` of a position or a radius: longitudes within ±180, latitudes.
///
/// # Errors
/// `Invalid` for what is missing, malformed or of another type, `TooLarge` for too many positions.
pub(super) fn positions(coords: Option<&str>) -> Result<Vec<[f64; 2]>, Problem> {
    const ALLOWED: &str = "POINT(LONGITUDE LATITUDE) or MULTIPOINT((LONGITUDE LATITUDE),…)";
    let points = match geometry(coords, ALLOWED)? {
        Geometry::Point(point) => vec![point],
        Geometry::MultiPoint(points) => points.0,
        _ => return Err(bad("coords of this query are a point or points").allowed(ALLOWED)),
    };
    if points.len() > POSITIONS_MAX {
        let detail = format!("coords has {} positions, the limit is {POSITIONS_MAX}", points.len());
        return Err(Problem::new(Kind::TooLarge, "too-many-values", detail).at("coords").allowed(ALLOWED));
    }
    let turned = |lon: f64| if lon.abs() <= 180.0 { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 };
    Ok(points.into_iter().map(|point| [turned(point.x()), point.y()]).collect())
}

/// The `coords` of an area; rings may turn either way.
///
/// # Errors
/// As [`positions`].
pub(super) fn area(coords: Option<&str>) -> Result<Geometry<f64>, Problem> {
    const ALLOWED: &str =
        "POLYGON((LONGITUDE LATITUDE,…)) or MULTIPOLYGON(((LONGITUDE LATITUDE,…)),…), each ring closed";
    match geometry(coords, ALLOWED)? {
        area @ (Geometry::Polygon(_) | Geometry::MultiPolygon(_)) => Ok(area),
        _ => Err(bad("coords of this query are a polygon or polygons").allowed(ALLOWED)),
    }
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::invalid("coords", detail).at("coords")
}

fn geometry(coords: Option<&str>, allowed: &str) -> Result<Geometry<f64>, Problem> {
    let text = coords.map(str::trim).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| bad("coords is missing").allowed(allowed))?;
    parse_wkt(text).map_err(|problem| if problem.kind == Kind::TooLarge { problem } else { problem.allowed(allowed) })
}

/// `within` and `within-units` as metres; `None` where neither is given.
///
/// # Errors
/// `Invalid` for one without the other, a distance that is negative or no number, an unknown unit.
pub(super) fn within_m(within: Option<&str>, units: Option<&str>) -> Result<Option<f64>, Problem> {
    let missing = |name: &str, allowed: String| {
        Problem::invalid("within", format!("{name} is missing: within and within-units belong together"))
            .at(name)
            .allowed(allowed)
    };
    let names = || self::units().join(", ");
    let (number, unit) = match (within, units) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(missing("within", "a number from 0 on".into())),
        (Some(_), None) => return Err(missing("within-units", names())),
        (Some(number), Some(unit)) => (number, unit),
    };
    let distance = number.trim().parse::<f64>().ok().filter(|d| d.is_finite() && *d >= 0.0).ok_or_else(|| {
        Problem::invalid("within", format!("{number:?} is not a distance")).at("within").allowed("a number from 0 on")
    })?;
    let metres = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim())).map(|(_, metres)| *metres);
    let metres = metres.ok_or_else(|| {
        Problem::invalid("within-units", format!("there is no unit {unit:?}")).at("within-units").allowed(names())
    })?;
    Ok(Some(distance * metres))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_points_in_degrees_and_nothing_else() {
        assert_eq!(positions(Some("POINT(1.5 -2)")), Ok(vec![[1.5, -2.0]]));
        assert_eq!(positions(Some("point (190 0)")), Ok(vec![[-170.0, 0.0]]));
        assert_eq!(positions(Some("MULTIPOINT((180 1),(2 3 9))")), Ok(vec![[180.0, 1.0], [2.0, 3.0]]));
        for coords in [
            None,
            Some(""),
            Some("POINT()"),
            Some("POINT(1)"),
            Some("POINT(1 91)"),
            Some("LINESTRING(0 0,1 1)"),
            Some("POINT(1 2"),
            Some("1,2"),
            Some("POINT EMPTY"),
        ] {
            let problem = positions(coords).expect_err("refused");
            assert_eq!((problem.kind, problem.parameter.as_deref()), (Kind::Invalid, Some("coords")), "{coords:?}");
            assert!(problem.allowed.is_some(), "{coords:?}");
        }
        let many = format!("MULTIPOINT({})", vec!["1 2"; POSITIONS_MAX + 1].join(","));
        assert_eq!(positions(Some(&many)).map_err(|p| p.kind), Err(Kind::TooLarge));
    }

    #[test]
    fn areas_are_polygons_of_either_winding_within_the_limits_of_filters() {
        for ring in ["(0 0,0 1,1 1,1 0,0 0)", "(0 0,1 0,1 1,0 1,0 0)"] {
            assert!(area(Some(&format!("POLYGON({ring})"))).is_ok());
            assert!(area(Some(&format!("MULTIPOLYGON(({ring}))"))).is_ok());
        }
        for coords in ["POLYGON()", "POLYGON((0 0,1 1,0 0))", "POINT(1 2)", "POLYGON((0 0,1 0,1 1,0 1))"] {
            assert_eq!(area(Some(coords)).map_err(|p| p.kind), Err(Kind::Invalid), "{coords}");
        }
        assert!(area(Some(&"GEOMETRYCOLLECTION(".repeat(3_000))).is_err());
        let huge = format!("POLYGON((0 0,{}0 0))", "0.1 0.1,".repeat(20_000));
        assert_eq!(area(Some(&huge)).map_err(|p| p.kind), Err(Kind::TooLarge));
    }

    #[test]
    fn distances_have_a_number_and_a_unit() {
        assert_eq!(within_m(None, None), Ok(None));
        assert_eq!(within_m(Some("2.5"), Some("km")), Ok(Some(2_500.0)));
        assert_eq!(within_m(Some("1"), Some("Miles")), Ok(Some(1_609.344)));
        for (within, units, parameter) in [
            (Some("1"), None, "within-units"),
            (None, Some("km"), "within"),
            (Some("-1"), Some("km"), "within"),
            (Some("nan"), Some("km"), "within"),
            (Some("1"), Some("furlong"), "within-units"),
        ] {
            let problem = within_m(within, units).expect_err("refused");
            assert_eq!(problem.parameter.as_deref(), Some(parameter));
        }
    }
}
