//! The vocabulary of Nilometer: records, the question and its parts, problem kinds.
//!
//! No I/O, no async, nothing of HTTP: every other crate speaks these words.

mod aggregation;
mod bbox;
mod collection;
mod crs;
mod distinct;
mod filter;
mod function;
pub mod geojson;
mod ids;
mod index_schema;
mod item;
mod item_assets;
pub mod limits;
pub mod observation;
mod problem;
mod rights;
mod scope;
mod search;
pub mod text;
mod time;
mod validation;
mod words;

pub use aggregation::{
    Aggregation, AggregationKind, AggregationResult, Bucket, CalendarInterval, GridKind, HistogramStep, Left,
    NumberRange, Statistics,
};
pub use bbox::Bbox;
pub use collection::{ACCESS_MEMBER, Access, Collection, TRANSLATIONS_MEMBER};
pub use crs::{CRS84_NAME, Crs};
pub use distinct::Distinct;
pub use filter::{Arithmetic, ArrayRelation, Comparison, Expr, Filter, Scalar, SpatialRelation, TemporalRelation};
pub use function::{Argument, ArgumentType, FUNCTIONS, Function, FunctionInfo};
pub use ids::{CollectionId, ItemId};
pub use index_schema::{
    FOLDED_TOKENIZER, FORMAT_VERSION, IndexFields, NAME_TOKENIZER, ROW_PAYLOAD_TYPE, STEM_TOKENIZERS, index_schema,
};
pub use item::{Item, ItemText, RESERVED_RELS, check_depth};
pub use item_assets::AddedAsset;
pub use observation::{ObservationKey, ObservationModel, Parameter, ParameterType};
pub use problem::{Kind, Problem};
pub use rights::{Granted, Level, Part, Right, Rights, RightsId};
pub use scope::{Role, Scope};
pub use search::{Direction, Fields, IN_PERIOD, RELEVANCE, Search, SortKey};
pub use time::{Dialect, Instant, TimeInterval};
pub use validation::{ExtensionCheck, Finding, validate_collection, validate_item};
pub use words::Words;
