//! Names of properties for people. Records carry machine names; the common ones are said in words, of others the name is
//! made readable and its unit is set apart.

use super::language::Language;

/// Property, English, French.
const KNOWN: &[(&str, &str, &str)] = &[
    ("name", "Name", "Nom"),
    ("code", "Code", "Code"),
    ("former_code", "Former code", "Ancien code"),
    ("country", "Country", "Pays"),
    ("region", "Region", "Région"),
    ("province", "Province", "Province"),
    ("department", "Department", "Département"),
    ("continent", "Continent", "Continent"),
    ("basin", "Basin", "Bassin"),
    ("river", "River", "Cours d'eau"),
    ("river_name", "River", "Cours d'eau"),
    ("provider", "Provider", "Fournisseur"),
    ("station_type", "Kind of station", "Type de station"),
    ("status", "Status", "État"),
    ("real_time", "Real time", "Temps réel"),
    ("datum", "Vertical datum", "Référence verticale"),
    ("drainage_area_km2", "Drainage area (km²)", "Bassin versant (km²)"),
    ("catchment_area_km2", "Catchment area (km²)", "Bassin versant (km²)"),
    ("area_km2", "Area (km²)", "Aire (km²)"),
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
    ("site_type", "Kind of site", "Type de site"),
    ("lake_type", "Kind of lake", "Type de lac"),
    ("location", "Location", "Lieu"),
    ("method", "Method", "Méthode"),
    ("opened", "Opened", "Mise en service"),
    ("timezone", "Time zone", "Fuseau horaire"),
    ("utc_offset_h", "Offset from UTC (h)", "Décalage par rapport à UTC (h)"),
    ("depth_m", "Depth (m)", "Profondeur (m)"),
    ("depth_mean_m", "Mean depth (m)", "Profondeur moyenne (m)"),
    ("depth_max_m", "Largest depth (m)", "Profondeur maximale (m)"),
    ("measurements", "Measurements", "Mesures"),
    ("measured_from", "Measured from", "Mesuré depuis"),
    ("measured_to", "Measured until", "Mesuré jusqu'au"),
    ("population", "Population", "Population"),
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
    ("nilometer:time_error_s", "Error of the time (s)", "Erreur de l'heure (s)"),
    ("p_ref_area", "Reference area (km²)", "Aire de référence (km²)"),
    ("p_length", "Length (m)", "Longueur (m)"),
    ("p_width", "Width a priori (m)", "Largeur a priori (m)"),
    ("p_wse", "Elevation a priori (m)", "Cote a priori (m)"),
    ("lake_id", "Lake", "Lac"),
    ("reach_id", "Reach", "Tronçon"),
    ("node_id", "Node", "Nœud"),
    ("rch_id_up", "Reaches upstream", "Tronçons amont"),
    ("rch_id_dn", "Reaches downstream", "Tronçons aval"),
    ("keywords", "Keywords", "Mots-clés"),
    ("datetime", "Time", "Date"),
    ("start_datetime", "Begin", "Début"),
    ("end_datetime", "End", "Fin"),
    ("created", "Created", "Créé"),
    ("updated", "Updated", "Mis à jour"),
    ("license", "Licence", "Licence"),
    ("platform", "Platform", "Plateforme"),
    ("instruments", "Instruments", "Instruments"),
    ("version", "Version", "Version"),
    ("sat:orbit_state", "Direction of flight", "Sens de vol"),
    ("spatial:cycle_id", "Cycle", "Cycle"),
    ("spatial:pass_id", "Pass", "Passage"),
    ("spatial:tile_id", "Tile", "Tuile"),
    ("iso_a2", "Country code (2 letters)", "Code du pays (2 lettres)"),
    ("iso_a3", "Country code (3 letters)", "Code du pays (3 lettres)"),
    ("ingested", "Taken in", "Enregistré"),
    ("scientific:doi", "DOI", "DOI"),
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_said_in_words_and_others_are_made_readable() {
        for (name, english, french) in [
            ("station_type", "Kind of station", "Type de station"),
            ("mean_depth_m", "Mean depth (m)", "Mean depth (m)"),
            ("x", "X", "X"),
            ("", "", ""),
        ] {
            assert_eq!(
                (label(Language::English, name), label(Language::French, name)),
                (english.into(), french.into())
            );
        }
    }
}
