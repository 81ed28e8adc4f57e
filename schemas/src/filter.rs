//! The filter tree that both CQL2 forms parse into.

use crate::Instant;

/// A literal of a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Text, compared by code point.
    Text(String),
    /// A number.
    Number(f64),
    /// A truth value.
    Bool(bool),
    /// A moment; compared with texts that are RFC 3339 moments.
    Timestamp(Instant),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

/// A condition on one item, in CQL2's three-valued logic: an absent property makes a comparison unknown,
/// and only items for which the whole is true are found. A multi-valued property satisfies a comparison
/// when one of its values does.
///
/// Property names come without the `properties.` prefix; `id`, `collection`, `datetime`, `geometry` and
/// `ingested` name the item's own members.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All are true.
    And(Vec<Filter>),
    /// One is true.
    Or(Vec<Filter>),
    /// It is false.
    Not(Box<Filter>),
    /// A property compared with a literal.
    Compare {
        /// Property name.
        property: String,
        /// Operator.
        op: Comparison,
        /// Literal.
        value: Scalar,
    },
    /// `low <= property <= high`.
    Between {
        /// Property name.
        property: String,
        /// Lower bound, included.
        low: Scalar,
        /// Upper bound, included.
        high: Scalar,
    },
    /// Text pattern with `%` (any text) and `_` (one character), `\` escapes; case matters.
    Like {
        /// Property name.
        property: String,
        /// Pattern.
        pattern: String,
    },
    /// The property is one of the literals.
    In {
        /// Property name.
        property: String,
        /// Literals.
        values: Vec<Scalar>,
    },
    /// The property is absent or null.
    IsNull {
        /// Property name.
        property: String,
    },
    /// The item's geometry and this one share a point (planar, CRS84). Unknown without a geometry.
    Intersects(geo::Geometry<f64>),
    /// A constant.
    Const(bool),
}
