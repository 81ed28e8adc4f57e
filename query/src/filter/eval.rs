//! Conditions on any expressions, compiled once for a search and evaluated value by value or item by item.

use std::borrow::Cow;

use nilometer_schemas::{
    Arithmetic, ArrayRelation, Comparison, Expr, Filter, Function, Instant, Scalar, TemporalRelation, text,
};

use super::like::Pattern;
use super::value::{Datum, Values, all, holds, one_of};
use super::work::Cost;
use crate::cql2::is_moment;

/// Where the values of an item come from.
pub(super) trait Item<'a> {
    /// The values of a property, by its place among [`Leaf::names`].
    fn property(&self, at: usize) -> Values<Datum<'a>>;
    /// The item's moment, or its period where it has none.
    fn time(&self) -> Option<(i64, i64)>;
    /// Great-circle distance of the item's geometry from a position (longitude, latitude).
    fn distance_km(&self, position: [f64; 2]) -> Option<f64>;
    /// Takes down steps that are about to be taken; `None` where they are too many.
    fn spend(&self, _steps: u64) -> Option<()> {
        Some(())
    }
}

/// No item: what a condition without properties is evaluated on.
struct Nobody;

impl<'a> Item<'a> for Nobody {
    fn property(&self, _: usize) -> Values<Datum<'a>> {
        Values::None
    }

    fn time(&self) -> Option<(i64, i64)> {
        None
    }

    fn distance_km(&self, _: [f64; 2]) -> Option<f64> {
        None
    }
}

/// An expression with its properties resolved to places.
#[derive(Debug)]
enum Node {
    Property(usize),
    Const(Datum<'static>),
    /// Never a value.
    Nothing,
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Call(Function, Box<Node>),
    /// Texts read as moments.
    Moment(Box<Node>),
    Distance([f64; 2]),
}

/// A moment or period.
#[derive(Debug)]
enum Period {
    /// Of the values of a node: moments, and dates, which are their whole days.
    Values(Node),
    /// The item's own time.
    Item,
    Interval(Option<Node>, Option<Node>),
}

/// A set of values.
#[derive(Debug)]
enum Set {
    Values(Node),
    Array(Vec<Node>),
    /// An array that reads nothing; nothing where one of its members has no value.
    Const(Option<Vec<Datum<'static>>>),
}

#[derive(Debug)]
enum Test {
    Compare(Comparison, Node, Node),
    Between(Node, Node, Node),
    In(Node, Vec<Node>),
    Like(Node, Pattern),
    IsNull(Node),
    Temporal(TemporalRelation, Period, Period),
    Array(ArrayRelation, Set, Set),
}

/// A condition on values.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// The properties it reads.
    pub(super) names: Vec<String>,
    /// Whether its truth for an item is that for each value of its one property, joined as comparisons join them.
    pub(super) by_value: bool,
    /// What evaluating it takes.
    pub(super) cost: Cost,
    test: Test,
}

impl Leaf {
    /// Compiles a condition on values; `None` for the others.
    pub(super) fn of(filter: &Filter) -> Option<Self> {
        let mut compiler = Compiler::default();
        let test = compiler.test(filter)?;
        let by_value = match &test {
            // These see all values, or the lack of any.
            Test::IsNull(_) | Test::Array(..) => false,
            // Without a bound or a member they may still be false or true: only what is tested may be the property.
            Test::Between(value, ..) | Test::In(value, _) => value.reads_property(),
            _ => true,
        };
        let by_value = by_value && compiler.reads == 1 && !compiler.item;
        Some(Self { names: compiler.names, by_value, cost: test.cost(), test })
    }

    /// The truth of a condition that reads nothing of any item.
    pub(super) fn constant(&self) -> Option<Option<bool>> {
        let reads_item = self.test.reads_item();
        (self.names.is_empty() && !reads_item).then(|| self.truth(&Nobody))
    }

    /// Whether the condition is true of an item; `None` is unknown.
    pub(super) fn truth<'a>(&self, item: &impl Item<'a>) -> Option<bool> {
        match &self.test {
            Test::Compare(op, left, right) => {
                let (left, right) = (left.values(item), right.values(item));
                let (left, right) = (left.as_slice(), right.as_slice());
                item.spend((left.len() * right.len()) as u64)?;
                one_of(left.iter().flat_map(|a| right.iter().map(|b| Some(holds(*op, a.compare(b)?)))))
            }
            Test::Between(value, low, high) => {
                let (value, low, high) = (value.values(item), low.values(item), high.values(item));
                item.spend((value.as_slice().len() * (low.as_slice().len() + high.as_slice().len())) as u64)?;
                one_of(value.as_slice().iter().map(|v| {
                    let above = one_of(low.as_slice().iter().map(|low| Some(v.compare(low)?.is_ge())));
                    let below = one_of(high.as_slice().iter().map(|high| Some(v.compare(high)?.is_le())));
                    all([above, below].into_iter())
                }))
            }
            Test::In(value, members) => {
                let value = value.values(item);
                let members: Vec<Values<Datum<'a>>> = members.iter().map(|member| member.values(item)).collect();
                let all: usize = members.iter().map(|member| member.as_slice().len()).sum();
                item.spend((value.as_slice().len() * all) as u64)?;
                one_of(value.as_slice().iter().map(|v| is_one_of(v, &members)))
            }
            Test::Like(value, pattern) => one_of(value.values(item).as_slice().iter().map(|v| match v {
                Datum::Text(text) => Some(pattern.matches(text)),
                _ => None,
            })),
            Test::IsNull(value) => Some(value.values(item).as_slice().is_empty()),
            Test::Temporal(relation, left, right) => {
                let (left, right) = (left.periods(item), right.periods(item));
                let (left, right) = (left.as_slice(), right.as_slice());
                item.spend((left.len() * right.len()) as u64)?;
                one_of(left.iter().flat_map(|a| right.iter().map(|b| Some(relation.holds(*a, *b)))))
            }
            Test::Array(relation, left, right) => {
                let (left, right) = (left.values(item)?, right.values(item)?);
                item.spend(2 * (left.len() * right.len()) as u64)?;
                Some(related(*relation, &left, &right))
            }
        }
    }
}

/// Whether a value is a member of a list. A member without value makes what is not found unknown.
fn is_one_of(value: &Datum<'_>, members: &[Values<Datum<'_>>]) -> Option<bool> {
    let equal = members.iter().flat_map(Values::as_slice).map(|m| Some(value.compare(m)?.is_eq()));
    match one_of(equal) {
        Some(false) if members.iter().any(|m| m.as_slice().is_empty()) => None,
        result => result,
    }
}

fn related(relation: ArrayRelation, left: &[Datum<'_>], right: &[Datum<'_>]) -> bool {
    let has = |set: &[Datum<'_>], value: &Datum<'_>| set.iter().any(|v| v.compare(value).is_some_and(|o| o.is_eq()));
    let has_all = |set: &[Datum<'_>], values: &[Datum<'_>]| values.iter().all(|value| has(set, value));
    match relation {
        ArrayRelation::Equals => has_all(left, right) && has_all(right, left),
        ArrayRelation::Contains => has_all(left, right),
        ArrayRelation::ContainedBy => has_all(right, left),
        ArrayRelation::Overlaps => right.iter().any(|value| has(left, value)),
    }
}

impl Test {
    /// What evaluating it takes, the products of lists apart.
    fn cost(&self) -> Cost {
        match self {
            Self::Compare(_, a, b) => a.cost() + b.cost(),
            Self::Between(a, b, c) => a.cost() + b.cost() + c.cost(),
            Self::In(a, list) => a.cost() + list.iter().map(Node::cost).sum(),
            Self::Like(a, pattern) => a.cost() + pattern.cost(),
            Self::IsNull(a) => a.cost(),
            Self::Temporal(_, a, b) => a.cost() + b.cost(),
            Self::Array(_, a, b) => a.cost() + b.cost(),
        }
    }

    fn reads_item(&self) -> bool {
        let nodes: Vec<&Node> = match self {
            Self::Compare(_, a, b) => vec![a, b],
            Self::Between(a, b, c) => vec![a, b, c],
            Self::In(a, list) => std::iter::once(a).chain(list).collect(),
            Self::Like(a, _) | Self::IsNull(a) => vec![a],
            Self::Temporal(_, a, b) => return matches!(a, Period::Item) || matches!(b, Period::Item),
            Self::Array(_, a, b) => [a, b]
                .into_iter()
                .flat_map(|set| match set {
                    Set::Values(node) => std::slice::from_ref(node),
                    Set::Array(nodes) => nodes,
                    Set::Const(_) => &[],
                })
                .collect(),
        };
        nodes.into_iter().any(Node::reads_item)
    }
}

impl Node {
    fn cost(&self) -> Cost {
        let fixed = |fixed| Cost { fixed, per_8_bytes: 0 };
        match self {
            Self::Nothing => fixed(1),
            Self::Property(_) => fixed(8),
            // A text is taken down anew for each comparison.
            Self::Const(datum) => fixed(4 + datum.bytes() as u64 / 8),
            Self::Arithmetic(_, a, b) => fixed(2) + a.cost() + b.cost(),
            Self::Call(function, a) => {
                let is_of_text =
                    !matches!(function, Function::Abs | Function::Floor | Function::Ceil | Function::Round);
                a.cost() + if is_of_text { Cost { fixed: 32, per_8_bytes: 12 } } else { fixed(2) }
            }
            Self::Moment(a) => fixed(24) + a.cost(),
            Self::Distance(_) => fixed(32),
        }
    }

    /// Whether it reads of the item what is no property.
    fn reads_item(&self) -> bool {
        match self {
            Self::Distance(_) => true,
            Self::Property(_) | Self::Const(_) | Self::Nothing => false,
            Self::Arithmetic(_, a, b) => a.reads_item() || b.reads_item(),
            Self::Call(_, a) | Self::Moment(a) => a.reads_item(),
        }
    }

    fn reads_property(&self) -> bool {
        match self {
            Self::Property(_) => true,
            Self::Const(_) | Self::Nothing | Self::Distance(_) => false,
            Self::Arithmetic(_, a, b) => a.reads_property() || b.reads_property(),
            Self::Call(_, a) | Self::Moment(a) => a.reads_property(),
        }
    }

    fn values<'a>(&self, item: &impl Item<'a>) -> Values<Datum<'a>> {
        match self {
            Self::Property(at) => item.property(*at),
            Self::Const(datum) => Values::One(datum.clone()),
            Self::Nothing => Values::None,
            Self::Arithmetic(op, left, right) => {
                left.values(item).zip(right.values(item), |a, b| arithmetic(*op, a, b))
            }
            Self::Call(function, argument) => argument.values(item).map(|value| call(*function, value)),
            Self::Moment(argument) => {
                argument.values(item).map(|value| value.period().map(|(first, _)| Datum::Time(first)))
            }
            Self::Distance(position) => Values::of(item.distance_km(*position).map(Datum::Number)),
        }
    }
}

impl Period {
    fn cost(&self) -> Cost {
        let moment = Cost { fixed: 24, per_8_bytes: 0 };
        match self {
            Self::Values(node) => moment + node.cost(),
            Self::Item => Cost { fixed: 2, per_8_bytes: 0 },
            Self::Interval(start, end) => [start, end].into_iter().flatten().map(|node| moment + node.cost()).sum(),
        }
    }

    fn periods<'a>(&self, item: &impl Item<'a>) -> Values<(i64, i64)> {
        match self {
            Self::Values(node) => node.values(item).map(|value| value.period()),
            Self::Item => Values::of(item.time()),
            Self::Interval(start, end) => {
                let ends = |node: &Option<Node>, open: i64, last: bool| match node {
                    None => Values::One(open),
                    Some(node) => node.values(item).map(|value| value.period().map(|(a, b)| if last { b } else { a })),
                };
                let (start, end) = (ends(start, i64::MIN, false), ends(end, i64::MAX, true));
                start.zip(end, |a, b| (a <= b).then_some((*a, *b)))
            }
        }
    }
}

impl Set {
    fn cost(&self) -> Cost {
        match self {
            Self::Values(node) => node.cost(),
            Self::Array(nodes) => nodes.iter().map(Node::cost).sum(),
            Self::Const(_) => Cost::default(),
        }
    }

    /// All values, or `None` where there are none, or one member of an array has none.
    fn values<'s, 'a>(&'s self, item: &impl Item<'a>) -> Option<Cow<'s, [Datum<'a>]>> {
        let list = |values: Values<Datum<'a>>| match values {
            Values::None => None,
            Values::One(value) => Some(vec![value]),
            Values::Many(values) => Some(values),
        };
        match self {
            Self::Values(node) => list(node.values(item)).map(Cow::Owned),
            Self::Array(nodes) => {
                let mut all = Vec::with_capacity(nodes.len());
                for node in nodes {
                    all.extend(list(node.values(item))?);
                }
                Some(Cow::Owned(all))
            }
            Self::Const(values) => values.as_deref().map(Cow::Borrowed),
        }
    }
}

/// Arithmetic on numbers; what is no number, or infinite, has no value.
fn arithmetic<'a>(op: Arithmetic, left: &Datum<'a>, right: &Datum<'a>) -> Option<Datum<'a>> {
    let (Datum::Number(a), Datum::Number(b)) = (left, right) else { return None };
    let result = match op {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::IntegerDivide => (a / b).trunc(),
        Arithmetic::Remainder => a % b,
        Arithmetic::Power => a.powf(*b),
    };
    result.is_finite().then_some(Datum::Number(result))
}

fn call(function: Function, value: Datum<'_>) -> Option<Datum<'_>> {
    let civil = |value: &Datum<'_>| value.period().map(|(first, _)| Instant(first).civil());
    let whole = |number: i64| Some(Datum::Number(number as f64));
    match (function, &value) {
        (Function::Casei, Datum::Text(text)) => Some(Datum::Text(text::fold_case(text).into())),
        (Function::Accenti, Datum::Text(text)) => Some(Datum::Text(text::strip_accents(text).into())),
        (Function::Lower, Datum::Text(text)) => Some(Datum::Text(text.to_lowercase().into())),
        (Function::Upper, Datum::Text(text)) => Some(Datum::Text(text.to_uppercase().into())),
        (Function::Length, Datum::Text(text)) => whole(text.chars().count() as i64),
        (Function::Abs, Datum::Number(number)) => Some(Datum::Number(number.abs())),
        (Function::Floor, Datum::Number(number)) => Some(Datum::Number(number.floor())),
        (Function::Ceil, Datum::Number(number)) => Some(Datum::Number(number.ceil())),
        (Function::Round, Datum::Number(number)) => Some(Datum::Number(number.round())),
        (Function::Year, value) => whole(civil(value)?.0),
        (Function::Month, value) => whole(civil(value)?.1),
        (Function::Day, value) => whole(civil(value)?.2),
        (Function::Hour, value) => whole(civil(value)?.3),
        _ => None,
    }
}

/// Resolves names to places while expressions are compiled.
#[derive(Default)]
struct Compiler {
    names: Vec<String>,
    /// How often properties are read.
    reads: usize,
    /// Whether more of the item is read than properties.
    item: bool,
}

impl Compiler {
    fn test(&mut self, filter: &Filter) -> Option<Test> {
        Some(match filter {
            Filter::Compare { left, op, right } => {
                // Two texts compare as moments where a property says that it holds them.
                let moments = [left, right].into_iter().any(|e| matches!(e, Expr::Property(name) if is_moment(name)))
                    && [left, right].into_iter().all(|e| matches!(e, Expr::Property(_)));
                let (left, right) = (self.node(left), self.node(right));
                if moments {
                    Test::Compare(*op, Node::Moment(Box::new(left)), Node::Moment(Box::new(right)))
                } else {
                    Test::Compare(*op, left, right)
                }
            }
            Filter::Between { value, low, high } => Test::Between(self.node(value), self.node(low), self.node(high)),
            Filter::In { value, values } => {
                let value = self.node(value);
                Test::In(value, values.iter().map(|v| self.node(v)).collect())
            }
            Filter::Like { value, pattern } => Test::Like(self.node(value), Pattern::new(&pattern_text(pattern)?)),
            Filter::IsNull(value) => Test::IsNull(self.node(value)),
            Filter::Temporal { relation, left, right } => {
                Test::Temporal(*relation, self.period(left), self.period(right))
            }
            Filter::Array { relation, left, right } => Test::Array(*relation, self.set(left), self.set(right)),
            Filter::And(_) | Filter::Or(_) | Filter::Not(_) | Filter::Spatial { .. } | Filter::Const(_) => return None,
        })
    }

    fn node(&mut self, expr: &Expr) -> Node {
        match expr {
            Expr::Property(name) => {
                self.reads += 1;
                let at = self.names.iter().position(|n| n == name).unwrap_or_else(|| {
                    self.names.push(name.clone());
                    self.names.len() - 1
                });
                Node::Property(at)
            }
            Expr::Literal(scalar) => Node::Const(scalar.into()),
            Expr::Arithmetic { op, left, right } => {
                let (left, right) = (self.node(left), self.node(right));
                folded(Node::Arithmetic(*op, Box::new(left), Box::new(right)))
            }
            Expr::Call(Function::DistanceKm, arguments) => self.distance(arguments),
            Expr::Call(function, arguments) => match arguments.first() {
                Some(argument) => folded(Node::Call(*function, Box::new(self.node(argument)))),
                None => Node::Nothing,
            },
            Expr::Interval(..) | Expr::Array(_) | Expr::Geometry(_) => Node::Nothing,
        }
    }

    fn distance(&mut self, arguments: &[Expr]) -> Node {
        match arguments {
            [Expr::Property(_), Expr::Geometry(geo::Geometry::Point(point))] => {
                self.item = true;
                Node::Distance([point.x(), point.y()])
            }
            [Expr::Geometry(geometry), Expr::Geometry(geo::Geometry::Point(point))] => {
                let distance = super::spatial::distance_km(geometry, [point.x(), point.y()]);
                distance.map_or(Node::Nothing, |km| Node::Const(Datum::Number(km)))
            }
            _ => Node::Nothing,
        }
    }

    fn period(&mut self, expr: &Expr) -> Period {
        let mut end = |end: &Option<Box<Expr>>| end.as_ref().map(|end| self.node(end));
        match expr {
            Expr::Property(name) if name == "datetime" => {
                self.item = true;
                Period::Item
            }
            Expr::Interval(start, last) => {
                let start = end(start);
                Period::Interval(start, end(last))
            }
            other => Period::Values(self.node(other)),
        }
    }

    fn set(&mut self, expr: &Expr) -> Set {
        match expr {
            Expr::Array(members) => {
                let nodes: Vec<Node> = members.iter().map(|member| self.node(member)).collect();
                match nodes.iter().all(is_constant) {
                    true => Set::Const(Set::Array(nodes).values(&Nobody).map(Cow::into_owned)),
                    false => Set::Array(nodes),
                }
            }
            other => Set::Values(self.node(other)),
        }
    }
}

fn is_constant(node: &Node) -> bool {
    matches!(node, Node::Const(_) | Node::Nothing)
}

/// What reads nothing is evaluated once.
fn folded(node: Node) -> Node {
    let constant = match &node {
        Node::Arithmetic(_, left, right) => is_constant(left) && is_constant(right),
        Node::Call(_, argument) => is_constant(argument),
        _ => false,
    };
    if !constant {
        return node;
    }
    match node.values(&Nobody) {
        Values::One(datum) => Node::Const(datum),
        _ => Node::Nothing,
    }
}

/// The pattern of a `LIKE`, its functions applied.
fn pattern_text(pattern: &Expr) -> Option<String> {
    match pattern {
        Expr::Literal(Scalar::Text(text)) => Some(text.clone()),
        Expr::Call(function, arguments) => {
            let inner = pattern_text(arguments.first()?)?;
            match call(*function, Datum::Text(inner.into()))? {
                Datum::Text(text) => Some(text.into_owned()),
                _ => None,
            }
        }
        _ => None,
    }
}
