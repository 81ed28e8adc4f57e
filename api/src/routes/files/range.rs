//! Which bytes of a file are asked for (RFC 9110, 14).

use std::ops::Range;

/// Ranges of one request. More ask for trouble rather than for bytes.
const RANGES_MAX: usize = 16;

/// What a `Range` header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All bytes: there is no header, or one that says nothing that is understood (14.2).
    Whole,
    /// Some bytes, in the order asked for; at least one range, none of them empty.
    Parts(Vec<Range<u64>>),
    /// None that there are.
    Unsatisfiable,
}

impl Wanted {
    /// Reads the header for a file of `size` bytes. More than [`RANGES_MAX`] ranges, and ranges that ask for more bytes
    /// than the file has, are not satisfied: nobody needs them.
    pub(super) fn read(header: Option<&str>, size: u64) -> Self {
        let Some(set) = header.and_then(|text| text.trim().split_once('=')).filter(|(unit, _)| *unit == "bytes") else {
            return Self::Whole;
        };
        let mut parts = Vec::new();
        let mut count = 0;
        for spec in set.1.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
            count += 1;
            if count > RANGES_MAX {
                return Self::Unsatisfiable;
            }
            match range_of(spec, size) {
                None => return Self::Whole,
                Some(range) if range.start < range.end => parts.push(range),
                Some(_) => {}
            }
        }
        if count == 0 {
            return Self::Whole;
        }
        let bytes: u128 = parts.iter().map(|range| u128::from(range.end - range.start)).sum();
        if parts.is_empty() || bytes > u128::from(size) { Self::Unsatisfiable } else { Self::Parts(parts) }
    }
}

/// The bytes of one range, perhaps none; `None` for what is no range.
fn range_of(spec: &str, size: u64) -> Option<Range<u64>> {
    // Digits too many for 64 bits are a number beyond every file.
    let number = |text: &str| -> Option<u64> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match spec.split_once('-')? {
        ("", last) => Some(size.saturating_sub(number(last)?)..size),
        (first, "") => Some(number(first)?.min(size)..size),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| first.min(size)..last.saturating_add(1).min(size))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let check = |header: &str, size: u64, expected: Wanted| {
            assert_eq!(Wanted::read(Some(header), size), expected, "{header} of {size}");
        };
        let parts = |list: &[(u64, u64)]| Wanted::Parts(list.iter().map(|(a, b)| *a..*b).collect());
        check("bytes=0-499", 10_000, parts(&[(0, 500)]));
        check("bytes=9500-", 10_000, parts(&[(9_500, 10_000)]));
        check("bytes=-500", 10_000, parts(&[(9_500, 10_000)]));
        check("bytes=-20000", 10_000, parts(&[(0, 10_000)]));
        check("bytes=0-0, -1", 10_000, parts(&[(0, 1), (9_999, 10_000)]));
        check("bytes=9999-20000", 10_000, parts(&[(9_999, 10_000)]));
        check("bytes=0-99999999999999999999999", 10, parts(&[(0, 10)]));
        check("bytes=20-30, 0-1", 10, parts(&[(0, 2)]));
        for unsatisfiable in ["bytes=10-", "bytes=99999999999999999999-", "bytes=-0", "bytes=0-9,0-0"] {
            check(unsatisfiable, 10, Wanted::Unsatisfiable);
        }
        check("bytes=0-", 0, Wanted::Unsatisfiable);
        for ignored in [
            "",
            "bytes",
            "bytes=",
            "bytes=a-b",
            "bytes=5-4",
            "bytes=--1",
            "bytes=1-2-3",
            "lines=0-1",
            "bytes=+1-2",
            "bytes 0-1",
        ] {
            check(ignored, 10, Wanted::Whole);
        }
        assert_eq!(Wanted::read(None, 10), Wanted::Whole);
        let many = format!("bytes={}", (0..1_000).map(|i| format!("{i}-{i}")).collect::<Vec<_>>().join(","));
        check(&many, 10_000, Wanted::Unsatisfiable);
    }
}
