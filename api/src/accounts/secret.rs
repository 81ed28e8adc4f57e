//! The server's secret, which keys are hashed and rows are sealed with: a copied database alone verifies no guess,
//! and a changed row is noticed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Error, KeyText};
use crate::accounts::key::to_hex;
use crate::state::Random;

/// Name of the file in the data directory.
const FILE_NAME: &str = "secret";
const BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 8;

/// 256 bits that never leave the process.
pub(super) struct Secret(Zeroizing<[u8; BYTES]>);

impl Secret {
    /// Reads the secret of a data directory, or makes one readable by its owner alone. Of two processes that make
    /// one at the same time, both take the first one's.
    pub(super) fn open(dir: &Path, random: &Random) -> Result<Self, Error> {
        let path = dir.join(FILE_NAME);
        if !path.exists() {
            Self::create(dir, random)?;
        }
        Self::read(&path)
    }

    /// The secret of a data directory; `None` where there is none yet.
    pub(super) fn of(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join(FILE_NAME);
        if path.exists() { Self::read(&path).map(Some) } else { Ok(None) }
    }

    fn read(path: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io { action: "read", path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(io)?;
        parse(&bytes).map(|bytes| Self(Zeroizing::new(bytes))).ok_or_else(|| Error::Secret(path.to_owned()))
    }

    /// Written aside and linked into place, so that nobody reads half a secret.
    fn create(dir: &Path, random: &Random) -> Result<(), Error> {
        let (mut bytes, mut name) = ([0; BYTES], [0; 8]);
        random.fill(&mut bytes).map_err(Error::Random)?;
        random.fill(&mut name).map_err(Error::Random)?;
        let aside = dir.join(format!("{FILE_NAME}.{}", to_hex(&name)));
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { action, path, source }
        };
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(io("create", &aside))?;
        file.write_all(text_of(&bytes).as_bytes()).and_then(|()| file.sync_all()).map_err(io("write", &aside))?;
        let target = dir.join(FILE_NAME);
        let linked = match std::fs::hard_link(&aside, &target) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        };
        std::fs::remove_file(&aside).map_err(io("remove", &aside))?;
        linked.map_err(io("create", &target))?;
        File::open(dir).and_then(|d| d.sync_all()).map_err(io("sync", dir))
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("HMAC takes keys of any length");
        mac.update(message);
        mac
    }

    /// HMAC-SHA-256 of the whole key, 32 bytes. A slow password hash is not needed: keys have 256 random bits.
    pub(super) fn hash(&self, key: &KeyText) -> Vec<u8> {
        self.seal(key.reveal().as_bytes())
    }

    /// Whether the key has this hash, in constant time.
    pub(super) fn matches(&self, key: &KeyText, hash: &[u8]) -> bool {
        self.is_seal(key.reveal().as_bytes(), hash)
    }

    /// HMAC-SHA-256 of a message, 32 bytes. What is sealed must not begin as a key does.
    pub(super) fn seal(&self, message: &[u8]) -> Vec<u8> {
        self.mac(message).finalize().into_bytes().to_vec()
    }

    /// Whether the message's seal begins so, in constant time. `seal` must be long enough to be none by chance.
    pub(super) fn is_seal_begun(&self, message: &[u8], seal: &[u8]) -> bool {
        self.mac(message).verify_truncated_left(seal).is_ok()
    }

    /// Whether this is the message's seal, in constant time.
    pub(super) fn is_seal(&self, message: &[u8], seal: &[u8]) -> bool {
        self.mac(message).verify_slice(seal).is_ok()
    }
}

/// The file's text: the secret and the beginning of its SHA-256, both hexadecimal.
fn text_of(secret: &[u8; BYTES]) -> String {
    let digest = Sha256::new().chain_update(b"nilometer secret").chain_update(secret).finalize();
    format!("{} {}\n", to_hex(secret), to_hex(&digest[..CHECKSUM_BYTES]))
}

/// Reads what [`text_of`] writes, to the letter: any other byte means that the file was changed.
fn parse(text: &[u8]) -> Option<[u8; BYTES]> {
    let digits = std::str::from_utf8(text.get(..2 * BYTES)?).ok()?;
    let mut bytes = [0; BYTES];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    (text_of(&bytes).as_bytes() == text).then_some(bytes)
}
