//! The OpenAPI document of the service: 3.1, and 3.0 made of it.
//!
//! Each collection that everybody sees has concrete paths beside the templated ones, since test suites of
//! OGC API Features look for them, and `limit` names its maximum, since clients take their page size from it.
//!
//! Texts stand in English, where OpenAPI wants them, and in French beside them (`x-summary-fr`, `x-description-fr`),
//! for the page that is made of the document.

mod accounts;
mod edr;
mod files;
mod hydrocron;
mod orders;
mod parameters;
mod schemas;
mod tiles;
mod version_3_0;

use serde_json::{Map, Value, json};

pub(crate) use version_3_0::from_3_1;

use crate::config::Config;
use crate::exports::Format;
use crate::links::{GEOJSON, HTML, JSON, Links, NDJSON, OPENAPI, SCHEMA_JSON, encode};

/// A text in English and French.
type Words<'a> = (&'a str, &'a str);
/// One answer of an operation: description, media type and schema.
type Content<'a> = (Words<'a>, &'a str, &'a str);

/// The document as seen under one address, with concrete paths for these collections.
pub fn document(links: &Links, config: &Config, collections: &[String]) -> Value {
    let mut paths = Map::new();
    general_paths(&mut paths);
    collection_paths(&mut paths, "{collectionId}", None);
    edr::add_paths(&mut paths, "{collectionId}", &[parameter_ref("collectionId")], &str::to_owned);
    files::add_paths(&mut paths);
    tiles::add_paths(&mut paths);
    tiles::add_basemap(&mut paths);
    orders::add_paths(&mut paths);
    accounts::add_paths(&mut paths);
    for (i, id) in collections.iter().enumerate() {
        collection_paths(&mut paths, &encode(id), Some((i, id)));
    }
    for operations in paths.values_mut() {
        may_be_too_many(operations);
    }
    let service = &config.service;
    let mut info = json!({
        "title": if service.title_en.is_empty() { "Nilometer" } else { &service.title_en },
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Finds satellite, in-situ and model data of the world's surface water. A STAC API, an OGC API \
                        Features, an OGC API EDR and an OGC API Tiles service; its main answers are also pages for people.",
        "x-description-fr": "Trouve des données satellitaires, in situ et de modèles sur les eaux de surface du monde. Un service \
                             STAC API, OGC API Features, OGC API EDR et OGC API Tiles ; ses principales réponses sont aussi \
                             des pages pour tous.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    if let Some(contact) = contact(&service.contact) {
        info["contact"] = contact;
    }
    json!({
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": links.absolute("")}],
        "tags": [
            {"name": "Capabilities", "x-name-fr": "Le service", "description": "What the service is and can do",
                "x-description-fr": "Ce qu'est et ce que sait faire le service"},
            {"name": "Collections", "x-name-fr": "Collections", "description": "Sets of items", "x-description-fr": "Ensembles d'éléments"},
            {"name": "Items", "x-name-fr": "Éléments", "description": "Granules, stations, reaches, lakes, places",
                "x-description-fr": "Granules, stations, tronçons, lacs, lieux"},
            {"name": "Files", "x-name-fr": "Fichiers", "description": "The files of items",
                "x-description-fr": "Les fichiers des éléments"},
            {"name": "Orders", "x-name-fr": "Commandes", "description": "Archives of many files, as hydroweb.next has them",
                "x-description-fr": "Archives de nombreux fichiers, comme les propose hydroweb.next"},
            {"name": "Search", "x-name-fr": "Recherche", "description": "The question and its answers",
                "x-description-fr": "La question et ses réponses"},
            {"name": "Map", "x-name-fr": "Carte", "description": "Matching items as vector tiles (OGC API Tiles)",
                "x-description-fr": "Les éléments qui correspondent, en tuiles vectorielles (OGC API Tiles)"},
            {"name": "Series", "x-name-fr": "Séries", "description": "Observations of one feature",
                "x-description-fr": "Observations d'un objet"},
            {"name": "Values", "x-name-fr": "Valeurs", "description": "Observations and their statistics (OGC API EDR)",
                "x-description-fr": "Observations et leurs statistiques (OGC API EDR)"},
            {"name": "Changes", "x-name-fr": "Modifications", "description": "What was written and deleted",
                "x-description-fr": "Ce qui a été écrit et supprimé"},
            {"name": "Accounts", "x-name-fr": "Comptes", "description": "Accounts, keys, sessions, groups and the audit log",
                "x-description-fr": "Comptes, clés, sessions, groupes et journal d'audit"},
        ],
        "paths": paths,
        "components": {
            "parameters": parameters::all(config.limits.page_limit_default, config.limits.page_limit_max),
            "schemas": schemas::all(),
            "responses": {"TooManyRequests": too_many_requests(), "Problem": {
                "description": "A problem (RFC 9457)", "x-description-fr": "Un problème (RFC 9457)",
                "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
                    HTML: {"schema": {"type": "string"}},
                },
            }},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer",
                    "description": "An API key, or an access token (JWT) of the service's OpenID Connect issuer",
                    "x-description-fr": "Une clé d'API, ou un jeton d'accès (JWT) de l'émetteur OpenID Connect du service"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
        "security": [{}, {"bearer": []}, {"apiKey": []}],
    })
}

/// Says of every operation of a path that it may be one too many.
fn may_be_too_many(operations: &mut Value) {
    for (_, operation) in operations.as_object_mut().into_iter().flatten().filter(|(name, _)| *name != "parameters") {
        if let Some(responses) = operation["responses"].as_object_mut() {
            responses.entry("429").or_insert_with(|| json!({"$ref": "#/components/responses/TooManyRequests"}));
        }
    }
}

fn too_many_requests() -> Value {
    json!({
        "description": "More than a limit of rate, volume or orders allows; the problem says which, and when it allows again",
        "x-description-fr": "Plus que ne permet une limite de débit, de volume ou de commandes ; le problème dit laquelle et quand elle permet à nouveau",
        "headers": {
            "Retry-After": {"description": "Seconds until the same request may be let in", "schema": {"type": "integer"}},
            "RateLimit-Policy": {"description": "The limit: q in w seconds", "schema": {"type": "string"}},
            "RateLimit": {"description": "What is left: r, and all of it again in t seconds", "schema": {"type": "string"}},
        },
        "content": {
            "application/problem+json": {"schema": schema_ref("Problem")},
            HTML: {"schema": {"type": "string"}},
        },
    })
}

fn contact(text: &str) -> Option<Value> {
    match text {
        "" => None,
        mail if mail.contains('@') && !mail.contains(':') => Some(json!({"email": mail})),
        url => Some(json!({"url": url})),
    }
}

/// A reading operation with one JSON answer, and a page for people where `html` says so.
fn read(tag: &str, id: &str, summary: Words<'_>, content: Content<'_>, html: bool, parameters: &[&str]) -> Value {
    let (description, media_type, schema) = content;
    let mut media = Map::new();
    media.insert(media_type.into(), json!({"schema": schema_ref(schema)}));
    let mut references: Vec<Value> = parameters.iter().map(|name| parameter_ref(name)).collect();
    let mut responses = json!({
        "200": {"description": description.0, "x-description-fr": description.1},
        "304": {"description": "Unchanged since the entity tag that the caller holds",
            "x-description-fr": "Inchangé depuis l'étiquette (ETag) que détient l'appelant"},
        "default": {"$ref": "#/components/responses/Problem"},
    });
    if html {
        responses["303"] = json!({"description": "Of the page alone: its clean address",
            "x-description-fr": "De la page seule : son adresse nette"});
        media.insert(HTML.into(), json!({"schema": {"type": "string"}}));
        references.extend([parameter_ref("f"), parameter_ref("lang")]);
    }
    responses["200"]["content"] = media.into();
    json!({
        "tags": [tag], "operationId": id, "summary": summary.0, "x-summary-fr": summary.1, "parameters": references,
        "responses": responses,
    })
}

/// A question in a body.
fn ask(tag: &str, id: &str, summary: Words<'_>, body: &str, content: Content<'_>, status: &str) -> Value {
    let (description, media_type, schema) = content;
    json!({
        "tags": [tag], "operationId": id, "summary": summary.0, "x-summary-fr": summary.1,
        "requestBody": {"required": true, "content": {JSON: {"schema": schema_ref(body)}}},
        "responses": {
            status: {"description": description.0,
                "x-description-fr": description.1, "content": {media_type: {"schema": schema_ref(schema)}}},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    })
}

/// A write; `answers` are status, description and, where there is a body, its media type and schema.
fn write(tag: &str, id: &str, summary: Words<'_>, body: Option<Value>, answers: &[(&str, Content<'_>)]) -> Value {
    let mut responses = Map::new();
    for (status, (description, media_type, schema)) in answers {
        let mut answer = json!({"description": description.0, "x-description-fr": description.1});
        if !media_type.is_empty() {
            answer["content"] = json!({*media_type: {"schema": schema_ref(schema)}});
        }
        let mut headers = json!({"Nilometer-Warning": {
            "description": "What the schema of an extension does not allow, with a JSON pointer; one header for each",
            "schema": {"type": "string"},
        }});
        if !id.starts_with("delete") {
            headers["ETag"] = json!({
                "description": "Entity tag of what is stored now; a FeatureCollection and a stream have none",
                "schema": {"type": "string"},
            });
        }
        if *status == "201" {
            headers["Location"] = json!({"schema": {"type": "string", "format": "uri"}});
        }
        answer["headers"] = headers;
        responses.insert((*status).into(), answer);
    }
    responses.insert("default".into(), json!({"$ref": "#/components/responses/Problem"}));
    let mut operation = json!({
        "tags": [tag], "operationId": id, "summary": summary.0, "x-summary-fr": summary.1,
        "security": [{"bearer": []}, {"apiKey": []}],
        "responses": responses,
    });
    if let Some(body) = body {
        operation["requestBody"] = body;
    }
    operation
}

fn body(media: &[(&str, &str)]) -> Option<Value> {
    let content: Map<String, Value> =
        media.iter().map(|(kind, schema)| ((*kind).to_owned(), json!({"schema": schema_ref(schema)}))).collect();
    Some(json!({"required": true, "content": content}))
}

fn schema_ref(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn parameter_ref(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

/// The question's parameters.
const QUESTION: [&str; 19] = [
    "bbox",
    "bbox-crs",
    "datetime",
    "limit",
    "ids",
    "collections",
    "intersects",
    "intersectsRefs",
    "q",
    "filter",
    "filter-lang",
    "filter-crs",
    "query",
    "strict",
    "interpret",
    "sortby",
    "fields",
    "token",
    "page",
];

/// Parameters of a page of results, beside those of the question.
const PAGE_OF_RESULTS: [&str; 4] = ["pagePlace", "pageFrom", "pageTo", "pageSearch"];
/// Parameters of the page of a feature that has a series.
const PAGE_OF_SERIES: [&str; 7] =
    ["seriesParameters", "seriesFrom", "seriesTo", "seriesResample", "seriesMethod", "seriesVersion", "seriesPage"];

/// Parameters of the search for collections.
const COLLECTIONS_QUESTION: [&str; 13] = [
    "bbox",
    "bbox-crs",
    "datetime",
    "collectionsQ",
    "filter",
    "filter-lang",
    "filter-crs",
    "query",
    "strict",
    "sortby",
    "fields",
    "collectionsLimit",
    "collectionsToken",
];

/// The question's parameters where the path names the collection.
fn question_within() -> Vec<&'static str> {
    QUESTION.into_iter().filter(|name| *name != "collections").collect()
}

/// The question's parameters where the answer is whole.
fn question_of_export(within: bool) -> Vec<&'static str> {
    let question = if within { question_within() } else { QUESTION.to_vec() };
    let mut names: Vec<&str> = question.into_iter().filter(|name| !["limit", "token", "page"].contains(name)).collect();
    names.push("exportFormat");
    names
}

/// A download: the same answers in every format.
fn export(method: &str, id: &str, parameters: &[&str]) -> Value {
    let summary = ("All items that match, as a file", "Tous les éléments qui correspondent, en un fichier");
    let content = (("All items, in one stream", "Tous les éléments, en un flux"), GEOJSON, "ItemCollection");
    let mut operation = match method {
        "post" => ask("Search", id, summary, "Search", content, "200"),
        _ => read("Search", id, summary, content, false, parameters),
    };
    if method == "post" {
        operation["parameters"] = parameters.iter().map(|name| parameter_ref(name)).collect();
    }
    for format in Format::ALL.into_iter().filter(|format| *format != Format::GeoJson) {
        operation["responses"]["200"]["content"][format.media_type()] = json!({"schema": schema_ref("Text")});
    }
    operation["responses"]["503"] = json!({
        "description": "Too many downloads at a time; Retry-After says when to come again",
        "x-description-fr": "Trop de téléchargements à la fois ; Retry-After dit quand revenir",
    });
    operation
}

/// What is counted, and how finely.
const COUNTING: [&str; 10] = [
    "aggregations",
    "multiselect",
    "aggregationOptions",
    "datetime_frequency_interval",
    "centroid_geohash_grid_frequency_precision",
    "centroid_geotile_grid_frequency_precision",
    "centroid_geohex_grid_frequency_precision",
    "geometry_geohash_grid_frequency_precision",
    "geometry_geotile_grid_frequency_precision",
    "geometry_geohex_grid_frequency_precision",
];

/// The parameters of an aggregation: the question without its page.
fn aggregation_parameters(within: bool) -> Vec<&'static str> {
    let page = ["limit", "sortby", "fields", "token", "page"];
    let question = if within { question_within() } else { QUESTION.to_vec() };
    let mut names: Vec<&str> = question.into_iter().filter(|name| !page.contains(name)).collect();
    names.extend(COUNTING);
    names
}

fn general_paths(paths: &mut Map<String, Value>) {
    const CAN: &str = "Capabilities";
    let mut add = |path: &str, operations: Value| {
        paths.insert(path.into(), operations);
    };
    add(
        "/",
        json!({"get": read(CAN, "getLandingPage", ("Landing page", "Page d'accueil"),
            (("Links to everything", "Liens vers tout"), JSON, "Catalog"), true, &[])}),
    );
    add(
        "/conformance",
        json!({"get": read(CAN, "getConformance", ("Conformance classes", "Classes de conformité"),
            (("The classes", "Les classes"), JSON, "Conformance"), true, &[])}),
    );
    add(
        "/api",
        json!({"get": read(CAN, "getApi", ("This document", "Ce document"),
        (("OpenAPI 3.1, or 3.0 where the Accept header names it", "OpenAPI 3.1, ou 3.0 si l'en-tête Accept la nomme"),
            OPENAPI, "Object"), true, &[])}),
    );
    add(
        "/collections",
        json!({
            "get": read("Collections", "getCollections", ("Collections", "Collections"),
                (("The collections", "Les collections"), JSON, "Collections"), true,
                &COLLECTIONS_QUESTION),
            "post": write("Collections", "createCollection",
                ("Creates a collection", "Crée une collection"), body(&[(JSON, "NewCollection")]),
                          &[("201", (("Created", "Créé"), JSON, "Collection"))]),
        }),
    );
    add(
        "/children",
        json!({"get": read("Collections", "getChildren",
            ("Children of the catalogue: its collections", "Enfants du catalogue : ses collections"),
            (("The collections", "Les collections"), JSON, "Children"), false, &["lang"])}),
    );
    add(
        "/search",
        json!({
            "get": read("Search", "getSearch", ("Items that match", "Éléments qui correspondent"),
                (("A page of items", "Une page d'éléments"), GEOJSON, "ItemCollection"), true,
                &[&QUESTION[..], &PAGE_OF_RESULTS].concat()),
            "post": ask("Search", "postSearch",
                ("Items that match a long question", "Éléments qui correspondent à une longue question"), "Search",
                        (("A page of items", "Une page d'éléments"), GEOJSON, "ItemCollection"), "200"),
        }),
    );
    add(
        "/search/export",
        json!({
            "get": export("get", "getSearchExport", &question_of_export(false)),
            "post": export("post", "postSearchExport", &["exportFormat"]),
        }),
    );
    add(
        "/aggregate",
        json!({
            "get": read("Search", "getAggregate",
                ("Counts of items that match", "Décomptes des éléments qui correspondent"),
                (("The counts", "Les décomptes"), JSON, "AggregationCollection"),
                        true, &aggregation_parameters(false)),
            "post": ask("Search", "postAggregate",
                ("Counts of items that match a long question",
                "Décomptes des éléments qui correspondent à une longue question"), "AggregateSearch",
                        (("The counts", "Les décomptes"), JSON, "AggregationCollection"), "200"),
        }),
    );
    add(
        "/aggregations",
        json!({"get": read("Search", "getAggregations", ("What can be counted", "Ce que l'on peut compter"),
        (("Names, options and defaults that fit the data", "Noms, options et choix adaptés aux données"), JSON,
            "Aggregations"), true, &[])}),
    );
    add(
        "/queryables",
        json!({"get": read("Search", "getQueryables",
            ("Properties that filters may name", "Propriétés que les filtres peuvent nommer"),
        (("A JSON Schema", "Un schéma JSON"), SCHEMA_JSON, "Object"), true, &[])}),
    );
    add(
        "/collections-queryables",
        json!({"get": read("Collections", "getCollectionsQueryables",
            ("What a search for collections may name", "Ce que peut nommer une recherche de collections"),
        (("A JSON Schema", "Un schéma JSON"), SCHEMA_JSON, "Object"), true, &[])}),
    );
    add(
        "/functions",
        json!({"get": read("Search", "getFunctions",
            ("Functions that filters may call", "Fonctions que les filtres peuvent appeler"),
        (("The functions", "Les fonctions"), JSON, "Object"), true, &[])}),
    );
    add(
        "/sortables",
        json!({"get": read("Search", "getSortables",
            ("Properties that sortby may name", "Propriétés que sortby peut nommer"),
        (("A JSON Schema", "Un schéma JSON"), SCHEMA_JSON, "Object"), true, &[])}),
    );
    add(
        "/searches",
        json!({"post": ask("Search", "saveSearch",
            ("Keeps a question under an id", "Conserve une question sous un identifiant"), "Search",
        (("Kept", "Conservée"), JSON, "SavedSearch"), "201")}),
    );
    let saved = parameter_ref("searchId");
    add(
        "/searches/{searchId}",
        json!({"parameters": [saved], "get": read("Search", "getSavedSearch",
            ("A kept question", "Une question conservée"),
        (("The question", "La question"), JSON, "SavedSearch"), false, &[])}),
    );
    add(
        "/searches/{searchId}/items",
        json!({"parameters": [saved], "get": read("Search", "getSavedSearchItems",
        ("The answer to a kept question", "La réponse à une question conservée"),
            (("A page of items", "Une page d'éléments"), GEOJSON, "ItemCollection"), false, &["limit", "token"])}),
    );
    add(
        "/searches/{searchId}/export",
        json!({"parameters": [saved], "get": export("get", "getSavedSearchExport", &["fields", "exportFormat"])}),
    );
    add(
        "/swot/passes",
        json!({"get": read("Search", "getSwotPasses",
            ("When SWOT sees a place: the last pass, the next one, and all",
            "Quand SWOT voit un lieu : le dernier passage, le prochain, et tous"),
        (("The passes, oldest first", "Les passages, les plus anciens d'abord"), JSON, "SwotPasses"), true,
        &["point", "place", "bbox", "datetime", "limit", "token", "pageWhere", "pageFrom", "pageTo"])}),
    );
    add(
        "/places",
        json!({"get": read("Search", "getPlaces",
            ("Stored places by their names, as they are typed", "Lieux enregistrés par leurs noms, à mesure qu'ils sont tapés"),
        (("The places, likeliest first", "Les lieux, les plus probables d'abord"), JSON, "Places"), false,
        &["placesQ", "collections", "placesLimit", "lang"])}),
    );
    add(
        "/suggest",
        json!({"get": read("Search", "getSuggestions",
            ("What may be meant by what is typed: a reading, collections, places, stations, words",
             "Ce que peut vouloir dire ce qui est tapé : une lecture, des collections, des lieux, des stations, des mots"),
        (("Suggestions, likeliest kinds first", "Les suggestions, les genres les plus probables d'abord"), JSON, "Suggestions"), true,
        &["suggestQ", "suggestLimit"])}),
    );
    add("/hydrocron/v1/timeseries", hydrocron::path());
    add(
        "/problems",
        json!({"get": read(CAN, "getProblemTypes", ("Types of problems", "Types de problèmes"),
        (("The types", "Les types"), JSON, "ProblemTypes"), true, &[])}),
    );
    add(
        "/problems/{code}",
        json!({"parameters": [parameter_ref("problemCode")],
        "get": read(CAN, "getProblemType",
            ("What the type of a problem means", "Ce que signifie le type d'un problème"),
        (("The type", "Le type"), JSON, "ProblemType"), true, &[])}),
    );
    add(
        "/changes",
        json!({"get": read("Changes", "getChanges",
            ("What changed after a sequence number", "Ce qui a changé après un numéro d'ordre"),
        (("Changes, oldest first", "Modifications, les plus anciennes d'abord"), JSON, "Changes"), true, &["since",
            "changesLimit"])}),
    );
    add(
        "/changes/snapshot",
        json!({"get": read("Changes", "getChangesSnapshot",
            ("Everything, to begin a mirror with", "Tout, pour commencer une copie"),
        (("Collections, then items, one a line",
            "Les collections, puis les éléments, un par ligne"), NDJSON, "Text"), false, &[])}),
    );
}

/// Paths of one collection: `id` is the segment, `concrete` tells its number and id where it is a real one.
fn collection_paths(paths: &mut Map<String, Value>, id: &str, concrete: Option<(usize, &str)>) {
    let name = |operation: &str| match concrete {
        None => operation.to_owned(),
        Some((number, _)) => format!("{operation}_{number}"),
    };
    let path = format!("/collections/{id}");
    let own: Vec<Value> = if concrete.is_none() { vec![parameter_ref("collectionId")] } else { Vec::new() };
    let with_item: Vec<Value> = own.iter().cloned().chain([parameter_ref("itemId")]).collect();
    let of = concrete.map_or_else(|| "a collection".to_owned(), |(_, id)| id.to_owned());
    let of_french = concrete.map_or_else(|| "d'une collection".to_owned(), |(_, id)| format!("de {id}"));
    let (cs, is, se) = ("Collections", "Items", "Search");
    let mut add = |tail: &str, parameters: &[Value], mut operations: Value| {
        if !parameters.is_empty() {
            operations["parameters"] = parameters.into();
        }
        paths.insert(format!("{path}{tail}"), operations);
    };
    let mut collection = json!({"get": read(cs, &name("getCollection"), (&format!("Description of {of}")
        , &format!("Description {of_french}")),
        (("The collection", "La collection"), JSON, "Collection"), true, &[])});
    let mut items = json!({"get": read(is, &name("getItems"), (&format!("Items of {of}")
        , &format!("Éléments {of_french}")),
        (("A page of items", "Une page d'éléments"), GEOJSON, "ItemCollection"), true,
        &[&question_within()[..], &["itemsCrs", "queryables"], &PAGE_OF_RESULTS].concat())});
    let mut item = json!({"get": read(is, &name("getItem"), (&format!("An item of {of}")
        , &format!("Un élément {of_french}")),
        (("The item", "L'élément"), GEOJSON, "Item"), true, &[&["itemsCrs"][..], &PAGE_OF_SERIES].concat())});
    if concrete.is_none() {
        add_writes(&mut collection, &mut items, &mut item);
    }
    add("", &own, collection);
    add("/items", &own, items);
    add("/items/{itemId}", &with_item, item);
    for (tail, operation, summary) in [
        (
            "/queryables",
            "getCollectionQueryables",
            ("Properties that filters may name", "Propriétés que les filtres peuvent nommer"),
        ),
        (
            "/sortables",
            "getCollectionSortables",
            ("Properties that sortby may name", "Propriétés que sortby peut nommer"),
        ),
        ("/schema", "getCollectionSchema", ("JSON Schema of the items", "Schéma JSON des éléments")),
    ] {
        let content = (("A JSON Schema", "Un schéma JSON"), SCHEMA_JSON, "Object");
        add(tail, &own, json!({"get": read(se, &name(operation), summary, content, true, &[])}));
    }
    if concrete.is_some() {
        return;
    }
    add(
        "/catalog",
        &own,
        json!({"get": read(is, "getCollectionCatalog",
            ("Links to the items, catalogue after catalogue", "Liens vers les éléments, catalogue après catalogue"),
            (("A catalogue", "Un catalogue"), JSON, "Catalog"), false, &["lang", "token"])}),
    );
    let parameters = [&question_of_export(true)[..], &["queryables"]].concat();
    add("/export", &own, json!({"get": export("get", "getCollectionExport", &parameters)}));
    add(
        "/aggregate",
        &own,
        json!({
            "get": read(se, "getCollectionAggregate",
                ("Counts of matching items", "Décomptes des éléments qui correspondent"),
                (("The counts", "Les décomptes"), JSON, "AggregationCollection"),
                        true, &aggregation_parameters(true)),
            "post": ask(se, "postCollectionAggregate",
                ("Counts of items that match a long question",
                "Décomptes des éléments qui correspondent à une longue question"), "AggregateSearch",
                        (("The counts", "Les décomptes"), JSON, "AggregationCollection"), "200"),
        }),
    );
    add(
        "/aggregations",
        &own,
        json!({"get": read(se, "getCollectionAggregations", ("What can be counted", "Ce que l'on peut compter"),
        (("Names, options and defaults that fit the data", "Noms, options et choix adaptés aux données"), JSON,
            "Aggregations"), true, &[])}),
    );
}

/// Writing operations; concrete paths leave them out, since they would only say the same again.
fn add_writes(collection: &mut Value, items: &mut Value, item: &mut Value) {
    let (cs, is) = ("Collections", "Items");
    let done: (&str, Content<'_>) = ("204", (("Done", "Fait"), "", ""));
    let as_json: &[(&str, &str)] = &[(JSON, "NewCollection")];
    let as_feature: &[(&str, &str)] = &[(JSON, "NewItem"), (GEOJSON, "NewItem")];
    let patch: &[(&str, &str)] = &[("application/merge-patch+json", "Object"), (JSON, "Object")];
    collection["put"] = write(
        cs,
        "putCollection",
        ("Creates or replaces a collection", "Crée ou remplace une collection"),
        body(as_json),
        &[("201", (("Created", "Créé"), JSON, "Collection")), done],
    );
    collection["patch"] = write(
        cs,
        "patchCollection",
        ("Changes a collection (JSON merge patch)", "Modifie une collection (JSON merge patch)"),
        body(patch),
        &[done],
    );
    collection["delete"] = write(
        cs,
        "deleteCollection",
        ("Deletes a collection with its items", "Supprime une collection et ses éléments"),
        None,
        &[done],
    );
    items["post"] = write(
        is,
        "postItems",
        (
            "Creates an item or all items of a FeatureCollection; newline-delimited items are created or replaced one by one",
            "Crée un élément ou tous ceux d'une FeatureCollection ; les éléments envoyés un par ligne sont créés ou remplacés un à un",
        ),
        body(&[(JSON, "NewItem"), (GEOJSON, "NewItem"), (NDJSON, "Text")]),
        &[
            (
                "200",
                (("Report of a newline-delimited stream", "Compte rendu d'un envoi ligne à ligne"), JSON, "BulkReport"),
            ),
            ("201", (("Created", "Créé"), GEOJSON, "Item")),
        ],
    );
    items["post"]["parameters"] = json!([parameter_ref("bulkMethod")]);
    item["put"] = write(
        is,
        "putItem",
        ("Creates or replaces an item", "Crée ou remplace un élément"),
        body(as_feature),
        &[("201", (("Created", "Créé"), GEOJSON, "Item")), done],
    );
    item["patch"] = write(
        is,
        "patchItem",
        ("Changes an item (JSON merge patch)", "Modifie un élément (JSON merge patch)"),
        body(patch),
        &[done],
    );
    item["delete"] = write(is, "deleteItem", ("Deletes an item", "Supprime un élément"), None, &[done]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn sample() -> Value {
        document(&Links::new("http://h/p"), &Config::default(), &["a b/c".to_owned(), "swot".to_owned()])
    }

    fn references(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(text) if name == "$ref" => out.push(text.clone()),
                        other => references(other, out),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|v| references(v, out)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = sample();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("a local reference");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn operations_have_unique_ids_and_path_parameters_are_declared() {
        let document = sample();
        let mut ids = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            let declared = operations["parameters"].as_array().map_or(0, Vec::len);
            assert_eq!(path.matches('{').count(), declared, "{path}");
            for (_, operation) in operations.as_object().expect("operations").iter().filter(|(m, _)| *m != "parameters")
            {
                let id = operation["operationId"].as_str().expect("an id");
                assert!(ids.insert(id.to_owned()), "{id} stands twice");
            }
        }
    }

    #[test]
    fn every_text_of_operations_and_parameters_is_french_too() {
        fn check(value: &Value, path: &str, unsaid: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    for name in ["summary", "description"] {
                        let said = members.get(&format!("x-{name}-fr")).is_some_and(Value::is_string);
                        if members.get(name).is_some_and(Value::is_string) && !said {
                            unsaid.push(path.to_owned());
                        }
                    }
                    // Members of schemas and headers do not stand on the page.
                    for (name, member) in members.iter().filter(|(n, _)| !matches!(n.as_str(), "schema" | "headers")) {
                        check(member, &format!("{path}/{name}"), unsaid);
                    }
                }
                Value::Array(list) => list.iter().for_each(|member| check(member, path, unsaid)),
                _ => {}
            }
        }
        let document = sample();
        let mut unsaid = Vec::new();
        for part in ["/info", "/tags", "/paths", "/components/parameters", "/components/responses"] {
            check(document.pointer(part).expect("a part"), part, &mut unsaid);
        }
        assert_eq!(unsaid, Vec::<String>::new());
    }

    #[test]
    fn collections_have_concrete_paths_with_encoded_ids() {
        let document = sample();
        for path in ["/collections/{collectionId}/items", "/collections/a%20b%2Fc/items", "/collections/swot/items"] {
            assert!(document["paths"].get(path).is_some(), "{path}");
        }
    }

    #[test]
    fn the_page_limit_and_the_form_of_a_bbox_are_published() {
        let document = sample();
        let parameters = &document["components"]["parameters"];
        assert_eq!(parameters["limit"]["schema"]["maximum"], Config::default().limits.page_limit_max);
        let bbox = &parameters["bbox"]["schema"];
        assert_eq!((&bbox["type"], &bbox["minItems"], &bbox["maxItems"]), (&json!("array"), &json!(4), &json!(6)));
        assert_eq!(bbox["items"], json!({"type": "number"}));
    }
}
