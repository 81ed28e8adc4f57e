//! Pages for people: plain HTML that works without script, in English and French.
//!
//! Every page is made from the same answers as the JSON beside it. Styles are classes of one style sheet, so that
//! the content security policy can forbid everything inline.

mod api;
mod collections;
mod conditions;
mod embed;
mod facets;
mod feeds;
mod figures;
mod form;
mod histogram;
mod icons;
mod item;
mod jsonld;
mod labels;
mod landing;
mod language;
mod layout;
mod legal;
mod locator;
mod markdown;
mod passes;
mod place;
mod problem;
mod refusal;
mod results;
mod series;
mod snippets;
mod table;
mod tiles;
mod timeline;
mod values;

pub(crate) mod account;
pub(crate) mod licences;
pub(crate) mod orders;

pub(crate) use api::{api, conformance, functions, queryables};
pub(crate) use collections::{collection, collections};
pub(crate) use feeds::{aggregations, changes, counted, suggestions};
pub(crate) use form::{address, clean_search_address};
pub(crate) use item::item;
pub(crate) use landing::landing;
pub use language::Language;
pub(crate) use legal::{Legal, legal};
pub(crate) use passes::{PassesView, clean_passes_address, passes};
pub use problem::problem_page;
pub(crate) use problem::{problem_type, problem_types};
pub(crate) use refusal::Refusal;
pub(crate) use results::{refused_search, results};
pub(crate) use series::{PARAMETERS as SERIES_PARAMETERS, ROWS_MAX as SERIES_ROWS_MAX, Series, View as SeriesView};
pub(crate) use tiles::{Document as TilesDocument, tiles};
pub(crate) use values::item_title_in;
