//! Moments as HTTP writes them (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

const FORM: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A moment as a header has it, to the second.
pub(crate) fn write(moment: OffsetDateTime) -> Option<String> {
    moment.to_offset(time::UtcOffset::UTC).format(FORM).ok()
}

/// Reads what [`write`] writes; the two older forms, which nobody writes any more, are none.
pub(crate) fn parse(text: &str) -> Option<OffsetDateTime> {
    PrimitiveDateTime::parse(text.trim(), FORM).ok().map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_the_standard_prints_it_and_read_back() {
        let moment = OffsetDateTime::from_unix_timestamp(784_111_777).expect("a moment");
        assert_eq!(write(moment).as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), Some(moment));
        for text in ["", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37", "1994-11-06T08:49:37Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
