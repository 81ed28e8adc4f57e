//! What can be asked for: features, collections, and the fields of each.

/// The kinds of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feature {
    /// A river reach of SWORD.
    Reach,
    /// A river node of SWORD.
    Node,
    /// A lake of the PLD.
    PriorLake,
}

/// Which product family a collection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Reaches and nodes.
    River,
    /// Lakes.
    Lake,
}

/// Version of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edition {
    /// Version C, called 2.0: SWORD 16.
    Two,
    /// Version D: SWORD 17b.
    D,
}

/// A collection as callers name it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// Its name.
    pub(super) name: &'static str,
    /// Its family.
    pub(super) family: Family,
    /// Its version.
    pub(super) edition: Edition,
    /// The feature of a sub-collection; a parent has none.
    pub(super) feature: Option<Feature>,
}

const fn named(name: &'static str, family: Family, edition: Edition, feature: Option<Feature>) -> Named {
    Named { name, family, edition, feature }
}

/// All collections, in the order in which a refusal lists them.
pub(super) const COLLECTIONS: [Named; 10] = [
    named("SWOT_L2_HR_RiverSP_2.0", Family::River, Edition::Two, None),
    named("SWOT_L2_HR_RiverSP_reach_2.0", Family::River, Edition::Two, Some(Feature::Reach)),
    named("SWOT_L2_HR_RiverSP_node_2.0", Family::River, Edition::Two, Some(Feature::Node)),
    named("SWOT_L2_HR_LakeSP_2.0", Family::Lake, Edition::Two, None),
    named("SWOT_L2_HR_LakeSP_prior_2.0", Family::Lake, Edition::Two, Some(Feature::PriorLake)),
    named("SWOT_L2_HR_RiverSP_D", Family::River, Edition::D, None),
    named("SWOT_L2_HR_RiverSP_reach_D", Family::River, Edition::D, Some(Feature::Reach)),
    named("SWOT_L2_HR_RiverSP_node_D", Family::River, Edition::D, Some(Feature::Node)),
    named("SWOT_L2_HR_LakeSP_D", Family::Lake, Edition::D, None),
    named("SWOT_L2_HR_LakeSP_prior_D", Family::Lake, Edition::D, Some(Feature::PriorLake)),
];

impl Feature {
    /// Reads a name; case counts.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "Reach" => Some(Self::Reach),
            "Node" => Some(Self::Node),
            "PriorLake" => Some(Self::PriorLake),
            _ => None,
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Reach => "Reach",
            Self::Node => "Node",
            Self::PriorLake => "PriorLake",
        }
    }

    /// The field that holds its id.
    pub(super) fn id_field(self) -> &'static str {
        match self {
            Self::Reach => "reach_id",
            Self::Node => "node_id",
            Self::PriorLake => "lake_id",
        }
    }

    /// The family that has it.
    pub(super) fn family(self) -> Family {
        match self {
            Self::Reach | Self::Node => Family::River,
            Self::PriorLake => Family::Lake,
        }
    }

    /// The collection asked where the caller names none: the parent of version D.
    pub(super) fn default_collection(self) -> &'static Named {
        let fits = |c: &&Named| c.family == self.family() && c.edition == Edition::D && c.feature.is_none();
        COLLECTIONS.iter().find(fits).expect("each family has a parent of version D")
    }

    /// The stored collection of this feature and version.
    pub(super) fn stored_collection(self, edition: Edition) -> &'static str {
        let fits = |c: &&Named| c.edition == edition && c.feature == Some(self);
        COLLECTIONS.iter().find(fits).expect("each feature has a sub-collection of each version").name
    }

    /// Whether it has this field in this version of the product; case counts.
    pub(super) fn has(self, field: &str, edition: Edition) -> bool {
        let own: &[&str] = match self {
            Self::Reach => &REACH,
            Self::Node => &NODE,
            Self::PriorLake => &LAKE,
        };
        let only: &[&str] = match (self, edition) {
            (Self::Reach, Edition::Two) => &SOS_DISCHARGE,
            (Self::Node, Edition::D) => &NODE_D,
            (Self::PriorLake, Edition::D) => &LAKE_D,
            _ => &[],
        };
        let version = match self.family() {
            Family::River => "sword_version",
            Family::Lake => "PLD_version",
        };
        field == version
            || COMMON.contains(&field)
            || own.contains(&field)
            || only.contains(&field)
            || (self == Self::Reach && is_discharge(field))
    }
}

/// Fields that all features have, beside the version of the database behind them.
const COMMON: [&str; 11] = [
    "cycle_id",
    "pass_id",
    "continent_id",
    "range_start_time",
    "range_end_time",
    "crid",
    "geometry",
    "collection_shortname",
    "collection_version",
    "granuleUR",
    "ingest_time",
];

const REACH: [&str; 70] = [
    "reach_id",
    "time",
    "time_tai",
    "time_str",
    "p_lat",
    "p_lon",
    "river_name",
    "wse",
    "wse_u",
    "wse_r_u",
    "wse_c",
    "wse_c_u",
    "slope",
    "slope_u",
    "slope_r_u",
    "slope2",
    "slope2_u",
    "slope2_r_u",
    "width",
    "width_u",
    "width_c",
    "width_c_u",
    "area_total",
    "area_tot_u",
    "area_detct",
    "area_det_u",
    "area_wse",
    "d_x_area",
    "d_x_area_u",
    "layovr_val",
    "node_dist",
    "loc_offset",
    "xtrk_dist",
    "dschg_q_b",
    "dschg_gq_b",
    "reach_q",
    "reach_q_b",
    "dark_frac",
    "ice_clim_f",
    "ice_dyn_f",
    "partial_f",
    "n_good_nod",
    "obs_frac_n",
    "xovr_cal_q",
    "geoid_hght",
    "geoid_slop",
    "solid_tide",
    "load_tidef",
    "load_tideg",
    "pole_tide",
    "dry_trop_c",
    "wet_trop_c",
    "iono_c",
    "xovr_cal_c",
    "n_reach_up",
    "n_reach_dn",
    "rch_id_up",
    "rch_id_dn",
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
];

/// Discharge models; each has the fields `dschg_X`, `dschg_X_u`, `dschg_Xsf` and `dschg_X_q`.
const DISCHARGE_MODELS: [&str; 14] = ["c", "gc", "m", "gm", "b", "gb", "h", "gh", "o", "go", "s", "gs", "i", "gi"];

/// Whether this is a discharge of one of the models.
fn is_discharge(field: &str) -> bool {
    let Some(rest) = field.strip_prefix("dschg_") else { return false };
    let model = ["_u", "_q", "sf"].iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
    DISCHARGE_MODELS.contains(&model)
}

/// Discharge of the SoS, which version 2.0 alone has.
pub(super) const SOS_DISCHARGE: [&str; 8] = [
    "sos_consensus_q",
    "sos_hivdi_q",
    "sos_metroman_q",
    "sos_momma_q",
    "sos_sad_q",
    "sos_sic4dvar_q",
    "sos_lakeflow_q",
    "swot_discharge_reanalysis",
];

const NODE: [&str; 52] = [
    "reach_id",
    "node_id",
    "time",
    "time_tai",
    "time_str",
    "lat",
    "lon",
    "lat_u",
    "lon_u",
    "river_name",
    "wse",
    "wse_u",
    "wse_r_u",
    "width",
    "width_u",
    "area_total",
    "area_tot_u",
    "area_detct",
    "area_det_u",
    "area_wse",
    "layovr_val",
    "node_dist",
    "xtrk_dist",
    "flow_angle",
    "node_q",
    "node_q_b",
    "dark_frac",
    "ice_clim_f",
    "ice_dyn_f",
    "n_good_pix",
    "xovr_cal_q",
    "rdr_sig0",
    "rdr_sig0_u",
    "rdr_pol",
    "geoid_hght",
    "solid_tide",
    "load_tidef",
    "load_tideg",
    "pole_tide",
    "dry_trop_c",
    "wet_trop_c",
    "iono_c",
    "xovr_cal_c",
    "p_wse",
    "p_wse_var",
    "p_width",
    "p_wid_var",
    "p_dist_out",
    "p_length",
    "p_dam_id",
    "p_n_ch_max",
    "p_n_ch_mod",
];
const NODE_D: [&str; 4] = ["wse_sm", "wse_sm_u", "wse_sm_q", "wse_sm_q_b"];
const LAKE: [&str; 50] = [
    "lake_id",
    "reach_id",
    "obs_id",
    "overlap",
    "n_overlap",
    "time",
    "time_tai",
    "time_str",
    "wse",
    "wse_u",
    "wse_r_u",
    "wse_std",
    "area_total",
    "area_tot_u",
    "area_detct",
    "area_det_u",
    "layovr_val",
    "xtrk_dist",
    "ds1_l",
    "ds1_l_u",
    "ds1_q",
    "ds1_q_u",
    "ds2_l",
    "ds2_l_u",
    "ds2_q",
    "ds2_q_u",
    "quality_f",
    "dark_frac",
    "ice_clim_f",
    "ice_dyn_f",
    "partial_f",
    "xovr_cal_q",
    "geoid_hght",
    "solid_tide",
    "load_tidef",
    "load_tideg",
    "pole_tide",
    "dry_trop_c",
    "wet_trop_c",
    "iono_c",
    "xovr_cal_c",
    "lake_name",
    "p_res_id",
    "p_lon",
    "p_lat",
    "p_ref_wse",
    "p_ref_area",
    "p_date_t0",
    "p_ds_t0",
    "p_storage",
];
const LAKE_D: [&str; 1] = ["qual_f_b"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_belongs_to_its_feature_and_version_with_its_case() {
        let check = |feature: Feature, field: &str, two: bool, d: bool| {
            let has = (feature.has(field, Edition::Two), feature.has(field, Edition::D));
            assert_eq!(has, (two, d), "{field} of {}", feature.name());
        };
        check(Feature::Reach, "slope", true, true);
        check(Feature::Reach, "Slope", false, false);
        check(Feature::Reach, "dschg_gisf", true, true);
        check(Feature::Reach, "dschg_gi_u", true, true);
        check(Feature::Reach, "dschg_gx", false, false);
        check(Feature::Reach, "dschg_gq_b", true, true);
        check(Feature::Reach, "sos_sad_q", true, false);
        check(Feature::Reach, "PLD_version", false, false);
        check(Feature::Node, "slope", false, false);
        check(Feature::Node, "wse_sm", false, true);
        check(Feature::Node, "dschg_c", false, false);
        check(Feature::Node, "sword_version", true, true);
        check(Feature::PriorLake, "ds2_l", true, true);
        check(Feature::PriorLake, "qual_f_b", false, true);
        check(Feature::PriorLake, "PLD_version", true, true);
        check(Feature::PriorLake, "granuleUR", true, true);
    }

    #[test]
    fn each_feature_has_a_default_and_a_stored_collection() {
        assert_eq!(Feature::Node.default_collection().name, "SWOT_L2_HR_RiverSP_D");
        assert_eq!(Feature::PriorLake.default_collection().name, "SWOT_L2_HR_LakeSP_D");
        assert_eq!(Feature::Reach.stored_collection(Edition::Two), "SWOT_L2_HR_RiverSP_reach_2.0");
        assert_eq!(Feature::PriorLake.stored_collection(Edition::D), "SWOT_L2_HR_LakeSP_prior_D");
    }
}
