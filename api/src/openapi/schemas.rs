//! The schemas of the OpenAPI document: the shape of bodies, loose where STAC itself is.

use serde_json::{Map, Value, json};

/// All schemas by name.
pub(super) fn all() -> Map<String, Value> {
    let mut all = Map::new();
    for part in [basics(), records(), questions(), answers(), values(), super::tiles::schemas()] {
        if let Value::Object(members) = part {
            all.extend(members);
        }
    }
    all
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn basics() -> Value {
    json!({
        "Object": {"type": "object"},
        "Text": {"type": "string"},
        "Link": {
            "type": "object", "required": ["rel", "href"],
            "properties": {
                "rel": {"type": "string"}, "type": {"type": "string"},
                "href": {"type": "string", "description": "An address, or a template of addresses where templated is true"},
                "templated": {"type": "boolean"},
                "title": {"type": "string"}, "method": {"type": "string"}, "body": {"type": "object"},
                "merge": {"type": "boolean"},
            },
        },
        "Links": {"type": "array", "items": reference("Link")},
        "Problem": {
            "type": "object", "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
                "detail": {"type": "string"}, "instance": {"type": "string"},
                "parameter": {"type": "string", "description": "Parameter or JSON pointer at fault"},
                "allowed": {"type": "string", "description": "What would be accepted"},
                "limit": {"type": "integer", "description": "Of a limit (429): the most"},
                "remaining": {"type": "integer", "description": "Of a limit (429): what is left"},
                "reset": {"type": "integer", "description": "Of a limit (429): seconds until all of it is there again"},
            },
        },
        "ProblemType": {
            "type": "object", "required": ["type", "title", "status", "explanation"],
            "properties": {
                "type": {"type": "string", "description": "As problems of this type name it"},
                "title": {"type": "string"},
                "status": {"type": "integer", "description": "The usual HTTP status"},
                "explanation": {"type": "string", "description": "What is wrong and what to do, in the language asked for"},
            },
        },
        "ProblemTypes": {
            "type": "object", "required": ["problems"],
            "properties": {"problems": {"type": "array", "items": reference("ProblemType")}},
        },
        "Conformance": {"type": "object", "required": ["conformsTo"], "properties": {"conformsTo": texts()}},
    })
}

fn records() -> Value {
    json!({
        "Catalog": {
            "type": "object", "required": ["type", "stac_version", "id", "description", "links"],
            "properties": {
                "type": {"const": "Catalog"}, "stac_version": {"type": "string"}, "id": {"type": "string"},
                "title": {"type": "string"}, "description": {"type": "string"},
                "conformsTo": {"type": "array", "items": {"type": "string"}, "description": "On the landing page"},
                "links": reference("Links"),
            },
        },
        "Collection": {
            "type": "object", "required": ["type", "stac_version", "id", "description", "license", "extent", "links"],
            "properties": {
                "type": {"const": "Collection"}, "stac_version": {"type": "string"}, "id": {"type": "string"},
                "title": {"type": "string"}, "description": {"type": "string"}, "license": {"type": "string"},
                "data_queries": {"type": "object", "description": "Queries of OGC API EDR"},
                "parameter_names": {"type": "object", "description": "Observed parameters by name"},
                "output_formats": texts(), "crs": texts(),
                "keywords": texts(), "providers": {"type": "array", "items": {"type": "object"}},
                "extent": {
                    "type": "object", "required": ["spatial", "temporal"],
                    "properties": {
                        "spatial": {"type": "object", "properties": {"bbox": {"type": "array", "items":
                            {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}}}},
                        "temporal": {"type": "object", "properties": {"interval": {"type": "array", "items":
                            {"type": "array", "items": {"type": ["string", "null"]}, "minItems": 2, "maxItems": 2}}}},
                    },
                },
                "links": reference("Links"),
            },
        },
        "Collections": {
            "type": "object", "required": ["collections", "links"],
            "properties": {
                "collections": {"type": "array", "items": reference("Collection")}, "links": reference("Links"),
                "numberMatched": {"type": "integer"}, "numberReturned": {"type": "integer"},
            },
        },
        "Children": {
            "type": "object", "required": ["children", "links"],
            "properties": {"children": {"type": "array", "items": reference("Collection")}, "links": reference("Links")},
        },
        "NewCollection": {
            "type": "object", "required": ["id"], "description": "A STAC collection; what may be left out is filled in",
            "properties": {"id": {"type": "string", "minLength": 1}},
        },
        "NewItem": {
            "type": "object", "required": ["type"],
            "description": "A STAC item, or a FeatureCollection of items where several may be sent",
            "properties": {"type": {"enum": ["Feature", "FeatureCollection"]}},
        },
        "Item": {
            "type": "object",
            "required": ["type", "stac_version", "id", "collection", "geometry", "properties", "links", "assets"],
            "description": "A STAC item; picked fields leave members out",
            "properties": {
                "type": {"const": "Feature"}, "stac_version": {"type": "string"}, "id": {"type": "string"},
                "collection": {"type": "string"}, "geometry": {"type": ["object", "null"]},
                "bbox": {"type": "array", "items": {"type": "number"}},
                "properties": {"type": "object"}, "assets": {"type": "object"}, "links": reference("Links"),
            },
        },
        "ItemCollection": {
            "type": "object", "required": ["type", "features", "links", "numberMatched", "numberReturned"],
            "properties": {
                "type": {"const": "FeatureCollection"}, "features": {"type": "array", "items": {"type": "object"}},
                "links": reference("Links"), "numberMatched": {"type": "integer", "description": "Exact"},
                "numberReturned": {"type": "integer"},
                "nilometer:reading": {"type": "object", "description": "How the sentence of q was read"},
            },
        },
    })
}

fn questions() -> Value {
    let question = json!({
        "bbox": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
        "datetime": {"type": "string"}, "intersects": {"type": "object"}, "intersectsRefs": texts(),
        "collections": texts(), "ids": texts(), "q": {"type": ["string", "array"], "items": {"type": "string"}},
        "filter": {"type": "object"}, "filter-lang": {"type": "string", "enum": ["cql2-json", "cql2-text"]},
        "query": {"type": "object", "additionalProperties": {"type": "object"}},
        "strict": {"type": "boolean"}, "interpret": {"enum": [true, false, "words"]}, "read": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1}, "token": {"type": "string"}, "page": {"type": ["integer", "string"]},
        "fields": {"type": "object", "properties": {
            "include": {"type": ["array", "null"], "items": {"type": "string"}},
            "exclude": {"type": ["array", "null"], "items": {"type": "string"}},
        }},
        "sortby": {"type": "array", "items": {
            "type": "object", "required": ["field"],
            "properties": {"field": {"type": "string"}, "direction": {"type": "string", "enum": ["asc", "desc"]}},
        }},
    });
    let mut counting = question.clone();
    counting["aggregations"] = texts();
    counting["multiselect"] = json!({"type": "boolean"});
    json!({
        "Search": {"type": "object", "properties": question},
        "AggregateSearch": {
            "type": "object", "properties": counting,
            "description": "Beside these, options of the aggregations asked for: NAME_limit, NAME_interval, NAME_buckets, \
                            NAME_bounds, NAME_precision, as /aggregations lists them",
        },
        "SavedSearch": {
            "type": "object", "required": ["id", "search", "links"],
            "properties": {"id": {"type": "string"}, "search": reference("Search"), "links": reference("Links")},
        },
    })
}

fn answers() -> Value {
    let count = || json!({"type": "integer", "minimum": 0});
    json!({
        "AggregationCollection": {
            "type": "object", "required": ["type", "aggregations", "links"],
            "properties": {
                "type": {"const": "AggregationCollection"},
                "aggregations": {"type": "array", "items": {
                    "type": "object", "required": ["name", "data_type"],
                    "properties": {
                        "name": {"type": "string"}, "data_type": {"type": "string"},
                        "value": {"anyOf": [{"type": "integer"}, {"type": "string"}, reference("Statistics"),
                                            {"type": "null"}]},
                        "overflow": {"type": "integer", "minimum": 0,
                                     "description": "Items that have a value and are in no listed bucket"},
                        "buckets_left": {"type": "integer", "minimum": 0, "description": "Buckets that are not listed"},
                        "interval": {"type": ["string", "number"], "description": "Of a histogram, the width of a bucket"},
                        "buckets": {"type": "array", "items": reference("Bucket")},
                    },
                }},
                "links": reference("Links"),
            },
        },
        "Bucket": {
            "type": "object", "required": ["key", "frequency"],
            "properties": {
                "key": {"type": ["string", "number", "boolean"]}, "data_type": {"type": "string"},
                "frequency": {"type": "integer", "minimum": 0, "description": "Items, exact"},
                "from": {"type": "number", "description": "Of numbers, where the bucket begins, included"},
                "to": {"type": "number", "description": "Of numbers, where the bucket ends, excluded"},
            },
        },
        "Statistics": {
            "type": "object", "required": ["count", "min", "max", "sum", "avg", "stddev"],
            "properties": {
                "count": count(), "min": {"type": ["number", "null"]}, "max": {"type": ["number", "null"]},
                "sum": {"type": ["number", "null"]}, "avg": {"type": ["number", "null"]},
                "stddev": {"type": ["number", "null"], "description": "Of the numbers as a whole population"},
            },
        },
        "Aggregations": {
            "type": "object", "required": ["type", "aggregations", "links"],
            "properties": {
                "type": {"const": "AggregationCollection"},
                "aggregations": {"type": "array", "items": {
                    "type": "object", "required": ["name", "data_type"],
                    "properties": {
                        "name": {"type": "string"}, "data_type": {"type": "string"},
                        "frequency_distribution_data_type": {"type": "string"},
                        "default": {"type": "boolean", "description": "Whether it is among the facets that fit the data"},
                        "options": {"type": "array", "items": reference("AggregationOption")},
                    },
                }},
                "links": reference("Links"),
            },
        },
        "AggregationOption": {
            "type": "object", "required": ["name", "type"],
            "properties": {
                "name": {"type": "string"}, "type": {"type": "string"},
                "enum": {"type": "array", "items": {"type": "string"}},
                "minimum": {"type": "number"}, "maximum": {"type": "number"},
                "default": {"type": ["string", "number"], "description": "What holds where nothing is given"},
                "suggested": {"type": ["string", "number"], "description": "What fits the data"},
            },
        },
        "SwotPass": {
            "type": "object",
            "required": ["id", "cycle", "pass", "datetime", "end_datetime", "orbit_state", "sides", "extrapolated",
                         "time_error_s", "pass_start", "pass_end", "href"],
            "properties": {
                "id": {"type": "string"}, "cycle": count(), "pass": count(),
                "datetime": {"type": "string", "format": "date-time",
                             "description": "When the place comes into view; of a position, the closest approach"},
                "end_datetime": {"type": "string", "format": "date-time", "description": "When it leaves"},
                "orbit_state": {"enum": ["ascending", "descending"]},
                "sides": {"type": "array", "items": {"enum": ["left", "right"]}, "description": "Seen along the flight"},
                "distance_from_nadir_km": {"type": "number", "description": "Of a position, at the closest approach"},
                "extrapolated": {"type": "boolean", "description": "Whether the start of the cycle is predicted"},
                "time_error_s": {"type": "number", "description": "How far the times may be off, seconds"},
                "pass_start": {"type": "string", "format": "date-time"},
                "pass_end": {"type": "string", "format": "date-time"},
                "href": {"type": "string", "format": "uri", "description": "The item of the pass"},
            },
        },
        "SwotPasses": {
            "type": "object",
            "required": ["now", "previous", "next", "numberMatched", "numberReturned", "passes", "links"],
            "properties": {
                "now": {"type": "string", "format": "date-time"},
                "previous": {"anyOf": [reference("SwotPass"), {"type": "null"}]},
                "next": {"anyOf": [reference("SwotPass"), {"type": "null"}]},
                "numberMatched": count(), "numberReturned": count(),
                "passes": {"type": "array", "items": reference("SwotPass")},
                "links": reference("Links"),
            },
        },
        "Places": {
            "type": "object",
            "required": ["places", "links"],
            "properties": {
                "places": {"type": "array", "items": {
                    "type": "object",
                    "required": ["references", "title", "collection", "collectionTitle"],
                    "properties": {
                        "references": {
                            "type": "string",
                            "description": "COLLECTION.ID, of several pieces with commas between, as intersectsRefs takes it",
                        },
                        "title": {"type": "string"}, "collection": {"type": "string"}, "collectionTitle": {"type": "string"},
                    },
                }},
                "links": reference("Links"),
            },
        },
        "Suggestions": {
            "type": "object",
            "required": ["suggestions", "links"],
            "properties": {
                "suggestions": {"type": "array", "items": {
                    "type": "object",
                    "required": ["type", "title", "collection", "collectionTitle", "count", "search", "reading", "href", "page"],
                    "properties": {
                        "type": {"enum": ["reading", "collection", "place", "station", "reach", "lake", "item", "word"]},
                        "title": {"type": "string"},
                        "collection": {"type": ["string", "null"]}, "collectionTitle": {"type": ["string", "null"]},
                        "count": {"type": ["integer", "null"], "description": "Items that it leads to, where that is known"},
                        "search": {"type": "object", "description": "Members of a search that it sets"},
                        "reading": {"type": ["object", "null"], "description": "How a sentence was read"},
                        "href": {"type": "string", "description": "The search"},
                        "page": {"type": ["object", "null"], "description": "Link to the page of the one thing it names"},
                    },
                }},
                "links": reference("Links"),
            },
        },
        "BulkReport": {
            "type": "object",
            "required": ["received", "created", "replaced", "unchanged", "rejectedCount", "rejected", "warnedCount", "warned"],
            "properties": {
                "received": count(), "created": count(), "replaced": count(), "unchanged": count(),
                "rejectedCount": count(),
                "rejected": {"type": "array", "items": {"type": "object", "properties": {
                    "line": count(), "id": {"type": ["string", "null"]}, "code": {"type": "string"},
                    "reason": {"type": "string"},
                }}},
                "warnedCount": count(),
                "warned": {"type": "array", "items": {"type": "object", "properties": {
                    "line": count(), "id": {"type": "string"}, "pointer": {"type": "string"}, "reason": {"type": "string"},
                }}},
            },
        },
        "Changes": {
            "type": "object", "required": ["changes", "until", "more", "links"],
            "properties": {
                "changes": {"type": "array", "items": {
                    "type": "object", "required": ["sequence", "time", "operation", "kind", "collection"],
                    "properties": {
                        "sequence": count(), "time": {"type": "string", "format": "date-time"},
                        "operation": {"enum": ["put", "delete"]}, "kind": {"enum": ["item", "collection"]},
                        "collection": {"type": "string"}, "id": {"type": "string"},
                        "item": {"type": "object"}, "definition": {"type": "object"},
                    },
                }},
                "until": {"type": "integer", "description": "The next page's since"}, "more": {"type": "boolean"},
                "links": reference("Links"),
            },
        },
    })
}

fn values() -> Value {
    let parameters = || json!({"type": "object", "additionalProperties": {"type": "object"}});
    let count = || json!({"type": "integer", "minimum": 0});
    json!({
        "Coverage": {
            "type": "object", "required": ["type"],
            "description": "A CoverageJSON document: one Coverage, or a CoverageCollection",
            "properties": {
                "type": {"enum": ["Coverage", "CoverageCollection"]}, "parameters": parameters(),
                "domain": {"type": "object"}, "ranges": {"type": "object"},
                "coverages": {"type": "array", "items": {"type": "object"}},
                "nilometer:feature": {
                    "type": "object", "required": ["collection", "id"],
                    "properties": {
                        "collection": {"type": "string"}, "id": {"type": "string"}, "title": {"type": "string"},
                        "distance_m": {"type": "number", "description": "From the position asked for, metres"},
                        "geometry_type": {"type": "string", "description":
                            "Type of the shape for which the position of the domain stands"},
                    },
                },
            },
        },
        "Locations": {
            "type": "object",
            "required": ["type", "parameters", "features", "links", "numberMatched", "numberReturned"],
            "properties": {
                "type": {"const": "FeatureCollection"}, "parameters": {"type": "array", "items": {"type": "object"}},
                "features": {"type": "array", "items": {"type": "object", "required": ["type", "id", "properties"]}},
                "links": reference("Links"), "numberMatched": {"type": "integer", "description": "Exact"},
                "numberReturned": count(),
            },
        },
        "ObservationCollection": {
            "type": "object", "required": ["type", "parameters", "features"],
            "description": "One feature for each observation; a geometry of more than 4 KiB is null",
            "properties": {
                "type": {"const": "FeatureCollection"}, "parameters": {"type": "array", "items": {"type": "object"}},
                "features": {"type": "array", "items": {"type": "object"}}, "links": reference("Links"),
                "numberMatched": count(), "numberReturned": count(),
            },
        },
    })
}
