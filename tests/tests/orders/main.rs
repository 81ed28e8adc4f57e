//! Orders over HTTP: what they hold, how they are fetched, and that none is lost or delivered twice when the server dies at any
//! moment.

mod archive;
mod basket;
mod desk;
mod keeping;
mod selection;
mod shop;
