//! Seals of page tokens: a page begins where the service said, or not at all.

use nilometer_schemas::Problem;

use super::Accounts;
use super::key::to_hex;

/// Bytes of the seal: 128 bits.
const SEAL_BYTES: usize = 16;
/// Between a token and its seal; no token has it.
const MARK: char = '.';

/// What is sealed; tells tokens from all else that the secret seals.
fn message(token: &str) -> Vec<u8> {
    [b"page token ", token.as_bytes()].concat()
}

impl Accounts {
    /// A token as pages give it out. The same token gets the same seal, after a restart too.
    pub(crate) fn seal_token(&self, token: &str) -> String {
        format!("{token}{MARK}{}", to_hex(&self.secret.seal(&message(token))[..SEAL_BYTES]))
    }

    /// The token within, if it is as a page gave it out.
    ///
    /// # Errors
    /// `Invalid` for any other text.
    pub(crate) fn open_token(&self, sealed: &str) -> Result<String, Problem> {
        let parts = sealed.rsplit_once(MARK).and_then(|(token, seal)| Some((token, bytes(seal)?)));
        match parts {
            Some((token, seal)) if self.secret.is_seal_begun(&message(token), &seal) => Ok(token.to_owned()),
            _ => {
                let problem = Problem::invalid("token", "no page gave out this token").at("token");
                Err(problem.allowed("the token of a page's next or prev link, unchanged"))
            }
        }
    }
}

/// The bytes of a seal in lower case digits.
fn bytes(seal: &str) -> Option<[u8; SEAL_BYTES]> {
    let mut bytes = [0; SEAL_BYTES];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(seal.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    (to_hex(&bytes) == seal).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::accounts::Accounts;
    use crate::state::{Random, system_clock};

    #[tokio::test]
    async fn a_token_is_taken_unchanged_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let open = || async { Accounts::open(dir.path(), system_clock(), Random::system()).await.expect("accounts") };
        let sealed = open().await.seal_token("eyJhIjo1fQ");
        let accounts = Arc::new(open().await);
        assert_eq!(accounts.open_token(&sealed).ok().as_deref(), Some("eyJhIjo1fQ"), "after a restart");
        for at in 0..sealed.len() {
            let changed = |c: char| format!("{}{c}{}", &sealed[..at], &sealed[at + 1..]);
            for other in ['0', 'A', '.'].into_iter().filter(|c| !sealed[at..].starts_with(*c)) {
                assert!(accounts.open_token(&changed(other)).is_err(), "{}", changed(other));
            }
            assert!(accounts.open_token(&sealed[..at]).is_err());
        }
        for text in ["", ".", "é.é", &format!("{sealed}0"), &sealed.to_uppercase()] {
            assert!(accounts.open_token(text).is_err(), "{text}");
        }
    }
}
