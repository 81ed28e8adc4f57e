//! The parameters of the OpenAPI document, each once.

use nilometer_query::series::Method;
use nilometer_schemas::limits::{AGGREGATIONS_MAX, CHANGES_LIMIT_MAX, COLLECTIONS_MAX, IDS_MAX, Q_CHARS_MAX, REFS_MAX};
use nilometer_schemas::{CalendarInterval, Crs};
use serde_json::{Map, Value, json};

use super::Words;
use crate::exports::Format as ExportFormat;
use crate::links::CRS84;

use crate::routes::collections::LIMIT_MAX as COLLECTIONS_LIMIT;
use crate::routes::edr::{Format, TOLERANCE_M, steps, units};
use crate::routes::places::{LIMIT_DEFAULT as PLACES_DEFAULT, LIMIT_MAX as PLACES_MAX};
use crate::routes::suggest::{LIMIT_DEFAULT as SUGGESTIONS_DEFAULT, LIMIT_MAX as SUGGESTIONS_MAX};
use crate::routes::tiles::PROPERTIES_MAX;

fn query(name: &str, description: Words<'_>, schema: Value) -> Value {
    json!({"name": name, "in": "query", "required": false, "description": description.0,
        "x-description-fr": description.1, "schema": schema})
}

/// A list written with commas.
fn list(name: &str, description: Words<'_>, items: Value, items_max: usize) -> Value {
    let schema = json!({"type": "array", "items": items, "minItems": 1, "maxItems": items_max});
    let mut parameter = query(name, description, schema);
    parameter["style"] = "form".into();
    parameter["explode"] = false.into();
    parameter
}

fn path(name: &str, description: Words<'_>) -> Value {
    json!({"name": name, "in": "path", "required": true, "description": description.0,
        "x-description-fr": description.1, "schema": {"type": "string"}})
}

fn header(name: &str, description: Words<'_>) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": description.0,
        "x-description-fr": description.1, "schema": {"type": "string"}})
}

/// Parameters of files, uploads and signed links.
fn files() -> [(&'static str, Value); 9] {
    let text = || json!({"type": "string"});
    [
        (
            "rangeHeader",
            header(
                "Range",
                (
                    "Bytes wanted, such as bytes=0-99; at most 16 ranges",
                    "Octets voulus, par exemple bytes=0-99 ; au plus 16 intervalles",
                ),
            ),
        ),
        (
            "ifRange",
            header(
                "If-Range",
                (
                    "Entity tag of the file that the range continues",
                    "Étiquette (ETag) du fichier que l'intervalle continue",
                ),
            ),
        ),
        (
            "linkExpires",
            query(
                "expires",
                (
                    "Of a signed link: when it ends, seconds since 1970",
                    "D'un lien signé : sa fin, en secondes depuis 1970",
                ),
                text(),
            ),
        ),
        ("linkUser", query("user", ("Of a signed link: who made it", "D'un lien signé : qui l'a fait"), text())),
        (
            "linkKeyId",
            query(
                "keyid",
                (
                    "Of a signed link: the id of the key that made it",
                    "D'un lien signé : l'identifiant de la clé qui l'a fait",
                ),
                text(),
            ),
        ),
        (
            "linkSignature",
            query("signature", ("Of a signed link: its signature", "D'un lien signé : sa signature"), text()),
        ),
        (
            "uploadStore",
            query(
                "store",
                (
                    "The store that takes the file; the default one where none is named",
                    "L'entrepôt qui reçoit le fichier ; à défaut, celui par défaut",
                ),
                text(),
            ),
        ),
        (
            "uploadChecksum",
            query(
                "file:checksum",
                (
                    "Multihash of the file: 1220 and its SHA-256, 1340 and its SHA-512, or 1e20 and its BLAKE3; another file is refused",
                    "Multihash du fichier : 1220 et son SHA-256, 1340 et son SHA-512, ou 1e20 et son BLAKE3 ; un autre fichier est refusé",
                ),
                text(),
            ),
        ),
        (
            "uploadSize",
            query(
                "file:size",
                ("Bytes of the file; another number is refused", "Octets du fichier ; un autre nombre est refusé"),
                json!({"type": "integer", "minimum": 0}),
            ),
        ),
    ]
}

fn whole(minimum: u64, maximum: usize, default: usize) -> Value {
    json!({"type": "integer", "minimum": minimum, "maximum": maximum, "default": default})
}

/// All parameters by the names under which operations refer to them.
pub(super) fn all(limit_default: usize, limit_max: usize) -> Map<String, Value> {
    let text = || json!({"type": "string"});
    let mut out = Map::new();
    let mut add = |key: &str, parameter: Value| {
        out.insert(key.into(), parameter);
    };
    add("collectionId", path("collectionId", ("Identifier of a collection", "Identifiant d'une collection")));
    add("itemId", path("itemId", ("Identifier of an item", "Identifiant d'un élément")));
    add("assetKey", path("assetKey", ("Key of an asset of the item", "Clé d'un asset de l'élément")));
    for (name, parameter) in files() {
        add(name, parameter);
    }
    add("problemCode", path("code", ("Code of a type of problem", "Code d'un type de problème")));
    add("basketId", path("basketId", ("Identifier of a shared basket", "Identifiant d'un panier partagé")));
    add("orderId", path("orderId", ("Identifier of an order", "Identifiant d'une commande")));
    add(
        "orderSort",
        query(
            "sort",
            ("lastUpdate,DESC (default) or lastUpdate,ASC", "lastUpdate,DESC (par défaut) ou lastUpdate,ASC"),
            text(),
        ),
    );
    add(
        "orderSince",
        query(
            "lastUpdate",
            ("Only orders changed since this moment", "Seulement les commandes modifiées depuis ce moment"),
            text(),
        ),
    );
    add("unpaged", query("unpaged", ("Everything in one answer", "Tout en une réponse"), text()));
    add(
        "orderPage",
        query(
            "page",
            ("Number of the page, from 0", "Numéro de la page, à partir de 0"),
            json!({"type": "integer", "minimum": 0}),
        ),
    );
    add(
        "orderSize",
        query("size", ("Orders of a page", "Commandes par page"), json!({"type": "integer", "minimum": 1})),
    );
    add("searchId", path("searchId", ("Identifier of a kept question", "Identifiant d'une question conservée")));
    add(
        "properties",
        list(
            "properties",
            (
                "Properties of items that tiles carry beside id, collection and title; latest values (latest:wse) are properties too",
                "Propriétés que les tuiles portent en plus de id, collection et title ; les dernières valeurs (latest:wse) en sont aussi",
            ),
            text(),
            PROPERTIES_MAX,
        ),
    );
    let place = |name: &str, description: Words<'_>| {
        let mut parameter = path(name, description);
        parameter["schema"] = json!({"type": "integer", "minimum": 0});
        parameter
    };
    add("tileMatrix", place("tileMatrix", ("Zoom level, 0 to 24", "Niveau de zoom, de 0 à 24")));
    add("tileRow", place("tileRow", ("Row of the tile, from the north", "Ligne de la tuile, depuis le nord")));
    add("tileCol", place("tileCol", ("Column of the tile, from the west", "Colonne de la tuile, depuis l'ouest")));
    add(
        "f",
        query(
            "f",
            ("Form of the answer, over the Accept header", "Forme de la réponse ; l'emporte sur l'en-tête Accept"),
            json!({"type": "string", "enum": ["json",
            "html"]}),
        ),
    );
    add(
        "lang",
        query(
            "lang",
            (
                "Language of texts, over the Accept-Language header",
                "Langue des textes ; l'emporte sur l'en-tête Accept-Language",
            ),
            json!({"type": "string", "examples": ["fr"]}),
        ),
    );
    let mut bbox = list(
        "bbox",
        (
            "West, south, east, north in degrees (CRS84), or six numbers with heights, which are ignored. \
             West greater than east crosses the antimeridian",
            "Ouest, sud, est, nord en degrés (CRS84), ou six nombres avec des altitudes, qui sont ignorées. \
             Un ouest plus grand que l'est franchit l'antiméridien",
        ),
        json!({"type": "number"}),
        6,
    );
    bbox["schema"]["minItems"] = 4.into();
    add("bbox", bbox);
    let mut point = list(
        "point",
        ("Longitude, latitude in degrees (CRS84)", "Longitude, latitude en degrés (CRS84)"),
        json!({"type": "number"}),
        2,
    );
    point["schema"]["minItems"] = 2.into();
    add("point", point);
    add(
        "place",
        query(
            "place",
            (
                "A stored item, COLLECTION.ID, whose geometry is the place; several with commas between",
                "Un élément enregistré, COLLECTION.ID, dont la géométrie est le lieu ; plusieurs, séparés par des virgules",
            ),
            text(),
        ),
    );
    add(
        "datetime",
        query(
            "datetime",
            (
                "An RFC 3339 moment, or START/END with .. or nothing for an open end",
                "Un instant RFC 3339, ou DÉBUT/FIN, avec .. ou rien pour un côté ouvert",
            ),
            text(),
        ),
    );
    add(
        "limit",
        query(
            "limit",
            (
                "Items on a page; more than the maximum is clamped",
                "Éléments par page ; ce qui dépasse le maximum y est ramené",
            ),
            whole(1, limit_max, limit_default),
        ),
    );
    add(
        "token",
        query(
            "token",
            ("Where the page begins: from a next or prev link", "Où commence la page : tiré d'un lien next ou prev"),
            text(),
        ),
    );
    let systems = || json!({"type": "string", "format": "uri", "enum": Crs::ALL.map(Crs::uri), "default": CRS84});
    add("bbox-crs", query("bbox-crs", ("Reference system of the bbox", "Système de référence du bbox"), systems()));
    add(
        "itemsCrs",
        query(
            "crs",
            (
                "Reference system of the answer's positions, told by the header Content-Crs",
                "Système de référence des positions de la réponse, indiqué par l'en-tête Content-Crs",
            ),
            systems(),
        ),
    );
    add(
        "page",
        query(
            "page",
            (
                "Number of the page, in place of a token; it keeps no place while others write",
                "Numéro de la page, au lieu d'un token ; il ne garde pas sa place quand d'autres écrivent",
            ),
            json!({"type": "integer", "minimum": 1, "default": 1}),
        ),
    );
    add(
        "query",
        query(
            "query",
            (
                "Conditions of STAC's query extension, a JSON object: {\"PROPERTY\": {\"OPERATOR\": VALUE}}",
                "Conditions de l'extension query de STAC, un objet JSON : {\"PROPRIÉTÉ\": {\"OPÉRATEUR\": VALEUR}}",
            ),
            text(),
        ),
    );
    add("ids", list("ids", ("Identifiers of items", "Identifiants d'éléments"), text(), IDS_MAX));
    add(
        "collections",
        list("collections", ("Identifiers of collections", "Identifiants de collections"), text(), COLLECTIONS_MAX),
    );
    add(
        "intersects",
        query(
            "intersects",
            (
                "A GeoJSON geometry that the item's shares a point with",
                "Une géométrie GeoJSON avec laquelle celle de l'élément partage un point",
            ),
            text(),
        ),
    );
    add(
        "intersectsRefs",
        list(
            "intersectsRefs",
            (
                "Stored items, each COLLECTION.ID, whose geometry the item's shares a point with",
                "Éléments enregistrés, chacun COLLECTION.ID, avec la géométrie desquels celle de l'élément partage un point",
            ),
            text(),
            REFS_MAX,
        ),
    );
    let words = json!({"type": "string", "maxLength": Q_CHARS_MAX});
    add(
        "q",
        list(
            "q",
            (
                "Words or runs of words, of which one is in the item's texts; with \"phrases\", +required, -excluded, \
                 begun* words, OR, AND and parentheses a term says more. The best match comes first",
                "Mots ou suites de mots, dont l'un figure dans les textes de l'élément ; avec « \"expressions\" », \
                 +obligatoire, -exclu, début*, OR, AND et parenthèses, un terme en dit plus. Le plus pertinent vient d'abord",
            ),
            words,
            32,
        ),
    );
    add(
        "interpret",
        query(
            "interpret",
            (
                "true: q is a sentence, read as place, collections or quantity, period, cycle and pass, and words; words: all \
                 words of q must be there, in any order",
                "true : q est une phrase, lue comme lieu, collections ou grandeur, période, cycle et passage, et mots ; words : \
                 tous les mots de q doivent y être, dans n'importe quel ordre",
            ),
            json!({"type": "string", "enum": ["true", "words", "false"]}),
        ),
    );
    add("filter", query("filter", ("A CQL2 filter", "Un filtre CQL2"), text()));
    add(
        "strict",
        query(
            "strict",
            (
                "Whether a property of the filter that no item has is an error; else it matches nothing, and a link says so",
                "Si une propriété du filtre qu'aucun élément ne porte est une erreur ; sinon elle ne trouve rien, et un lien le dit",
            ),
            json!({"type": "boolean", "default": false}),
        ),
    );
    let languages = json!({"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"});
    add("filter-lang", query("filter-lang", ("Language of the filter", "Langage du filtre"), languages));
    add(
        "filter-crs",
        query(
            "filter-crs",
            ("Reference system of the filter's geometries", "Système de référence des géométries du filtre"),
            json!({"type": "string", "enum": Crs::ALL.map(Crs::uri), "default": CRS84}),
        ),
    );
    add(
        "sortby",
        list(
            "sortby",
            (
                "Properties to sort by, each with + (default) or - before it; -relevance is the best match of q first, \
                 -observations:in_period what has observations in the period of datetime first",
                "Propriétés de tri, chacune précédée de + (défaut) ou de - ; -relevance : le plus pertinent d'abord, \
                 -observations:in_period : d'abord ce qui a des observations dans la période de datetime",
            ),
            text(),
            8,
        ),
    );
    add(
        "fields",
        list(
            "fields",
            (
                "Members to answer with, each with - before it to leave it out",
                "Membres à rendre, chacun précédé de - pour l'omettre",
            ),
            text(),
            100,
        ),
    );
    let labels = ExportFormat::ALL.map(ExportFormat::label);
    add(
        "exportFormat",
        query(
            "f",
            (
                "Format of the file; the Accept header decides without it",
                "Format du fichier ; à défaut, l'en-tête Accept décide",
            ),
            json!({"type": "string", "enum": labels, "default": labels[0]}),
        ),
    );
    let mut queryables = query(
        "queryables",
        (
            "Any queryable of the collection by its own name: platform=SWOT asks for items of that platform",
            "Toute propriété interrogeable de la collection, par son nom : platform=SWOT demande les éléments de cette plateforme",
        ),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
    );
    queryables["style"] = "form".into();
    queryables["explode"] = true.into();
    add("queryables", queryables);
    add(
        "collectionsLimit",
        query(
            "limit",
            ("Collections on a page", "Collections par page"),
            whole(1, COLLECTIONS_LIMIT, COLLECTIONS_LIMIT),
        ),
    );
    add(
        "collectionsToken",
        query(
            "token",
            ("Where the page begins: from a next or prev link", "Où commence la page : tiré d'un lien next ou prev"),
            text(),
        ),
    );
    add(
        "collectionsQ",
        query(
            "q",
            (
                "Beginnings of words in titles, descriptions and keywords, all of which must be found; of alternatives \
                 between commas one must be",
                "Débuts de mots des titres, descriptions et mots-clés, qui doivent tous s'y trouver ; parmi plusieurs \
                 propositions séparées par des virgules, une suffit",
            ),
            text(),
        ),
    );
    add(
        "bulkMethod",
        query(
            "method",
            (
                "Of newline-delimited items: whether those whose id is taken replace the stored ones or are rejected",
                "Pour les éléments envoyés ligne à ligne : si ceux dont l'identifiant est pris remplacent les éléments enregistrés ou sont rejetés",
            ),
            json!({"type": "string", "enum": ["upsert", "insert"], "default": "upsert"}),
        ),
    );
    add(
        "since",
        query(
            "since",
            ("Sequence number after which changes are wanted", "Numéro d'ordre après lequel on veut les modifications"),
            json!({"type": "integer", "minimum": 0, "default": 0}),
        ),
    );
    add(
        "changesLimit",
        query("limit", ("Changes on a page", "Modifications par page"), whole(1, CHANGES_LIMIT_MAX, 1_000)),
    );
    add_counting(&mut add);
    add(
        "placesQ",
        query(
            "q",
            (
                "A name, perhaps not typed to its end; case and accents do not matter",
                "Un nom, peut-être pas tapé en entier ; la casse et les accents ne comptent pas",
            ),
            text(),
        ),
    );
    add(
        "suggestQ",
        query(
            "q",
            ("What was typed so far", "Ce qui a été tapé jusqu'ici"),
            json!({"type": "string", "maxLength": Q_CHARS_MAX}),
        ),
    );
    let suggestions = ("Suggestions in the answer", "Suggestions dans la réponse");
    add("suggestLimit", query("limit", suggestions, whole(1, SUGGESTIONS_MAX, SUGGESTIONS_DEFAULT)));
    let places = ("Places in the answer", "Lieux dans la réponse");
    add("placesLimit", query("limit", places, whole(1, PLACES_MAX, PLACES_DEFAULT)));
    add_pages(&mut add);
    add_values(&mut add);
    out
}

/// What is counted, and how finely.
fn add_counting(add: &mut impl FnMut(&str, Value)) {
    let text = json!({"type": "string"});
    add(
        "aggregations",
        list(
            "aggregations",
            (
                "Names of aggregations, which /aggregations lists with their options: total_count, datetime_min, datetime_max, \
                 PROPERTY_frequency, PROPERTY_histogram, PROPERTY_ranges, PROPERTY_stats, PROPERTY_distinct and those of grids",
                "Noms des décomptes, que /aggregations énumère avec leurs options : total_count, datetime_min, datetime_max, \
                 PROPERTY_frequency, PROPERTY_histogram, PROPERTY_ranges, PROPERTY_stats, PROPERTY_distinct et ceux des grilles",
            ),
            text,
            AGGREGATIONS_MAX,
        ),
    );
    add(
        "multiselect",
        query(
            "multiselect",
            (
                "Counts each aggregation without the question's own choice of what it counts by, so that the other values to \
                 choose from keep their counts",
                "Compte chaque agrégation sans le choix que la question fait de ce qu'elle compte, pour que les autres \
                 valeurs à choisir gardent leur décompte",
            ),
            json!({"type": "boolean", "default": false}),
        ),
    );
    let mut options = query(
        "aggregationOptions",
        (
            "Options of the aggregations asked for, each a parameter of its own whose name begins with that of the aggregation: \
             NAME_limit, NAME_interval, NAME_buckets, NAME_bounds, NAME_precision",
            "Options des décomptes demandés, chacune un paramètre dont le nom commence par celui du décompte : NOM_limit, \
             NOM_interval, NOM_buckets, NOM_bounds, NOM_precision",
        ),
        json!({"type": "object", "additionalProperties": {"type": "string"},
            "examples": [{"width_m_histogram_interval": "50", "river_frequency_limit": "10"}]}),
    );
    options["style"] = "form".into();
    options["explode"] = true.into();
    add("aggregationOptions", options);
    for (name, least, most) in [
        ("centroid_geohash_grid_frequency_precision", 1, 12),
        ("centroid_geotile_grid_frequency_precision", 0, 29),
        ("centroid_geohex_grid_frequency_precision", 0, 15),
        ("geometry_geohash_grid_frequency_precision", 1, 12),
        ("geometry_geotile_grid_frequency_precision", 0, 29),
        ("geometry_geohex_grid_frequency_precision", 0, 8),
    ] {
        let schema = json!({"type": "integer", "minimum": least, "maximum": most});
        add(name, query(name, ("Precision of the grid", "Finesse de la grille"), schema));
    }
    let steps: Vec<&str> = CalendarInterval::ALL.iter().map(|interval| interval.name()).collect();
    add(
        "datetime_frequency_interval",
        query(
            "datetime_frequency_interval",
            (
                "Calendar step in UTC; weeks begin on Monday",
                "Pas de calendrier en UTC ; les semaines commencent le lundi",
            ),
            json!({"type": "string", "enum": steps, "default": "month"}),
        ),
    );
}

/// The parameters that only pages for people take (`text/html`).
fn add_pages(add: &mut impl FnMut(&str, Value)) {
    let text = || json!({"type": "string"});
    let date = || json!({"type": "string", "format": "date"});
    let mut page = |key: &str, name: &str, (english, french): Words<'_>, schema: Value| {
        let (english, french) = (format!("Of the page alone: {english}"), format!("De la page seule : {french}"));
        add(key, query(name, (&english, &french), schema));
    };
    page(
        "pagePlace",
        "place",
        (
            "a stored place by its name, which is sent on as intersectsRefs in place of bbox, intersects, intersectsRefs and \
             search",
            "un lieu enregistré, par son nom, transmis comme intersectsRefs à la place de bbox, intersects, intersectsRefs et \
             search",
        ),
        text(),
    );
    page(
        "pageWhere",
        "where",
        (
            "a place by name, COLLECTION.ID, position (longitude, latitude) or box, which is sent on as place, point or bbox",
            "un lieu par son nom, COLLECTION.ID, une position (longitude, latitude) ou un cadre, transmis comme place, point ou \
             bbox",
        ),
        text(),
    );
    page(
        "pageFrom",
        "from",
        (
            "first day, UTC; with the other end it is sent on as datetime",
            "premier jour, UTC ; transmis avec l'autre comme datetime",
        ),
        date(),
    );
    page(
        "pageTo",
        "to",
        (
            "last day, UTC; with the other end it is sent on as datetime",
            "dernier jour, UTC ; transmis avec l'autre comme datetime",
        ),
        date(),
    );
    page(
        "pageSearch",
        "search",
        (
            "identifier of a kept question, asked together with the other parameters",
            "identifiant d'une question conservée, posée avec les autres paramètres",
        ),
        text(),
    );
    page("seriesFrom", "from", ("first day of the series shown, UTC", "premier jour de la série montrée, UTC"), date());
    page("seriesTo", "to", ("last day of the series shown, UTC", "dernier jour de la série montrée, UTC"), date());
    page(
        "seriesParameters",
        "parameter-name",
        ("names of the parameters shown, with commas between", "noms des paramètres montrés, séparés par des virgules"),
        text(),
    );
    page(
        "seriesResample",
        "resample",
        (
            "calendar step shown, or none for every value; one that fits if absent",
            "pas de calendrier montré, ou none pour toutes les valeurs ; un pas qui convient s'il est absent",
        ),
        text(),
    );
    page(
        "seriesMethod",
        "method",
        ("statistics of a step, with commas between", "statistiques d'un pas, séparées par des virgules"),
        text(),
    );
    page(
        "seriesVersion",
        "version",
        (
            "latest, all, or the name of a version of the observations",
            "latest, all, ou le nom d'une version des observations",
        ),
        text(),
    );
    let number = json!({"type": "integer", "minimum": 1, "default": 1});
    page(
        "seriesPage",
        "page",
        ("page of the table, the newest rows first", "page du tableau, les lignes les plus récentes d'abord"),
        number,
    );
}

/// The parameters of OGC API EDR, our own among them.
fn add_values(add: &mut impl FnMut(&str, Value)) {
    let text = || json!({"type": "string"});
    let one_of = |values: Vec<&str>| json!({"type": "string", "enum": values});
    add(
        "locationId",
        path(
            "locationId",
            (
                "Identifier of a feature, or several with commas between",
                "Identifiant d'un objet, ou de plusieurs séparés par des virgules",
            ),
        ),
    );
    add(
        "edrDatetime",
        query(
            "datetime",
            (
                "When the observations are: an RFC 3339 moment, a date, month or year, START/END with .. or nothing for \
                 an open end, a list of these, or Rn/START/DURATION",
                "Date des observations : un instant RFC 3339, un jour, un mois ou une année, DÉBUT/FIN avec .. ou rien \
                 pour un côté ouvert, une liste de ceux-ci, ou Rn/DÉBUT/DURÉE",
            ),
            text(),
        ),
    );
    add(
        "parameterName",
        list(
            "parameter-name",
            ("Names of parameters; all if absent", "Noms des paramètres ; tous en l'absence de noms"),
            text(),
            1_000,
        ),
    );
    add(
        "crs",
        query(
            "crs",
            ("Reference system of positions", "Système de référence des positions"),
            one_of(vec![CRS84, "CRS84"]),
        ),
    );
    let limit = json!({"type": "integer", "minimum": 1});
    add(
        "edrLimit",
        query(
            "limit",
            (
                "Taken and without effect: an answer is streamed whole",
                "Accepté et sans effet : une réponse est rendue entière",
            ),
            limit,
        ),
    );
    let formats = json!({"type": "string", "enum": Format::labels(), "default": Format::CoverageJson.label()});
    add(
        "edrFormat",
        query(
            "f",
            ("Format of the values, over the Accept header", "Format des valeurs ; l'emporte sur l'en-tête Accept"),
            formats,
        ),
    );
    let versions = json!({"type": "string", "default": "latest", "examples": ["latest", "all", "PIC0_01"]});
    add(
        "version",
        query(
            "version",
            (
                "Versions of observations: the latest of each, all, or those of one name",
                "Versions des observations : la dernière de chacune, toutes, ou celles d'un nom",
            ),
            versions,
        ),
    );
    let steps = steps();
    add(
        "resample",
        query(
            "resample",
            (
                "Calendar step, in UTC, of which statistics are wanted",
                "Pas de calendrier, en UTC, dont on veut les statistiques",
            ),
            one_of(steps.split(", ").collect()),
        ),
    );
    let methods = one_of(Method::ALL.iter().map(|method| method.as_str()).collect());
    let mut method = list(
        "method",
        (
            "Statistics of each step, mean if absent; each comes with the number of values it rests on",
            "Statistiques de chaque pas, la moyenne par défaut ; chacune vient avec le nombre de valeurs dont elle est tirée",
        ),
        methods,
        Method::ALL.len(),
    );
    method["schema"]["default"] = json!([Method::Mean.as_str()]);
    add("method", method);
    let required = |mut parameter: Value| {
        parameter["required"] = true.into();
        parameter
    };
    add(
        "coords",
        required(query(
            "coords",
            (
                "POINT(LONGITUDE LATITUDE) or MULTIPOINT, well-known text",
                "POINT(LONGITUDE LATITUDE) ou MULTIPOINT, en well-known text",
            ),
            text(),
        )),
    );
    add(
        "areaCoords",
        required(query(
            "coords",
            (
                "POLYGON or MULTIPOLYGON, well-known text, rings turning either way",
                "POLYGON ou MULTIPOLYGON, en well-known text, anneaux dans un sens ou dans l'autre",
            ),
            text(),
        )),
    );
    let distance = || json!({"type": "number", "minimum": 0});
    add("within", required(query("within", ("The distance", "La distance"), distance())));
    add(
        "withinUnits",
        required(query("within-units", ("Unit of the distance", "Unité de la distance"), one_of(units()))),
    );
    let tolerance = format!("How far the feature may lie; {TOLERANCE_M} metres if absent");
    let french = format!("À quelle distance l'objet peut se trouver ; {TOLERANCE_M} mètres par défaut");
    add("tolerance", query("within", (&tolerance, &french), distance()));
    add("toleranceUnits", query("within-units", ("Unit of the distance", "Unité de la distance"), one_of(units())));
    let mut bbox = list(
        "bbox",
        (
            "West, south, east, north in degrees (CRS84), or six numbers with heights",
            "Ouest, sud, est, nord en degrés (CRS84), ou six nombres avec des altitudes",
        ),
        json!({"type": "number"}),
        6,
    );
    bbox["schema"]["minItems"] = 4.into();
    add("cubeBbox", required(bbox));
}
