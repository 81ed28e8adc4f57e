//! Names of SWOT granules, which tell product, pass, period and processing.

use nilometer_schemas::Instant;

/// The shapefile products of one pass over one continent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Reach,
    Node,
    PriorLake,
    ObservedLake,
    UnassignedLake,
}

impl Kind {
    pub(crate) fn product(self) -> &'static str {
        match self {
            Self::Reach | Self::Node => "RiverSP",
            Self::PriorLake | Self::ObservedLake | Self::UnassignedLake => "LakeSP",
        }
    }

    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Reach => "river reaches",
            Self::Node => "river nodes",
            Self::PriorLake => "prior lakes",
            Self::ObservedLake => "observed lakes",
            Self::UnassignedLake => "unassigned lakes",
        }
    }

    /// What stands for the features in the name of their collection, as Hydrocron calls it.
    pub(crate) fn part(self) -> &'static str {
        match self {
            Self::Reach => "reach",
            Self::Node => "node",
            Self::PriorLake => "prior",
            Self::ObservedLake => "obs",
            Self::UnassignedLake => "unassigned",
        }
    }

    /// Property that holds the version of the prior database.
    pub(crate) fn prior_version_member(self) -> &'static str {
        match self.product() {
            "RiverSP" => "sword_version",
            _ => "pld_version",
        }
    }
}

/// `SWOT_L2_HR_<product>_<kind>_<cycle>_<pass>_<continent>_<start>_<end>_<crid>_<counter>`.
#[derive(Debug, PartialEq)]
pub(crate) struct GranuleName<'a> {
    pub(crate) text: &'a str,
    pub(crate) kind: Kind,
    pub(crate) cycle: u32,
    pub(crate) pass: u32,
    pub(crate) continent: &'a str,
    pub(crate) start: Instant,
    pub(crate) end: Instant,
    pub(crate) crid: &'a str,
    pub(crate) counter: &'a str,
}

/// The product version of a CRID: `2.0` for letter C, from D on the letter. `None` for simulations, tests and the
/// versions before C, whose collections are withdrawn.
pub(crate) fn version(crid: &str) -> Option<String> {
    match *crid.as_bytes() {
        [b'P', b'I' | b'G', b'C', _] => Some("2.0".to_owned()),
        [b'P', b'I' | b'G', letter @ b'D'..=b'Z', _] => Some(char::from(letter).to_string()),
        _ => None,
    }
}

/// Rank of a processing: by the letter of the version, then its minor digit, then forward (`I`) before reprocessed
/// (`G`), then the counter. A CRID of another form has the rank 0 and its counter.
pub(crate) fn version_order(crid: &str, counter: &str) -> i32 {
    const COUNTERS: i32 = 1000;
    let counter = counter.parse::<i32>().unwrap_or_default().clamp(0, COUNTERS - 1);
    let rank = match *crid.as_bytes() {
        [b'P', mode @ (b'I' | b'G'), letter @ b'A'..=b'Z', minor] => {
            let minor = char::from(minor).to_digit(36).map_or(0, |digit| digit as i32);
            ((i32::from(letter - b'A') + 1) * 36 + minor) * 2 + i32::from(mode == b'G')
        }
        _ => 0,
    };
    rank * COUNTERS + counter
}

/// `20240713T111741` as a moment.
pub(crate) fn compact_time(text: &str) -> Option<Instant> {
    let digits = text.len() == 15 && text.is_ascii();
    if !digits {
        return None;
    }
    let part = |from: usize, to: usize| &text[from..to];
    let full =
        format!("{}-{}-{}T{}:{}:{}Z", part(0, 4), part(4, 6), part(6, 8), part(9, 11), part(11, 13), part(13, 15));
    (text.as_bytes()[8] == b'T').then(|| Instant::parse(&full)).flatten()
}

fn number(text: &str) -> Option<u32> {
    (text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

impl<'a> GranuleName<'a> {
    /// Takes a name apart; `None` if it is not one of a RiverSP or LakeSP granule.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split('_').collect();
        let ["SWOT", "L2", "HR", product, kind, cycle, pass, continent, start, end, crid, counter] = *parts else {
            return None;
        };
        let kind = match (product, kind) {
            ("RiverSP", "Reach") => Kind::Reach,
            ("RiverSP", "Node") => Kind::Node,
            ("LakeSP", "Prior") => Kind::PriorLake,
            ("LakeSP", "Obs") => Kind::ObservedLake,
            ("LakeSP", "Unassigned") => Kind::UnassignedLake,
            _ => return None,
        };
        let (start, end) = (compact_time(start)?, compact_time(end)?);
        let (cycle, pass) = (number(cycle)?, number(pass)?);
        Some(Self { text, kind, cycle, pass, continent, start, end, crid, counter })
    }

    /// Short name of the product's collection, without version.
    pub(crate) fn short_name(&self) -> &'static str {
        match self.kind.product() {
            "RiverSP" => "SWOT_L2_HR_RiverSP",
            _ => "SWOT_L2_HR_LakeSP",
        }
    }

    /// The product version of the CRID.
    pub(crate) fn version(&self) -> Option<String> {
        version(self.crid)
    }

    /// The continent's name, or its code where it is not known.
    pub(crate) fn continent_name(&self) -> &'a str {
        match self.continent {
            "AF" => "Africa",
            "AR" => "Arctic Canada",
            "AS" => "Asia",
            "AU" => "Oceania",
            "EU" => "Europe and Middle East",
            "GR" => "Greenland",
            "NA" => "North America",
            "SA" => "South America",
            "SI" => "Siberia",
            other => other,
        }
    }

    /// One sentence about the granule.
    pub(crate) fn description(&self, features: u64, observed: u64) -> String {
        let (kind, what) = (self.kind.product(), self.kind.what());
        let (cycle, pass, continent) = (self.cycle, self.pass, self.continent_name());
        format!("SWOT {kind}, {what}: cycle {cycle}, pass {pass} over {continent}, {observed} of {features} observed.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_product_pass_period_and_version() {
        let check = |text: &str, kind, cycle, pass, version: Option<&str>| {
            let name = GranuleName::parse(text).expect(text);
            assert_eq!((name.kind, name.cycle, name.pass), (kind, cycle, pass));
            assert_eq!(name.version().as_deref(), version);
            assert!(name.start < name.end);
        };
        check(
            "SWOT_L2_HR_LakeSP_Prior_018_100_GR_20240713T111741_20240713T112027_PIC0_01",
            Kind::PriorLake,
            18,
            100,
            Some("2.0"),
        );
        check(
            "SWOT_L2_HR_RiverSP_Reach_049_058_AU_20260419T185249_20260419T190852_PID0_01",
            Kind::Reach,
            49,
            58,
            Some("D"),
        );
        check("SWOT_L2_HR_RiverSP_Node_001_058_AU_20260419T185249_20260419T190852_TGB0_01", Kind::Node, 1, 58, None);
    }

    #[test]
    fn a_later_processing_has_the_higher_rank() {
        let names =
            [("", ""), ("PIB0", "99"), ("PIC0", "01"), ("PIC0", "02"), ("PGC0", "01"), ("PIC2", "01"), ("PID0", "01")];
        let ranks = names.map(|(crid, counter)| version_order(crid, counter));
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
    }

    #[test]
    fn other_names_are_not_granules() {
        for text in [
            "",
            "granule",
            "SWOT_L2_HR_PIXC_007_106_084L_20231127T042004_20231127T042015_PIC0_03",
            "SWOT_L2_HR_RiverSP_Reach_49_058_AU_20260419T185249_20260419T190852_PID0_01",
            "SWOT_L2_HR_RiverSP_Reach_049_058_AU_20261319T185249_20260419T190852_PID0_01",
        ] {
            assert_eq!(GranuleName::parse(text), None, "{text}");
        }
    }
}
