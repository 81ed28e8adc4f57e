//! What an issuer's claims mean here: a name, and the greatest of the roles that the settings give them.

use nilometer_schemas::Role;
use serde_json::Value;

use super::token::Claims;
use crate::config::OidcSettings;

/// The names of roles and groups in the claims of a token: Keycloak's for the realm and for this client, and the groups'.
fn names<'a>(claims: &'a Claims, settings: &OidcSettings) -> Vec<&'a str> {
    let client = if settings.client_id.is_empty() { &settings.audience } else { &settings.client_id };
    let lists = [
        claims.get("realm_access").and_then(|access| access.get("roles")),
        claims.get("resource_access").and_then(|access| access.get(client)?.get("roles")),
        claims.get(&settings.groups_claim),
    ];
    let names = lists.into_iter().flatten().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    names.collect()
}

/// The role of whoever holds the token. Nobody with an account is less than a user.
pub(super) fn role(claims: &Claims, settings: &OidcSettings) -> Role {
    let names = names(claims, settings);
    let given = settings.roles.iter().filter(|mapping| names.contains(&mapping.theirs.as_str()));
    given.map(|mapping| mapping.ours).max().unwrap_or(Role::User).max(Role::User)
}

/// What people call whoever holds the token.
pub(super) fn name(claims: &Claims) -> String {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    ["preferred_username", "email", "name", "sub"].into_iter().find_map(text).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use serde_json::json;

    #[test]
    fn the_greatest_role_counts_and_only_those_of_the_realm_of_this_client_and_of_groups() {
        let settings = Config::from_pairs(&[("oidc.client_id", "water")]).expect("valid").oidc;
        let check = |claims: Value, expected: Role| {
            let Value::Object(claims) = claims else { panic!("an object") };
            assert_eq!(role(&claims, &settings), expected, "{claims:?}");
        };
        let operator = json!(["offline_access", "nilometer-operator"]);
        check(json!({}), Role::User);
        check(json!({"realm_access": {"roles": operator}}), Role::Operator);
        check(json!({"resource_access": {"water": {"roles": operator}}}), Role::Operator);
        check(json!({"resource_access": {"other": {"roles": operator}}}), Role::User);
        check(json!({"groups": operator, "realm_access": {"roles": ["nilometer-administrator"]}}), Role::Administrator);
        check(
            json!({"realm_access": {"roles": "nilometer-administrator"}, "resource_access": 7, "groups": {}}),
            Role::User,
        );
    }
}
