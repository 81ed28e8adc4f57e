//! Passwords: argon2id in PHC form, peppered with the server's secret.

use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use nilometer_schemas::{Kind, Problem};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::Error;
use super::secret::Secret;
use crate::state::Random;

/// Memory of one hash, KiB; passes over it; lanes (OWASP, Password Storage Cheat Sheet, 2025).
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// Hashes at a time: together they take at most 76 MiB, however many people sign in.
const AT_A_TIME: usize = 4;
/// Time after which one who waits for a turn is asked to come again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Characters of a password (NIST SP 800-63B asks for at least 8 and for room for 64).
const CHARACTERS_MIN: usize = 10;
const BYTES_MAX: usize = 256;
/// What guessers try first and what is long enough.
const COMMON: [&str; 12] = [
    "1234567890",
    "0123456789",
    "password12",
    "password123",
    "motdepasse",
    "motdepasse1",
    "azertyuiop",
    "qwertyuiop",
    "nilometer1",
    "adminadmin",
    "administrator",
    "administrateur",
];

/// Refuses passwords that are too short, too long or known to every guesser.
///
/// # Errors
/// `Invalid` saying what is asked for.
pub(crate) fn check(password: &str, email: &str) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::invalid("password-weak", detail).at("password"));
    if password.chars().count() < CHARACTERS_MIN {
        return refused(&format!("a password has at least {CHARACTERS_MIN} characters"));
    }
    if password.len() > BYTES_MAX {
        return refused(&format!("a password has at most {BYTES_MAX} bytes"));
    }
    let lower = password.to_lowercase();
    let mut characters = lower.chars();
    let first = characters.next();
    if COMMON.contains(&lower.as_str()) || lower == email || characters.all(|c| Some(c) == first) {
        return refused("everybody would try this password first");
    }
    Ok(())
}

/// Makes and checks hashes on threads for work, a few at a time.
#[derive(Clone)]
pub(super) struct Passwords {
    room: Arc<Semaphore>,
    pepper: Arc<Vec<u8>>,
}

impl Passwords {
    pub(super) fn new(secret: &Secret) -> Self {
        Self { room: Arc::new(Semaphore::new(AT_A_TIME)), pepper: Arc::new(secret.seal(b"password pepper")) }
    }

    /// The PHC text of a password with a new salt.
    pub(super) async fn hash(&self, password: String, random: &Random) -> Result<String, Error> {
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt).map_err(Error::Random)?;
        let pepper = Arc::clone(&self.pepper);
        let hash = self.work(move || derive(&pepper, &password, &salt, (MEMORY_KIB, PASSES, LANES))).await?;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        Ok(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}"))
    }

    /// Whether this is the password of a PHC text. Without a text it takes the same time, and is not.
    pub(super) async fn matches(&self, password: String, phc: Option<&str>) -> Result<bool, Error> {
        let known = phc.and_then(parse);
        let is_known = known.is_some();
        let (costs, salt, expected) =
            known.unwrap_or_else(|| ((MEMORY_KIB, PASSES, LANES), vec![0; SALT_BYTES], vec![0; HASH_BYTES]));
        let pepper = Arc::clone(&self.pepper);
        let hash = self.work(move || derive(&pepper, &password, &salt, costs)).await?;
        Ok(is_known && bool::from(hash.ct_eq(&expected)))
    }

    async fn work(
        &self,
        work: impl FnOnce() -> Result<[u8; HASH_BYTES], String> + Send + 'static,
    ) -> Result<[u8; HASH_BYTES], Error> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.room).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            let detail = "too many people are signing in at the moment";
            return Err(Problem::new(Kind::Unavailable, "sign-in-busy", detail).into());
        };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        match done.await {
            Ok(Ok(hash)) => Ok(hash),
            Ok(Err(detail)) => Err(Error::Password(detail)),
            Err(error) => Err(Error::Password(error.to_string())),
        }
    }
}

type Costs = (u32, u32, u32);

fn derive(
    pepper: &[u8],
    password: &str,
    salt: &[u8],
    (memory, passes, lanes): Costs,
) -> Result<[u8; HASH_BYTES], String> {
    let params = Params::new(memory, passes, lanes, Some(HASH_BYTES)).map_err(|e| e.to_string())?;
    let argon2 =
        Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).map_err(|e| e.to_string())?;
    let mut hash = [0; HASH_BYTES];
    argon2.hash_password_into(password.as_bytes(), salt, &mut hash).map_err(|e| e.to_string())?;
    Ok(hash)
}

/// Costs, salt and hash of a PHC text of ours. The costs are those of the text: they may be raised without making
/// older passwords useless.
fn parse(phc: &str) -> Option<(Costs, Vec<u8>, Vec<u8>)> {
    let mut parts = phc.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut numbers = ["m=", "t=", "p="].into_iter().zip(costs.split(','));
    let mut number = || numbers.next().and_then(|(name, part)| part.strip_prefix(name)?.parse::<u32>().ok());
    let costs = (number()?, number()?, number()?);
    let (salt, hash) = (STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(hash).ok()?);
    (parts.next().is_none() && hash.len() == HASH_BYTES).then_some((costs, salt, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(secret: &[u8]) -> Passwords {
        Passwords { room: Arc::new(Semaphore::new(AT_A_TIME)), pepper: Arc::new(secret.to_vec()) }
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_under_the_same_secret_only() {
        let ours = passwords(b"ours");
        let phc = ours.hash("high water 1910".into(), &Random::system()).await.expect("hashed");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(ours.matches("high water 1910".into(), Some(&phc)).await.expect("checked"));
        assert!(!ours.matches("high water 1911".into(), Some(&phc)).await.expect("checked"));
        assert!(!passwords(b"theirs").matches("high water 1910".into(), Some(&phc)).await.expect("checked"));
        assert!(!ours.matches("high water 1910".into(), None).await.expect("checked"));
        let again = ours.hash("high water 1910".into(), &Random::system()).await.expect("hashed");
        assert_ne!(phc, again, "salts differ");
    }

    #[test]
    fn weak_passwords_are_refused() {
        for weak in ["short", "aaaaaaaaaaaa", "Motdepasse1", "ana@water.example", &"x".repeat(300)] {
            assert!(check(weak, "ana@water.example").is_err(), "{weak}");
        }
        assert!(check("crue de 1910", "ana@water.example").is_ok());
    }
}
