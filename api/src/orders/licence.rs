//! Collections whose terms are accepted before their files are ordered or fetched.

use nilometer_indexer::Snapshot;
use nilometer_schemas::{Collection, CollectionId, Instant, Kind, Problem, Scope};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::accounts::{Acceptance, Accounts};
use crate::links::Links;
use crate::problem::ApiError;
use crate::routes::ask::hex;

/// Member of a collection whose terms must be accepted before its files are ordered or fetched.
pub(crate) const ACCEPTANCE_MEMBER: &str = "nilometer:licence_acceptance";

/// The terms of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Id of the collection.
    pub(crate) collection: String,
    /// Name of the licence.
    pub(crate) licence: String,
    /// Where its text is.
    pub(crate) href: Option<String>,
    /// SHA-256 of all that the collection says of its licence.
    pub(crate) hash: String,
}

impl Terms {
    /// The page on which they are accepted.
    pub(crate) fn path(&self) -> String {
        format!("/licences/{}", crate::links::encode(&self.collection))
    }

    /// The terms for programs; `base` is the service's address.
    pub(crate) fn to_json(&self, base: &str) -> Value {
        json!({
            "collection": self.collection, "licence": self.licence, "href": self.href, "terms": self.hash,
            "accept": format!("{base}{}", self.path()),
        })
    }
}

/// The terms of a collection, and whether they must be accepted.
pub(crate) fn terms_of(collection: &Collection) -> (Terms, bool) {
    let body = &collection.body;
    let links: Vec<&Value> = body.get("links").and_then(Value::as_array).into_iter().flatten().collect();
    let links: Vec<&&Value> = links.iter().filter(|link| link["rel"] == "license").collect();
    let licence = body.get("license").and_then(Value::as_str).unwrap_or("other");
    let title = links.first().and_then(|link| link["title"].as_str());
    let told = json!([licence, links.iter().map(|link| [&link["href"], &link["title"]]).collect::<Vec<_>>()]);
    let terms = Terms {
        collection: collection.id.as_str().to_owned(),
        licence: title.unwrap_or(licence).to_owned(),
        href: links.first().and_then(|link| link["href"].as_str()).map(str::to_owned),
        hash: hex(&Sha256::digest(told.to_string().as_bytes())),
    };
    (terms, body.get(ACCEPTANCE_MEMBER).and_then(Value::as_bool).unwrap_or(false))
}

/// What somebody has accepted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accepted(Vec<Acceptance>);

impl Accepted {
    /// What an account has accepted; nothing without one.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn of(accounts: &Accounts, user: Option<i64>) -> Result<Self, ApiError> {
        Ok(match user {
            Some(user) => Self(accounts.acceptances(user).await?),
            None => Self::default(),
        })
    }

    /// All acceptances, newest first.
    pub(crate) fn all(&self) -> &[Acceptance] {
        &self.0
    }

    /// When these very terms were accepted, if they were.
    pub(crate) fn when(&self, terms: &Terms) -> Option<Instant> {
        let found = self.0.iter().find(|a| a.collection == terms.collection && a.terms == terms.hash);
        found.map(|acceptance| acceptance.accepted)
    }

    /// The terms of a collection, where they must be accepted and are not.
    pub(crate) fn lacks(&self, collection: &Collection) -> Option<Terms> {
        let (terms, must) = terms_of(collection);
        (must && self.when(&terms).is_none()).then_some(terms)
    }
}

/// The terms that a user has not accepted yet, of these collections.
///
/// # Errors
/// If the database fails.
pub(crate) async fn needed(
    accounts: &Accounts,
    user: Option<i64>,
    snapshot: &Snapshot,
    scope: &Scope,
    collections: &[String],
) -> Result<Vec<Terms>, ApiError> {
    let stored = collections.iter().filter_map(|id| snapshot.collection(id, *scope));
    let asking: Vec<_> = stored.map(|stored| &stored.collection).filter(|collection| terms_of(collection).1).collect();
    if asking.is_empty() {
        return Ok(Vec::new());
    }
    let accepted = Accepted::of(accounts, user).await?;
    Ok(asking.into_iter().filter_map(|collection| accepted.lacks(collection)).collect())
}

/// The failure for an order under terms that were not accepted.
pub(crate) fn not_accepted(terms: &Terms) -> Problem {
    refused(terms, "ordered").at("/accept_licences").allowed(format!(
        "{:?} in accept_licences, or accepting them at {}",
        terms.collection,
        terms.path()
    ))
}

fn refused(terms: &Terms, done: &str) -> Problem {
    let detail = format!("the terms of the collection {:?} are accepted before its files are {done}", terms.collection);
    Problem::new(Kind::Forbidden, "licence-not-accepted", detail)
}

/// Passes those who may fetch a file of a collection as far as its terms go: they were accepted, or need not be.
///
/// # Errors
/// `Forbidden`, naming the page on which they are accepted; and if the database fails.
pub(crate) async fn require(
    accounts: &Accounts,
    user: Option<i64>,
    (snapshot, scope): (&Snapshot, Scope),
    collection: &CollectionId,
    links: &Links,
) -> Result<(), ApiError> {
    let collections = [collection.as_str().to_owned()];
    match needed(accounts, user, snapshot, &scope, &collections).await?.first() {
        Some(terms) => {
            let page = links.absolute(&terms.path());
            Err(refused(terms, "fetched").allowed(format!("accepting them at {page}")).into())
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_terms_have_another_hash_and_only_marked_collections_ask() {
        let of = |licence: &str, href: &str, marked: bool| {
            let body = json!({"type": "Collection", "id": "c", "description": "d", "license": licence, ACCEPTANCE_MEMBER: marked,
                "links": [{"rel": "license", "href": href}], "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]},
                "temporal": {"interval": [[null, null]]}}});
            terms_of(&Collection::from_value(body).expect("a collection"))
        };
        let (terms, must) = of("other", "https://a.example", true);
        assert!(must && !of("other", "https://a.example", false).1);
        assert_eq!(terms.hash, of("other", "https://a.example", false).0.hash);
        assert_ne!(terms.hash, of("other", "https://b.example", true).0.hash);
        assert_ne!(terms.hash, of("CC-BY-4.0", "https://a.example", true).0.hash);
        assert_eq!(terms.path(), "/licences/c");
    }
}
