//! A slow and obvious evaluator of filters on JSON items, which shares nothing with the one under test: lists of values
//! everywhere, every rule spelled out, geometries by `geo`.

use geo::{Intersects, Relate};
use nilometer_schemas::{
    Arithmetic, ArrayRelation, Comparison, Expr, Filter, Function, Scalar, SpatialRelation, TemporalRelation,
};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An item.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) collection: String,
    pub(crate) id: String,
    pub(crate) geometry: Option<geo::Geometry<f64>>,
    pub(crate) properties: Value,
}

#[derive(Clone, Debug, PartialEq)]
enum V {
    Text(String),
    Number(f64),
    Bool(bool),
    Time(i64),
}

fn micros(text: &str) -> Option<i64> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000).ok()
}

/// First and last microsecond of a moment or day.
fn span(value: &V) -> Option<(i64, i64)> {
    match value {
        V::Time(t) => Some((*t, *t)),
        V::Text(text) => micros(text).map(|t| (t, t)).or_else(|| {
            let first = micros(&format!("{text}T00:00:00Z"))?;
            Some((first, first + 86_400_000_000 - 1))
        }),
        _ => None,
    }
}

impl Record {
    fn moment(&self, name: &str) -> Option<i64> {
        micros(self.properties[name].as_str()?)
    }

    /// First and last moment of the item.
    fn period(&self) -> Option<(i64, i64)> {
        let moment = self.moment("datetime");
        Some((self.moment("start_datetime").or(moment)?, self.moment("end_datetime").or(moment)?))
    }

    fn property(&self, name: &str) -> Vec<V> {
        let list = |value: Option<V>| value.into_iter().collect();
        match name {
            "id" => vec![V::Text(self.id.clone())],
            "collection" => vec![V::Text(self.collection.clone())],
            "datetime" => list(self.moment("datetime").map(V::Time)),
            "start_datetime" => list(self.period().map(|p| V::Time(p.0))),
            "end_datetime" => list(self.period().map(|p| V::Time(p.1))),
            name => {
                let scalar = |value: &Value| match value {
                    Value::String(text) => Some(V::Text(text.clone())),
                    Value::Number(number) => Some(V::Number(number.as_f64()?)),
                    Value::Bool(truth) => Some(V::Bool(*truth)),
                    _ => None,
                };
                let mut values: Vec<V> = match &self.properties[name] {
                    Value::Array(values) => values.iter().filter_map(scalar).collect(),
                    value => list(scalar(value)),
                };
                // A value counts once, however often it is written.
                let mut distinct: Vec<V> = Vec::new();
                values.drain(..).for_each(|v| {
                    if !distinct.contains(&v) {
                        distinct.push(v)
                    }
                });
                distinct
            }
        }
    }

    fn shape(&self, expr: &Expr) -> Option<geo::Geometry<f64>> {
        match expr {
            Expr::Geometry(geometry) => Some(nilometer_indexer::geometry::normalise(geometry, None).into_owned()),
            _ => self.geometry.clone(),
        }
    }

    fn values(&self, expr: &Expr) -> Vec<V> {
        match expr {
            Expr::Property(name) => self.property(name),
            Expr::Literal(Scalar::Text(text)) => vec![V::Text(text.clone())],
            Expr::Literal(Scalar::Number(number)) => vec![V::Number(*number)],
            Expr::Literal(Scalar::Bool(truth)) => vec![V::Bool(*truth)],
            Expr::Literal(Scalar::Timestamp(moment)) => vec![V::Time(moment.0)],
            Expr::Arithmetic { op, left, right } => {
                let (left, right) = (self.values(left), self.values(right));
                if left.len() > 1 && right.len() > 1 {
                    return Vec::new();
                }
                let mut results = Vec::new();
                for a in &left {
                    for b in &right {
                        if let (V::Number(a), V::Number(b)) = (a, b) {
                            let result = compute(*op, *a, *b);
                            if result.is_finite() {
                                results.push(V::Number(result));
                            }
                        }
                    }
                }
                results
            }
            Expr::Call(function, arguments) => {
                self.values(&arguments[0]).iter().filter_map(|value| apply(*function, value)).collect()
            }
            Expr::Interval(..) | Expr::Array(_) | Expr::Geometry(_) => panic!("no single value"),
        }
    }

    fn periods(&self, expr: &Expr) -> Vec<(i64, i64)> {
        match expr {
            Expr::Property(name) if name == "datetime" && self.moment("datetime").is_none() => {
                self.period().into_iter().collect()
            }
            Expr::Interval(start, end) => {
                let ends = |end: &Option<Box<Expr>>| {
                    end.as_ref().map(|end| self.values(end).iter().filter_map(span).collect::<Vec<_>>())
                };
                let starts = ends(start).map_or(vec![i64::MIN], |s| s.into_iter().map(|s| s.0).collect());
                let ends = ends(end).map_or(vec![i64::MAX], |s| s.into_iter().map(|s| s.1).collect());
                if starts.len() > 1 && ends.len() > 1 {
                    return Vec::new();
                }
                let pairs = starts.iter().flat_map(|a| ends.iter().map(move |b| (*a, *b)));
                pairs.filter(|(a, b)| a <= b).collect()
            }
            other => self.values(other).iter().filter_map(span).collect(),
        }
    }

    fn set(&self, expr: &Expr) -> Option<Vec<V>> {
        let some = |values: Vec<V>| if values.is_empty() { None } else { Some(values) };
        match expr {
            Expr::Array(members) => {
                let sets: Option<Vec<Vec<V>>> = members.iter().map(|m| some(self.values(m))).collect();
                Some(sets?.concat())
            }
            other => some(self.values(other)),
        }
    }
}

fn compute(op: Arithmetic, a: f64, b: f64) -> f64 {
    match op {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::IntegerDivide => (a / b).trunc(),
        Arithmetic::Remainder => a % b,
        Arithmetic::Power => a.powf(b),
    }
}

fn apply(function: Function, value: &V) -> Option<V> {
    let date = || OffsetDateTime::from_unix_timestamp_nanos(i128::from(span(value)?.0) * 1_000).ok();
    Some(match (function, value) {
        // The random texts are ASCII and a few accented letters.
        (Function::Casei | Function::Lower, V::Text(text)) => V::Text(text.to_lowercase()),
        (Function::Upper, V::Text(text)) => V::Text(text.to_uppercase()),
        (Function::Accenti, V::Text(text)) => {
            let bare = |c: char| match c {
                'é' | 'è' | 'ê' => 'e',
                'ô' => 'o',
                'É' | 'È' | 'Ê' => 'E',
                'Ô' => 'O',
                c => c,
            };
            V::Text(text.chars().map(bare).collect())
        }
        (Function::Length, V::Text(text)) => V::Number(text.chars().count() as f64),
        (Function::Abs, V::Number(n)) => V::Number(if *n < 0.0 { -n } else { *n }),
        (Function::Floor, V::Number(n)) => V::Number(n.floor()),
        (Function::Ceil, V::Number(n)) => V::Number(n.ceil()),
        (Function::Round, V::Number(n)) => V::Number(n.signum() * (n.abs() + 0.5).floor()),
        (Function::Year, _) => V::Number(f64::from(date()?.year())),
        (Function::Month, _) => V::Number(f64::from(u8::from(date()?.month()))),
        (Function::Day, _) => V::Number(f64::from(date()?.day())),
        (Function::Hour, _) => V::Number(f64::from(date()?.hour())),
        _ => return None,
    })
}

fn order(a: &V, b: &V) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (V::Text(a), V::Text(b)) => Some(a.cmp(b)),
        (V::Number(a), V::Number(b)) => a.partial_cmp(b),
        (V::Bool(a), V::Bool(b)) => Some(a.cmp(b)),
        (V::Time(_) | V::Text(_), V::Time(_) | V::Text(_)) => Some(span(a)?.0.cmp(&span(b)?.0)),
        _ => None,
    }
}

fn and(results: &[Option<bool>]) -> Option<bool> {
    if results.contains(&Some(false)) {
        Some(false)
    } else if results.contains(&None) {
        None
    } else {
        Some(true)
    }
}

/// True if one is, false if one is and none is true.
fn any(results: Vec<Option<bool>>) -> Option<bool> {
    let known: Vec<bool> = results.into_iter().flatten().collect();
    if known.is_empty() { None } else { Some(known.contains(&true)) }
}

fn pairs<T>(left: &[T], right: &[T], test: impl Fn(&T, &T) -> Option<bool>) -> Option<bool> {
    any(left.iter().flat_map(|a| right.iter().map(|b| test(a, b)).collect::<Vec<_>>()).collect())
}

fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|n| like(rest, &text[n..])),
        ['_', rest @ ..] => !text.is_empty() && like(rest, &text[1..]),
        [c, rest @ ..] => text.first() == Some(c) && like(rest, &text[1..]),
    }
}

fn chars(value: &V) -> Option<Vec<char>> {
    match value {
        V::Text(text) => Some(text.chars().collect()),
        _ => None,
    }
}

/// Whether a filter is true of an item; `None` is unknown.
pub(crate) fn truth(item: &Record, filter: &Filter) -> Option<bool> {
    match filter {
        Filter::And(all) => and(&all.iter().map(|f| truth(item, f)).collect::<Vec<_>>()),
        Filter::Or(any) => and(&any.iter().map(|f| truth(item, f).map(|t| !t)).collect::<Vec<_>>()).map(|t| !t),
        Filter::Not(inner) => truth(item, inner).map(|t| !t),
        Filter::Const(t) => Some(*t),
        Filter::Compare { left, op, right } => pairs(&item.values(left), &item.values(right), |a, b| {
            let order = order(a, b)?;
            Some(match op {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::LessEqual => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::GreaterEqual => order.is_ge(),
            })
        }),
        Filter::Between { value, low, high } => {
            let of = |v: &V| {
                let above = item.values(low).iter().map(|l| Some(order(v, l)?.is_ge())).collect();
                let below = item.values(high).iter().map(|h| Some(order(v, h)?.is_le())).collect();
                and(&[any(above), any(below)])
            };
            any(item.values(value).iter().map(of).collect())
        }
        Filter::In { value, values } => {
            let of = |v: &V| {
                let lists: Vec<Vec<V>> = values.iter().map(|member| item.values(member)).collect();
                let equal = any(lists.iter().flatten().map(|m| Some(order(v, m)?.is_eq())).collect());
                if equal == Some(false) && lists.iter().any(Vec::is_empty) { None } else { equal }
            };
            any(item.values(value).iter().map(of).collect())
        }
        Filter::Like { value, pattern } => {
            let pattern = chars(&item.values(pattern)[0]).unwrap();
            any(item.values(value).iter().map(|v| Some(like(&pattern, &chars(v)?))).collect())
        }
        Filter::IsNull(Expr::Property(name)) if name == "geometry" => Some(item.geometry.is_none()),
        Filter::IsNull(value) => Some(item.values(value).is_empty()),
        Filter::Spatial { relation, left, right } => {
            let (left, right) = (item.shape(left)?, item.shape(right)?);
            Some(match relation {
                SpatialRelation::Intersects => left.intersects(&right),
                SpatialRelation::Disjoint => !left.intersects(&right),
                SpatialRelation::Equals => left.relate(&right).is_equal_topo(),
                SpatialRelation::Touches => left.relate(&right).is_touches(),
                SpatialRelation::Within => left.relate(&right).is_within(),
                SpatialRelation::Contains => left.relate(&right).is_contains(),
                SpatialRelation::Overlaps => left.relate(&right).is_overlaps(),
                SpatialRelation::Crosses => left.relate(&right).is_crosses(),
            })
        }
        Filter::Temporal { relation, left, right } => {
            pairs(&item.periods(left), &item.periods(right), |a, b| Some(in_time(*relation, *a, *b)))
        }
        Filter::Array { relation, left, right } => {
            let (left, right) = (item.set(left)?, item.set(right)?);
            let has = |set: &[V], value: &V| set.iter().any(|v| order(v, value).is_some_and(|o| o.is_eq()));
            Some(match relation {
                ArrayRelation::Equals => left.iter().all(|v| has(&right, v)) && right.iter().all(|v| has(&left, v)),
                ArrayRelation::Contains => right.iter().all(|v| has(&left, v)),
                ArrayRelation::ContainedBy => left.iter().all(|v| has(&right, v)),
                ArrayRelation::Overlaps => left.iter().any(|v| has(&right, v)),
            })
        }
    }
}

/// Allen's relations, by where each of the four ends lies.
fn in_time(relation: TemporalRelation, (a0, a1): (i64, i64), (b0, b1): (i64, i64)) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let (starts, ends) = (a0.cmp(&b0), a1.cmp(&b1));
    let apart = a1 < b0 || b1 < a0;
    match relation {
        TemporalRelation::Before => a1 < b0,
        TemporalRelation::After => b1 < a0,
        TemporalRelation::Disjoint => apart,
        TemporalRelation::Intersects => !apart,
        TemporalRelation::Equals => (starts, ends) == (Equal, Equal),
        TemporalRelation::Starts => (starts, ends) == (Equal, Less),
        TemporalRelation::StartedBy => (starts, ends) == (Equal, Greater),
        TemporalRelation::Finishes => (starts, ends) == (Greater, Equal),
        TemporalRelation::FinishedBy => (starts, ends) == (Less, Equal),
        TemporalRelation::During => (starts, ends) == (Greater, Less),
        TemporalRelation::Contains => (starts, ends) == (Less, Greater),
        TemporalRelation::Overlaps => (starts, ends) == (Less, Less) && b0 < a1,
        TemporalRelation::OverlappedBy => (starts, ends) == (Greater, Greater) && a0 < b1,
        TemporalRelation::Meets => a1 == b0,
        TemporalRelation::MetBy => a0 == b1,
    }
}
