//! SWOT L2 HR RiverSP and LakeSP granules: a zipped shapefile with its metadata.
//!
//! The granule becomes an item; the reaches, nodes or prior lakes in it become undated places that hold only what
//! the prior databases say of them, so that the next granule over the same place does not change their attributes.
//! Every row becomes an observation of its place, with all columns, whether the place was observed or not.
//! Lakes of the kinds `Obs` and `Unassigned` have no lasting identity: of those files only the granule is taken.

mod dbf;
mod features;
pub(crate) mod hydrocron;
mod metadata;
mod name;
mod parameters;
mod shape;
mod table;
mod values;

use geo::{ConvexHull, Coord, MultiPoint, Point};
use nilometer_schemas::{Problem, geojson};
use serde_json::{Map, Value, json};

use super::input::Input;
use super::intake::Intake;
use super::{archive, collections, places};
use crate::Error;
use metadata::Metadata;
pub(crate) use name::{GranuleName, Kind, compact_time};
pub(crate) use parameters::declared;
pub use table::{ShapefileRow, ZippedShapefile};

/// Positions collected before they are reduced to their hull.
const HULL_POSITIONS: usize = 50_000;

/// The outline of what a granule covers, gathered position by position.
#[derive(Default)]
struct Footprint {
    positions: Vec<Point<f64>>,
}

impl Footprint {
    fn add(&mut self, positions: impl IntoIterator<Item = Coord<f64>>) {
        self.positions.extend(positions.into_iter().map(Point));
        if self.positions.len() > HULL_POSITIONS {
            let hull = MultiPoint(std::mem::take(&mut self.positions)).convex_hull();
            self.positions.extend(hull.exterior().0.iter().map(|c| Point(*c)));
        }
    }

    /// The convex hull; west of the antimeridian is written past 180 where the positions lie on both sides.
    fn hull(mut self) -> Option<Value> {
        let wide = |p: &[Point<f64>]| {
            let west = p.iter().map(|p| p.x()).fold(f64::INFINITY, f64::min);
            let east = p.iter().map(|p| p.x()).fold(f64::NEG_INFINITY, f64::max);
            east - west > 180.0
        };
        if wide(&self.positions) {
            for p in &mut self.positions {
                if p.x() < 0.0 {
                    p.0.x += 360.0;
                }
            }
        }
        let hull = MultiPoint(self.positions).convex_hull();
        (hull.exterior().0.len() >= 4).then(|| geojson::to_value(&hull.into()))
    }
}

/// Reads a granule; what is wrong with the archive as a whole is one rejection.
pub(crate) fn read(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let wanted = |name: &str| [".shp", ".dbf", ".xml"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
    let members = match archive::members(input, wanted) {
        Ok(members) => members,
        Err(Error::Problem(problem)) => {
            intake.reject(input.name(), "", problem.detail);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let size = input.size_bytes()?;
    intake.counter().set(intake.counter().get() + size);
    match read_members(input, &members, size, intake) {
        Err(Error::Problem(problem)) if problem.code == "granule" => {
            intake.reject(input.name(), "", problem.detail);
            Ok(())
        }
        done => done,
    }
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::invalid("granule", detail)
}

fn read_members(
    input: &Input<'_>,
    members: &[(String, Vec<u8>)],
    size: u64,
    intake: &mut Intake<'_>,
) -> Result<(), Error> {
    let find = |end: &str| {
        members.iter().find(|(name, _)| name.to_ascii_lowercase().ends_with(end)).map(|(name, content)| (name, content))
    };
    let (shp_name, shp) = find(".shp").ok_or_else(|| bad("the archive holds no .shp"))?;
    let (_, dbf) = find(".dbf").ok_or_else(|| bad("the archive holds no .dbf"))?;
    let stem = archive::stem(shp_name);
    let name = GranuleName::parse(stem)
        .ok_or_else(|| bad(format!("{stem:?} is not the name of a SWOT L2 HR RiverSP or LakeSP granule")))?;
    let version = name
        .version()
        .ok_or_else(|| bad(format!("the CRID {} is of a simulation, a test or a version before C", name.crid)))?;
    let metadata = match find(".xml") {
        Some((xml_name, xml)) => Metadata::parse(xml).map_err(|e| bad(format!("{xml_name}: {e}")))?,
        None => Metadata::default(),
    };
    let collection = format!("{}_{version}", name.short_name());
    intake.ensure(&collection, || collections::swot_granules(&collection, name.kind, &version))?;
    let mut footprint = Footprint::default();
    footprint.add(metadata.corners());
    let counts = features::read(input, &name, &version, &metadata, (shp, dbf), &mut footprint, intake)?;
    let granule = Granule { name: &name, version: &version, metadata: &metadata, counts: &counts };
    let href = format!("{}{}", intake.options.asset_base, input.file_name());
    let item = granule.item(&collection, footprint.hull(), &href, size);
    intake.item_value(input.name(), stem, &item)
}

/// What is known of a granule as a whole.
struct Granule<'a> {
    name: &'a GranuleName<'a>,
    version: &'a str,
    metadata: &'a Metadata,
    counts: &'a features::Counts,
}

impl Granule<'_> {
    fn item(&self, collection: &str, footprint: Option<Value>, href: &str, size_bytes: u64) -> Value {
        let mut item = places::item(collection, self.name.text, footprint, self.properties());
        item["assets"] = json!({
            "data": {
                "href": href,
                "type": "application/zip",
                "title": format!("{}, zipped shapefile", self.name.kind.product()),
                "roles": ["data"],
                "file:size": size_bytes,
            }
        });
        item["stac_extensions"] = json!([
            "https://stac-extensions.github.io/file/v2.1.0/schema.json",
            "https://stac-extensions.github.io/version/v1.2.0/schema.json",
        ]);
        item
    }

    fn properties(&self) -> Map<String, Value> {
        let (name, counts) = (self.name, self.counts);
        let words = ["SWOT", "KaRIn", name.short_name(), name.kind.product(), name.kind.what(), name.continent_name()];
        let mut p = Map::new();
        let mut put = |key: &str, value: Value| {
            p.insert(key.to_owned(), value);
        };
        put("datetime", name.start.to_string().into());
        put("start_datetime", name.start.to_string().into());
        put("end_datetime", name.end.to_string().into());
        put("title", name.text.into());
        put("description", name.description(counts.features, counts.observed).into());
        put("keywords", places::keywords(words.map(str::to_owned)));
        put("platform", "SWOT".into());
        put("instruments", json!(["karin"]));
        put("version", self.version.into());
        put("swot:cycle", name.cycle.into());
        put("swot:pass", name.pass.into());
        put("swot:crid", name.crid.into());
        put("swot:counter", name.counter.into());
        put("swot:continent", name.continent.into());
        put("swot:features", counts.features.into());
        put("swot:observed", counts.observed.into());
        if let Some(version) = &self.metadata.prior_version {
            put(name.kind.prior_version_member(), version.as_str().into());
        }
        p
    }
}
