//! The server's secret, which keys are hashed with: a copied database alone verifies no guess.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Error, KeyText};
use crate::accounts::key::to_hex;
use crate::state::Random;

/// Name of the file in the data directory.
const FILE_NAME: &str = "secret";
const BYTES: usize = 32;

/// 256 bits that never leave the process.
pub(super) struct Secret([u8; BYTES]);

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

    /// Whether the secret of a data directory can be read; one that is not there yet can be made.
    pub(super) fn check(dir: &Path) -> Result<(), Error> {
        let path = dir.join(FILE_NAME);
        if path.exists() { Self::read(&path).map(drop) } else { Ok(()) }
    }

    fn read(path: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io { action: "read", path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(io)?;
        parse_hex(text.trim()).map(Self).ok_or_else(|| Error::Secret(path.to_owned()))
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
        writeln!(file, "{}", to_hex(&bytes)).and_then(|()| file.sync_all()).map_err(io("write", &aside))?;
        let target = dir.join(FILE_NAME);
        let linked = match std::fs::hard_link(&aside, &target) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        };
        std::fs::remove_file(&aside).map_err(io("remove", &aside))?;
        linked.map_err(io("create", &target))?;
        File::open(dir).and_then(|d| d.sync_all()).map_err(io("sync", dir))
    }

    fn mac(&self, key: &KeyText) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(key.reveal().as_bytes());
        mac
    }

    /// HMAC-SHA-256 of the whole key, 32 bytes. A slow password hash is not needed: keys have 256 random bits.
    pub(super) fn hash(&self, key: &KeyText) -> Vec<u8> {
        self.mac(key).finalize().into_bytes().to_vec()
    }

    /// Whether the key has this hash, in constant time.
    pub(super) fn matches(&self, key: &KeyText, hash: &[u8]) -> bool {
        self.hash(key).ct_eq(hash).into()
    }
}

fn parse_hex(text: &str) -> Option<[u8; BYTES]> {
    if text.len() != 2 * BYTES || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(bytes)
}
