//! Seals of links to files: whoever has such a link may fetch this file, until it ends or the key that made it does.

use super::Accounts;
use crate::accounts::key::to_hex;

/// What a link allows: one file, until a moment, on behalf of the holder of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkTerms<'a> {
    /// The method, which stands for HEAD too.
    pub(crate) method: &'a str,
    /// The path below the service's address, encoded as in links.
    pub(crate) path: &'a str,
    /// The last moment, seconds since 1970.
    pub(crate) expires: i64,
    /// Name of the account.
    pub(crate) user: &'a str,
    /// Id of the key.
    pub(crate) key_id: &'a str,
}

impl LinkTerms<'_> {
    /// What is sealed; its beginning tells it from all else that the secret seals, lengths keep the parts apart.
    fn message(&self) -> Vec<u8> {
        let expires = self.expires.to_string();
        let mut message = b"file link".to_vec();
        for part in [self.method, self.path, &expires, self.user, self.key_id] {
            message.extend_from_slice(format!(" {}:", part.len()).as_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        message
    }
}

impl Accounts {
    /// The seal of a link: HMAC-SHA-256, as digits.
    pub(crate) fn seal_link(&self, terms: &LinkTerms<'_>) -> String {
        to_hex(&self.secret.seal(&terms.message()))
    }

    /// Whether this is the link's seal, in constant time.
    pub(crate) fn is_link_seal(&self, terms: &LinkTerms<'_>, seal: &str) -> bool {
        let mut bytes = Vec::with_capacity(seal.len() / 2);
        for at in (0..seal.len()).step_by(2) {
            match seal.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
                Some(byte) => bytes.push(byte),
                None => return false,
            }
        }
        to_hex(&bytes) == seal && self.secret.is_seal(&terms.message(), &bytes)
    }
}

#[cfg(test)]
mod tests {
    use nilometer_schemas::Role;

    use super::*;
    use crate::accounts::Refusal;
    use crate::state::{Random, system_clock};

    #[tokio::test]
    async fn a_seal_fits_its_own_terms_only_and_a_key_that_ended_has_no_holder() {
        let dir = tempfile::tempdir().expect("a folder");
        let accounts = Accounts::open(dir.path(), system_clock(), Random::system()).await.expect("accounts");
        let key = accounts.create_key("ann", Role::Operator, None).await.expect("a key");
        let terms = LinkTerms { method: "GET", path: "/a", expires: 12, user: "ann", key_id: key.id() };
        let seal = accounts.seal_link(&terms);
        assert!(accounts.is_link_seal(&terms, &seal));
        for other in [
            LinkTerms { method: "PUT", ..terms.clone() },
            LinkTerms { path: "/b", ..terms.clone() },
            LinkTerms { expires: 13, ..terms.clone() },
            LinkTerms { user: "bob", ..terms.clone() },
            LinkTerms { key_id: "x", ..terms.clone() },
        ] {
            assert!(!accounts.is_link_seal(&other, &seal), "{other:?}");
        }
        for wrong in ["", "0", "é", &seal[2..], &seal.to_uppercase(), &format!("{seal}00")] {
            assert!(!accounts.is_link_seal(&terms, wrong), "{wrong}");
        }
        let holder = async || accounts.holder(key.id()).await.expect("the database");
        assert_eq!(holder().await.map(|p| (p.role, p.user)), Ok((Role::Operator, Some("ann".into()))));
        accounts.revoke(key.id()).await.expect("revoked");
        assert_eq!(holder().await, Err(Refusal::Revoked));
        assert_eq!(accounts.holder("000000000000").await.expect("the database"), Err(Refusal::Wrong));
    }
}
