//! Names and values of properties for people. Records carry machine names; the common ones are said in words, of others
//! the name is made readable and its unit is set apart. Values from a fixed list are said in the reader's language.

use super::language::Language;

/// Property, English, French.
const KNOWN: &[(&str, &str, &str)] = &[
    ("name", "Name", "Nom"),
    ("code", "Code", "Code"),
    ("former_code", "Former code", "Ancien code"),
    ("external_code", "External code", "Code externe"),
    ("names", "Other names", "Autres noms"),
    ("name_alt", "Other name", "Autre nom"),
    ("name_en", "Name in English", "Nom en anglais"),
    ("name_fr", "Name in French", "Nom en français"),
    ("dam_name", "Dam", "Barrage"),
    ("uri", "Source address", "Adresse à la source"),
    ("bss_id", "BSS number", "Numéro BSS"),
    ("country", "Country", "Pays"),
    ("country_type", "Type of territory", "Type de territoire"),
    ("sovereignty", "Sovereignty", "Souveraineté"),
    ("feature_class", "Type of water body", "Type d'eau"),
    ("from", "Observed from", "Observé depuis"),
    ("to", "Observed until", "Observé jusqu'au"),
    ("map_sheet", "Map sheet", "Feuille de carte"),
    ("position_source", "Source of the position", "Origine de la position"),
    ("rd_x_m", "x in RD New (m)", "x en RD New (m)"),
    ("rd_y_m", "y in RD New (m)", "y en RD New (m)"),
    ("scalerank", "Importance on maps (0 is greatest)", "Importance sur les cartes (0 pour la plus grande)"),
    ("rivernum", "Number in Natural Earth", "Numéro dans Natural Earth"),
    ("region", "Region", "Région"),
    ("province", "Province", "Province"),
    ("department", "Department", "Département"),
    ("continent", "Continent", "Continent"),
    ("basin", "Basin", "Bassin"),
    ("river", "River", "Cours d'eau"),
    ("river_name", "River", "Cours d'eau"),
    ("provider", "Provider", "Fournisseur"),
    ("station_type", "Type of station", "Type de station"),
    ("status", "Status", "État"),
    ("real_time", "Real time", "Temps réel"),
    ("datum", "Vertical datum", "Référence verticale"),
    ("drainage_area_km2", "Drainage area (km²)", "Bassin versant (km²)"),
    ("catchment_area_km2", "Catchment area (km²)", "Bassin versant (km²)"),
    ("area_km2", "Area (km²)", "Aire (km²)"),
    ("catchment_elevation_m", "Mean elevation of the catchment (m)", "Altitude moyenne du bassin (m)"),
    ("catchment_slope_m_per_km", "Mean slope of the catchment (m/km)", "Pente moyenne du bassin (m/km)"),
    ("precipitation_mm_per_d", "Mean precipitation (mm/d)", "Précipitations moyennes (mm/j)"),
    (
        "potential_evapotranspiration_mm_per_d",
        "Mean potential evapotranspiration (mm/d)",
        "Évapotranspiration potentielle moyenne (mm/j)",
    ),
    ("discharge_mm_per_d", "Mean discharge (mm/d)", "Débit moyen (mm/j)"),
    ("aridity", "Aridity", "Aridité"),
    ("snow_fraction", "Share of snow in precipitation", "Part de la neige dans les précipitations"),
    ("runoff_ratio", "Runoff ratio (runoff / precipitation)", "Coefficient d'écoulement (écoulement / précipitations)"),
    ("baseflow_index", "Baseflow index", "Indice de débit de base"),
    ("ground_level_measured", "Ground level measured", "Niveau du sol mesuré le"),
    ("ground_level_nap_m", "Ground level (m above NAP)", "Niveau du sol (m, NAP)"),
    ("ground_level_nap_cm", "Ground level (cm above NAP)", "Niveau du sol (cm, NAP)"),
    ("measuring_point_nap_cm", "Measuring point (cm above NAP)", "Repère de mesure (cm, NAP)"),
    ("measuring_point_mv_cm", "Measuring point (cm above ground)", "Repère de mesure (cm au-dessus du sol)"),
    ("filter_top_nap_cm", "Top of the filter (cm above NAP)", "Haut de la crépine (cm, NAP)"),
    ("filter_bottom_nap_cm", "Bottom of the filter (cm above NAP)", "Bas de la crépine (cm, NAP)"),
    ("summer_months", "Summer months", "Mois d'été"),
    ("volume_km3", "Volume (km³)", "Volume (km³)"),
    ("elevation_m", "Elevation (m)", "Altitude (m)"),
    ("commune", "Commune", "Commune"),
    ("commune_code", "Commune code", "Code de la commune"),
    ("sub_basin", "Sub-basin", "Sous-bassin"),
    ("subregion", "Subregion", "Sous-région"),
    ("water_body", "Water body", "Masse d'eau"),
    ("water_body_code", "Water body code", "Code de la masse d'eau"),
    ("hydrologic_unit", "Hydrologic unit", "Unité hydrologique"),
    ("hydrologic_region", "Hydrologic region", "Région hydrologique"),
    ("site_type", "Type of site", "Type de site"),
    ("lake_type", "Type of lake", "Type de lac"),
    ("location", "Location", "Lieu"),
    ("method", "Method", "Méthode"),
    ("opened", "Opened", "Mise en service"),
    ("timezone", "Time zone", "Fuseau horaire"),
    ("utc_offset_h", "Offset from UTC (h)", "Décalage par rapport à UTC (h)"),
    ("depth_m", "Depth (m)", "Profondeur (m)"),
    ("depth_mean_m", "Mean depth (m)", "Profondeur moyenne (m)"),
    ("depth_max_m", "Maximum depth (m)", "Profondeur maximale (m)"),
    ("measurements", "Measurements", "Mesures"),
    ("measured_from", "Measured from", "Mesuré depuis"),
    ("measured_to", "Measured until", "Mesuré jusqu'au"),
    ("population", "Population", "Population"),
    ("population_year", "Year of the population figure", "Année du chiffre de population"),
    ("observed", "Observed", "Observé"),
    ("swot:product", "Product", "Produit"),
    ("swot:cycle", "Cycle", "Cycle"),
    ("swot:pass", "Pass", "Passage"),
    ("swot:crid", "Release (CRID)", "Version de production (CRID)"),
    ("swot:counter", "Counter", "Compteur"),
    ("swot:continent", "Continent of the database", "Continent de la base"),
    ("swot:features", "Features", "Objets"),
    ("swot:observed", "Features observed", "Objets observés"),
    ("nilometer:extrapolated", "Extrapolated", "Extrapolé"),
    ("nilometer:time_error_s", "Time error (s)", "Erreur sur l'heure (s)"),
    ("p_ref_area", "Reference area (km²)", "Aire de référence (km²)"),
    ("p_length", "Length (m)", "Longueur (m)"),
    ("p_width", "Prior width (m)", "Largeur a priori (m)"),
    ("p_wse", "Prior elevation (m)", "Cote a priori (m)"),
    ("p_wse_var", "Variance of the prior elevation (m²)", "Variance de la cote a priori (m²)"),
    ("p_wid_var", "Variance of the prior width (m²)", "Variance de la largeur a priori (m²)"),
    ("p_lon", "Longitude of the centre (°)", "Longitude du centre (°)"),
    ("p_lat", "Latitude of the centre (°)", "Latitude du centre (°)"),
    ("p_dist_out", "Distance to the outlet (m)", "Distance à l'embouchure (m)"),
    ("p_n_nodes", "Nodes of the reach", "Nœuds du tronçon"),
    ("p_n_ch_max", "Maximum number of channels", "Nombre maximal de chenaux"),
    ("p_n_ch_mod", "Most common number of channels", "Nombre de chenaux le plus fréquent"),
    ("p_dam_id", "Dam, number in SWORD (0: none)", "Barrage, numéro dans SWORD (0 : aucun)"),
    ("p_low_slp", "Low slope, discharge uncertain (0: no)", "Pente faible, débit incertain (0 : non)"),
    ("n_reach_up", "Number of reaches upstream", "Nombre de tronçons amont"),
    ("n_reach_dn", "Number of reaches downstream", "Nombre de tronçons aval"),
    ("sword_version", "SWORD version", "Version de SWORD"),
    ("pld_version", "Version of the prior lake database", "Version de la base des lacs"),
    ("observations:count", "Observations", "Observations"),
    ("observations:first", "First observation", "Première observation"),
    ("observations:last", "Last observation", "Dernière observation"),
    ("lake_id", "Lake", "Lac"),
    ("reach_id", "Reach", "Tronçon"),
    ("node_id", "Node", "Nœud"),
    ("rch_id_up", "Reaches upstream", "Tronçons amont"),
    ("rch_id_dn", "Reaches downstream", "Tronçons aval"),
    ("keywords", "Keywords", "Mots-clés"),
    ("datetime", "Time", "Date"),
    ("start_datetime", "Start", "Début"),
    ("end_datetime", "End", "Fin"),
    ("created", "Created", "Créé"),
    ("updated", "Updated", "Mis à jour"),
    ("license", "Licence", "Licence"),
    ("platform", "Platform", "Plateforme"),
    ("instruments", "Instruments", "Instruments"),
    ("version", "Version", "Version"),
    ("sat:orbit_state", "Flight direction", "Sens de vol"),
    ("spatial:cycle_id", "Cycle", "Cycle"),
    ("spatial:pass_id", "Pass", "Passage"),
    ("spatial:tile_id", "Tile", "Tuile"),
    ("iso_a2", "Country code (2 letters)", "Code du pays (2 lettres)"),
    ("iso_a3", "Country code (3 letters)", "Code du pays (3 lettres)"),
    ("ingested", "Added", "Ajouté le"),
    ("scientific:doi", "DOI", "DOI"),
];

/// Properties of which only those who know the source make something.
const TECHNICAL: &[&str] = &[
    "n_reach_dn",
    "n_reach_up",
    "p_dam_id",
    "p_dist_out",
    "p_lat",
    "p_lon",
    "p_low_slp",
    "p_n_ch_max",
    "p_n_ch_mod",
    "p_n_nodes",
    "p_wid_var",
    "p_wse_var",
    "pld_version",
    "position_source",
    "rd_x_m",
    "rd_y_m",
    "rivernum",
    "scalerank",
    "swot:counter",
    "sword_version",
    "uri",
];

/// Properties whose texts are names, codes and days, by which nobody narrows down.
const NO_FACETS: &[&str] = &[
    "bss_id",
    "commune_code",
    "external_code",
    "former_code",
    "from",
    "ground_level_measured",
    "name_alt",
    "name_en",
    "name_fr",
    "names",
    "to",
    "water_body_code",
];

/// Property, its value, English, French. Without a property: parts of the world, wherever they stand.
const VALUES: &[(&str, &str, &str, &str)] = &[
    ("sat:orbit_state", "ascending", "ascending", "ascendant"),
    ("sat:orbit_state", "descending", "descending", "descendant"),
    ("sat:orbit_state", "geostationary", "geostationary", "géostationnaire"),
    ("instruments", "karin", "KaRIn", "KaRIn"),
    ("station_type", "groundwater filter", "groundwater filter", "crépine de puits"),
    ("station_type", "groundwater quality well", "groundwater quality well", "qualitomètre"),
    ("station_type", "lake", "lake", "lac"),
    ("station_type", "low-flow observation point", "low-flow observation point", "point d'observation des étiages"),
    ("station_type", "piezometer", "piezometer", "piézomètre"),
    ("station_type", "river gauge", "river gauge", "station hydrométrique"),
    ("station_type", "staff gauge", "staff gauge", "échelle limnimétrique"),
    ("station_type", "water quality station", "water quality station", "station de qualité de l'eau"),
    ("station_type", "lake gauge", "lake gauge", "station limnimétrique"),
    ("station_type", "virtual station", "virtual station", "station virtuelle"),
    ("site_type", "ST", "stream", "cours d'eau"),
    ("site_type", "LK", "lake or reservoir", "lac ou réservoir"),
    ("site_type", "GW", "well", "puits"),
    ("site_type", "SP", "spring", "source"),
    ("site_type", "ES", "estuary", "estuaire"),
    ("status", "active", "active", "en service"),
    ("status", "discontinued", "discontinued", "arrêtée"),
    ("lake_type", "lake", "lake", "lac"),
    ("lake_type", "reservoir", "reservoir", "réservoir"),
    ("method", "in situ", "in situ", "in situ"),
    ("method", "satellite", "satellite", "par satellite"),
    ("summer_months", "JAS", "July to September", "juillet à septembre"),
    ("summer_months", "JJA", "June to August", "juin à août"),
    ("summer_months", "JFM", "January to March", "janvier à mars"),
    ("feature_class", "alkaline lake", "alkaline lake", "lac alcalin"),
    ("feature_class", "lake", "lake", "lac"),
    ("feature_class", "lake centerline", "lake centre line", "ligne médiane de lac"),
    ("feature_class", "reservoir", "reservoir", "réservoir"),
    ("feature_class", "river", "river", "rivière"),
    ("country_type", "Country", "country", "pays"),
    ("country_type", "Dependency", "dependency", "dépendance"),
    ("country_type", "Disputed", "disputed", "disputé"),
    ("country_type", "Indeterminate", "indeterminate", "indéterminé"),
    ("country_type", "Sovereign country", "sovereign country", "pays souverain"),
    ("swot:continent", "AF", "Africa", "Afrique"),
    ("swot:continent", "AR", "North American Arctic", "Arctique nord-américain"),
    ("swot:continent", "AS", "Asia", "Asie"),
    ("swot:continent", "AU", "Oceania", "Océanie"),
    ("swot:continent", "EU", "Europe and Middle East", "Europe et Moyen-Orient"),
    ("swot:continent", "GR", "Greenland", "Groenland"),
    ("swot:continent", "NA", "North America", "Amérique du Nord"),
    ("swot:continent", "SA", "South America", "Amérique du Sud"),
    ("swot:continent", "SI", "Siberia", "Sibérie"),
    ("datum", "datum of the gauge", "datum of the gauge", "zéro de l'échelle"),
    (
        "datum",
        "datum of the station (its property datum)",
        "datum of the station (its property datum)",
        "référence de la station (sa propriété datum)",
    ),
    ("datum", "measuring point (MP)", "measuring point (MP)", "repère de mesure (MP)"),
    ("datum", "ground level (MV)", "ground level (MV)", "niveau du sol (MV)"),
    ("roles", "data", "data", "données"),
    ("roles", "metadata", "metadata", "métadonnées"),
    ("roles", "overview", "overview", "aperçu"),
    ("roles", "thumbnail", "thumbnail", "vignette"),
    ("country", "Netherlands", "Netherlands", "Pays-Bas"),
    ("country", "United States", "United States", "États-Unis"),
    ("", "Africa", "Africa", "Afrique"),
    ("", "Americas", "Americas", "Amériques"),
    ("", "Antarctica", "Antarctica", "Antarctique"),
    ("", "Asia", "Asia", "Asie"),
    ("", "Australia and New Zealand", "Australia and New Zealand", "Australie et Nouvelle-Zélande"),
    ("", "Caribbean", "Caribbean", "Caraïbes"),
    ("", "Central America", "Central America", "Amérique centrale"),
    ("", "Central Asia", "Central Asia", "Asie centrale"),
    ("", "Eastern Africa", "Eastern Africa", "Afrique orientale"),
    ("", "Eastern Asia", "Eastern Asia", "Asie orientale"),
    ("", "Eastern Europe", "Eastern Europe", "Europe orientale"),
    ("", "Melanesia", "Melanesia", "Mélanésie"),
    ("", "Micronesia", "Micronesia", "Micronésie"),
    ("", "Middle Africa", "Middle Africa", "Afrique centrale"),
    ("", "Middle East", "Middle East", "Moyen-Orient"),
    ("", "North America", "North America", "Amérique du Nord"),
    ("", "Northeastern North America", "Northeastern North America", "Nord-est de l'Amérique du Nord"),
    ("", "Northern Africa", "Northern Africa", "Afrique du Nord"),
    ("", "Northern America", "Northern America", "Amérique septentrionale"),
    ("", "Northern Europe", "Northern Europe", "Europe du Nord"),
    ("", "Oceania", "Oceania", "Océanie"),
    ("", "Polynesia", "Polynesia", "Polynésie"),
    ("", "Seven seas (open ocean)", "Seven seas (open ocean)", "Sept mers (haute mer)"),
    ("", "South America", "South America", "Amérique du Sud"),
    ("", "South-Eastern Asia", "South-Eastern Asia", "Asie du Sud-Est"),
    ("", "Southeastern North America", "Southeastern North America", "Sud-est de l'Amérique du Nord"),
    ("", "Southern Africa", "Southern Africa", "Afrique australe"),
    ("", "Southern Asia", "Southern Asia", "Asie du Sud"),
    ("", "Southern Europe", "Southern Europe", "Europe du Sud"),
    ("", "Western Africa", "Western Africa", "Afrique occidentale"),
    ("", "Western Asia", "Western Asia", "Asie occidentale"),
    ("", "Western Europe", "Western Europe", "Europe occidentale"),
    ("", "Western North America", "Western North America", "Ouest de l'Amérique du Nord"),
];

/// Properties whose values are parts of the world.
const REGIONS: [&str; 3] = ["continent", "region", "subregion"];

/// Ends of names that are units.
const UNITS: &[(&str, &str)] = &[
    ("_m3_s", "m³/s"),
    ("_km2", "km²"),
    ("_km3", "km³"),
    ("_m2", "m²"),
    ("_m3", "m³"),
    ("_km", "km"),
    ("_m", "m"),
    ("_deg", "°"),
    ("_days", "d"),
    ("_s", "s"),
];

/// What a property is called.
pub(super) fn label(language: Language, name: &str) -> String {
    if let Some((_, english, french)) = KNOWN.iter().find(|(known, ..)| *known == name) {
        return language.of(english, french).to_owned();
    }
    let (stem, unit) = UNITS
        .iter()
        .find_map(|(end, unit)| Some((name.strip_suffix(end)?, Some(*unit))))
        .filter(|(stem, _)| !stem.is_empty())
        .unwrap_or((name, None));
    let words = stem.replace(['_', ':'], " ");
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let unit = unit.map(|unit| format!(" ({unit})")).unwrap_or_default();
    format!("{first}{}{unit}", letters.as_str())
}

/// What a property's text says in a language: from the fixed lists, else as it stands.
pub(super) fn value_text<'v>(language: Language, property: &str, text: &'v str) -> &'v str {
    let list = if REGIONS.contains(&property) { "" } else { property };
    let known = VALUES.iter().find(|(name, value, ..)| *name == list && *value == text);
    known.map_or(text, |(.., english, french)| language.of(english, french))
}

/// Whether a property means something only to those who know the source.
pub(super) fn is_technical(name: &str) -> bool {
    TECHNICAL.contains(&name)
}

/// Whether the texts of a property may be offered to narrow a question down.
pub(super) fn is_facet(name: &str) -> bool {
    !is_technical(name) && !NO_FACETS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_said_in_words_and_others_are_made_readable() {
        for (name, english, french) in [
            ("station_type", "Type of station", "Type de station"),
            ("mean_depth_m", "Mean depth (m)", "Mean depth (m)"),
            ("p_n_ch_max", "Maximum number of channels", "Nombre maximal de chenaux"),
            ("x", "X", "X"),
            ("", "", ""),
        ] {
            assert_eq!(
                (label(Language::English, name), label(Language::French, name)),
                (english.into(), french.into())
            );
        }
    }

    #[test]
    fn values_of_fixed_lists_are_said_in_the_readers_language_and_others_as_they_stand() {
        for (property, text, french) in [
            ("sat:orbit_state", "ascending", "ascendant"),
            ("continent", "Asia", "Asie"),
            ("region", "Bretagne", "Bretagne"),
            ("river", "Asia", "Asia"),
            ("platform", "SWOT", "SWOT"),
        ] {
            assert_eq!(value_text(Language::English, property, text), text);
            assert_eq!(value_text(Language::French, property, text), french);
        }
    }
}
