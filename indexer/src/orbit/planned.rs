//! The collection of planned passes: derived from the orbit, never from products.

use std::ops::RangeInclusive;

use geo::{CoordsIter, Geometry};
use nilometer_schemas::{Collection, CollectionId, Item, ItemId, ItemText, geojson};
use serde_json::{Map, Value, json};

use super::{CYCLES, CYCLES_FLOWN, Cycle, PASSES, Pass, cycles, revolution};
use crate::Error;
use crate::source::{Record, Sink};

/// Identifier of the collection.
pub const COLLECTION: &str = "swot-passes-planned";

/// To be raised with every change of what [`planned_passes`] makes, so that loaded copies are known to be old.
const GENERATOR_VERSION: u32 = 1;

/// Changes whenever the planned passes would come out differently.
pub fn fingerprint() -> String {
    let mut hash = blake3::Hasher::new();
    for part in [&GENERATOR_VERSION.to_string(), revolution::TABLE, cycles::TABLE, &collection().to_string()] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().to_hex().to_string()
}

/// `planned_049_058`: cycle and pass.
pub fn item_id(cycle: u32, pass: Pass) -> String {
    format!("planned_{cycle:03}_{:03}", pass.number())
}

/// The collection's description.
pub fn collection() -> Value {
    let (first, last) = (Cycle::of(1), Cycle::of(CYCLES));
    let begin = first.map(|c| c.start.to_string());
    let end = last.zip(Pass::new(PASSES)).map(|(cycle, pass)| cycle.period(pass).1.to_string());
    let extrapolated = CYCLES - CYCLES_FLOWN;
    json!({
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": COLLECTION,
        "title": "SWOT passes (planned swath)",
        "description": format!(
            "When and where SWOT (KaRIn) was and will be able to measure: all {PASSES} passes of {CYCLES_FLOWN} cycles flown \
             and of {extrapolated} to come, each with its planned swath, two strips from 10 to 60 km on either side of \
             nadir. Derived: computed by Nilometer from the published science orbit (21-day repeat) and the published \
             starts of the cycles, not from products. That a pass stands here does not mean that data were acquired or \
             published. Begin and end of a pass are good to the seconds of nilometer:time_error_s; where \
             nilometer:extrapolated is true, the start of the cycle is itself predicted from the mean repeat. \
             Bounds of the swath are drawn to 2 km on either side."
        ),
        "license": "BSD-3-Clause",
        "keywords": ["SWOT", "KaRIn", "pass", "swath", "orbit", "planned", "derived"],
        "providers": [
            {"name": "CNES", "roles": ["licensor"], "url": "https://swot.cnes.fr",
             "description": "Ephemeris of the science orbit and starts of the cycles"},
            {"name": "Nilometer", "roles": ["processor"], "description": "Times and swaths of the passes"},
        ],
        "extent": {
            "spatial": {"bbox": [[-180.0, -78.3, 180.0, 78.3]]},
            "temporal": {"interval": [[begin, end]]},
        },
        "links": [{"rel": "license", "href": "https://opensource.org/license/bsd-3-clause", "title": "BSD 3-Clause"}],
        "nilometer:translations": {"fr": {
            "title": "Passages de SWOT (fauchée prévue)",
            "description": format!(
                "Quand et où SWOT (KaRIn) a pu et pourra mesurer : les {PASSES} passages de {CYCLES_FLOWN} cycles effectués et \
                 de {extrapolated} cycles à venir, chacun avec sa fauchée prévue, deux bandes de 10 à 60 km de part et \
                 d'autre du nadir. Donnée dérivée : calculée par Nilometer à partir de l'orbite scientifique publiée \
                 (répétition de 21 jours) et des débuts de cycle publiés, non à partir de produits. La présence d'un \
                 passage ne veut pas dire que des données ont été acquises ou publiées. Le début et la fin d'un passage \
                 sont donnés aux secondes de nilometer:time_error_s près ; là où nilometer:extrapolated est vrai, le début \
                 du cycle est lui-même prédit d'après la répétition moyenne. Les bords de la fauchée \
                 sont tracés à 2 km près de part et d'autre."
            ),
            "keywords": ["SWOT", "KaRIn", "passage", "fauchée", "orbite", "prévu", "dérivé"],
        }},
    })
}

/// Passes the collection and its items on: passes of a cycle in the order of flight, cycles oldest first.
///
/// The geometry of a pass is the same text in each cycle.
///
/// # Errors
/// Whatever the sink returned.
pub fn planned_passes(sink: &mut dyn Sink) -> Result<(), Error> {
    planned_passes_of(1..=CYCLES, sink)
}

/// As [`planned_passes`], of these cycles only.
///
/// # Errors
/// Whatever the sink returned.
pub fn planned_passes_of(cycles: RangeInclusive<u32>, sink: &mut dyn Sink) -> Result<(), Error> {
    sink.record(Record::Collection(Box::new(Collection::from_value(collection())?)))?;
    let places: Vec<Place> = Pass::all().map(Place::of).collect();
    for cycle in cycles.filter_map(Cycle::of) {
        for (pass, place) in Pass::all().zip(&places) {
            sink.record(Record::Item(Box::new(item(&cycle, pass, place)?)))?;
        }
    }
    Ok(())
}

/// Where a pass is, the same in every cycle.
struct Place {
    swath: Geometry<f64>,
    bbox: [f64; 4],
    /// `"bbox":…,"geometry":…`
    text: String,
}

impl Place {
    fn of(pass: Pass) -> Self {
        let swath = pass.swath();
        let mut bbox = crate::geometry::bounds(&swath).unwrap_or_default();
        if bbox[0] <= -180.0 && bbox[2] >= 180.0 {
            // Cut at the antimeridian: west is then greater than east (RFC 7946, 5.2). A pass spans less than half a
            // circle, so that the sign of a longitude tells its side of the cut.
            let longitudes: Vec<f64> = swath.coords_iter().map(|c| c.x).collect();
            bbox[0] = longitudes.iter().copied().filter(|x| *x > 0.0).fold(180.0, f64::min);
            bbox[2] = longitudes.iter().copied().filter(|x| *x < 0.0).fold(-180.0, f64::max);
        }
        let text = format!("\"bbox\":{},\"geometry\":{}", json!(bbox), geojson::to_value(&swath));
        Self { swath, bbox, text }
    }
}

/// One item, laid out as [`Item::parse`] would lay it out, without reading the same geometry 70 times.
fn item(cycle: &Cycle, pass: Pass, place: &Place) -> Result<Item, Error> {
    let (number, id) = (pass.number(), item_id(cycle.number, pass));
    let (begin, end) = cycle.period(pass);
    let properties = Map::from_iter([
        ("datetime".to_owned(), json!(begin.to_string())),
        ("start_datetime".to_owned(), json!(begin.to_string())),
        ("end_datetime".to_owned(), json!(end.to_string())),
        (
            "title".to_owned(),
            json!(format!("SWOT pass {number:03} of cycle {:03}, {} (planned swath)", cycle.number, pass.direction())),
        ),
        ("keywords".to_owned(), json!(["SWOT", "planned swath", pass.direction()])),
        ("platform".to_owned(), json!("SWOT")),
        ("instruments".to_owned(), json!(["karin"])),
        ("spatial:cycle_id".to_owned(), json!(cycle.number)),
        ("spatial:pass_id".to_owned(), json!(number)),
        ("sat:orbit_state".to_owned(), json!(pass.direction())),
        ("nilometer:extrapolated".to_owned(), json!(cycle.extrapolated)),
        ("nilometer:time_error_s".to_owned(), json!(cycle.time_error_s)),
    ]);
    let mut text = format!(
        "{{\"type\":\"Feature\",\"stac_version\":\"1.1.0\",\"id\":\"{id}\",\"collection\":\"{COLLECTION}\",{},\
         \"assets\":{{}},\"properties\":{}",
        place.text,
        Value::Object(properties.clone())
    );
    let properties_end = text.len() - 1;
    text.push_str(",\"links\":[]}");
    Ok(Item {
        collection: CollectionId::new(COLLECTION)?,
        id: ItemId::new(id)?,
        text: ItemText::from_parts(text, properties_end)?,
        geometry: Some(place.swath.clone()),
        bbox: Some(place.bbox),
        datetime: Some(begin),
        start: begin,
        end,
        properties,
    })
}
