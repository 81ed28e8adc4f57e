//! The parameters of a request and their checks, in the order in which callers of the dialect know them.

use std::collections::HashSet;

use nilometer_query::parse;
use nilometer_schemas::limits::IDS_MAX;
use nilometer_schemas::{Dialect, Instant, Search};

use super::fields::{COLLECTIONS, Edition, Feature, Named, SOS_DISCHARGE};
use super::refusal::Refusal;

const MICROS_PER_MINUTE: i64 = 60_000_000;
/// Bytes of the name of a file to be saved.
const FILENAME_BYTES_MAX: usize = 128;
/// Parameters that must be there, in the order in which they are missed.
const REQUIRED: [&str; 5] = ["feature", "feature_id", "start_time", "end_time", "fields"];

/// Parameters of a search, of which any may stand in place of `feature_id` to name many features.
const MANY: [&str; 3] = ["ids", "bbox", "intersects"];

/// Whose series.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Which {
    /// That of one feature.
    One(String),
    /// Those of the features found, at most as many as the search's limit.
    Many(Box<Search>),
}

/// What a JSON answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// `csv`.
    Csv,
    /// `geojson`.
    Geojson,
}

impl Output {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Geojson => "geojson",
        }
    }
}

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    /// The kind of feature.
    pub(super) feature: Feature,
    /// Which of them.
    pub(super) which: Which,
    /// Start of the range, included, and end, excluded.
    pub(super) period: (Instant, Instant),
    /// The fields, in the order wanted, none twice.
    pub(super) fields: Vec<String>,
    /// The collection as named, or the feature's default.
    pub(super) collection: &'static Named,
    /// `output`.
    pub(super) output: Option<Output>,
    /// `compact`.
    pub(super) compact: Option<bool>,
    /// Name of a file to save the answer in.
    pub(super) filename: Option<String>,
    /// The version of processing wanted in place of the newest.
    pub(super) crid: Option<String>,
}

impl Request {
    /// Reads the parameters; of one that stands twice the last counts, unknown ones are left alone.
    ///
    /// # Errors
    /// The first check that fails.
    pub(super) fn read(pairs: &[(String, String)]) -> Result<Self, Refusal> {
        let given = |name: &str| pairs.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let many = pairs.iter().any(|(name, _)| MANY.contains(&name.as_str()));
        let mut required = [""; REQUIRED.len()];
        for (value, name) in required.iter_mut().zip(REQUIRED) {
            let instead = (many && name == "feature_id").then_some("");
            *value = given(name)
                .or(instead)
                .ok_or_else(|| Refusal::invalid(format!("This required parameter is missing: '{name}'")))?;
        }
        let [feature_name, feature_id, start, end, fields] = required;
        let named = given("collection_name").map(collection).transpose()?;
        let feature = Feature::parse(feature_name).ok_or_else(|| {
            let text = format!("feature parameter should be Reach, Node, or PriorLake, not: {feature_name}");
            Refusal::invalid(text)
        })?;
        let collection = named.unwrap_or_else(|| feature.default_collection());
        let which = if many { features(pairs, feature_id)? } else { Which::One(one(feature_id)?) };
        let period = period(start, end)?;
        let output = given("output").map(output).transpose()?;
        let fields = checked_fields(fields, feature, collection.edition)?;
        let compact = given("compact").map(compact).transpose()?;
        let filename = given("filename").map(filename).transpose()?;
        let crid = given("crid").filter(|crid| !crid.is_empty()).map(str::to_owned);
        Ok(Self { feature, which, period, fields, collection, output, compact, filename, crid })
    }

    /// The stored collection that answers; `None` for a parent of the other family, where nothing is found.
    ///
    /// # Errors
    /// A sub-collection of another feature.
    pub(super) fn stored_collection(&self) -> Result<Option<&'static str>, Refusal> {
        let Named { name, family, edition, feature } = self.collection;
        match feature {
            Some(other) if *other != self.feature => Err(Refusal::invalid(format!(
                "Sub-collection '{name}' is not valid for feature type '{}'.",
                self.feature.name()
            ))),
            Some(_) => Ok(Some(name)),
            None if *family != self.feature.family() => Ok(None),
            None => Ok(Some(self.feature.stored_collection(*edition))),
        }
    }
}

fn one(feature_id: &str) -> Result<String, Refusal> {
    if feature_id.is_empty() || !feature_id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal::invalid(format!("feature_id cannot contain letters: {feature_id}")));
    }
    Ok(feature_id.to_owned())
}

fn features(pairs: &[(String, String)], feature_id: &str) -> Result<Which, Refusal> {
    if !feature_id.is_empty() {
        let text = format!("feature_id parameter cannot stand beside one of: {}", MANY.join(", "));
        return Err(Refusal::invalid(text));
    }
    let pairs: Vec<(String, String)> =
        pairs.iter().filter(|(name, _)| MANY.contains(&name.as_str())).cloned().collect();
    let read =
        parse::from_query(&pairs, Dialect::Stac, &[]).map_err(|problem| Refusal::invalid(problem.to_string()))?;
    let search = Search { limit: IDS_MAX, ..read.search };
    if search.ids.is_empty() && search.bbox.is_none() && search.intersects.is_none() {
        return Err(Refusal::invalid(format!("one of these parameters should not be empty: {}", MANY.join(", "))));
    }
    Ok(Which::Many(Box::new(search)))
}

fn collection(name: &str) -> Result<&'static Named, Refusal> {
    COLLECTIONS.iter().find(|c| c.name == name).ok_or_else(|| {
        let names = COLLECTIONS.map(|c| c.name).join(", ");
        Refusal::invalid(format!("collection_name parameter should be one of the following: {names}"))
    })
}

fn period(start: &str, end: &str) -> Result<(Instant, Instant), Refusal> {
    let (Some(start), Some(end)) = (moment(start), moment(end)) else {
        return Err(Refusal::invalid(
            "start_time and end_time parameters must conform to format: YYYY-MM-DDTHH:MM:SSZ or \
             YYYY-MM-DDTHH:MM:SS-00:00",
        ));
    };
    if start > end {
        return Err(Refusal::invalid("start_time parameter should not be later than end_time parameter"));
    }
    Ok((start, end))
}

/// A moment to the second with its zone: `Z`, `±HH:MM` or `±HHMM`. Numbers but the year may be unpadded.
fn moment(text: &str) -> Option<Instant> {
    let (date, time) = text.split_once('T')?;
    let zone = time.find(['Z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let padded = date.find('-') == Some(4) && year > 0;
    if !padded || month > 99 || day > 99 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = (hour * 3600 + minute * 60 + second) * 1_000_000 - offset_minutes(zone)? * MICROS_PER_MINUTE;
    Some(Instant(Instant::from_date(year, month, day)?.0 + micros))
}

/// Three numbers; all but the first have one or two digits.
fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut out = [0; 3];
    for (at, value) in out.iter_mut().enumerate() {
        let part = parts.next()?;
        let most = if at == 0 { 4 } else { 2 };
        if part.is_empty() || part.len() > most || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *value = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

fn offset_minutes(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let digits: String = match zone.get(1..)?.as_bytes() {
        [_, _, b':', _, _] => zone[1..3].chars().chain(zone[4..].chars()).collect(),
        [_, _, _, _] => zone[1..].to_owned(),
        _ => return None,
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let minutes = hours * 60 + minutes;
    Some(if zone.starts_with('-') { -minutes } else { minutes })
}

fn output(text: &str) -> Result<Output, Refusal> {
    match text {
        "csv" => Ok(Output::Csv),
        "geojson" => Ok(Output::Geojson),
        _ => Err(Refusal::invalid(format!("output parameter should be csv or geojson, not: {text}"))),
    }
}

fn checked_fields(text: &str, feature: Feature, edition: Edition) -> Result<Vec<String>, Refusal> {
    let fields: Vec<&str> = text.split(',').map(str::trim).filter(|field| !field.is_empty()).collect();
    if edition == Edition::D && fields.iter().any(|field| SOS_DISCHARGE.contains(field)) {
        return Err(Refusal::invalid(
            "SOS Discharge fields are not available for the SWOT vD collection at this time. If wishing to request SOS \
             Discharge fields corresponding to SWOT v2.0, please specify collection_name=SWOT_L2_HR_RiverSP_2.0 in \
             your request.",
        ));
    }
    if fields.is_empty() || !fields.iter().all(|field| feature.has(field, edition)) {
        return Err(Refusal::invalid("fields parameter should contain valid SWOT fields"));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = fields.iter().find(|field| !seen.insert(**field)) {
        return Err(Refusal::invalid(format!("fields parameter should contain each field once, not twice: {twice}")));
    }
    Ok(fields.into_iter().map(str::to_owned).collect())
}

fn compact(text: &str) -> Result<bool, Refusal> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Refusal::invalid(format!("compact parameter should be true or false, not {text}"))),
    }
}

/// A name that is harmless in a header and in any file system.
fn filename(text: &str) -> Result<String, Refusal> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if text.is_empty() || text.len() > FILENAME_BYTES_MAX || text.starts_with('.') || !text.bytes().all(plain) {
        return Err(Refusal::invalid(format!(
            "filename parameter should have 1 to {FILENAME_BYTES_MAX} letters, digits, ., - and _, and not begin with ."
        )));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 5] = [
        ("feature", "Reach"),
        ("feature_id", "18180900091"),
        ("start_time", "2024-02-02T00:00:00Z"),
        ("end_time", "2024-03-20T00:00:00Z"),
        ("fields", "reach_id,time_str,wse"),
    ];

    /// The good request with some parameters changed or added.
    fn read(changes: &[(&str, &str)]) -> Result<Request, Refusal> {
        let pairs: Vec<(String, String)> =
            GOOD.iter().chain(changes).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Request::read(&pairs)
    }

    fn refused(changes: &[(&str, &str)], expected: &str) {
        let refusal = read(changes).and_then(|r| r.stored_collection().map(|_| ())).expect_err("refused");
        assert_eq!(format!("{}: {}", refusal.status.as_u16(), refusal.text), expected, "{changes:?}");
        assert_eq!(refusal.body(), format!("{{\"error\" : {}}}", serde_json::Value::from(expected)));
    }

    #[test]
    fn a_good_request_is_read_with_its_defaults() {
        let request = read(&[]).expect("good");
        assert_eq!(request.collection.name, "SWOT_L2_HR_RiverSP_D");
        assert_eq!(request.stored_collection(), Ok(Some("SWOT_L2_HR_RiverSP_reach_D")));
        assert_eq!(request.fields, ["reach_id", "time_str", "wse"]);
        assert_eq!((request.output, request.compact, request.filename, request.crid), (None, None, None, None));
        let spaced = read(&[("fields", " wse ,, time_str,")]).expect("good");
        assert_eq!(spaced.fields, ["wse", "time_str"]);
    }

    #[test]
    fn missing_parameters_are_named_in_their_order() {
        for missing in 0..GOOD.len() {
            let pairs: Vec<(String, String)> =
                GOOD[..missing].iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let refusal = Request::read(&pairs).expect_err("refused");
            assert_eq!(refusal.text, format!("This required parameter is missing: '{}'", GOOD[missing].0));
        }
    }

    #[test]
    fn each_wrong_parameter_has_its_own_text() {
        for feature in ["River", "reach", ""] {
            let text = format!("400: feature parameter should be Reach, Node, or PriorLake, not: {feature}");
            refused(&[("feature", feature)], &text);
        }
        for id in ["7122ff4", "", "1 2", "-1", "\u{0661}"] {
            refused(&[("feature_id", id)], &format!("400: feature_id cannot contain letters: {id}"));
        }
        refused(&[("output", "txt")], "400: output parameter should be csv or geojson, not: txt");
        refused(&[("compact", "yes")], "400: compact parameter should be true or false, not yes");
        refused(
            &[("collection_name", "SWOT_L2_HR_RiverSP_E")],
            "400: collection_name parameter should be one of the following: SWOT_L2_HR_RiverSP_2.0, \
             SWOT_L2_HR_RiverSP_reach_2.0, SWOT_L2_HR_RiverSP_node_2.0, SWOT_L2_HR_LakeSP_2.0, \
             SWOT_L2_HR_LakeSP_prior_2.0, SWOT_L2_HR_RiverSP_D, SWOT_L2_HR_RiverSP_reach_D, \
             SWOT_L2_HR_RiverSP_node_D, SWOT_L2_HR_LakeSP_D, SWOT_L2_HR_LakeSP_prior_D",
        );
        refused(
            &[("collection_name", "SWOT_L2_HR_RiverSP_node_D")],
            "400: Sub-collection 'SWOT_L2_HR_RiverSP_node_D' is not valid for feature type 'Reach'.",
        );
        for name in ["../x", "a b", "", ".x", "a\"b", "x\r\ny"] {
            assert!(read(&[("filename", name)]).expect_err("refused").text.starts_with("filename"), "{name:?}");
        }
        assert_eq!(read(&[("filename", "reach-1.csv")]).expect("good").filename.as_deref(), Some("reach-1.csv"));
    }

    #[test]
    fn fields_are_those_of_the_feature_and_the_version() {
        let invalid = "400: fields parameter should contain valid SWOT fields";
        for fields in ["", " , ", "wse,waterlevel", "WSE", "lake_id", "wse_sm"] {
            refused(&[("fields", fields)], invalid);
        }
        let node = [("feature", "Node"), ("fields", "wse_sm")];
        assert!(read(&node).is_ok());
        refused(&[node[0], node[1], ("collection_name", "SWOT_L2_HR_RiverSP_2.0")], invalid);
        let sos = "400: SOS Discharge fields are not available for the SWOT vD collection at this time. If wishing to \
                   request SOS Discharge fields corresponding to SWOT v2.0, please specify \
                   collection_name=SWOT_L2_HR_RiverSP_2.0 in your request.";
        for field in SOS_DISCHARGE {
            refused(&[("fields", field)], sos);
            assert!(read(&[("fields", field), ("collection_name", "SWOT_L2_HR_RiverSP_2.0")]).is_ok());
        }
        refused(&[("fields", "wse,width,wse")], "400: fields parameter should contain each field once, not twice: wse");
    }

    #[test]
    fn moments_are_read_to_the_second_and_turned_into_utc() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(moment(text).map(|m| m.to_string()).as_deref(), expected, "{text}");
        };
        check("2024-02-01T00:00:00Z", Some("2024-02-01T00:00:00Z"));
        check("2024-2-1T0:0:0Z", Some("2024-02-01T00:00:00Z"));
        check("2024-02-01T02:30:00+05:30", Some("2024-01-31T21:00:00Z"));
        check("2024-02-01T22:30:00-0530", Some("2024-02-02T04:00:00Z"));
        check("2024-02-01T00:00:00-00:00", Some("2024-02-01T00:00:00Z"));
        let bad = "2024-02-01|2024-02-01T00:00:00|2024-02-01T00:00:00.000Z|2024-02-01T00:00:00 00:00|24-02-01T00:00:00Z|\
                   2024-02-30T00:00:00Z|2024-02-01T24:00:00Z|2024-02-01T00:00:60Z|2024-02-01T00:00:00+5|now|\
                   2024-02-01T00:00:00+24:00|2024-02-01T00:00:00+0\u{e9}0|2024-02-01T00:00:00+\u{661}\u{661}|\
                   0000-01-01T00:00:00Z|2024-02-01T00:00Z|2024-02-01T00:00:00ZZ|2024-02-01T00:00:00+-1:00|T|";
        bad.split('|').for_each(|text| check(text, None));
    }

    #[test]
    fn a_period_ends_after_it_begins() {
        let format = "400: start_time and end_time parameters must conform to format: YYYY-MM-DDTHH:MM:SSZ or \
                      YYYY-MM-DDTHH:MM:SS-00:00";
        refused(&[("start_time", "2024-02-02")], format);
        refused(&[("end_time", "2024-02-02T00:00:00 01:00")], format);
        let order = "400: start_time parameter should not be later than end_time parameter";
        refused(&[("end_time", "2024-02-01T23:59:59Z")], order);
        assert!(read(&[("end_time", "2024-02-02T00:00:00Z")]).is_ok(), "an empty period finds nothing");
    }

    #[test]
    fn many_features_are_named_as_in_a_search_in_place_of_one() {
        let many = |name: &str, value: &str| {
            let pairs = GOOD.into_iter().filter(|(n, _)| *n != "feature_id").chain([(name, value)]);
            let pairs: Vec<(String, String)> = pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            Request::read(&pairs).map(|r| r.which).map_err(|refusal| refusal.text)
        };
        for (name, value) in
            [("bbox", "46,-19,47,-18"), ("ids", "1,2"), ("intersects", r#"{"type":"Point","coordinates":[46,-18]}"#)]
        {
            assert!(matches!(many(name, value), Ok(Which::Many(search)) if search.limit == IDS_MAX), "{name}");
        }
        assert!(many("bbox", "46,-19,47").expect_err("refused").starts_with("bbox"));
        assert!(many("ids", "").expect_err("refused").contains("empty"));
        assert!(many("place", "x").expect_err("refused").contains("'feature_id'"));
        assert!(read(&[("bbox", "46,-19,47,-18")]).expect_err("refused").text.starts_with("feature_id parameter"));
    }

    #[test]
    fn the_first_failing_check_answers() {
        let changes = [("feature", "River"), ("feature_id", "x"), ("collection_name", "y"), ("compact", "z")];
        assert!(read(&changes).expect_err("refused").text.starts_with("collection_name"));
        assert!(read(&changes[..2]).expect_err("refused").text.starts_with("feature parameter"));
        let changes = [("end_time", "x"), ("output", "y"), ("fields", "z"), ("compact", "w")];
        assert!(read(&changes).expect_err("refused").text.starts_with("start_time"));
        assert!(read(&changes[1..]).expect_err("refused").text.starts_with("output"));
        assert!(read(&changes[2..]).expect_err("refused").text.starts_with("fields"));
    }

    #[test]
    fn a_parent_of_the_other_family_has_nothing() {
        let of = |feature: &str, collection: &str| {
            let changes = [("feature", feature), ("fields", "time_str"), ("collection_name", collection)];
            read(&changes).and_then(|r| r.stored_collection())
        };
        assert_eq!(of("Reach", "SWOT_L2_HR_LakeSP_D"), Ok(None));
        assert_eq!(of("PriorLake", "SWOT_L2_HR_RiverSP_2.0"), Ok(None));
        assert_eq!(of("PriorLake", "SWOT_L2_HR_LakeSP_2.0"), Ok(Some("SWOT_L2_HR_LakeSP_prior_2.0")));
        assert_eq!(of("Node", "SWOT_L2_HR_RiverSP_node_D"), Ok(Some("SWOT_L2_HR_RiverSP_node_D")));
        assert!(of("PriorLake", "SWOT_L2_HR_RiverSP_node_D").is_err());
    }
}
