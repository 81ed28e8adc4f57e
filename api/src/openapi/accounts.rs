//! Accounts: signing up and in, one's own account, and those who look after accounts.

use serde_json::{Map, Value, json};

use super::Words;
use crate::links::{HTML, JSON};

const TAG: &str = "Accounts";

/// One operation: method, id, what it does, members of its body (those with `!` are needed), status, what is answered.
struct Operation {
    method: &'static str,
    id: &'static str,
    summary: Words<'static>,
    body: Option<&'static [&'static str]>,
    status: &'static str,
    answer: Words<'static>,
}

const fn operation(
    method: &'static str,
    id: &'static str,
    summary: Words<'static>,
    body: Option<&'static [&'static str]>,
    status: &'static str,
    answer: Words<'static>,
) -> Operation {
    Operation { method, id, summary, body, status, answer }
}

const DONE: Words<'static> = ("Done", "Fait");
const LETTER: Words<'static> = (
    "A letter may be on its way; the answer is the same for every address",
    "Une lettre est peut-être en route ; la réponse est la même pour toute adresse",
);

/// Addresses with their parameters and operations.
const PATHS: &[(&str, &[&str], &[Operation])] = &[
    (
        "/sign-up",
        &[],
        &[operation(
            "post",
            "signUp",
            ("Makes an account", "Crée un compte"),
            Some(&["email!", "password!"]),
            "202",
            LETTER,
        )],
    ),
    (
        "/sign-up/confirm",
        &[],
        &[operation(
            "post",
            "confirmSignUp",
            ("Confirms an address and signs in", "Confirme une adresse et connecte"),
            Some(&["token!", "password!"]),
            "200",
            ("Signed in; a cookie is set", "Connecté ; un cookie est déposé"),
        )],
    ),
    (
        "/password/forgot",
        &[],
        &[operation(
            "post",
            "forgotPassword",
            ("Mails a link for a new password", "Envoie un lien pour un nouveau mot de passe"),
            Some(&["email!"]),
            "202",
            LETTER,
        )],
    ),
    (
        "/password/reset",
        &[],
        &[operation(
            "post",
            "resetPassword",
            ("Sets a new password by a mailed link", "Fixe un nouveau mot de passe au moyen d'un lien reçu"),
            Some(&["token!", "password!"]),
            "200",
            DONE,
        )],
    ),
    (
        "/sign-in",
        &[],
        &[operation(
            "post",
            "signIn",
            ("Signs in", "Connecte"),
            Some(&["email!", "password!", "next"]),
            "200",
            (
                "Name, role and the token for writes; a cookie is set",
                "Nom, rôle et jeton pour les écritures ; un cookie est déposé",
            ),
        )],
    ),
    ("/sign-out", &[], &[operation("post", "signOut", ("Signs out", "Déconnecte"), Some(&[]), "200", DONE)]),
    (
        "/account",
        &[],
        &[
            operation(
                "get",
                "getAccount",
                ("One's own account", "Son propre compte"),
                None,
                "200",
                (
                    "The account with its keys, sessions and quotas",
                    "Le compte avec ses clés, ses sessions et ses quotas",
                ),
            ),
            operation(
                "delete",
                "deleteAccount",
                ("Deletes one's own account", "Supprime son propre compte"),
                Some(&["confirm!", "password"]),
                "204",
                DONE,
            ),
        ],
    ),
    (
        "/account/export",
        &[],
        &[operation(
            "get",
            "exportAccount",
            ("Everything that is kept of the account", "Tout ce qui est conservé du compte"),
            None,
            "200",
            ("The data", "Les données"),
        )],
    ),
    (
        "/account/password",
        &[],
        &[operation(
            "post",
            "changePassword",
            ("Changes the password", "Modifie le mot de passe"),
            Some(&["current!", "password!"]),
            "200",
            DONE,
        )],
    ),
    (
        "/account/keys",
        &[],
        &[
            operation(
                "get",
                "getKeys",
                ("The account's keys", "Les clés du compte"),
                None,
                "200",
                ("The keys", "Les clés"),
            ),
            operation(
                "post",
                "createKey",
                ("Makes a key", "Crée une clé"),
                Some(&["name", "expires_days", "scopes"]),
                "201",
                ("The key, shown this once", "La clé, montrée cette seule fois"),
            ),
        ],
    ),
    (
        "/account/keys/{keyId}",
        &["keyId"],
        &[operation("delete", "revokeKey", ("Revokes a key", "Révoque une clé"), None, "204", DONE)],
    ),
    (
        "/account/sessions",
        &[],
        &[operation(
            "get",
            "getSessions",
            ("Browsers that are signed in", "Navigateurs connectés"),
            None,
            "200",
            ("The sessions", "Les sessions"),
        )],
    ),
    (
        "/account/sessions/{sessionId}",
        &["sessionId"],
        &[operation("delete", "endSession", ("Ends a session", "Ferme une session"), None, "204", DONE)],
    ),
    (
        "/admin",
        &[],
        &[operation(
            "get",
            "getAdministration",
            ("How much there is to look after", "Ce dont il y a à s'occuper, en nombres"),
            None,
            "200",
            (
                "Numbers of accounts, groups, grants and orders",
                "Nombres de comptes, de groupes, de droits et de commandes",
            ),
        )],
    ),
    (
        "/admin/users",
        &[],
        &[
            operation("get", "getUsers", ("Accounts", "Comptes"), None, "200", ("The accounts", "Les comptes")),
            operation(
                "post",
                "createUser",
                ("Makes an account for somebody", "Crée un compte pour quelqu'un"),
                Some(&["name!", "email", "role", "password"]),
                "201",
                ("The account, and a link that sets its password", "Le compte, et un lien qui fixe son mot de passe"),
            ),
        ],
    ),
    (
        "/admin/users/{userId}",
        &["userId"],
        &[
            operation("get", "getUser", ("An account", "Un compte"), None, "200", ("The account", "Le compte")),
            operation(
                "patch",
                "changeUser",
                (
                    "Changes an account's role or quotas, closes or opens it",
                    "Change le rôle ou les quotas d'un compte, le ferme ou l'ouvre",
                ),
                Some(&["role", "disabled", "download_bytes_per_day", "running_orders"]),
                "200",
                ("The account", "Le compte"),
            ),
            operation("delete", "deleteUser", ("Deletes an account", "Supprime un compte"), None, "204", DONE),
        ],
    ),
    (
        "/admin/groups",
        &[],
        &[
            operation(
                "get",
                "getGroups",
                ("Groups of accounts", "Groupes de comptes"),
                None,
                "200",
                ("The groups", "Les groupes"),
            ),
            operation(
                "post",
                "createGroup",
                ("Makes a group", "Crée un groupe"),
                Some(&["name!"]),
                "201",
                ("The group", "Le groupe"),
            ),
        ],
    ),
    (
        "/admin/groups/{groupName}",
        &["groupName"],
        &[operation("delete", "deleteGroup", ("Deletes a group", "Supprime un groupe"), None, "204", DONE)],
    ),
    (
        "/admin/groups/{groupName}/members/{userName}",
        &["groupName", "userName"],
        &[
            operation(
                "put",
                "addMember",
                ("Takes an account into a group", "Ajoute un compte à un groupe"),
                None,
                "204",
                DONE,
            ),
            operation(
                "delete",
                "removeMember",
                ("Takes an account out of a group", "Retire un compte d'un groupe"),
                None,
                "204",
                DONE,
            ),
        ],
    ),
    (
        "/admin/grants",
        &[],
        &[operation(
            "get",
            "getGrants",
            ("What groups may see of collections", "Ce que les groupes peuvent voir des collections"),
            None,
            "200",
            ("The grants", "Les droits"),
        )],
    ),
    (
        "/admin/groups/{groupName}/grants/{collectionId}",
        &["groupName", "collectionId"],
        &[
            operation(
                "put",
                "putGrant",
                (
                    "Grants a group a level of a collection, in place of what was granted before",
                    "Accorde à un groupe un niveau d'une collection, à la place de ce qui était accordé",
                ),
                Some(&["level!", "filter", "older_than"]),
                "204",
                DONE,
            ),
            operation("delete", "deleteGrant", ("Takes a grant back", "Retire un droit"), None, "204", DONE),
        ],
    ),
    (
        "/admin/audit",
        &[],
        &[operation(
            "get",
            "getAuditLog",
            ("The audit log, newest first", "Le journal d'audit, le plus récent d'abord"),
            None,
            "200",
            ("A part of the log", "Une partie du journal"),
        )],
    ),
];

/// The schema of a member of a body.
fn member(name: &str) -> Value {
    match name {
        "email" => json!({"type": "string", "format": "email"}),
        "password" | "current" => json!({"type": "string", "format": "password"}),
        "expires_days" => json!({"type": "integer", "minimum": 1, "maximum": 3650}),
        "disabled" => json!({"type": "boolean"}),
        "download_bytes_per_day" | "running_orders" => {
            json!({"anyOf": [{"type": "integer", "minimum": 0}, {"enum": ["default"]}]})
        }
        "role" => json!({"enum": ["visitor", "user", "operator", "administrator"]}),
        "scopes" => json!({"type": "array", "items": {"enum": ["read", "download", "order", "write", "admin"]}}),
        _ => json!({"type": "string"}),
    }
}

fn body(members: &[&str]) -> Value {
    let named = members.iter().map(|name| name.trim_end_matches('!'));
    let properties: Map<String, Value> = named.map(|name| (name.to_owned(), member(name))).collect();
    let required: Vec<&str> = members.iter().filter_map(|name| name.strip_suffix('!')).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    // OpenAPI 3.0 allows no empty list.
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let form = if members.is_empty() { json!({"type": "object"}) } else { schema.clone() };
    json!({"required": !members.is_empty(), "content": {
        JSON: {"schema": schema}, "application/x-www-form-urlencoded": {"schema": form},
    }})
}

fn described(operation: &Operation) -> Value {
    let mut answer = json!({"description": operation.answer.0, "x-description-fr": operation.answer.1});
    if operation.status != "204" {
        answer["content"] = json!({JSON: {"schema": {"type": "object"}}});
    }
    let mut responses = json!({operation.status: answer, "default": {"$ref": "#/components/responses/Problem"}});
    if operation.method == "post" {
        responses["303"] =
            json!({"description": "Of a form: where to go on", "x-description-fr": "D'un formulaire : la suite"});
    }
    if operation.method == "get" {
        responses[operation.status]["content"][HTML] = json!({"schema": {"type": "string"}});
    }
    let mut value = json!({
        "tags": [TAG], "operationId": operation.id, "summary": operation.summary.0, "x-summary-fr": operation.summary.1,
        "responses": responses,
    });
    if let Some(members) = operation.body {
        value["requestBody"] = body(members);
    }
    value
}

fn parameter(name: &str) -> Value {
    let (english, french) = match name {
        "keyId" => ("Id of a key", "Identifiant d'une clé"),
        "sessionId" => ("Id of a session", "Identifiant d'une session"),
        "userId" => ("Number of an account", "Numéro d'un compte"),
        "groupName" => ("Name of a group", "Nom d'un groupe"),
        _ => ("Name of an account", "Nom d'un compte"),
    };
    let schema = if name == "userId" { json!({"type": "integer", "minimum": 1}) } else { json!({"type": "string"}) };
    json!({"name": name, "in": "path", "required": true, "description": english, "x-description-fr": french, "schema": schema})
}

/// Adds the addresses.
pub(super) fn add_paths(paths: &mut Map<String, Value>) {
    for (path, parameters, operations) in PATHS {
        let mut entry: Map<String, Value> =
            operations.iter().map(|operation| (operation.method.to_owned(), described(operation))).collect();
        if !parameters.is_empty() {
            entry.insert("parameters".into(), parameters.iter().map(|name| parameter(name)).collect());
        }
        paths.insert((*path).to_owned(), entry.into());
    }
}
