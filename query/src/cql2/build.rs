//! Conditions out of parsed parts, with every limit on them: what both forms of CQL2 share.

use nilometer_schemas::limits::{
    FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_NODES_MAX, IN_LIST_MAX, LIKE_CHARS_MAX, LIKE_WILDCARDS_MAX,
    QUERY_VERTICES_MAX,
};
use nilometer_schemas::{Comparison, Dialect, Filter, Instant, Kind, Problem, Scalar, TimeInterval};

use super::QueryGeometry;

/// What a caller may write, for messages.
pub(super) const SUPPORTED: &str = "= <> < <= > >=, AND, OR, NOT, IN, LIKE, BETWEEN, IS NULL, S_INTERSECTS, TRUE, FALSE, \
     between one property and literals: text, number, boolean, TIMESTAMP, DATE";

/// Properties that hold moments: plain text compared with them is read as a moment or a date.
const MOMENTS: [&str; 6] = ["datetime", "start_datetime", "end_datetime", "ingested", "created", "updated"];
/// Of these, the ones that never hold any other text, so that comparing with one is a mistake.
const STRICT_MOMENTS: usize = 4;

/// A literal before it meets its property.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    /// One value.
    One(Scalar),
    /// A date: first and last moment of the day.
    Day(Instant, Instant),
}

impl Literal {
    fn low(self) -> Scalar {
        match self {
            Self::One(value) => value,
            Self::Day(first, _) => Scalar::Timestamp(first),
        }
    }

    fn high(self) -> Scalar {
        match self {
            Self::One(value) => value,
            Self::Day(_, last) => Scalar::Timestamp(last),
        }
    }
}

/// A filter beyond a limit.
pub(super) fn too_large(what: &str, limit: usize) -> Problem {
    Problem::new(Kind::TooLarge, "filter-too-large", format!("the filter has more than {limit} {what}"))
        .at("filter")
        .allowed(format!("at most {limit} {what}"))
}

/// A part of CQL2 that is not offered.
pub(super) fn unsupported(what: impl std::fmt::Display) -> Problem {
    Problem::invalid("filter-unsupported", format!("{what} cannot be used in a filter here"))
        .at("filter")
        .allowed(SUPPORTED)
}

/// A literal or pattern without sense.
pub(super) fn bad_value(detail: impl Into<String>) -> Problem {
    Problem::invalid("filter-value", detail).at("filter")
}

/// What is left of the limits while a filter is read; stops a hostile one early.
pub(super) struct Budget {
    nodes: usize,
    bytes: usize,
    vertices: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { nodes: FILTER_NODES_MAX, bytes: FILTER_BYTES_MAX, vertices: QUERY_VERTICES_MAX }
    }

    /// Counts an operator, property or literal.
    pub(super) fn node(&mut self) -> Result<(), Problem> {
        let left = self.nodes.checked_sub(1);
        self.nodes = left.ok_or_else(|| too_large("operators, properties and literals", FILTER_NODES_MAX))?;
        Ok(())
    }

    /// Counts the bytes of a name or text.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Problem> {
        let left = self.bytes.checked_sub(text.len());
        self.bytes = left.ok_or_else(|| too_large("bytes of text", FILTER_BYTES_MAX))?;
        Ok(())
    }

    /// Counts the vertices of a geometry and makes a condition of it.
    pub(super) fn intersects(&mut self, geometry: QueryGeometry) -> Result<Filter, Problem> {
        let left = self.vertices.checked_sub(geometry.vertices);
        self.vertices = left.ok_or_else(|| too_large("vertices", QUERY_VERTICES_MAX))?;
        Ok(Filter::Intersects(geometry.geometry))
    }
}

/// Refuses nesting beyond the limit; called before each step down.
pub(super) fn check_depth(depth: usize) -> Result<(), Problem> {
    if depth > FILTER_DEPTH_MAX { Err(too_large("nested levels", FILTER_DEPTH_MAX)) } else { Ok(()) }
}

/// Checks the finished filter, so that its written forms are accepted again.
pub(super) fn finish(filter: Filter) -> Result<Filter, Problem> {
    let (depth, nodes) = measure(&filter);
    check_depth(depth)?;
    if nodes > FILTER_NODES_MAX {
        return Err(too_large("operators, properties and literals", FILTER_NODES_MAX));
    }
    Ok(filter)
}

/// Levels and nodes of a filter.
fn measure(filter: &Filter) -> (usize, usize) {
    match filter {
        Filter::And(children) | Filter::Or(children) => {
            let (mut depth, mut nodes) = (0, 1);
            for child in children {
                let (d, n) = measure(child);
                depth = depth.max(d);
                nodes += n;
            }
            (depth + 1, nodes)
        }
        Filter::Not(child) => {
            let (depth, nodes) = measure(child);
            (depth + 1, nodes + 1)
        }
        Filter::Compare { .. } | Filter::Like { .. } => (1, 3),
        Filter::Between { .. } => (1, 4),
        Filter::In { values, .. } => (1, 2 + values.len()),
        Filter::IsNull { .. } | Filter::Intersects(_) => (1, 2),
        Filter::Const(_) => (1, 1),
    }
}

/// All of them; chains become one node. `children` holds at least one.
pub(super) fn all(children: Vec<Filter>) -> Filter {
    let mut flat = Vec::with_capacity(children.len());
    for child in children {
        match child {
            Filter::And(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    if flat.len() == 1 { flat.swap_remove(0) } else { Filter::And(flat) }
}

/// One of them; chains become one node. `children` holds at least one.
pub(super) fn any(children: Vec<Filter>) -> Filter {
    let mut flat = Vec::with_capacity(children.len());
    for child in children {
        match child {
            Filter::Or(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    if flat.len() == 1 { flat.swap_remove(0) } else { Filter::Or(flat) }
}

/// The opposite; a double one is none, which three-valued logic allows too.
pub(super) fn negate(filter: Filter) -> Filter {
    match filter {
        Filter::Not(inner) => *inner,
        other => Filter::Not(Box::new(other)),
    }
}

/// A property's name without prefix.
pub(super) fn property(name: &str) -> Result<String, Problem> {
    let name = name.strip_prefix("properties.").unwrap_or(name);
    if name.is_empty() {
        return Err(bad_value("a property's name is empty"));
    }
    Ok(name.to_owned())
}

/// Whether this names the item's geometry.
pub(super) fn check_geometry_name(name: &str) -> Result<(), Problem> {
    if name == "geometry" {
        return Ok(());
    }
    Err(bad_value(format!("{name:?} is no geometry; an item's only geometry is named geometry")).allowed("geometry"))
}

/// The moment of `TIMESTAMP('…')`.
pub(super) fn timestamp(text: &str) -> Result<Literal, Problem> {
    let moment = Instant::parse(text).filter(|moment| (0..=9999).contains(&moment.civil().0));
    moment.map(|moment| Literal::One(Scalar::Timestamp(moment))).ok_or_else(|| {
        bad_value(format!("{text:?} is not a timestamp")).allowed("a full RFC 3339 moment, as 2023-07-21T00:00:00Z")
    })
}

/// The day of `DATE('…')`.
pub(super) fn date(text: &str) -> Result<Literal, Problem> {
    day(text).ok_or_else(|| bad_value(format!("{text:?} is not a date")).allowed("a date, as 2023-07-21"))
}

fn day(text: &str) -> Option<Literal> {
    let shape = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let interval = shape.then(|| TimeInterval::parse(text, Dialect::Edr).ok()).flatten()?;
    Some(Literal::Day(interval.start?, interval.end?))
}

/// Gives a literal the type of its property.
fn typed(property: &str, literal: Literal) -> Result<Literal, Problem> {
    if property == "geometry" {
        return Err(bad_value("a geometry is compared by S_INTERSECTS").allowed("S_INTERSECTS(geometry, …)"));
    }
    let Some(rank) = MOMENTS.iter().position(|name| *name == property) else { return Ok(literal) };
    let as_moment = match &literal {
        Literal::Day(..) | Literal::One(Scalar::Timestamp(_)) => return Ok(literal),
        Literal::One(Scalar::Text(text)) => timestamp(text).ok().or_else(|| day(text)),
        Literal::One(_) => None,
    };
    match as_moment {
        Some(moment) => Ok(moment),
        None if rank >= STRICT_MOMENTS => Ok(literal),
        None => Err(bad_value(format!("{property} is a moment, and compared with moments"))
            .allowed("TIMESTAMP('2023-07-21T00:00:00Z') or DATE('2023-07-21')")),
    }
}

/// A property compared with a literal.
pub(super) fn compare(property: String, op: Comparison, literal: Literal) -> Result<Filter, Problem> {
    let (first, last) = match typed(&property, literal)? {
        Literal::One(value) => return Ok(Filter::Compare { property, op, value }),
        Literal::Day(first, last) => (Scalar::Timestamp(first), Scalar::Timestamp(last)),
    };
    let side = |property: String, op: Comparison, value: Scalar| Filter::Compare { property, op, value };
    Ok(match op {
        Comparison::Equal => Filter::Between { property, low: first, high: last },
        Comparison::NotEqual => {
            any(vec![side(property.clone(), Comparison::Less, first), side(property, Comparison::Greater, last)])
        }
        Comparison::Less | Comparison::GreaterEqual => side(property, op, first),
        Comparison::LessEqual | Comparison::Greater => side(property, op, last),
    })
}

/// The same comparison with its sides exchanged.
pub(super) fn flipped(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::Greater,
        Comparison::LessEqual => Comparison::GreaterEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterEqual => Comparison::LessEqual,
        same => same,
    }
}

/// A property between two literals, both included.
pub(super) fn between(property: String, low: Literal, high: Literal) -> Result<Filter, Problem> {
    let low = typed(&property, low)?.low();
    let high = typed(&property, high)?.high();
    if std::mem::discriminant(&low) != std::mem::discriminant(&high) {
        return Err(bad_value("the two bounds of BETWEEN are of different types"));
    }
    Ok(Filter::Between { property, low, high })
}

/// A property in a list; dates of the list become bounds beside it.
pub(super) fn in_list(property: String, literals: Vec<Literal>) -> Result<Filter, Problem> {
    if literals.is_empty() {
        return Err(bad_value("the list of IN is empty"));
    }
    if literals.len() > IN_LIST_MAX {
        return Err(too_large("values in one IN list", IN_LIST_MAX));
    }
    let mut values = Vec::with_capacity(literals.len());
    let mut days = Vec::new();
    for literal in literals {
        match typed(&property, literal)? {
            Literal::One(value) => values.push(value),
            Literal::Day(first, last) => days.push(Filter::Between {
                property: property.clone(),
                low: Scalar::Timestamp(first),
                high: Scalar::Timestamp(last),
            }),
        }
    }
    let mut alternatives = Vec::with_capacity(days.len() + 1);
    if !values.is_empty() {
        alternatives.push(Filter::In { property, values });
    }
    alternatives.extend(days);
    Ok(any(alternatives))
}

/// A property like a pattern. Only `%` counts as a wildcard of the limit: `_` costs one character.
pub(super) fn like(property: String, pattern: &str) -> Result<Filter, Problem> {
    if pattern.chars().count() > LIKE_CHARS_MAX {
        return Err(too_large("characters in one LIKE pattern", LIKE_CHARS_MAX));
    }
    let mut wildcards = 0;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => {
                return Err(bad_value("the LIKE pattern ends with its escape character \\; a backslash is \\\\"));
            }
            '%' => wildcards += 1,
            _ => {}
        }
    }
    if wildcards > LIKE_WILDCARDS_MAX {
        return Err(too_large("wildcards % in one LIKE pattern", LIKE_WILDCARDS_MAX));
    }
    Ok(Filter::Like { property, pattern: pattern.to_owned() })
}
