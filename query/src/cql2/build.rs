//! Conditions out of parsed parts, with every limit on them: what both forms of CQL2 share.

use nilometer_schemas::limits::{
    FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_NODES_MAX, IN_LIST_MAX, LIKE_CHARS_MAX, LIKE_WILDCARDS_MAX,
    QUERY_VERTICES_MAX,
};
use nilometer_schemas::{
    ArgumentType, Arithmetic, ArrayRelation, Comparison, Expr, FUNCTIONS, Filter, Function, Instant, Problem, Scalar,
    SpatialRelation, TemporalRelation,
};

use super::QueryGeometry;

/// What a caller may write, for messages.
pub(super) const SUPPORTED: &str = "= <> < <= > >=, AND, OR, NOT, IN, LIKE, BETWEEN, IS NULL, TRUE, FALSE, CASEI, ACCENTI, + - * / % div ^, \
     S_INTERSECTS and the other spatial functions, T_AFTER and the other temporal functions, A_EQUALS, A_CONTAINS, \
     A_CONTAINEDBY, A_OVERLAPS, and the functions listed at /functions, on properties and literals: text, number, \
     boolean, TIMESTAMP, DATE, INTERVAL, arrays, geometries";

/// Properties that hold moments: plain text compared with them is read as a moment or a date.
const MOMENTS: [&str; 6] = ["datetime", "start_datetime", "end_datetime", "ingested", "created", "updated"];
/// Of these, the ones that never hold any other text, so that comparing with one is a mistake.
const STRICT_MOMENTS: usize = 4;

/// Whether a property holds moments.
pub(crate) fn is_moment(property: &str) -> bool {
    MOMENTS.contains(&property)
}

/// A value before it meets its condition.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// Any value.
    Expr(Expr),
    /// A date: first and last moment of the day.
    Day(Instant, Instant),
}

impl Operand {
    fn moment(moment: Instant) -> Expr {
        Expr::Literal(Scalar::Timestamp(moment))
    }

    fn low(self) -> Expr {
        match self {
            Self::Expr(value) => value,
            Self::Day(first, _) => Self::moment(first),
        }
    }

    fn high(self) -> Expr {
        match self {
            Self::Expr(value) => value,
            Self::Day(_, last) => Self::moment(last),
        }
    }

    pub(super) fn is_literal(&self) -> bool {
        matches!(self, Self::Expr(Expr::Literal(_)) | Self::Day(..))
    }
}

impl From<Expr> for Operand {
    fn from(value: Expr) -> Self {
        Self::Expr(value)
    }
}

/// A filter beyond a limit.
pub(super) fn too_large(what: &str, limit: usize) -> Problem {
    Problem::invalid("filter-too-large", format!("the filter has more than {limit} {what}"))
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

    /// Counts the vertices of a geometry.
    pub(super) fn geometry(&mut self, geometry: Result<QueryGeometry, Problem>) -> Result<Expr, Problem> {
        let geometry = geometry.map_err(|problem| match problem.code {
            "geometry-too-large" => too_large("vertices", QUERY_VERTICES_MAX),
            _ => problem,
        })?;
        let left = self.vertices.checked_sub(geometry.vertices);
        self.vertices = left.ok_or_else(|| too_large("vertices", QUERY_VERTICES_MAX))?;
        Ok(Expr::Geometry(geometry.geometry))
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
        Filter::And(children) | Filter::Or(children) => below(children.iter().map(measure)),
        Filter::Not(child) => below([measure(child)]),
        Filter::Compare { left, right, .. }
        | Filter::Spatial { left, right, .. }
        | Filter::Temporal { left, right, .. }
        | Filter::Array { left, right, .. } => below([left, right].map(measure_value)),
        Filter::Between { value, low, high } => below([value, low, high].map(measure_value)),
        Filter::Like { value, pattern } => below([value, pattern].map(measure_value)),
        Filter::In { value, values } => below(std::iter::once(value).chain(values).map(measure_value)),
        Filter::IsNull(value) => below([measure_value(value)]),
        Filter::Const(_) => (1, 1),
    }
}

fn measure_value(value: &Expr) -> (usize, usize) {
    match value {
        Expr::Property(_) | Expr::Literal(_) | Expr::Geometry(_) => (0, 1),
        Expr::Arithmetic { left, right, .. } => below([measure_value(left), measure_value(right)]),
        Expr::Call(_, members) | Expr::Array(members) => below(members.iter().map(measure_value)),
        Expr::Interval(start, end) => below(start.iter().chain(end).map(|end| measure_value(end))),
    }
}

/// One level and one node above these.
fn below(children: impl IntoIterator<Item = (usize, usize)>) -> (usize, usize) {
    children.into_iter().fold((1, 1), |(depth, nodes), (d, n)| (depth.max(d + 1), nodes + n))
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

/// The moment of `TIMESTAMP('…')`.
pub(super) fn timestamp(text: &str) -> Result<Operand, Problem> {
    moment(text).map(|moment| Operand::moment(moment).into()).ok_or_else(|| {
        bad_value(format!("{:?} is not a timestamp", cut(text)))
            .allowed("a full RFC 3339 moment, as 2023-07-21T00:00:00Z")
    })
}

/// A moment whose year in UTC has four digits, so that it can be written again.
fn moment(text: &str) -> Option<Instant> {
    Instant::parse(text).filter(|moment| (0..=9999).contains(&moment.civil().0))
}

/// The day of `DATE('…')`.
pub(super) fn date(text: &str) -> Result<Operand, Problem> {
    day(text).ok_or_else(|| bad_value(format!("{:?} is not a date", cut(text))).allowed("a date, as 2023-07-21"))
}

fn day(text: &str) -> Option<Operand> {
    Instant::parse_day(text).map(|(first, last)| Operand::Day(first, last))
}

/// A caller's text as messages repeat it.
fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A value that can be compared, in a list, an operand of arithmetic: no geometry, period or array.
fn scalar(operand: Operand) -> Result<Operand, Problem> {
    let (what, by) = match &operand {
        Operand::Expr(Expr::Geometry(_)) => ("a geometry", "S_INTERSECTS(geometry, …)"),
        Operand::Expr(Expr::Property(name)) if name == "geometry" => ("a geometry", "S_INTERSECTS(geometry, …)"),
        Operand::Expr(Expr::Interval(..)) => ("a period", "the temporal functions, as T_DURING(datetime, INTERVAL(…))"),
        Operand::Expr(Expr::Array(_)) => ("an array", "A_EQUALS, A_CONTAINS, A_CONTAINEDBY, A_OVERLAPS or IN"),
        _ => return Ok(operand),
    };
    Err(bad_value(format!("{what} has no place here; it is compared by {by}")).allowed(by))
}

/// Gives a literal the type of the property it is compared with.
fn typed(value: &Expr, literal: Operand) -> Result<Operand, Problem> {
    let Expr::Property(property) = value else { return Ok(literal) };
    let Some(rank) = MOMENTS.iter().position(|name| *name == property) else { return Ok(literal) };
    let as_moment = match &literal {
        Operand::Expr(Expr::Literal(Scalar::Text(text))) => {
            moment(text).map(|moment| Operand::moment(moment).into()).or_else(|| day(text))
        }
        Operand::Expr(Expr::Literal(Scalar::Number(_) | Scalar::Bool(_))) => None,
        _ => return Ok(literal),
    };
    match as_moment {
        Some(moment) => Ok(moment),
        None if rank >= STRICT_MOMENTS => Ok(literal),
        None => Err(bad_value(format!("{property} is a moment, and compared with moments"))
            .allowed("TIMESTAMP('2023-07-21T00:00:00Z') or DATE('2023-07-21')")),
    }
}

/// Two values compared; a literal moves to the right, a date becomes bounds of its day.
pub(super) fn compare(left: Operand, op: Comparison, right: Operand) -> Result<Filter, Problem> {
    let is_day = |operand: &Operand| matches!(operand, Operand::Day(..));
    let turn = left.is_literal() && (!right.is_literal() || is_day(&left) && !is_day(&right));
    let (left, op, right) = if turn { (right, flipped(op), left) } else { (left, op, right) };
    let left = scalar(left)?.low();
    let (first, last) = match typed(&left, scalar(right)?)? {
        Operand::Expr(right) => return Ok(Filter::Compare { left, op, right }),
        Operand::Day(first, last) => (Operand::moment(first), Operand::moment(last)),
    };
    let side = |left: Expr, op: Comparison, right: Expr| Filter::Compare { left, op, right };
    Ok(match op {
        Comparison::Equal => Filter::Between { value: left, low: first, high: last },
        Comparison::NotEqual => {
            any(vec![side(left.clone(), Comparison::Less, first), side(left, Comparison::Greater, last)])
        }
        Comparison::Less | Comparison::GreaterEqual => side(left, op, first),
        Comparison::LessEqual | Comparison::Greater => side(left, op, last),
    })
}

/// The same comparison with its sides exchanged.
fn flipped(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::Greater,
        Comparison::LessEqual => Comparison::GreaterEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterEqual => Comparison::LessEqual,
        same => same,
    }
}

/// A value between two others, both included.
pub(super) fn between(value: Operand, low: Operand, high: Operand) -> Result<Filter, Problem> {
    let value = scalar(value)?.low();
    let low = typed(&value, scalar(low)?)?.low();
    let high = typed(&value, scalar(high)?)?.high();
    if let (Expr::Literal(low), Expr::Literal(high)) = (&low, &high)
        && std::mem::discriminant(low) != std::mem::discriminant(high)
    {
        return Err(bad_value("the two bounds of BETWEEN are of different types"));
    }
    Ok(Filter::Between { value, low, high })
}

/// A value in a list; dates of the list become bounds beside it.
pub(super) fn in_list(value: Operand, list: Vec<Operand>) -> Result<Filter, Problem> {
    let value = scalar(value)?.low();
    if list.is_empty() {
        return Err(bad_value("the list of IN is empty"));
    }
    check_list(list.len())?;
    let mut values = Vec::with_capacity(list.len());
    let mut days = Vec::new();
    for member in list {
        match typed(&value, scalar(member)?)? {
            Operand::Expr(member) => values.push(member),
            Operand::Day(first, last) => days.push(Filter::Between {
                value: value.clone(),
                low: Operand::moment(first),
                high: Operand::moment(last),
            }),
        }
    }
    let mut alternatives = Vec::with_capacity(days.len() + 1);
    if !values.is_empty() {
        alternatives.push(Filter::In { value, values });
    }
    alternatives.extend(days);
    Ok(any(alternatives))
}

/// Refuses lists beyond the limit.
pub(super) fn check_list(values: usize) -> Result<(), Problem> {
    if values > IN_LIST_MAX { Err(too_large("values in one list", IN_LIST_MAX)) } else { Ok(()) }
}

/// A text like a pattern. Only `%` counts as a wildcard of the limit: `_` costs one character.
pub(super) fn like(value: Operand, pattern: Expr) -> Result<Filter, Problem> {
    let value = scalar(value)?.low();
    check_pattern(&pattern)?;
    Ok(Filter::Like { value, pattern })
}

fn check_pattern(pattern: &Expr) -> Result<(), Problem> {
    let text = match pattern {
        Expr::Literal(Scalar::Text(text)) => text,
        Expr::Call(function, arguments) if function.is_of_cql2() && arguments.len() == 1 => {
            return check_pattern(&arguments[0]);
        }
        _ => return Err(bad_value("the pattern of LIKE is a text, or CASEI or ACCENTI of one").allowed("'SWOT%'")),
    };
    if text.chars().count() > LIKE_CHARS_MAX {
        return Err(too_large("characters in one LIKE pattern", LIKE_CHARS_MAX));
    }
    let mut wildcards = 0;
    let mut chars = text.chars();
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
    Ok(())
}

/// No value.
pub(super) fn null(value: Operand) -> Result<Filter, Problem> {
    match value {
        Operand::Expr(Expr::Property(name)) => Ok(Filter::is_null(name)),
        other => Ok(Filter::IsNull(scalar(other)?.low())),
    }
}

/// Arithmetic on two values.
pub(super) fn arithmetic(op: Arithmetic, left: Operand, right: Operand) -> Result<Expr, Problem> {
    let number = |operand: Operand| match scalar(operand)? {
        Operand::Expr(Expr::Literal(Scalar::Number(number))) => Ok(Expr::number(number)),
        Operand::Expr(Expr::Literal(_)) | Operand::Day(..) => {
            Err(bad_value("arithmetic is done with numbers").allowed("numbers, and properties that hold numbers"))
        }
        other => Ok(other.low()),
    };
    Ok(Expr::Arithmetic { op, left: Box::new(number(left)?), right: Box::new(number(right)?) })
}

/// The function of a name.
pub(super) fn function(name: &str) -> Result<Function, Problem> {
    Function::named(name).ok_or_else(|| {
        let names: Vec<&str> = FUNCTIONS.iter().map(|info| info.name).collect();
        Problem { allowed: Some(names.join(", ")), ..unsupported(format_args!("the function {}", cut(name))) }
    })
}

/// A function of its arguments.
pub(super) fn call(function: Function, arguments: Vec<Operand>) -> Result<Expr, Problem> {
    let info = function.info();
    if arguments.len() != info.arguments.len() {
        return Err(bad_value(format!(
            "the function {} has {} argument(s), not {}",
            info.name,
            info.arguments.len(),
            arguments.len()
        )));
    }
    let mut values = Vec::with_capacity(arguments.len());
    for (argument, expected) in arguments.into_iter().zip(info.arguments) {
        values.push(match expected.kind {
            ArgumentType::Geometry => geometry(argument)?,
            _ => scalar(argument)?.low(),
        });
    }
    if function == Function::DistanceKm && !matches!(values[1], Expr::Geometry(geo::Geometry::Point(_))) {
        return Err(bad_value("distance_km measures from a point").allowed("distance_km(geometry, POINT(7.1 46.2))"));
    }
    Ok(Expr::Call(function, values))
}

/// A geometry: a literal, or the item's own by its name.
fn geometry(operand: Operand) -> Result<Expr, Problem> {
    match operand {
        Operand::Expr(geometry @ Expr::Geometry(_)) => Ok(geometry),
        Operand::Expr(Expr::Property(name)) if name == "geometry" => Ok(Expr::property(name)),
        Operand::Expr(Expr::Property(name)) => {
            let detail = format!("{:?} is no geometry; an item's only geometry is named geometry", cut(&name));
            Err(bad_value(detail).allowed("geometry"))
        }
        _ => Err(bad_value("a spatial function relates geometries").allowed("geometry or a geometry literal")),
    }
}

/// A relation of two geometries; the item's own stands first beside a literal.
pub(super) fn spatial(relation: SpatialRelation, left: Operand, right: Operand) -> Result<Filter, Problem> {
    let (left, right) = (geometry(left)?, geometry(right)?);
    Ok(match (&left, &right) {
        (Expr::Geometry(_), Expr::Property(_)) => {
            Filter::Spatial { relation: relation.converse(), left: right, right: left }
        }
        _ => Filter::Spatial { relation, left, right },
    })
}

/// A relation of two moments or periods.
pub(super) fn temporal(relation: TemporalRelation, left: Operand, right: Operand) -> Result<Filter, Problem> {
    Ok(Filter::Temporal { relation, left: period(left)?, right: period(right)? })
}

/// A moment or period: a property, a literal, a date as the period of its day.
fn period(operand: Operand) -> Result<Expr, Problem> {
    let of_day =
        |first, last| Expr::Interval(Some(Box::new(Operand::moment(first))), Some(Box::new(Operand::moment(last))));
    let no_time = || {
        bad_value("a temporal function relates moments and periods")
            .allowed("a property, TIMESTAMP('…'), DATE('…') or INTERVAL(…, …)")
    };
    match operand {
        Operand::Day(first, last) => Ok(of_day(first, last)),
        Operand::Expr(Expr::Property(name)) if name != "geometry" => Ok(Expr::Property(name)),
        Operand::Expr(value @ (Expr::Interval(..) | Expr::Literal(Scalar::Timestamp(_)))) => Ok(value),
        Operand::Expr(Expr::Literal(Scalar::Text(text))) => match (moment(&text), Instant::parse_day(&text)) {
            (Some(moment), _) => Ok(Operand::moment(moment)),
            (None, Some((first, last))) => Ok(of_day(first, last)),
            (None, None) => Err(no_time()),
        },
        Operand::Expr(_) => Err(no_time()),
    }
}

/// The end of an `INTERVAL` out of its text: a moment, a date, or `..` for an open end.
pub(super) fn end_of_text(text: &str) -> Result<Option<Operand>, Problem> {
    if text == ".." {
        return Ok(None);
    }
    let end = moment(text).map(|moment| Operand::moment(moment).into()).or_else(|| day(text));
    end.map(Some).ok_or_else(|| {
        bad_value(format!("{:?} is no end of an interval", cut(text)))
            .allowed("a property, '2023-07-21T00:00:00Z', '2023-07-21' or '..'")
    })
}

/// A period between two ends, `None` for open ones.
pub(super) fn interval(start: Option<Operand>, end: Option<Operand>) -> Result<Expr, Problem> {
    let is_end = |value: &Expr| match value {
        Expr::Property(name) => name != "geometry",
        Expr::Literal(Scalar::Timestamp(_)) => true,
        _ => false,
    };
    let (start, end) = (start.map(Operand::low), end.map(Operand::high));
    if !start.iter().chain(&end).all(is_end) {
        return Err(bad_value("the ends of an interval are moments")
            .allowed("a property, '2023-07-21T00:00:00Z', '2023-07-21' or '..'"));
    }
    if let (Some(Expr::Literal(Scalar::Timestamp(start))), Some(Expr::Literal(Scalar::Timestamp(end)))) = (&start, &end)
        && end < start
    {
        return Err(bad_value(format!("the interval ends at {end}, before it begins at {start}")));
    }
    Ok(Expr::Interval(start.map(Box::new), end.map(Box::new)))
}

/// An array of values; a date stands for the first moment of its day.
pub(super) fn array(members: Vec<Operand>) -> Result<Expr, Problem> {
    check_list(members.len())?;
    let mut values = Vec::with_capacity(members.len());
    for member in members {
        values.push(scalar(member)?.low());
    }
    Ok(Expr::Array(values))
}

/// A relation of two sets of values.
pub(super) fn array_relation(relation: ArrayRelation, left: Operand, right: Operand) -> Result<Filter, Problem> {
    let set = |operand: Operand| match operand {
        Operand::Expr(Expr::Property(name)) if name != "geometry" => Ok(Expr::Property(name)),
        Operand::Expr(array @ Expr::Array(_)) => Ok(array),
        _ => Err(bad_value("an array function relates arrays").allowed("a property or an array, as ('a','b')")),
    };
    Ok(Filter::Array { relation, left: set(left)?, right: set(right)? })
}
