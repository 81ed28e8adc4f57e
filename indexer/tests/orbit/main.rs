//! The science orbit through the public interface, against the published ephemeris, polygons and product names.

#![allow(clippy::unwrap_used, missing_docs, unused_crate_dependencies)]

mod items;
mod published;
mod seen;
