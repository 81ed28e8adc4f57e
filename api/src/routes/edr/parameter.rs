//! Parameters as CoverageJSON and as EDR's metadata describe them. The two differ in their texts: language maps in the
//! one, plain strings in the other.

use nilometer_query::series::{Method, SeriesColumn, Step};
use nilometer_schemas::{Parameter, ParameterType};
use serde_json::{Map, Value, json};

use super::table::counts;

/// Type of unit symbols.
const UCUM: &str = "http://www.opengis.net/def/uom/UCUM/";
/// Where CF standard names have their addresses.
const STANDARD_NAMES: &str = "http://vocab.nerc.ac.uk/standard_name/";
/// Member that names what heights refer to.
const DATUM_MEMBER: &str = "nilometer:datum";

/// A text in English and, where there is one, in French.
struct Text {
    english: String,
    french: Option<String>,
}

impl Text {
    fn map(&self) -> Value {
        let mut map = json!({"en": self.english});
        if let Some(french) = &self.french {
            map["fr"] = french.as_str().into();
        }
        map
    }

    fn of(&self, language: &str) -> Value {
        match &self.french {
            Some(french) if language == "fr" => french.as_str().into(),
            _ => self.english.as_str().into(),
        }
    }
}

/// How one wants the texts.
type Say<'a> = &'a dyn Fn(&Text) -> Value;

/// A parameter of an answer in CoverageJSON.
pub(super) fn coverage_parameter(column: &SeriesColumn) -> Value {
    let mut out = described(column, &Text::map);
    if let (Some(categories), Value::Object(members)) = (categories_of(column), &mut out) {
        let codes =
            categories.iter().filter_map(|(code, _)| Some((code.clone(), Value::from(code.parse::<i64>().ok()?))));
        let encoding: Map<String, Value> = codes.collect();
        if !encoding.is_empty() {
            members.insert("categoryEncoding".into(), encoding.into());
        }
    }
    out
}

/// A parameter of an answer in EDR's GeoJSON, which has a list of them.
pub(super) fn listed_parameter(column: &SeriesColumn, language: &str) -> Value {
    let mut out = described(column, &|text| text.of(language));
    out["id"] = column.name.as_str().into();
    with_measurement(&mut out, column);
    out
}

/// A parameter of a collection's `parameter_names`.
pub(super) fn named_parameter(parameter: &Parameter, language: &str) -> Value {
    let column = SeriesColumn { name: parameter.name.clone(), parameter: parameter.clone(), method: None };
    let mut out = described(&column, &|text| text.of(language));
    out["id"] = parameter.name.as_str().into();
    out["data-type"] = data_type(parameter.kind).into();
    with_measurement(&mut out, &column);
    out
}

/// The name of a type of values in CoverageJSON and EDR.
pub(super) fn data_type(kind: ParameterType) -> &'static str {
    match kind {
        ParameterType::Number => "float",
        ParameterType::Integer => "integer",
        ParameterType::Text => "string",
    }
}

fn described(column: &SeriesColumn, say: Say<'_>) -> Value {
    let parameter = &column.parameter;
    let label = label(column);
    let mut observed = json!({"label": say(&label)});
    // A number of values is no height: neither name nor datum of the parameter are its own.
    let is_count = counts(column);
    if let Some(name) = parameter.standard_name.as_ref().filter(|_| !is_count) {
        observed["id"] = format!("{STANDARD_NAMES}{name}/").into();
    }
    let categories = categories_of(column);
    if let Some(categories) = categories {
        let meaning = |meaning: &Value| Text {
            english: meaning.as_str().map_or_else(|| meaning.to_string(), str::to_owned),
            french: None,
        };
        observed["categories"] =
            categories.iter().map(|(code, text)| json!({"id": code, "label": say(&meaning(text))})).collect();
    }
    let mut out = json!({"type": "Parameter", "label": say(&label), "observedProperty": observed});
    if let Some(description) = description(column) {
        out["description"] = say(&description);
    }
    // A parameter with categories has no unit (OGC 21-069r2, 6.1).
    let unit = if is_count { Some("1") } else { parameter.unit.as_deref() };
    if let Some(unit) = unit.filter(|unit| categories.is_none() && !unit.is_empty()) {
        let symbol = Text { english: unit.to_owned(), french: None };
        out["unit"] = json!({"label": say(&symbol), "symbol": {"value": unit, "type": UCUM}});
    }
    if is_count {
        return out;
    }
    if let Some(datum) = &parameter.datum {
        out[DATUM_MEMBER] = datum.as_str().into();
    }
    for (member, other) in
        [("nilometer:quality", &parameter.quality), ("nilometer:uncertainty", &parameter.uncertainty)]
    {
        if let Some(other) = other {
            out[member] = other.as_str().into();
        }
    }
    out
}

/// The meanings of a column's values, where they are codes.
fn categories_of(column: &SeriesColumn) -> Option<&Map<String, Value>> {
    let codes = matches!(column.method, None | Some(Method::First | Method::Last));
    column.parameter.categories.as_ref().filter(|categories| codes && !categories.is_empty())
}

fn label(column: &SeriesColumn) -> Text {
    let parameter = &column.parameter;
    let english = parameter.title.clone().unwrap_or_else(|| parameter.name.clone());
    let Some(method) = column.method else { return Text { english, french: parameter.title_fr.clone() } };
    let (what, quoi) = statistic(method);
    let french = parameter.title_fr.as_ref().map(|title| format!("{title}, {quoi}"));
    Text { english: format!("{english}, {what}"), french }
}

/// What a statistic is called in English and in French.
pub(crate) fn statistic(method: Method) -> (&'static str, &'static str) {
    match method {
        Method::Mean => ("mean", "moyenne"),
        Method::Min => ("minimum", "minimum"),
        Method::Max => ("maximum", "maximum"),
        Method::Median => ("median", "médiane"),
        Method::Sum => ("sum", "somme"),
        Method::Count => ("number of values", "nombre de valeurs"),
        Method::First => ("first value", "première valeur"),
        Method::Last => ("last value", "dernière valeur"),
    }
}

/// The parameter's own description, and the datum, which no value may be read without.
fn description(column: &SeriesColumn) -> Option<Text> {
    let parameter = &column.parameter;
    let datum = parameter.datum.as_ref().filter(|_| !counts(column)).map(|datum| Text {
        english: format!("Heights refer to {datum}."),
        french: Some(format!("Les hauteurs se rapportent à {datum}.")),
    });
    match (&parameter.description, datum) {
        (None, datum) => datum,
        (Some(own), None) => Some(Text { english: own.clone(), french: None }),
        (Some(own), Some(datum)) => {
            Some(Text { english: format!("{} {}", own.trim_end(), datum.english), french: None })
        }
    }
}

/// `measurementType` where method and period are known; a count is none of EDR's methods.
fn with_measurement(out: &mut Value, column: &SeriesColumn) {
    let (method, period) = match column.method {
        None => (column.parameter.method.as_deref(), column.parameter.period.as_deref()),
        Some(method) => (measurement(method), step_of(&column.name)),
    };
    let instant = (method == Some("instantaneous")).then_some("PT0S");
    if let (Some(method), Some(duration)) = (method, period.or(instant)) {
        out["measurementType"] = json!({"method": method, "duration": duration});
    }
}

/// EDR's name of a statistic (OGC 19-086r9, measurementType).
fn measurement(method: Method) -> Option<&'static str> {
    match method {
        Method::Mean => Some("mean"),
        Method::Min => Some("minimum"),
        Method::Max => Some("maximum"),
        Method::Median => Some("median"),
        Method::Sum => Some("sum"),
        Method::Count | Method::First | Method::Last => None,
    }
}

/// The step at the end of a statistic's column: `P1D` of `mean_discharge_P1D`.
fn step_of(name: &str) -> Option<&str> {
    name.rsplit_once('_').map(|(_, step)| step).filter(|step| Step::parse(step).is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::table::samples;
    use super::*;

    #[test]
    fn coverages_have_language_maps_units_datums_and_categories() {
        let columns = samples::columns();
        let wse = coverage_parameter(&columns[0]);
        assert_eq!(wse["observedProperty"]["label"], json!({"en": "Water surface elevation", "fr": "Hauteur d'eau"}));
        assert_eq!(
            wse["observedProperty"]["id"],
            "http://vocab.nerc.ac.uk/standard_name/water_surface_height_above_reference_datum/"
        );
        assert_eq!(wse["unit"]["symbol"], json!({"value": "m", "type": UCUM}));
        assert_eq!((&wse["nilometer:datum"], &wse["nilometer:quality"]), (&json!("EGM2008"), &json!("quality")));
        assert_eq!(wse["description"]["en"], "Heights refer to EGM2008.");
        let quality = coverage_parameter(&columns[1]);
        assert_eq!(quality["categoryEncoding"], json!({"0": 0, "1": 1}));
        assert_eq!(quality["observedProperty"]["categories"][1], json!({"id": "1", "label": {"en": "suspect"}}));
        assert!(quality.get("unit").is_none());
    }

    #[test]
    fn metadata_has_plain_texts_in_the_readers_language_and_says_how_a_statistic_was_made() {
        let mut column = samples::columns().swap_remove(0);
        assert_eq!(named_parameter(&column.parameter, "fr")["observedProperty"]["label"], "Hauteur d'eau");
        column.method = Some(Method::Mean);
        column.name = "mean_wse_P1M".into();
        let mean = listed_parameter(&column, "en");
        assert_eq!(mean["measurementType"], json!({"method": "mean", "duration": "P1M"}));
        assert_eq!((&mean["id"], &mean["label"]), (&json!("mean_wse_P1M"), &json!("Water surface elevation, mean")));
        column.method = Some(Method::Count);
        let count = listed_parameter(&column, "en");
        assert_eq!((count.get("measurementType"), &count["unit"]["label"]), (None, &json!("1")));
        assert!(count.get(DATUM_MEMBER).is_none() && count["observedProperty"].get("id").is_none());
    }
}
