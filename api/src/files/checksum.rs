//! Checksums of files as multihashes (`file:checksum` of STAC's file extension): hexadecimal digits that say which hash.

use std::fmt;

use nilometer_schemas::Problem;
use sha2::{Digest, Sha256, Sha512};

use crate::routes::ask::hex;

/// A hash that is computed here, with its code in the table of multicodec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// 0x12.
    Sha256,
    /// 0x13.
    Sha512,
    /// 0x1e, 32 bytes.
    Blake3,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha512, Self::Blake3];

    const fn code(self) -> u8 {
        match self {
            Self::Sha256 => 0x12,
            Self::Sha512 => 0x13,
            Self::Blake3 => 0x1e,
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Sha256 | Self::Blake3 => 32,
            Self::Sha512 => 64,
        }
    }

    /// A hasher for it.
    pub(crate) fn hasher(self) -> Hasher {
        match self {
            Self::Sha256 => Hasher::Sha256(Box::default()),
            Self::Sha512 => Hasher::Sha512(Box::default()),
            Self::Blake3 => Hasher::Blake3(Box::default()),
        }
    }
}

/// A hash under way.
pub(crate) enum Hasher {
    Sha256(Box<Sha256>),
    Sha512(Box<Sha512>),
    Blake3(Box<blake3::Hasher>),
}

impl Hasher {
    /// Takes bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => Digest::update(&mut **hash, bytes),
            Self::Sha512(hash) => Digest::update(&mut **hash, bytes),
            Self::Blake3(hash) => {
                hash.update(bytes);
            }
        }
    }

    /// The hash of all bytes.
    pub(crate) fn finish(self) -> Multihash {
        let (algorithm, digest) = match self {
            Self::Sha256(hash) => (Algorithm::Sha256, hash.finalize().to_vec()),
            Self::Sha512(hash) => (Algorithm::Sha512, hash.finalize().to_vec()),
            Self::Blake3(hash) => (Algorithm::Blake3, hash.finalize().as_bytes().to_vec()),
        };
        Multihash { algorithm, digest }
    }
}

/// A checksum that can be verified here. Written as lower-case digits: code, length, hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Multihash {
    pub(crate) algorithm: Algorithm,
    pub(crate) digest: Vec<u8>,
}

impl Multihash {
    /// Reads a multihash; `None` for what is none, or of a hash that is not computed here.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let bytes: Vec<u8> = digits.chunks(2).map(pair).collect::<Option<_>>()?;
        let (code, rest) = bytes.split_first()?;
        let (length, digest) = rest.split_first()?;
        let algorithm = Algorithm::ALL.into_iter().find(|a| a.code() == *code)?;
        let fits = usize::from(*length) == algorithm.bytes() && digest.len() == algorithm.bytes();
        fits.then(|| Self { algorithm, digest: digest.to_vec() })
    }

    /// Reads the checksum of an upload.
    ///
    /// # Errors
    /// `Invalid` for what is no multihash of a hash computed here.
    pub(crate) fn of_upload(text: &str) -> Result<Self, Problem> {
        Self::parse(text).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            Problem::invalid("checksum", format!("{shown:?} is no multihash of a known kind"))
                .at("file:checksum")
                .allowed("hexadecimal digits: 1220 and a SHA-256, 1340 and a SHA-512, or 1e20 and a BLAKE3")
        })
    }

    /// Name and hash as in `Repr-Digest` (RFC 9530); `None` for a hash that is not registered there.
    pub(crate) fn registered(&self) -> Option<(&'static str, &[u8])> {
        match self.algorithm {
            Algorithm::Sha256 => Some(("sha-256", &self.digest)),
            Algorithm::Sha512 => Some(("sha-512", &self.digest)),
            Algorithm::Blake3 => None,
        }
    }
}

impl fmt::Display for Multihash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}{:02x}{}", self.algorithm.code(), self.algorithm.bytes(), hex(&self.digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_as_multihashes_and_read_back() {
        let check = |algorithm: Algorithm, begin: &str| {
            let mut hasher = algorithm.hasher();
            hasher.update(b"ab");
            hasher.update(b"c");
            let hash = hasher.finish();
            assert!(hash.to_string().starts_with(begin), "{hash}");
            assert_eq!(Multihash::parse(&hash.to_string().to_uppercase()), Some(hash));
        };
        check(Algorithm::Sha256, "1220ba7816bf8f01cfea");
        check(Algorithm::Sha512, "1340ddaf35a193617aba");
        check(Algorithm::Blake3, "1e206437b3ac38465133");
    }

    #[test]
    fn what_is_no_known_multihash_is_none() {
        let sha256 = format!("1220{}", "ab".repeat(32));
        assert!(Multihash::parse(&sha256).is_some());
        for text in [
            "",
            "1",
            "12",
            "1220",
            "zz",
            "é",
            &sha256[2..],
            &format!("{sha256}00"),
            &format!("1120{}", "ab".repeat(32)),
        ] {
            assert_eq!(Multihash::parse(text), None, "{text}");
        }
    }
}
