//! The text of an API key: `nil_<id>_<secret>`.

use std::fmt;

use super::Error;
use crate::state::Random;

/// First part of every key, so that leaked ones can be recognised.
const PREFIX: &str = "nil";
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// A key as its holder has it. Printing for debugging hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText {
    id: String,
    secret: String,
}

impl KeyText {
    /// A new key with 256 random bits.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn generate(random: &Random) -> Result<Self, Error> {
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        random.fill(&mut id).map_err(Error::Random)?;
        random.fill(&mut secret).map_err(Error::Random)?;
        Ok(Self { id: to_hex(&id), secret: to_hex(&secret) })
    }

    /// Reads a key; `None` if the text has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('_');
        let (prefix, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let lower_hex = |part: &str, bytes: usize| {
            part.len() == 2 * bytes && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let fits = prefix == PREFIX && lower_hex(id, ID_BYTES) && lower_hex(secret, SECRET_BYTES);
        (fits && parts.next().is_none()).then(|| Self { id: id.into(), secret: secret.into() })
    }

    /// The public part, which finds the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole key: shown to its holder once, never logged.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}_{}_{}", self.id, self.secret)
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyText({PREFIX}_{}_…)", self.id)
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 * bytes.len());
    for b in bytes {
        write!(text, "{b:02x}").expect("writing to a String does not fail");
    }
    text
}
