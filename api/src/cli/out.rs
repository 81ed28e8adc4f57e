//! Lines for standard output.

use std::fmt::Arguments;
use std::io::Write;

/// Writes a line. A reader that has gone, as `head` does, is no failure: what it did not want is dropped.
pub(super) fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let written = out.write_fmt(text).and_then(|()| out.write_all(b"\n"));
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        tracing::warn!(%error, "standard output takes nothing more");
    }
}

/// As `println!`, through [`line`].
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::out::line(format_args!($($text)*)) };
}
pub(super) use say;
