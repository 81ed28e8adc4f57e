//! The filter tree that both CQL2 forms parse into.

use crate::{Function, Instant};

/// A literal of a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Text, compared by code point.
    Text(String),
    /// A number.
    Number(f64),
    /// A truth value.
    Bool(bool),
    /// A moment; compared with texts that are RFC 3339 moments or dates.
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

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `div`, division whose result is cut to a whole number towards zero.
    IntegerDivide,
    /// `%`, what `div` leaves; it has the sign of the left side.
    Remainder,
    /// `^`
    Power,
}

/// A relation of two geometries: the named ones of DE-9IM (OGC 06-103r4), planar in CRS84.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpatialRelation {
    /// They share a point.
    Intersects,
    /// They share no point.
    Disjoint,
    /// They are the same set of points.
    Equals,
    /// They share points of their boundaries only.
    Touches,
    /// The first lies in the second, and their interiors meet.
    Within,
    /// The second lies in the first, and their interiors meet.
    Contains,
    /// Of equal dimension, each has a part of its own and their interiors share one of that dimension.
    Overlaps,
    /// Their interiors meet, and what they share is less than the larger dimension and not all of the lesser.
    Crosses,
}

impl SpatialRelation {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Intersects,
        Self::Disjoint,
        Self::Equals,
        Self::Touches,
        Self::Within,
        Self::Contains,
        Self::Overlaps,
        Self::Crosses,
    ];

    /// The operator of CQL2 JSON; in upper case that of CQL2 text.
    pub fn operator(self) -> &'static str {
        match self {
            Self::Intersects => "s_intersects",
            Self::Disjoint => "s_disjoint",
            Self::Equals => "s_equals",
            Self::Touches => "s_touches",
            Self::Within => "s_within",
            Self::Contains => "s_contains",
            Self::Overlaps => "s_overlaps",
            Self::Crosses => "s_crosses",
        }
    }

    /// The relation of the second to the first.
    #[must_use]
    pub fn converse(self) -> Self {
        match self {
            Self::Within => Self::Contains,
            Self::Contains => Self::Within,
            symmetric => symmetric,
        }
    }
}

/// A relation of two periods; a moment is a period whose ends are the same (OGC 21-065r2, 7.8; W3C Time Ontology).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TemporalRelation {
    /// The first begins after the second ends.
    After,
    /// The first ends before the second begins.
    Before,
    /// The second lies between the ends of the first.
    Contains,
    /// They share no moment.
    Disjoint,
    /// The first lies between the ends of the second.
    During,
    /// Both ends are the same.
    Equals,
    /// They end together, and the first begins earlier.
    FinishedBy,
    /// They end together, and the first begins later.
    Finishes,
    /// They share a moment.
    Intersects,
    /// The first ends when the second begins.
    Meets,
    /// The first begins when the second ends.
    MetBy,
    /// The second begins first and ends within the first.
    OverlappedBy,
    /// The first begins first and ends within the second.
    Overlaps,
    /// They begin together, and the second ends earlier.
    StartedBy,
    /// They begin together, and the first ends earlier.
    Starts,
}

impl TemporalRelation {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::After,
        Self::Before,
        Self::Contains,
        Self::Disjoint,
        Self::During,
        Self::Equals,
        Self::FinishedBy,
        Self::Finishes,
        Self::Intersects,
        Self::Meets,
        Self::MetBy,
        Self::OverlappedBy,
        Self::Overlaps,
        Self::StartedBy,
        Self::Starts,
    ];

    /// The operator of CQL2 JSON; in upper case that of CQL2 text.
    pub fn operator(self) -> &'static str {
        match self {
            Self::After => "t_after",
            Self::Before => "t_before",
            Self::Contains => "t_contains",
            Self::Disjoint => "t_disjoint",
            Self::During => "t_during",
            Self::Equals => "t_equals",
            Self::FinishedBy => "t_finishedBy",
            Self::Finishes => "t_finishes",
            Self::Intersects => "t_intersects",
            Self::Meets => "t_meets",
            Self::MetBy => "t_metBy",
            Self::OverlappedBy => "t_overlappedBy",
            Self::Overlaps => "t_overlaps",
            Self::StartedBy => "t_startedBy",
            Self::Starts => "t_starts",
        }
    }

    /// Whether it holds between two closed periods, each given by its first and last moment.
    pub fn holds<T: Ord + Copy>(self, (a0, a1): (T, T), (b0, b1): (T, T)) -> bool {
        match self {
            Self::After => a0 > b1,
            Self::Before => a1 < b0,
            Self::Contains => a0 < b0 && b1 < a1,
            Self::Disjoint => a1 < b0 || b1 < a0,
            Self::During => b0 < a0 && a1 < b1,
            Self::Equals => a0 == b0 && a1 == b1,
            Self::FinishedBy => a0 < b0 && a1 == b1,
            Self::Finishes => b0 < a0 && a1 == b1,
            Self::Intersects => a1 >= b0 && b1 >= a0,
            Self::Meets => a1 == b0,
            Self::MetBy => a0 == b1,
            Self::OverlappedBy => b0 < a0 && a0 < b1 && b1 < a1,
            Self::Overlaps => a0 < b0 && b0 < a1 && a1 < b1,
            Self::StartedBy => a0 == b0 && b1 < a1,
            Self::Starts => a0 == b0 && a1 < b1,
        }
    }
}

/// A relation of two sets of values; how often a value stands in an array does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArrayRelation {
    /// The same values.
    Equals,
    /// The first has all values of the second.
    Contains,
    /// The second has all values of the first.
    ContainedBy,
    /// They have a value in common.
    Overlaps,
}

impl ArrayRelation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Equals, Self::Contains, Self::ContainedBy, Self::Overlaps];

    /// The operator of CQL2 JSON; in upper case that of CQL2 text.
    pub fn operator(self) -> &'static str {
        match self {
            Self::Equals => "a_equals",
            Self::Contains => "a_contains",
            Self::ContainedBy => "a_containedBy",
            Self::Overlaps => "a_overlaps",
        }
    }
}

/// What has a value for an item, or none: an absent property, a division by zero, a function of what it is not made for.
///
/// A property with several values has them all. Arithmetic and functions take each of them; where two operands both
/// have several values, the result has none.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A property, by its name without the `properties.` prefix.
    Property(String),
    /// A literal.
    Literal(Scalar),
    /// Arithmetic on numbers.
    Arithmetic {
        /// Operator.
        op: Arithmetic,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
    /// A function and its arguments.
    Call(Function, Vec<Expr>),
    /// A closed period, for temporal relations; `None` is an open end. A period that ends before it begins has no value.
    Interval(Option<Box<Expr>>, Option<Box<Expr>>),
    /// Values, for array relations.
    Array(Vec<Expr>),
    /// A geometry, for spatial relations and functions.
    Geometry(geo::Geometry<f64>),
}

impl Expr {
    /// A property.
    pub fn property(name: impl Into<String>) -> Self {
        Self::Property(name.into())
    }

    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Literal(Scalar::Text(text.into()))
    }

    /// A number.
    pub fn number(number: f64) -> Self {
        Self::Literal(Scalar::Number(number))
    }

    /// Calls `f` with the name of every property in it.
    pub fn each_property<'a>(&'a self, f: &mut dyn FnMut(&'a str)) {
        match self {
            Self::Property(name) => f(name),
            Self::Literal(_) | Self::Geometry(_) => {}
            Self::Arithmetic { left, right, .. } => {
                left.each_property(f);
                right.each_property(f);
            }
            Self::Call(_, members) | Self::Array(members) => members.iter().for_each(|m| m.each_property(f)),
            Self::Interval(start, end) => start.iter().chain(end).for_each(|e| e.each_property(f)),
        }
    }
}

/// A condition on one item, in CQL2's three-valued logic: an absent property makes a comparison unknown,
/// and only items for which the whole is true are found. A multi-valued property satisfies a comparison
/// when one of its values does; array relations see all of its values.
///
/// Property names come without the `properties.` prefix; `id`, `collection`, `datetime`, `geometry` and
/// `ingested` name the item's own members. In temporal relations `datetime` of an item without a moment is the period
/// from `start_datetime` to `end_datetime`.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All are true.
    And(Vec<Filter>),
    /// One is true.
    Or(Vec<Filter>),
    /// It is false.
    Not(Box<Filter>),
    /// Two values compared.
    Compare {
        /// Left side.
        left: Expr,
        /// Operator.
        op: Comparison,
        /// Right side.
        right: Expr,
    },
    /// `low <= value <= high`.
    Between {
        /// Value.
        value: Expr,
        /// Lower bound, included.
        low: Expr,
        /// Upper bound, included.
        high: Expr,
    },
    /// Text pattern with `%` (any text) and `_` (one character), `\` escapes; case matters.
    Like {
        /// Text.
        value: Expr,
        /// Pattern: a text, perhaps under `CASEI` and `ACCENTI`.
        pattern: Expr,
    },
    /// The value is one of these.
    In {
        /// Value.
        value: Expr,
        /// Values.
        values: Vec<Expr>,
    },
    /// There is no value.
    IsNull(Expr),
    /// A relation of two geometries, each a literal or the item's own. Unknown without a geometry.
    Spatial {
        /// Relation.
        relation: SpatialRelation,
        /// First geometry.
        left: Expr,
        /// Second geometry.
        right: Expr,
    },
    /// A relation of two moments or periods.
    Temporal {
        /// Relation.
        relation: TemporalRelation,
        /// First period.
        left: Expr,
        /// Second period.
        right: Expr,
    },
    /// A relation of two sets of values.
    Array {
        /// Relation.
        relation: ArrayRelation,
        /// First set.
        left: Expr,
        /// Second set.
        right: Expr,
    },
    /// A constant.
    Const(bool),
}

impl Filter {
    /// A property compared with a literal.
    pub fn compare(property: impl Into<String>, op: Comparison, value: Scalar) -> Self {
        Self::Compare { left: Expr::property(property), op, right: Expr::Literal(value) }
    }

    /// A property between two literals, both included.
    pub fn between(property: impl Into<String>, low: Scalar, high: Scalar) -> Self {
        Self::Between { value: Expr::property(property), low: Expr::Literal(low), high: Expr::Literal(high) }
    }

    /// A property that is one of these literals.
    pub fn one_of(property: impl Into<String>, values: impl IntoIterator<Item = Scalar>) -> Self {
        Self::In { value: Expr::property(property), values: values.into_iter().map(Expr::Literal).collect() }
    }

    /// A property like a pattern.
    pub fn like(property: impl Into<String>, pattern: impl Into<String>) -> Self {
        Self::Like { value: Expr::property(property), pattern: Expr::text(pattern) }
    }

    /// A property that is absent or null.
    pub fn is_null(property: impl Into<String>) -> Self {
        Self::IsNull(Expr::property(property))
    }

    /// The item's geometry shares a point with this one (planar, CRS84).
    pub fn intersects(geometry: geo::Geometry<f64>) -> Self {
        Self::spatial(SpatialRelation::Intersects, geometry)
    }

    /// The item's geometry in a relation to this one.
    pub fn spatial(relation: SpatialRelation, geometry: geo::Geometry<f64>) -> Self {
        Self::Spatial { relation, left: Expr::property("geometry"), right: Expr::Geometry(geometry) }
    }

    /// Calls `f` with the name of every property in it, in order, repeated where it is repeated.
    pub fn each_property<'a>(&'a self, f: &mut dyn FnMut(&'a str)) {
        match self {
            Self::And(filters) | Self::Or(filters) => filters.iter().for_each(|filter| filter.each_property(f)),
            Self::Not(filter) => filter.each_property(f),
            Self::Compare { left, right, .. }
            | Self::Spatial { left, right, .. }
            | Self::Temporal { left, right, .. }
            | Self::Array { left, right, .. } => {
                left.each_property(f);
                right.each_property(f);
            }
            Self::Between { value, low, high } => [value, low, high].into_iter().for_each(|e| e.each_property(f)),
            Self::Like { value, .. } | Self::IsNull(value) => value.each_property(f),
            Self::In { value, values } => {
                value.each_property(f);
                values.iter().for_each(|e| e.each_property(f));
            }
            Self::Const(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporal_relations_hold_as_the_standard_defines_them_and_as_their_converses_do() {
        use TemporalRelation::*;
        let periods: Vec<(i32, i32)> = (0..6).flat_map(|a| (a..6).map(move |b| (a, b))).collect();
        let converses = [
            (Before, After),
            (Meets, MetBy),
            (Overlaps, OverlappedBy),
            (Starts, StartedBy),
            (During, Contains),
            (Finishes, FinishedBy),
            (Equals, Equals),
            (Disjoint, Disjoint),
            (Intersects, Intersects),
        ];
        for a in &periods {
            for b in &periods {
                for (relation, converse) in converses {
                    assert_eq!(relation.holds(*a, *b), converse.holds(*b, *a), "{relation:?} {a:?} {b:?}");
                }
                assert_eq!(Disjoint.holds(*a, *b), Before.holds(*a, *b) || After.holds(*a, *b));
                assert_ne!(Disjoint.holds(*a, *b), Intersects.holds(*a, *b));
            }
        }
        assert!(Overlaps.holds((0, 3), (2, 5)) && !Overlaps.holds((2, 5), (0, 3)) && !Overlaps.holds((0, 2), (2, 5)));
        assert!(During.holds((1, 2), (0, 3)) && !During.holds((0, 2), (0, 3)));
        assert!(Starts.holds((0, 2), (0, 3)) && Finishes.holds((1, 3), (0, 3)) && Meets.holds((0, 2), (2, 2)));
    }
}
