//! The name of a file within a store: parts with slashes between, none of which leads anywhere else.

use std::fmt;

/// Bytes of a key, as of S3.
const KEY_BYTES_MAX: usize = 1_024;
/// What the names of files begin with that are still being written.
pub(super) const UPLOAD_MARK: &str = ".upload-";

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(String);

impl Key {
    /// A key from the path of an address, percent-encoded; `None` for one that is empty, absolute, too long, or has a
    /// part that is empty, `.` or `..`, a backslash or a control character. Decoding happens once, before the look: what
    /// is encoded twice names a file with a percent sign.
    pub(super) fn decode(path: &str) -> Option<Self> {
        Self::new(decoded(path)?)
    }

    /// A key from its text.
    pub(super) fn new(text: String) -> Option<Self> {
        let odd = |part: &str| matches!(part, "" | "." | "..") || part.starts_with(UPLOAD_MARK);
        let refused =
            text.len() > KEY_BYTES_MAX || text.chars().any(|c| c.is_control() || c == '\\') || text.split('/').any(odd);
        (!refused).then_some(Self(text))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    pub(super) fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The path of an address that is read as this key.
    pub(super) fn encoded(&self) -> String {
        self.0.split('/').map(crate::links::encode).collect::<Vec<_>>().join("/")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text behind percent-encoding; `None` where it is no UTF-8 or a percent sign stands alone.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_decoded_once_and_leads_nowhere_else() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(Key::decode(path).as_ref().map(Key::as_str), expected, "{path}");
        };
        check("a/b.zip", Some("a/b.zip"));
        check("a%20b/%C3%A9", Some("a b/é"));
        check("a%252e", Some("a%2e"));
        check("..a/b..", Some("..a/b.."));
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "a//b",
            "a/",
            "..",
            "a/../b",
            "./a",
            "%2e%2e/a",
            "..%2fa",
            "%2Fetc",
            "a\\b",
            "a%5cb",
            "a%00",
            "a\0",
            "%",
            "%g1",
            "%2",
            "%ff",
            "a/%2e/b",
            ".upload-x",
            "a%0a",
        ] {
            check(bad, None);
        }
        check(&"a".repeat(1_025), None);
    }

    #[test]
    fn what_is_encoded_is_decoded_to_itself() {
        for text in ["a b/c%d/é", "R_X@1.txt", "a+b&c=d?e#f"] {
            let key = Key::new(text.to_owned()).expect("a key");
            assert_eq!(Key::decode(&key.encoded()), Some(key));
        }
    }
}
