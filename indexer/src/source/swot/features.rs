//! The reaches, nodes and prior lakes of a granule as undated places.

use std::io::Cursor;

use geo::CoordsIter;
use nilometer_schemas::geojson;
use serde_json::{Map, Value};
use shapefile::ShapeReader;

use super::super::input::Input;
use super::super::intake::Intake;
use super::super::{collections, places};
use super::dbf::{Row, Table};
use super::metadata::Metadata;
use super::values::Values;
use super::{Footprint, GranuleName, Kind, bad, shape};
use crate::Error;

/// Whether a text of a granule stands for "no value".
pub(crate) fn is_fill(text: &str) -> bool {
    // Numbers are padded with decimals to the width of their column: -999999999999.000.
    let whole = text.split_once('.').map_or(
        text,
        |(whole, decimals)| {
            if decimals.bytes().all(|b| b == b'0') { whole } else { text }
        },
    );
    matches!(whole, "no_data" | "-999999999999" | "-99999999" | "-999")
}

/// How a kind's rows become places.
struct Layout {
    id: &'static str,
    name: &'static str,
    /// What stands before the id in a title.
    noun: &'static str,
    /// A measured column: it has a value where the feature was observed.
    measured: &'static str,
    /// Numbers of the prior database, under the product's own names.
    numbers: &'static [&'static str],
    /// Texts of the prior database.
    texts: &'static [&'static str],
    /// Lists of ids, separated by `,` or `;` in the file.
    lists: &'static [&'static str],
}

const REACHES: Layout = Layout {
    id: "reach_id",
    name: "river_name",
    noun: "reach",
    measured: "wse",
    numbers: &[
        "p_lon",
        "p_lat",
        "n_reach_up",
        "n_reach_dn",
        "p_wse",
        "p_wse_var",
        "p_width",
        "p_wid_var",
        "p_n_nodes",
        "p_dist_out",
        "p_length",
        "p_maf",
        "p_dam_id",
        "p_n_ch_max",
        "p_n_ch_mod",
        "p_low_slp",
    ],
    texts: &[],
    lists: &["rch_id_up", "rch_id_dn"],
};

const NODES: Layout = Layout {
    id: "node_id",
    name: "river_name",
    noun: "node",
    measured: "wse",
    numbers: &[
        "p_wse",
        "p_wse_var",
        "p_width",
        "p_wid_var",
        "p_dist_out",
        "p_length",
        "p_dam_id",
        "p_n_ch_max",
        "p_n_ch_mod",
    ],
    texts: &["reach_id"],
    lists: &[],
};

const LAKES: Layout = Layout {
    id: "lake_id",
    name: "lake_name",
    noun: "lake",
    measured: "wse",
    numbers: &["p_lon", "p_lat", "p_res_id", "p_ref_wse", "p_ref_area", "p_ds_t0", "p_storage"],
    texts: &["p_date_t0"],
    lists: &["reach_id"],
};

fn layout(kind: Kind) -> Option<&'static Layout> {
    match kind {
        Kind::Reach => Some(&REACHES),
        Kind::Node => Some(&NODES),
        Kind::PriorLake => Some(&LAKES),
        Kind::ObservedLake | Kind::UnassignedLake => None,
    }
}

/// What a granule holds.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) features: u64,
    pub(crate) observed: u64,
}

/// Passes the features and their observations on and gathers the granule's footprint.
///
/// # Errors
/// `Invalid` with the code `granule` for a damaged table; what the sink returned.
pub(crate) fn read(
    input: &Input<'_>,
    name: &GranuleName<'_>,
    version: &str,
    metadata: &Metadata,
    (shp, dbf): (&[u8], &[u8]),
    footprint: &mut Footprint,
    intake: &mut Intake<'_>,
) -> Result<Counts, Error> {
    let table = Table::parse(dbf).map_err(bad)?;
    let mut shapes = ShapeReader::new(Cursor::new(shp)).map_err(|e| bad(format!("the .shp cannot be read: {e}")))?;
    let mut shapes = shapes.iter_shapes();
    let layout = layout(name.kind);
    let collection = collections::swot_features_id(name.kind, version);
    let mut values = None;
    if layout.is_some() {
        values = Some(Values::new(&collection, name, version, metadata, &table)?);
        intake.ensure(&collection, || collections::swot_features(name.kind, version))?;
    }
    let mut counts = Counts::default();
    for index in 0..table.len() {
        let record = format!("row {}", index + 1);
        let shape = match shapes.next() {
            Some(Ok(shape)) => shape,
            ended => {
                let why = match ended {
                    Some(Err(e)) => e.to_string(),
                    _ => "there are fewer shapes than rows".to_owned(),
                };
                let reason = format!("this row and all after it cannot be read: {why}");
                intake.reject(input.name(), format!("rows {} to {}", index + 1, table.len()), reason);
                break;
            }
        };
        let Some(row) = table.row(index) else {
            intake.reject(input.name(), record, "the row is marked as deleted");
            continue;
        };
        counts.features += 1;
        let geometry = match shape::geometry(&shape) {
            Ok(geometry) => geometry,
            Err(reason) => {
                intake.reject(input.name(), record.clone(), format!("{reason}; the row is kept without place"));
                None
            }
        };
        if let Some(geometry) = &geometry {
            footprint.add(geometry.coords_iter());
        }
        let observed = row.number(layout.map_or("wse", |l| l.measured)).is_some();
        counts.observed += u64::from(observed);
        let (Some(layout), Some(values)) = (layout, &mut values) else { continue };
        let Some(id) = row.text(layout.id) else {
            intake.reject(input.name(), record, format!("the row has no {}", layout.id));
            continue;
        };
        let place = geometry.as_ref().map(geojson::to_value);
        let item = feature(layout, &collection, name, metadata, (&id, &row), place, observed);
        intake.item_value(input.name(), &record, &item)?;
        intake.give(&collection, &id);
        values.take(input, &record, &id, &row, geometry.as_ref(), intake)?;
    }
    if let Some(values) = values {
        values.finish(intake)?;
    }
    Ok(counts)
}

fn feature(
    layout: &Layout,
    collection: &str,
    name: &GranuleName<'_>,
    metadata: &Metadata,
    (id, row): (&str, &Row<'_>),
    geometry: Option<Value>,
    observed: bool,
) -> Value {
    let names = list(row.text(layout.name), &[';']);
    let title = match names.first() {
        Some(name) => format!("{name}, {} {id}", layout.noun),
        None => format!("SWOT {} {id}", layout.noun),
    };
    let mut p = Map::new();
    let words = names.iter().cloned().chain([id.to_owned(), "SWOT".into(), name.continent_name().into()]);
    p.insert("keywords".into(), places::keywords(words));
    p.insert(layout.id.into(), id.into());
    if let Some(first) = names.first() {
        p.insert("name".into(), first.as_str().into());
    }
    if names.len() > 1 {
        p.insert("names".into(), names.clone().into());
    }
    p.insert("observed".into(), observed.into());
    p.insert("swot:continent".into(), name.continent.into());
    for column in layout.texts {
        if let Some(text) = row.text(column) {
            p.insert((*column).into(), text.into());
        }
    }
    for column in layout.lists {
        let ids = list(row.text(column), &[',', ';']);
        if !ids.is_empty() {
            p.insert((*column).into(), ids.into());
        }
    }
    for column in layout.numbers {
        if let Some(number) = row.number(column) {
            p.insert((*column).into(), number);
        }
    }
    if let Some(version) = &metadata.prior_version {
        p.insert(name.kind.prior_version_member().into(), version.as_str().into());
    }
    places::place(collection, id, &title, geometry, p)
}

/// The parts of a text that are not fill values.
fn list(text: Option<String>, separators: &[char]) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.split(separators).map(places::tidy).filter(|part| !part.is_empty() && !is_fill(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_values_are_recognised_in_every_width() {
        for (text, expected) in [
            ("no_data", true),
            ("-999", true),
            ("-999999999999.000", true),
            ("-99999999", true),
            ("-999.5", false),
            ("-998", false),
            ("0", false),
            ("", false),
        ] {
            assert_eq!(is_fill(text), expected, "{text:?}");
        }
    }
}
