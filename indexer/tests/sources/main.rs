//! Sources read through the public interface: small files made here, and the real files where they are.

#![allow(clippy::unwrap_used, missing_docs, unused_crate_dependencies)]

mod any_bytes;
mod archives;
mod demo_data;
mod inventories;
mod observations_insitu;
mod observations_satellite;
mod real_files;
mod stac;
mod support;
