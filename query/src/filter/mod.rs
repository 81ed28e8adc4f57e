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

use nilometer_indexer::segment::{Bits, Column, NO_TIME, SegmentData};
use nilometer_schemas::{Expr, Filter, Problem, SpatialRelation};

pub(crate) use document::Document;

use codes::{CodeTest, Test, datum};
use eval::{Item, Leaf};
use spatial::Relation;
pub(crate) use value::Datum;
use value::Values;

use crate::space::PreparedGeometry;
use crate::space_match;

/// A filter compiled once for all segments.
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Property(String, Test),
    IsNull(String),
    Intersects(Box<PreparedGeometry>),
    Relation(Box<Relation>),
    /// True or false for all that have a geometry.
    WithGeometry(bool),
    Each(Leaf),
    Const(Option<bool>),
}

/// A condition compiled, for the plan.
pub(crate) fn compile(filter: &Filter) -> Condition {
    let all = |filters: &[Filter]| filters.iter().map(compile).collect();
    match filter {
        Filter::And(filters) => Condition::And(all(filters)),
        Filter::Or(filters) => Condition::Or(all(filters)),
        Filter::Not(filter) => Condition::Not(Box::new(compile(filter))),
        Filter::Const(truth) => Condition::Const(Some(*truth)),
        Filter::IsNull(Expr::Property(name)) => Condition::IsNull(name.clone()),
        Filter::Spatial { relation, left, right } => compile_spatial(*relation, left, right),
        leaf => match Test::plain(leaf) {
            Some((name, test)) => Condition::Property(name, test),
            None => Leaf::of(leaf).map_or(Condition::Const(None), compile_leaf),
        },
    }
}

fn compile_leaf(leaf: Leaf) -> Condition {
    if let Some(truth) = leaf.constant() {
        return Condition::Const(truth);
    }
    match leaf.names.as_slice() {
        [name] if leaf.by_value => Condition::Property(name.clone(), Test::Leaf(leaf)),
        _ => Condition::Each(leaf),
    }
}

fn compile_spatial(relation: SpatialRelation, left: &Expr, right: &Expr) -> Condition {
    let geometry = match (left, right) {
        (Expr::Property(_), Expr::Geometry(geometry)) => geometry,
        (Expr::Geometry(geometry), Expr::Property(_)) => {
            return compile_spatial(relation.converse(), right, &Expr::Geometry(geometry.clone()));
        }
        (Expr::Property(_), Expr::Property(_)) => return Condition::WithGeometry(spatial::of_itself(relation)),
        _ => return Condition::Const(spatial::of_literals(relation, left, right)),
    };
    let intersects = || Condition::Intersects(Box::new(PreparedGeometry::new(geometry)));
    match relation {
        SpatialRelation::Intersects => intersects(),
        SpatialRelation::Disjoint => Condition::Not(Box::new(intersects())),
        _ => Condition::Relation(Box::new(Relation::new(relation, geometry))),
    }
}

impl Condition {
    /// Refuses what took more work than the limits allow; asked after each segment.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        match self {
            Self::And(children) | Self::Or(children) => children.iter().try_for_each(Self::check),
            Self::Not(child) => child.check(),
            Self::Relation(relation) => relation.check(),
            _ => Ok(()),
        }
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
}

impl<'a> Item<'a> for Stored<'_, 'a> {
    fn property(&self, at: usize) -> Values<Datum<'a>> {
        self.sources[at].values(self.doc)
    }

    fn time(&self) -> Option<(i64, i64)> {
        let doc = self.doc as usize;
        let moment = self.data.datetime()[doc];
        Some(if moment == NO_TIME { (self.data.start()[doc], self.data.end()[doc]) } else { (moment, moment) })
    }

    fn distance_km(&self, position: [f64; 2]) -> Option<f64> {
        let flat = self.data.geometry(self.data.geometry_of(self.doc)?)?;
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
    Times(Times<'a>),
    NoColumns(Vec<Column<'a>>),
    NoTime(&'a [i64]),
    NoGeometry,
    WithGeometry(bool),
    Intersects(&'a PreparedGeometry),
    Relation(Related<'a>),
    Each(Each<'a>),
    Const(Option<bool>),
}

/// Tested columns.
pub(crate) struct Columns<'a>(Vec<CodeTest<'a>>);

/// Tested times.
pub(crate) struct Times<'a>(&'a [i64], &'a Test);

impl Times<'_> {
    fn of(&self, doc: u32) -> Option<bool> {
        let time = self.0[doc as usize];
        if time == NO_TIME { None } else { self.1.of(&Datum::Time(time)) }
    }
}

/// Related geometries.
pub(crate) struct Related<'a>(&'a Relation);

/// A condition that is evaluated document by document.
pub(crate) struct Each<'a>(&'a Leaf, Vec<Source<'a>>);

impl<'a> Each<'a> {
    fn of(&self, data: &'a SegmentData, doc: u32) -> Option<bool> {
        self.0.truth(&Stored { data, sources: &self.1, doc })
    }
}

impl<'a> Bound<'a> {
    pub(crate) fn new(condition: &'a Condition, data: &'a SegmentData) -> Self {
        match condition {
            Condition::And(all) => Self::And(all.iter().map(|c| Self::new(c, data)).collect()),
            Condition::Or(any) => Self::Or(any.iter().map(|c| Self::new(c, data)).collect()),
            Condition::Not(inner) => Self::Not(Box::new(Self::new(inner, data))),
            Condition::Property(property, test) => match times(data, property) {
                Some(times) => Self::Times(Times(times, test)),
                None => Self::Columns(Columns(
                    data.columns_of(property).filter_map(|column| CodeTest::new(column, test)).collect(),
                )),
            },
            Condition::IsNull(property) if property == "geometry" => Self::NoGeometry,
            Condition::IsNull(property) => match times(data, property) {
                Some(times) => Self::NoTime(times),
                None => Self::NoColumns(data.columns_of(property).collect()),
            },
            Condition::Intersects(geometry) => Self::Intersects(geometry),
            Condition::Relation(relation) => Self::Relation(Related(relation)),
            Condition::WithGeometry(truth) => Self::WithGeometry(*truth),
            Condition::Each(leaf) => {
                Self::Each(Each(leaf, leaf.names.iter().map(|name| Source::new(data, name)).collect()))
            }
            Condition::Const(truth) => Self::Const(*truth),
        }
    }

    /// Whether the condition is evaluated document by document.
    fn is_costly(&self) -> bool {
        match self {
            Self::And(children) | Self::Or(children) => children.iter().any(Self::is_costly),
            Self::Not(child) => child.is_costly(),
            Self::Each(_) => true,
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
            Self::Times(times) => Bits::from_fn(docs, |d| times.of(d) == Some(true)),
            Self::NoColumns(columns) => {
                let mut bits = union(docs, columns.iter().map(|c| docs_with_any(data, c)));
                bits.invert();
                bits
            }
            Self::NoTime(times) => Bits::from_fn(docs, |d| times[d as usize] == NO_TIME),
            Self::NoGeometry => Bits::from_fn(docs, |d| data.geometry_of(d).is_none()),
            Self::WithGeometry(true) => with_geometry(data),
            Self::Intersects(geometry) => space_match::docs(data, geometry),
            Self::Relation(related) => related.0.trues(data),
            Self::Each(each) => Bits::from_fn(docs, |d| each.of(data, d) == Some(true)),
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
            Self::Times(times) => Bits::from_fn(docs, |d| times.of(d) == Some(false)),
            Self::Intersects(_) | Self::Relation(_) | Self::WithGeometry(_) => {
                let mut bits = with_geometry(data);
                bits.and_not(&self.trues(data));
                bits
            }
            Self::Each(each) => Bits::from_fn(docs, |d| each.of(data, d) == Some(false)),
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
            Self::And(all) => {
                let mut result = Some(true);
                for bound in all {
                    match bound.of(data, doc) {
                        Some(false) => return Some(false),
                        None => result = None,
                        Some(true) => {}
                    }
                }
                result
            }
            Self::Or(any) => {
                let mut result = Some(false);
                for bound in any {
                    match bound.of(data, doc) {
                        Some(true) => return Some(true),
                        None => result = None,
                        Some(false) => {}
                    }
                }
                result
            }
            Self::Not(inner) => inner.of(data, doc).map(|truth| !truth),
            Self::Columns(columns) => value::one_of(columns.0.iter().map(|column| column.of_doc(doc))),
            Self::Times(times) => times.of(doc),
            Self::NoColumns(columns) => Some(columns.iter().all(|c| c.first_code(doc).is_none())),
            Self::NoTime(times) => Some(times[doc as usize] == NO_TIME),
            Self::NoGeometry => Some(data.geometry_of(doc).is_none()),
            Self::WithGeometry(truth) => data.geometry_of(doc).map(|_| *truth),
            Self::Intersects(geometry) => space_match::doc(data, geometry, doc),
            Self::Relation(related) => related.0.of(data, doc),
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
