//! The HTTP interface over a real catalogue, asked through the whole router without a socket.
#![allow(clippy::unwrap_used)]

mod world;

mod collections;
mod crs;
mod edr;
mod exports;
mod facets;
mod hydrocron;
mod metrics;
mod pages;
mod passes;
mod property_parameters;
mod query;
mod scope;
mod stac;
mod tiles;
mod transactions;
mod words;
