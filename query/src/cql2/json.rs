//! CQL2 JSON.

use nilometer_schemas::{
    Arithmetic, ArrayRelation, Bbox, Comparison, Crs, Expr, Filter, Problem, Scalar, SpatialRelation, TemporalRelation,
};
use serde_json::{Map, Value};

use super::QueryGeometry;
use super::build::{self, Budget, Operand};

/// Characters of a caller's operator that a message repeats.
const SHOWN_CHARS: usize = 40;

/// Reads a JSON value as one condition.
pub(super) fn parse(value: &Value, crs: Crs) -> Result<Filter, Problem> {
    let mut reader = Reader { budget: Budget::new(), crs };
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

struct Reader {
    budget: Budget,
    /// What positions are in.
    crs: Crs,
}

/// The operator and arguments of an object that has nothing else.
fn op_and_args(members: &Map<String, Value>) -> Result<(&str, &[Value]), Problem> {
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
    Ok((op, args))
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
        let (op, args) = op_and_args(members)?;
        self.operation(op, args, depth)
    }

    fn operation(&mut self, op: &str, args: &[Value], depth: usize) -> Result<Filter, Problem> {
        if let Some(comparison) = comparison(op) {
            let [left, right] = self.operands(op, args, depth)?;
            return in_args(build::compare(left, comparison, right));
        }
        let is = |operator: &str| operator.eq_ignore_ascii_case(op);
        // Some clients write the operator without its prefix.
        let unprefixed = op.eq_ignore_ascii_case("intersects").then_some(SpatialRelation::Intersects);
        if let Some(relation) = unprefixed.or_else(|| SpatialRelation::ALL.into_iter().find(|r| is(r.operator()))) {
            let [left, right] = self.operands(op, args, depth)?;
            return in_args(build::spatial(relation, left, right));
        }
        if let Some(relation) = TemporalRelation::ALL.into_iter().find(|r| is(r.operator())) {
            let [left, right] = self.operands(op, args, depth)?;
            return in_args(build::temporal(relation, left, right));
        }
        if let Some(relation) = ArrayRelation::ALL.into_iter().find(|r| is(r.operator())) {
            let [left, right] = self.operands(op, args, depth)?;
            return in_args(build::array_relation(relation, left, right));
        }
        match op.to_ascii_lowercase().as_str() {
            "and" => Ok(build::all(self.conditions(op, args, depth)?)),
            "or" => Ok(build::any(self.conditions(op, args, depth)?)),
            "not" => {
                let [inner] = expect(op, args)?;
                Ok(build::negate(at(0, self.condition(inner, depth + 1))?))
            }
            "between" => self.between(args, depth),
            "in" => {
                let [value, list] = expect(op, args)?;
                let value = at(0, self.operand(value, depth))?;
                let Value::Array(values) = list else {
                    return Err(below(malformed("the second argument of in is an array of values"), "/args/1"));
                };
                let values = at(1, self.members(values, depth))?;
                at(1, build::in_list(value, values))
            }
            "like" => {
                let [value, pattern] = expect(op, args)?;
                let value = at(0, self.operand(value, depth))?;
                let pattern = at(1, self.pattern(pattern, depth))?;
                at(1, build::like(value, pattern))
            }
            "isnull" => {
                let [value] = expect(op, args)?;
                let value = at(0, self.operand(value, depth))?;
                at(0, build::null(value))
            }
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

    fn operands<const N: usize>(&mut self, op: &str, args: &[Value], depth: usize) -> Result<[Operand; N], Problem> {
        let args: &[Value; N] = expect(op, args)?;
        let mut operands = Vec::with_capacity(N);
        for (index, arg) in args.iter().enumerate() {
            operands.push(at(index, self.operand(arg, depth))?);
        }
        // As many as there were arguments.
        operands.try_into().map_err(|_| malformed("the arguments could not be read"))
    }

    /// Both `[p, low, high]` and the older `[p, [low, high]]`.
    fn between(&mut self, args: &[Value], depth: usize) -> Result<Filter, Problem> {
        let (value, low, high) = match args {
            [value, low, high] => (value, low, high),
            [value, Value::Array(bounds)] if bounds.len() == 2 => (value, &bounds[0], &bounds[1]),
            _ => return Err(below(malformed("between has a value, a lower and an upper bound"), "/args")),
        };
        let value = at(0, self.operand(value, depth))?;
        let low = at(1, self.operand(low, depth))?;
        let high = at(args.len() - 1, self.operand(high, depth))?;
        in_args(build::between(value, low, high))
    }

    fn members(&mut self, values: &[Value], depth: usize) -> Result<Vec<Operand>, Problem> {
        build::check_list(values.len())?;
        let mut members = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            members.push(self.operand(value, depth).map_err(|p| below(p, &format!("/{index}")))?);
        }
        Ok(members)
    }

    fn pattern(&mut self, value: &Value, depth: usize) -> Result<Expr, Problem> {
        match value {
            Value::String(pattern) => {
                self.budget.node()?;
                Ok(Expr::text(pattern.as_str()))
            }
            Value::Object(members) if members.contains_key("op") => {
                self.budget.node()?;
                build::check_depth(depth + 1)?;
                let (op, args) = op_and_args(members)?;
                let [inner] = expect(op, args)?;
                Ok(Expr::Call(build::function(op)?, vec![at(0, self.pattern(inner, depth + 1))?]))
            }
            Value::Object(members) => Err(unsupported_value(members)),
            _ => Err(malformed("the pattern of like is a text")),
        }
    }

    /// A value that stands in a condition or value of this depth.
    fn operand(&mut self, value: &Value, depth: usize) -> Result<Operand, Problem> {
        self.budget.node()?;
        let literal = match value {
            Value::String(text) => {
                self.budget.text(text)?;
                Scalar::Text(text.clone())
            }
            Value::Bool(value) => Scalar::Bool(*value),
            Value::Number(number) => {
                let number = number.as_f64().filter(|number| number.is_finite());
                Scalar::Number(number.ok_or_else(|| build::bad_value("the number is too large"))?)
            }
            Value::Null => return Err(malformed("null is asked for by isNull")),
            Value::Array(values) => {
                build::check_depth(depth + 1)?;
                return Ok(build::array(self.members(values, depth + 1)?)?.into());
            }
            Value::Object(members) => return self.object(value, members, depth),
        };
        Ok(Expr::Literal(literal).into())
    }

    fn object(&mut self, value: &Value, members: &Map<String, Value>, depth: usize) -> Result<Operand, Problem> {
        if members.contains_key("type") || members.contains_key("bbox") {
            let geometry = spatial_literal(value, members, self.crs);
            return Ok(self.budget.geometry(geometry)?.into());
        }
        if members.contains_key("op") {
            build::check_depth(depth + 1)?;
            let (op, args) = op_and_args(members)?;
            return Ok(self.function(op, args, depth + 1)?.into());
        }
        match members.iter().next() {
            Some((key, value)) if members.len() == 1 => match (key.as_str(), value) {
                ("property", value) => Ok(self.name(value)?.into()),
                ("timestamp", Value::String(text)) => build::timestamp(text),
                ("date", Value::String(text)) => build::date(text),
                ("timestamp" | "date", _) => Err(malformed("a timestamp or date is a text")),
                ("interval", Value::Array(ends)) => Ok(self.interval(ends)?.into()),
                ("interval", _) => Err(malformed("an interval is an array of its two ends")),
                _ => Err(unsupported_value(members)),
            },
            _ => Err(unsupported_value(members)),
        }
    }

    fn name(&mut self, name: &Value) -> Result<Expr, Problem> {
        let Value::String(name) = name else {
            return Err(malformed("a property is written {\"property\": \"name\"}"));
        };
        self.budget.text(name)?;
        Ok(Expr::Property(build::property(name)?))
    }

    fn function(&mut self, op: &str, args: &[Value], depth: usize) -> Result<Expr, Problem> {
        if let Some(arithmetic) = arithmetic(op) {
            let [left, right] = self.operands(op, args, depth)?;
            return in_args(build::arithmetic(arithmetic, left, right));
        }
        let function = build::function(op).map_err(|problem| below(problem, "/op"))?;
        let mut arguments = Vec::with_capacity(args.len().min(2));
        for (index, arg) in args.iter().enumerate() {
            arguments.push(at(index, self.operand(arg, depth))?);
        }
        in_args(build::call(function, arguments))
    }

    fn interval(&mut self, ends: &[Value]) -> Result<Expr, Problem> {
        let [start, end] = ends else {
            return Err(malformed("an interval is an array of its two ends"));
        };
        let start = self.end_of_interval(start).map_err(|problem| below(problem, "/interval/0"))?;
        let end = self.end_of_interval(end).map_err(|problem| below(problem, "/interval/1"))?;
        build::interval(start, end).map_err(|problem| below(problem, "/interval"))
    }

    fn end_of_interval(&mut self, value: &Value) -> Result<Option<Operand>, Problem> {
        self.budget.node()?;
        match value {
            Value::String(text) => build::end_of_text(text),
            Value::Object(members) if members.len() == 1 => match members.iter().next() {
                Some((key, value)) if key == "property" => Ok(Some(self.name(value)?.into())),
                Some((key, Value::String(text))) if key == "timestamp" => build::timestamp(text).map(Some),
                Some((key, Value::String(text))) if key == "date" => build::date(text).map(Some),
                _ => Err(unsupported_value(members)),
            },
            _ => Err(malformed("the end of an interval is a text or a property")),
        }
    }
}

/// What an object that is neither property nor literal asks for.
fn unsupported_value(members: &Map<String, Value>) -> Problem {
    if let Some(name) = members.get("function") {
        let name = name.as_str().map_or_else(|| shown(&name.to_string()), shown);
        return build::unsupported(format_args!("the function {name:?}"));
    }
    match members.keys().next() {
        Some(name) => build::unsupported(format_args!("a value with the member {:?}", shown(name))),
        None => malformed("an empty object is no value"),
    }
}

fn spatial_literal(value: &Value, members: &Map<String, Value>, crs: Crs) -> Result<QueryGeometry, Problem> {
    if members.contains_key("type") {
        return QueryGeometry::from_geojson_in(value, crs);
    }
    let numbers: Option<Vec<f64>> =
        members.get("bbox").and_then(Value::as_array).and_then(|list| list.iter().take(7).map(Value::as_f64).collect());
    let Some(numbers) = numbers.filter(|_| members.len() == 1) else {
        return Err(malformed("a bbox is an array of 4 or 6 numbers"));
    };
    Ok(QueryGeometry::from_bbox(Bbox::from_numbers(&crs.bbox_to_crs84(&numbers)?)?))
}

/// Exactly `N` arguments.
fn expect<'a, const N: usize>(op: &str, args: &'a [Value]) -> Result<&'a [Value; N], Problem> {
    args.try_into()
        .map_err(|_| below(malformed(format!("{:?} has {N} argument(s), not {}", shown(op), args.len())), "/args"))
}

/// Names the argument at fault.
fn at<T>(index: usize, result: Result<T, Problem>) -> Result<T, Problem> {
    result.map_err(|problem| below(problem, &format!("/args/{index}")))
}

/// Names the arguments together.
fn in_args<T>(result: Result<T, Problem>) -> Result<T, Problem> {
    result.map_err(|problem| below(problem, "/args"))
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

fn arithmetic(op: &str) -> Option<Arithmetic> {
    Some(match op {
        "+" => Arithmetic::Add,
        "-" => Arithmetic::Subtract,
        "*" => Arithmetic::Multiply,
        "/" => Arithmetic::Divide,
        "%" => Arithmetic::Remainder,
        "^" => Arithmetic::Power,
        op if op.eq_ignore_ascii_case("div") => Arithmetic::IntegerDivide,
        _ => return None,
    })
}
