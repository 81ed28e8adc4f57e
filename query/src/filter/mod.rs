//! A filter bound to one segment. What reads one property is decided once for each distinct value and read off codes, places
//! are looked up in the tree, and only the rest is evaluated item by item, after all else has narrowed the items.
//!
//! CQL2's three-valued logic is kept by asking for the documents of which a condition is true, or false;
//! of the rest it is unknown.

mod codes;
mod document;
mod eval;
mod like;
mod spatial;
mod value;
mod work;

use std::sync::Arc;

use nilometer_indexer::segment::{Bits, Column, NO_TIME, SegmentData};
use nilometer_schemas::{Comparison, Expr, Filter, Function, Problem, Scalar, SpatialRelation};

pub(crate) use document::Document;
pub use spatial::expects_panic;

use codes::{CodeTest, FIND_STEPS, Test, datum};
use eval::{Item, Leaf};
use spatial::{Around, Relation};
pub(crate) use value::Datum;
use value::Values;
use work::{Cost, Work};

use crate::space::PreparedGeometry;
use crate::space_match;

/// A filter compiled once for all segments.
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Property(String, Test, Arc<Work>),
    IsNull(String),
    Intersects(Box<PreparedGeometry>),
    Relation(Box<Relation>),
    Around(Box<Around>),
    /// True or false for all that have a geometry.
    WithGeometry(bool),
    Each(Leaf, Arc<Work>),
    Const(Option<bool>),
}

/// A condition compiled, for the plan.
pub(crate) fn compile(filter: &Filter) -> Condition {
    compile_part(filter, &Arc::default())
}

/// A condition of a grant. Administrators made it, and it is evaluated once for each segment: whatever work that is, nobody is
/// shut out for it.
pub(crate) fn compile_grant(filter: &Filter) -> Condition {
    compile_part(filter, &Arc::new(Work::free()))
}

/// A part of a filter; `work` is that of the whole.
fn compile_part(filter: &Filter, work: &Arc<Work>) -> Condition {
    let all = |filters: &[Filter]| filters.iter().map(|part| compile_part(part, work)).collect();
    match filter {
        Filter::And(filters) => Condition::And(all(filters)),
        Filter::Or(filters) => Condition::Or(all(filters)),
        Filter::Not(filter) => Condition::Not(Box::new(compile_part(filter, work))),
        Filter::Const(truth) => Condition::Const(Some(*truth)),
        Filter::IsNull(Expr::Property(name)) => Condition::IsNull(name.clone()),
        Filter::Spatial { relation, left, right } => compile_spatial(*relation, left, right, work),
        leaf => match (Test::plain(leaf), around(leaf, work)) {
            (Some((name, test)), _) => Condition::Property(name, test, Arc::clone(work)),
            (None, Some(around)) => around,
            (None, None) => Leaf::of(leaf).map_or(Condition::Const(None), |leaf| compile_leaf(leaf, work)),
        },
    }
}

/// A comparison of the distance from a position with a number.
fn around(filter: &Filter, work: &Arc<Work>) -> Option<Condition> {
    let Filter::Compare { left, op, right } = filter else { return None };
    let (arguments, op, km) = match (left, right) {
        (Expr::Call(Function::DistanceKm, arguments), Expr::Literal(Scalar::Number(km))) => (arguments, *op, *km),
        (Expr::Literal(Scalar::Number(km)), Expr::Call(Function::DistanceKm, arguments)) => {
            (arguments, turned(*op), *km)
        }
        _ => return None,
    };
    let [Expr::Property(_), Expr::Geometry(geo::Geometry::Point(point))] = arguments.as_slice() else { return None };
    let within =
        |is_inclusive| Condition::Around(Box::new(Around::new([point.x(), point.y()], km, is_inclusive, work)));
    match op {
        Comparison::Less => Some(within(false)),
        Comparison::LessEqual => Some(within(true)),
        Comparison::Greater => Some(Condition::Not(Box::new(within(true)))),
        Comparison::GreaterEqual => Some(Condition::Not(Box::new(within(false)))),
        Comparison::Equal | Comparison::NotEqual => None,
    }
}

/// The comparison that holds when its sides are exchanged.
fn turned(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::Greater,
        Comparison::LessEqual => Comparison::GreaterEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterEqual => Comparison::LessEqual,
        symmetric => symmetric,
    }
}

fn compile_leaf(leaf: Leaf, work: &Arc<Work>) -> Condition {
    if let Some(truth) = leaf.constant() {
        return Condition::Const(truth);
    }
    match leaf.names.as_slice() {
        [name] if leaf.by_value => Condition::Property(name.clone(), Test::Leaf(leaf), Arc::clone(work)),
        _ => Condition::Each(leaf, Arc::clone(work)),
    }
}

fn compile_spatial(relation: SpatialRelation, left: &Expr, right: &Expr, work: &Arc<Work>) -> Condition {
    let geometry = match (left, right) {
        (Expr::Property(_), Expr::Geometry(geometry)) => geometry,
        (Expr::Geometry(geometry), Expr::Property(_)) => {
            return compile_spatial(relation.converse(), right, &Expr::Geometry(geometry.clone()), work);
        }
        (Expr::Property(_), Expr::Property(_)) => return Condition::WithGeometry(spatial::of_itself(relation)),
        _ => return Condition::Const(spatial::of_literals(relation, left, right)),
    };
    let intersects = || Condition::Intersects(Box::new(PreparedGeometry::new(geometry)));
    match relation {
        SpatialRelation::Intersects => intersects(),
        SpatialRelation::Disjoint => Condition::Not(Box::new(intersects())),
        _ => Condition::Relation(Box::new(Relation::new(relation, geometry, work))),
    }
}

impl Condition {
    /// Refuses what took more work than the limits allow; asked after each segment.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        self.check_relations()?;
        self.work().map_or(Ok(()), Work::check)
    }

    fn check_relations(&self) -> Result<(), Problem> {
        match self {
            Self::And(children) | Self::Or(children) => children.iter().try_for_each(Self::check_relations),
            Self::Not(child) => child.check_relations(),
            Self::Relation(relation) => relation.check(),
            _ => Ok(()),
        }
    }

    /// The work of the whole filter, where a part of it does any.
    fn work(&self) -> Option<&Work> {
        match self {
            Self::And(children) | Self::Or(children) => children.iter().find_map(Self::work),
            Self::Not(child) => child.work(),
            Self::Relation(relation) => Some(relation.work()),
            Self::Around(around) => Some(around.work()),
            Self::Property(_, _, work) | Self::Each(_, work) => Some(work),
            _ => None,
        }
    }

    /// Binds it to a segment that is searched now: its items give room for work.
    pub(crate) fn bind<'a>(&'a self, data: &'a SegmentData, few: bool) -> Bound<'a> {
        if let Some(work) = self.work() {
            work.search(data.docs());
        }
        Bound::new(self, data, few)
    }
}

/// An array of times that answers for a property name.
fn times<'a>(data: &'a SegmentData, property: &str) -> Option<&'a [i64]> {
    match property {
        "datetime" => Some(data.datetime()),
        "start_datetime" => Some(data.start()),
        "end_datetime" => Some(data.end()),
        "ingested" => Some(data.ingested()),
        _ => None,
    }
}

/// Where the values of a property stand in a segment.
enum Source<'a> {
    Times(&'a [i64]),
    Columns(Vec<Column<'a>>),
}

impl<'a> Source<'a> {
    fn new(data: &'a SegmentData, property: &str) -> Self {
        times(data, property).map_or_else(|| Self::Columns(data.columns_of(property).collect()), Self::Times)
    }

    fn values(&self, doc: u32) -> Values<Datum<'a>> {
        match self {
            Self::Times(times) => {
                let time = times[doc as usize];
                Values::of((time != NO_TIME).then_some(Datum::Time(time)))
            }
            Self::Columns(columns) => {
                let mut values = Values::None;
                for column in columns {
                    column.for_each_code(doc, |code| {
                        let value = datum(column, code);
                        values = match std::mem::replace(&mut values, Values::None) {
                            Values::None => Values::One(value),
                            Values::One(first) => Values::Many(vec![first, value]),
                            Values::Many(mut all) => {
                                all.push(value);
                                Values::Many(all)
                            }
                        };
                    });
                }
                values
            }
        }
    }
}

/// A document and where its values stand.
struct Stored<'s, 'a> {
    data: &'a SegmentData,
    sources: &'s [Source<'a>],
    doc: u32,
    cost: Cost,
    work: &'s Work,
}

impl<'a> Item<'a> for Stored<'_, 'a> {
    fn property(&self, at: usize) -> Values<Datum<'a>> {
        let values = self.sources[at].values(self.doc);
        let bytes: usize = values.as_slice().iter().map(Datum::bytes).sum();
        // What one value takes was taken down already.
        let more = values.as_slice().len().saturating_sub(1) as u64;
        match self.spend(self.cost.fixed * more + self.cost.per_8_bytes * (bytes as u64 / 8)) {
            Some(()) => values,
            None => Values::None,
        }
    }

    fn spend(&self, steps: u64) -> Option<()> {
        self.work.step(steps)
    }

    fn time(&self) -> Option<(i64, i64)> {
        let doc = self.doc as usize;
        let moment = self.data.datetime()[doc];
        Some(if moment == NO_TIME { (self.data.start()[doc], self.data.end()[doc]) } else { (moment, moment) })
    }

    fn distance_km(&self, position: [f64; 2]) -> Option<f64> {
        let flat = self.data.geometry(self.data.geometry_of(self.doc)?)?;
        self.work.look_at(flat.positions().len() as u64)?;
        spatial::distance_of(&flat, position)
    }
}

/// A condition bound to a segment.
pub(crate) enum Bound<'a> {
    And(Vec<Bound<'a>>),
    Or(Vec<Bound<'a>>),
    Not(Box<Bound<'a>>),
    /// A property's columns of the types that the test compares.
    Columns(Columns<'a>),
    /// The same, tested value by value.
    Values(Vec<Column<'a>>, &'a Test, Cost, &'a Work),
    Times(Times<'a>),
    NoColumns(Vec<Column<'a>>),
    NoTime(&'a [i64]),
    NoGeometry,
    WithGeometry(bool),
    Intersects(&'a PreparedGeometry),
    Relation(Related<'a>),
    Around(&'a Around),
    Each(Each<'a>),
    Const(Option<bool>),
}

/// Tested columns.
pub(crate) struct Columns<'a>(Vec<CodeTest<'a>>);

/// Tested times.
pub(crate) struct Times<'a> {
    times: &'a [i64],
    test: &'a Test,
    /// Steps of testing one.
    steps: u64,
    work: &'a Work,
}

impl Times<'_> {
    fn of(&self, doc: u32) -> Option<bool> {
        self.work.step(self.steps)?;
        self.of_time(self.times[doc as usize])
    }

    fn of_time(&self, time: i64) -> Option<bool> {
        if time == NO_TIME { None } else { self.test.of(&Datum::Time(time)) }
    }

    /// The documents of which the test is true, or false.
    fn docs(&self, truth: bool) -> Bits {
        let docs = self.times.len() as u32;
        if let Some(moments) = self.test.moments() {
            // Among moments in order one is found soon, however many there are.
            let is_one = |time: i64| moments.binary_search(&time).is_ok();
            let known = |time: i64| time != NO_TIME && !moments.is_empty();
            return match self.work.step(FIND_STEPS * u64::from(docs)) {
                Some(()) => Bits::from_fn(docs, |doc| {
                    let time = self.times[doc as usize];
                    known(time) && is_one(time) == truth
                }),
                None => Bits::none(docs),
            };
        }
        match self.work.step(self.steps * u64::from(docs)) {
            Some(()) => Bits::from_fn(docs, |doc| self.of_time(self.times[doc as usize]) == Some(truth)),
            None => Bits::none(docs),
        }
    }
}

/// Related geometries.
pub(crate) struct Related<'a>(&'a Relation);

/// A condition that is evaluated document by document.
pub(crate) struct Each<'a>(&'a Leaf, Vec<Source<'a>>, &'a Work);

impl<'a> Each<'a> {
    fn of(&self, data: &'a SegmentData, doc: u32) -> Option<bool> {
        let Each(leaf, sources, work) = self;
        work.step(leaf.cost.fixed)?;
        leaf.truth(&Stored { data, sources, doc, cost: leaf.cost, work })
    }
}

impl<'a> Bound<'a> {
    /// Binds a condition that is asked of `few` documents one by one, or else of all of a segment together.
    pub(crate) fn new(condition: &'a Condition, data: &'a SegmentData, few: bool) -> Self {
        match condition {
            Condition::And(all) => Self::And(all.iter().map(|c| Self::new(c, data, few)).collect()),
            Condition::Or(any) => Self::Or(any.iter().map(|c| Self::new(c, data, few)).collect()),
            Condition::Not(inner) => Self::Not(Box::new(Self::new(inner, data, few))),
            Condition::Property(property, test, work) => match times(data, property) {
                Some(times) => Self::Times(Times { times, test, steps: test.cost().fixed, work }),
                // Testing all values there are would be more work than testing these documents' own.
                None if few => Self::Values(data.columns_of(property).collect(), test, test.cost(), work),
                None => Self::Columns(Columns(
                    data.columns_of(property).filter_map(|column| CodeTest::new(column, test, work)).collect(),
                )),
            },
            Condition::IsNull(property) if property == "geometry" => Self::NoGeometry,
            Condition::IsNull(property) => match times(data, property) {
                Some(times) => Self::NoTime(times),
                None => Self::NoColumns(data.columns_within(property).collect()),
            },
            Condition::Intersects(geometry) => Self::Intersects(geometry),
            Condition::Relation(relation) => Self::Relation(Related(relation)),
            Condition::WithGeometry(truth) => Self::WithGeometry(*truth),
            Condition::Around(around) => Self::Around(around),
            Condition::Each(leaf, work) => {
                Self::Each(Each(leaf, leaf.names.iter().map(|name| Source::new(data, name)).collect(), work))
            }
            Condition::Const(truth) => Self::Const(*truth),
        }
    }

    /// Whether the condition is evaluated document by document.
    fn is_costly(&self) -> bool {
        match self {
            Self::And(children) | Self::Or(children) => children.iter().any(Self::is_costly),
            Self::Not(child) => child.is_costly(),
            Self::Each(_) | Self::Values(..) => true,
            _ => false,
        }
    }

    /// Leaves in a set the documents for which the condition is true; costly parts see only what the others left.
    pub(crate) fn narrow(&self, data: &'a SegmentData, bits: &mut Bits) {
        match self {
            Self::And(all) => {
                all.iter().filter(|child| !child.is_costly()).for_each(|child| child.narrow(data, bits));
                all.iter().filter(|child| child.is_costly()).for_each(|child| child.narrow(data, bits));
            }
            costly if costly.is_costly() => bits.retain(|doc| costly.of(data, doc) == Some(true)),
            cheap => bits.and(&cheap.trues(data)),
        }
    }

    /// The documents for which the condition is true.
    fn trues(&self, data: &'a SegmentData) -> Bits {
        let docs = data.docs();
        match self {
            Self::And(all) => intersection(docs, all.iter().map(|b| b.trues(data))),
            Self::Or(any) => union(docs, any.iter().map(|b| b.trues(data))),
            Self::Not(inner) => inner.falses(data),
            Self::Columns(columns) => union(docs, columns.0.iter().map(|column| column.trues(data))),
            Self::Times(times) => times.docs(true),
            Self::NoColumns(columns) => {
                let mut bits = union(docs, columns.iter().map(|c| docs_with_any(data, c)));
                bits.invert();
                bits
            }
            Self::NoTime(times) => Bits::from_fn(docs, |d| times[d as usize] == NO_TIME),
            Self::NoGeometry => Bits::from_fn(docs, |d| data.geometry_of(d).is_none()),
            Self::WithGeometry(true) => with_geometry(data),
            Self::Intersects(geometry) => space_match::docs(data, geometry),
            Self::Relation(related) => related.0.related(data).trues,
            Self::Around(around) => around.trues(data),
            Self::Each(_) | Self::Values(..) => Bits::from_fn(docs, |d| self.of(data, d) == Some(true)),
            Self::Const(Some(true)) => Bits::all(docs),
            Self::WithGeometry(false) | Self::Const(_) => Bits::none(docs),
        }
    }

    /// The documents for which the condition is false.
    fn falses(&self, data: &'a SegmentData) -> Bits {
        let docs = data.docs();
        match self {
            Self::And(all) => union(docs, all.iter().map(|b| b.falses(data))),
            Self::Or(any) => intersection(docs, any.iter().map(|b| b.falses(data))),
            Self::Not(inner) => inner.trues(data),
            Self::Columns(columns) => {
                let mut bits = Bits::none(docs);
                columns.0.iter().for_each(|column| column.add_known(data, &mut bits));
                bits.and_not(&self.trues(data));
                bits
            }
            Self::Times(times) => times.docs(false),
            Self::Relation(related) => {
                let (mut bits, related) = (with_geometry(data), related.0.related(data));
                bits.and_not(&related.trues);
                bits.and_not(&related.vague);
                bits
            }
            Self::Intersects(_) | Self::Around(_) | Self::WithGeometry(_) => {
                let mut bits = with_geometry(data);
                bits.and_not(&self.trues(data));
                bits
            }
            Self::Each(_) | Self::Values(..) => Bits::from_fn(docs, |d| self.of(data, d) == Some(false)),
            Self::NoColumns(_) | Self::NoTime(_) | Self::NoGeometry => {
                let mut bits = self.trues(data);
                bits.invert();
                bits
            }
            Self::Const(Some(false)) => Bits::all(docs),
            Self::Const(_) => Bits::none(docs),
        }
    }

    /// Whether the condition is true of one document; `None` is unknown.
    pub(crate) fn of(&self, data: &'a SegmentData, doc: u32) -> Option<bool> {
        match self {
            Self::And(all) => value::all(all.iter().map(|bound| bound.of(data, doc))),
            Self::Or(any) => value::any(any.iter().map(|bound| bound.of(data, doc))),
            Self::Not(inner) => inner.of(data, doc).map(|truth| !truth),
            Self::Columns(columns) => value::one_of(columns.0.iter().map(|column| column.of_doc(doc))),
            Self::Values(columns, test, cost, work) => {
                let mut result = None;
                for column in columns {
                    let mut one = |code| {
                        let value = datum(column, code);
                        let truth = work.step(cost.of_bytes(value.bytes())).and_then(|()| test.of(&value));
                        result = value::one_of([result, truth].into_iter());
                    };
                    column.for_each_code(doc, &mut one);
                }
                result
            }
            Self::Times(times) => times.of(doc),
            Self::NoColumns(columns) => Some(columns.iter().all(|c| c.first_code(doc).is_none())),
            Self::NoTime(times) => Some(times[doc as usize] == NO_TIME),
            Self::NoGeometry => Some(data.geometry_of(doc).is_none()),
            Self::WithGeometry(truth) => data.geometry_of(doc).map(|_| *truth),
            Self::Intersects(geometry) => space_match::doc(data, geometry, doc),
            Self::Relation(related) => related.0.of(data, doc),
            Self::Around(around) => around.of(data, doc),
            Self::Each(each) => each.of(data, doc),
            Self::Const(truth) => *truth,
        }
    }
}

fn docs_with_any(data: &SegmentData, column: &Column<'_>) -> Bits {
    let mut bits = Bits::none(data.docs());
    data.for_each_pair(column, |doc, _| bits.insert(doc));
    bits
}

fn with_geometry(data: &SegmentData) -> Bits {
    Bits::from_fn(data.docs(), |doc| data.geometry_of(doc).is_some())
}

fn union(docs: u32, sets: impl Iterator<Item = Bits>) -> Bits {
    let mut all = Bits::none(docs);
    for set in sets {
        all.or(&set);
    }
    all
}

fn intersection(docs: u32, sets: impl Iterator<Item = Bits>) -> Bits {
    let mut all = Bits::all(docs);
    for set in sets {
        all.and(&set);
    }
    all
}
