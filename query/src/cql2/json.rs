//! CQL2 JSON.

use nilometer_schemas::{Bbox, Comparison, Filter, Problem, Scalar};
use serde_json::{Map, Value};

use super::QueryGeometry;
use super::build::{self, Budget, Literal};

/// Characters of a caller's operator that a message repeats.
const SHOWN_CHARS: usize = 40;

/// Reads a JSON value as one condition.
pub(super) fn parse(value: &Value) -> Result<Filter, Problem> {
    let mut reader = Reader { budget: Budget::new() };
    let filter = reader.condition(value, 1).map_err(|problem| below(problem, "/filter"))?;
    build::finish(filter)
}

/// Puts a step in front of a problem's JSON pointer.
fn below(mut problem: Problem, step: &str) -> Problem {
    let rest = problem.parameter.take().filter(|pointer| pointer.starts_with('/')).unwrap_or_default();
    problem.parameter = Some(format!("{step}{rest}"));
    problem
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::invalid("filter-syntax", detail)
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

/// One side of a comparison.
enum Operand {
    Property(String),
    Literal(Literal),
}

struct Reader {
    budget: Budget,
}

impl Reader {
    fn condition(&mut self, value: &Value, depth: usize) -> Result<Filter, Problem> {
        build::check_depth(depth)?;
        self.budget.node()?;
        let members = match value {
            Value::Bool(value) => return Ok(Filter::Const(*value)),
            Value::Object(members) => members,
            _ => return Err(malformed("a condition is true, false or an object with op and args")),
        };
        let Some(Value::String(op)) = members.get("op") else {
            if let Some(function) = members.get("function") {
                return Err(build::unsupported(format_args!("the function {}", shown(&function.to_string()))));
            }
            return Err(malformed("a condition has the members op (a text) and args (an array)"));
        };
        if let Some(unknown) = members.keys().find(|name| *name != "op" && *name != "args") {
            return Err(malformed(format!("a condition has op and args only, not {:?}", shown(unknown))));
        }
        let Some(Value::Array(args)) = members.get("args") else {
            return Err(below(malformed(format!("the args of {:?} are an array", shown(op))), "/args"));
        };
        self.operation(op, args, depth)
    }

    fn operation(&mut self, op: &str, args: &[Value], depth: usize) -> Result<Filter, Problem> {
        if let Some(comparison) = comparison(op) {
            return self.compare(comparison, args);
        }
        match op.to_ascii_lowercase().as_str() {
            "and" => Ok(build::all(self.conditions(op, args, depth)?)),
            "or" => Ok(build::any(self.conditions(op, args, depth)?)),
            "not" => {
                let [inner] = expect(op, args)?;
                Ok(build::negate(at(0, self.condition(inner, depth + 1))?))
            }
            "between" => self.between(args),
            "in" => {
                let [name, list] = expect(op, args)?;
                let property = self.property(name, 0)?;
                let Value::Array(values) = list else {
                    return Err(below(malformed("the second argument of in is an array of literals"), "/args/1"));
                };
                let mut literals = Vec::new();
                for (index, value) in values.iter().enumerate() {
                    literals.push(self.literal(value).map_err(|p| below(p, &format!("/args/1/{index}")))?);
                }
                at(1, build::in_list(property, literals))
            }
            "like" => {
                let [name, pattern] = expect(op, args)?;
                let property = self.property(name, 0)?;
                match pattern {
                    Value::String(pattern) => at(1, build::like(property, pattern)),
                    Value::Object(members) => at(1, Err(unsupported_value(members))),
                    _ => Err(below(malformed("the pattern of like is a text"), "/args/1")),
                }
            }
            "isnull" => {
                let [name] = expect(op, args)?;
                Ok(Filter::IsNull { property: self.property(name, 0)? })
            }
            "s_intersects" | "intersects" => self.s_intersects(op, args),
            _ => Err(below(build::unsupported(format_args!("the operator {:?}", shown(op))), "/op")),
        }
    }

    fn conditions(&mut self, op: &str, args: &[Value], depth: usize) -> Result<Vec<Filter>, Problem> {
        if args.is_empty() {
            return Err(below(malformed(format!("{op:?} has at least one argument")), "/args"));
        }
        let mut children = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            children.push(at(index, self.condition(arg, depth + 1))?);
        }
        Ok(children)
    }

    fn compare(&mut self, op: Comparison, args: &[Value]) -> Result<Filter, Problem> {
        let [left, right] = expect("a comparison", args)?;
        let left = at(0, self.operand(left))?;
        let right = at(1, self.operand(right))?;
        match (left, right) {
            (Operand::Property(property), Operand::Literal(literal)) => at(1, build::compare(property, op, literal)),
            (Operand::Literal(literal), Operand::Property(property)) => {
                at(0, build::compare(property, build::flipped(op), literal))
            }
            (Operand::Property(_), Operand::Property(_)) => {
                Err(below(build::unsupported("a comparison of two properties"), "/args"))
            }
            (Operand::Literal(_), Operand::Literal(_)) => {
                Err(below(build::unsupported("a comparison of two literals"), "/args"))
            }
        }
    }

    /// Both `[p, low, high]` and the older `[p, [low, high]]`.
    fn between(&mut self, args: &[Value]) -> Result<Filter, Problem> {
        let (name, low, high) = match args {
            [name, low, high] => (name, low, high),
            [name, Value::Array(bounds)] if bounds.len() == 2 => (name, &bounds[0], &bounds[1]),
            _ => return Err(below(malformed("between has a property, a lower and an upper bound"), "/args")),
        };
        let property = self.property(name, 0)?;
        let low = at(1, self.literal(low))?;
        let high = at(args.len() - 1, self.literal(high))?;
        build::between(property, low, high).map_err(|problem| below(problem, "/args"))
    }

    fn s_intersects(&mut self, op: &str, args: &[Value]) -> Result<Filter, Problem> {
        let [left, right] = expect(op, args)?;
        let (name, name_at, geometry, geometry_at) =
            if left.get("property").is_some() { (left, 0, right, 1) } else { (right, 1, left, 0) };
        let property = self.property(name, name_at)?;
        at(name_at, build::check_geometry_name(&property))?;
        let geometry = at(geometry_at, spatial_literal(geometry))?;
        at(geometry_at, self.budget.intersects(geometry))
    }

    fn operand(&mut self, value: &Value) -> Result<Operand, Problem> {
        match value.get("property") {
            Some(_) => Ok(Operand::Property(self.name(value)?)),
            None => Ok(Operand::Literal(self.literal(value)?)),
        }
    }

    fn property(&mut self, value: &Value, index: usize) -> Result<String, Problem> {
        at(index, self.name(value))
    }

    fn name(&mut self, value: &Value) -> Result<String, Problem> {
        self.budget.node()?;
        let Value::Object(members) = value else {
            return Err(malformed("a property is written {\"property\": \"name\"}"));
        };
        match members.get("property") {
            Some(Value::String(name)) if members.len() == 1 => {
                self.budget.text(name)?;
                build::property(name)
            }
            None => Err(unsupported_value(members)),
            Some(_) => Err(malformed("a property is written {\"property\": \"name\"}")),
        }
    }

    fn literal(&mut self, value: &Value) -> Result<Literal, Problem> {
        self.budget.node()?;
        match value {
            Value::String(text) => {
                self.budget.text(text)?;
                Ok(Literal::One(Scalar::Text(text.clone())))
            }
            Value::Bool(value) => Ok(Literal::One(Scalar::Bool(*value))),
            Value::Number(number) => {
                let number = number.as_f64().filter(|number| number.is_finite());
                number
                    .map(|n| Literal::One(Scalar::Number(n)))
                    .ok_or_else(|| build::bad_value("the number is too large"))
            }
            Value::Null => Err(malformed("null is asked for by isNull")),
            Value::Array(_) => Err(build::unsupported("an array literal")),
            Value::Object(members) => match (members.get("timestamp"), members.get("date"), members.len()) {
                (Some(Value::String(text)), None, 1) => build::timestamp(text),
                (None, Some(Value::String(text)), 1) => build::date(text),
                (Some(_), None, 1) | (None, Some(_), 1) => Err(malformed("a timestamp or date is a text")),
                _ => Err(unsupported_value(members)),
            },
        }
    }
}

/// What an object that is neither property nor literal asks for.
fn unsupported_value(members: &Map<String, Value>) -> Problem {
    for member in ["op", "function"] {
        if let Some(name) = members.get(member) {
            let name = name.as_str().map_or_else(|| shown(&name.to_string()), shown);
            return build::unsupported(format_args!(
                "the {} {name:?}",
                if member == "op" { "operator" } else { member }
            ));
        }
    }
    match members.keys().next() {
        Some(name) => build::unsupported(format_args!("a value with the member {:?}", shown(name))),
        None => malformed("an empty object is no value"),
    }
}

fn spatial_literal(value: &Value) -> Result<QueryGeometry, Problem> {
    match value {
        Value::Object(members) if members.contains_key("bbox") && !members.contains_key("type") => {
            let numbers = members.get("bbox").and_then(Value::as_array).and_then(|list| {
                let numbers: Option<Vec<f64>> = list.iter().take(7).map(Value::as_f64).collect();
                numbers
            });
            let Some(numbers) = numbers else {
                return Err(malformed("a bbox is an array of 4 or 6 numbers"));
            };
            Ok(QueryGeometry::from_bbox(Bbox::from_numbers(&numbers)?))
        }
        Value::Object(members) if members.contains_key("type") => QueryGeometry::from_geojson(value),
        Value::Object(members) => Err(unsupported_value(members)),
        _ => Err(malformed("a spatial literal is a GeoJSON geometry or {\"bbox\": [west, south, east, north]}")),
    }
}

/// Exactly `N` arguments.
fn expect<'a, const N: usize>(op: &str, args: &'a [Value]) -> Result<&'a [Value; N], Problem> {
    args.try_into()
        .map_err(|_| below(malformed(format!("{} has {N} argument(s), not {}", shown(op), args.len())), "/args"))
}

/// Names the argument at fault.
fn at<T>(index: usize, result: Result<T, Problem>) -> Result<T, Problem> {
    result.map_err(|problem| below(problem, &format!("/args/{index}")))
}

fn comparison(op: &str) -> Option<Comparison> {
    Some(match op {
        "=" => Comparison::Equal,
        "<>" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterEqual,
        _ => return None,
    })
}
