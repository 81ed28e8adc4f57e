//! The paths of items' files in the OpenAPI document.

use serde_json::{Map, Value, json};

use super::{parameter_ref, schema_ref};
use crate::links::JSON;

const TAG: &str = "Files";
/// Bytes of any kind.
const OCTETS: &str = "application/octet-stream";

/// Adds files, uploads and signed links.
pub(super) fn add_paths(paths: &mut Map<String, Value>) {
    let path = "/collections/{collectionId}/items/{itemId}/assets/{assetKey}";
    let own = ["collectionId", "itemId", "assetKey"].map(parameter_ref);
    paths.insert(path.into(), json!({"parameters": own, "get": get(), "put": put()}));
    paths.insert(format!("{path}/link"), json!({"parameters": own, "post": link()}));
}

fn problem() -> Value {
    json!({"$ref": "#/components/responses/Problem"})
}

fn octets() -> Value {
    json!({"schema": {"type": "string", "contentMediaType": OCTETS}})
}

fn secured() -> Value {
    json!([{"bearer": []}, {"apiKey": []}])
}

fn get() -> Value {
    let names = ["rangeHeader", "ifRange", "linkExpires", "linkUser", "linkKeyId", "linkSignature"];
    let parameters = names.map(parameter_ref);
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "tags": [TAG], "operationId": "getItemFile", "summary": "A file of an item, whole or in part",
        "x-summary-fr": "Un fichier d'un élément, entier ou en partie",
        "description": "A key is needed, or the four parameters of a signed link. `HEAD` tells the same without the file.",
        "x-description-fr": "Il faut une clé, ou les quatre paramètres d'un lien signé. `HEAD` dit la même chose sans le fichier.",
        "security": secured(),
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "The file", "x-description-fr": "Le fichier", "content": {"*/*": octets()},
                "headers": {
                    "ETag": text("Tells one state of the file from another"),
                    "Content-Disposition": text("The file's name"),
                    "Repr-Digest": text("Checksum of the whole file (RFC 9530), where the item tells one"),
                    "Accept-Ranges": text("bytes"),
                },
            },
            "206": {"description": "The bytes asked for; several ranges as multipart/byteranges",
                "x-description-fr": "Les octets demandés ; plusieurs intervalles en multipart/byteranges",
                "content": {"*/*": octets()}},
            "304": {"description": "Unchanged since the entity tag that the caller holds",
                "x-description-fr": "Inchangé depuis l'étiquette (ETag) que détient l'appelant"},
            "307": {"description": "The file lies in a bucket: its address there, good for some minutes",
                "x-description-fr": "Le fichier est dans un entrepôt S3 : son adresse là-bas, valable quelques minutes"},
            "416": problem(), "default": problem(),
        },
    })
}

fn put() -> Value {
    let parameters = ["uploadStore", "uploadChecksum", "uploadSize"].map(parameter_ref);
    let content = json!({JSON: {"schema": schema_ref("Object")}});
    json!({
        "tags": [TAG], "operationId": "putItemFile", "summary": "Puts a file in a store and writes it into the item",
        "x-summary-fr": "Dépose un fichier dans un entrepôt et l'inscrit dans l'élément",
        "security": secured(),
        "parameters": parameters,
        "requestBody": {"required": true, "content": {OCTETS: octets()}},
        "responses": {
            "200": {"description": "Replaced: the asset", "x-description-fr": "Remplacé : l'asset", "content": content},
            "201": {"description": "New: the asset", "x-description-fr": "Nouveau : l'asset", "content": content},
            "default": problem(),
        },
    })
}

fn link() -> Value {
    json!({
        "tags": [TAG], "operationId": "postItemFileLink", "summary": "A signed link to a file, which ends by itself",
        "x-summary-fr": "Un lien signé vers un fichier, qui prend fin de lui-même",
        "security": secured(),
        "requestBody": {"required": true, "content": {JSON: {"schema": {
            "type": "object", "additionalProperties": false,
            "properties": {"lifetime_s": {"type": "integer", "minimum": 1, "description": "Seconds that the link holds"}},
        }}}},
        "responses": {
            "201": {"description": "The link", "x-description-fr": "Le lien", "content": {JSON: {"schema": {
                "type": "object", "required": ["href", "expires"],
                "properties": {"href": {"type": "string", "format": "uri"}, "expires": {"type": "string", "format": "date-time"}},
            }}}},
            "default": problem(),
        },
    })
}
