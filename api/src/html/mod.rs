//! Pages for people: plain HTML that works without script, in English and French.
//!
//! Every page is made from the same answers as the JSON beside it. Styles are classes of one style sheet, so that
//! the content security policy can forbid everything inline.

mod api;
mod collections;
mod form;
mod icons;
mod item;
mod landing;
mod language;
mod layout;
mod locator;
mod observations;
mod passes;
mod problem;
mod results;
mod values;

pub(crate) use api::{api, conformance, queryables};
pub(crate) use collections::{collection, collections};
pub(crate) use form::clean_search_address;
pub(crate) use item::item;
pub(crate) use landing::landing;
pub use language::Language;
pub(crate) use passes::passes;
pub use problem::problem_page;
pub(crate) use results::results;
