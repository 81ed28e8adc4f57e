//! Virtual stations of Hydroweb, as one GeoJSON file lists them.
//!
//! Positions are longitude, latitude, although the file's `crs` member names EPSG:4326.

use std::io::Read;

use serde_json::{Map, Value};

use super::document::{Feature, each_record};
use super::input::Input;
use super::intake::Intake;
use super::{collections, places};
use crate::Error;

const MEMBERS: [&str; 5] = ["name", "river", "lake", "basin", "status"];

/// Whether a feature is a virtual station.
pub(crate) fn is_station(feature: &str) -> bool {
    Feature::of(feature).is_some_and(|f| MEMBERS.iter().all(|member| f.properties.contains_key(*member)))
}

pub(crate) fn read(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let content = input.content(&intake.counter())?;
    take(input.name(), content, intake)
}

pub(crate) fn take(file: &str, reader: impl Read, intake: &mut Intake<'_>) -> Result<(), Error> {
    let collection = collections::HYDROWEB_STATIONS;
    intake.ensure(collection, || collections::builtin(collection))?;
    each_record(file, reader, intake, &mut |intake, number, record| match station(record) {
        Ok(item) => intake.item_value(file, &number.to_string(), &item),
        Err(reason) => {
            intake.reject(file, number.to_string(), reason);
            Ok(())
        }
    })
}

fn station(text: &str) -> Result<Value, &'static str> {
    let feature = Feature::of(text).ok_or("not a GeoJSON feature")?;
    let get = |member: &str| {
        let text = feature.properties.get(member).and_then(Value::as_str).map(places::tidy).unwrap_or_default();
        (!text.is_empty()).then_some(text)
    };
    let name = get("name").ok_or("the station has no name")?;
    let (river, lake, basin) = (get("river"), get("lake"), get("basin"));
    let (kind, water) = match (&lake, &river) {
        (Some(lake), _) => ("lake", Some(lake.clone())),
        (None, Some(river)) => ("river", Some(river.clone())),
        (None, None) => ("river", None),
    };
    let title = match &water {
        Some(water) => format!("{} ({name})", places::capitalised(water)),
        None => name.clone(),
    };
    let mut p = Map::new();
    let words = [Some(name.clone()), river.clone(), lake.clone(), basin.clone(), Some(kind.into())];
    p.insert("keywords".into(), places::keywords(words.into_iter().flatten()));
    p.insert("name".into(), name.as_str().into());
    p.insert("station_type".into(), kind.into());
    for (member, value) in [
        ("river", river),
        ("lake", lake),
        ("basin", basin),
        ("status", get("status")),
        ("validation", get("validation")),
    ] {
        if let Some(value) = value {
            p.insert(member.into(), value.into());
        }
    }
    Ok(places::place(collections::HYDROWEB_STATIONS, &name, &title, feature.geometry, p))
}
