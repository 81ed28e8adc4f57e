//! Filters as CQL2 text and as CQL2 JSON, in one canonical way each.

use nilometer_schemas::{Arithmetic, Comparison, Expr, Filter, Scalar, geojson};
use serde_json::{Value, json};

use super::geometry::number;
use super::{lex, wkt};

/// The filter as text.
pub(super) fn to_text(filter: &Filter) -> String {
    let mut out = String::new();
    write(filter, &mut out);
    out
}

fn write(filter: &Filter, out: &mut String) {
    match filter {
        // Conditions of no or one part exist only where code made them; they mean what logic says.
        Filter::And(children) => chain(children, " AND ", "TRUE", out),
        Filter::Or(children) => chain(children, " OR ", "FALSE", out),
        Filter::Not(child) => negation(child, out),
        Filter::Const(value) => out.push_str(truth(*value)),
        Filter::Spatial { relation, left, right } => related(relation.operator(), left, right, out),
        Filter::Temporal { relation, left, right } => related(relation.operator(), left, right, out),
        Filter::Array { relation, left, right } => related(relation.operator(), left, right, out),
        leaf => predicate(leaf, "", out),
    }
}

fn related(operator: &str, left: &Expr, right: &Expr, out: &mut String) {
    out.push_str(&operator.to_ascii_uppercase());
    list(&[left, right], out);
}

fn list<'a>(members: impl IntoIterator<Item = &'a (impl std::borrow::Borrow<Expr> + 'a)>, out: &mut String) {
    out.push('(');
    for (index, member) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        value(member.borrow(), 0, out);
    }
    out.push(')');
}

fn chain(children: &[Filter], between: &str, empty: &str, out: &mut String) {
    match children {
        [] => out.push_str(empty),
        [only] => write(only, out),
        _ => {
            for (index, child) in children.iter().enumerate() {
                if index > 0 {
                    out.push_str(between);
                }
                // AND binds tighter than OR: inside an OR only another OR would need brackets.
                let bracketed = match child {
                    Filter::Or(inner) => inner.len() > 1,
                    Filter::And(inner) => inner.len() > 1 && between == " AND ",
                    _ => false,
                };
                group(child, bracketed, out);
            }
        }
    }
}

fn group(filter: &Filter, bracketed: bool, out: &mut String) {
    if bracketed {
        out.push('(');
    }
    write(filter, out);
    if bracketed {
        out.push(')');
    }
}

fn negation(child: &Filter, out: &mut String) {
    match child {
        Filter::Between { .. } | Filter::Like { .. } | Filter::In { .. } | Filter::IsNull(_) => {
            predicate(child, "NOT ", out);
        }
        _ => {
            out.push_str("NOT ");
            group(child, matches!(child, Filter::And(_) | Filter::Or(_) | Filter::Not(_)), out);
        }
    }
}

/// A condition on values; `not` is `"NOT "` or nothing.
fn predicate(filter: &Filter, not: &str, out: &mut String) {
    match filter {
        Filter::Compare { left, op, right } => {
            value(left, 0, out);
            out.push_str(&format!(" {} ", symbol(*op)));
            value(right, 0, out);
        }
        Filter::Between { value: of, low, high } => {
            value(of, 0, out);
            out.push_str(&format!(" {not}BETWEEN "));
            value(low, 0, out);
            out.push_str(" AND ");
            value(high, 0, out);
        }
        Filter::Like { value: of, pattern } => {
            value(of, 0, out);
            out.push_str(&format!(" {not}LIKE "));
            value(pattern, 0, out);
        }
        Filter::In { value: of, values } => {
            value(of, 0, out);
            out.push_str(&format!(" {not}IN "));
            list(values, out);
        }
        Filter::IsNull(of) => {
            value(of, 0, out);
            out.push_str(&format!(" IS {not}NULL"));
        }
        other => write(other, out),
    }
}

/// A value; what binds less tightly than `tightness` stands in brackets.
fn value(expr: &Expr, tightness: u8, out: &mut String) {
    match expr {
        Expr::Property(name) => out.push_str(&name_text(name)),
        Expr::Literal(scalar) => out.push_str(&scalar_text(scalar)),
        Expr::Arithmetic { op, left, right } => {
            let (sign, own) = arithmetic(*op);
            let bracketed = own < tightness;
            if bracketed {
                out.push('(');
            }
            // From left to right; only powers are not read so.
            value(left, if *op == Arithmetic::Power { own + 1 } else { own }, out);
            out.push_str(&format!(" {sign} "));
            value(right, own + 1, out);
            if bracketed {
                out.push(')');
            }
        }
        Expr::Call(function, arguments) => {
            let name = function.info().name;
            out.push_str(&if function.is_of_cql2() { name.to_ascii_uppercase() } else { name.to_owned() });
            list(arguments, out);
        }
        Expr::Interval(start, end) => {
            out.push_str(&format!("INTERVAL({},{})", end_text(start.as_deref()), end_text(end.as_deref())));
        }
        Expr::Array(members) => list(members, out),
        Expr::Geometry(geometry) => wkt::to_wkt(geometry, out),
    }
}

/// Sign and tightness of an operator.
fn arithmetic(op: Arithmetic) -> (&'static str, u8) {
    match op {
        Arithmetic::Add => ("+", 1),
        Arithmetic::Subtract => ("-", 1),
        Arithmetic::Multiply => ("*", 2),
        Arithmetic::Divide => ("/", 2),
        Arithmetic::IntegerDivide => ("div", 2),
        Arithmetic::Remainder => ("%", 2),
        Arithmetic::Power => ("^", 3),
    }
}

fn end_text(end: Option<&Expr>) -> String {
    match end {
        None => "'..'".to_owned(),
        Some(Expr::Literal(Scalar::Timestamp(moment))) => format!("'{moment}'"),
        Some(other) => {
            let mut out = String::new();
            value(other, 0, &mut out);
            out
        }
    }
}

fn symbol(op: Comparison) -> &'static str {
    match op {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterEqual => ">=",
    }
}

fn truth(value: bool) -> &'static str {
    if value { "TRUE" } else { "FALSE" }
}

fn quoted(text: &str, quote: char) -> String {
    let doubled = format!("{quote}{quote}");
    format!("{quote}{}{quote}", text.replace(quote, &doubled))
}

/// A name that reads back as itself: the reader strips one `properties.`, so a name that has one gets another.
fn prefixed(name: &str) -> String {
    if name.starts_with("properties.") { format!("properties.{name}") } else { name.to_owned() }
}

fn name_text(name: &str) -> String {
    let name = prefixed(name);
    if lex::is_bare_name(&name) { name } else { quoted(&name, '"') }
}

fn scalar_text(value: &Scalar) -> String {
    match value {
        Scalar::Text(text) => quoted(text, '\''),
        Scalar::Number(number) => number_text(*number),
        Scalar::Bool(value) => truth(*value).to_owned(),
        Scalar::Timestamp(moment) => format!("TIMESTAMP('{moment}')"),
    }
}

/// A number in the shortest form that reads back as itself.
pub(super) fn number_text(value: f64) -> String {
    match number(value) {
        Value::Number(exact) if exact.is_i64() => exact.to_string(),
        _ => format!("{value:?}"),
    }
}

/// The filter as JSON.
pub(super) fn to_json(filter: &Filter) -> Value {
    let pair = |op: &str, left: &Expr, right: &Expr| operation(op, vec![json_value(left), json_value(right)]);
    match filter {
        Filter::And(children) => json_chain("and", children, true),
        Filter::Or(children) => json_chain("or", children, false),
        Filter::Not(child) => operation("not", vec![to_json(child)]),
        Filter::Compare { left, op, right } => pair(symbol(*op), left, right),
        Filter::Between { value, low, high } => operation("between", [value, low, high].map(json_value).into()),
        Filter::Like { value, pattern } => pair("like", value, pattern),
        Filter::In { value, values } => {
            operation("in", vec![json_value(value), values.iter().map(json_value).collect()])
        }
        Filter::IsNull(value) => operation("isNull", vec![json_value(value)]),
        Filter::Spatial { relation, left, right } => pair(relation.operator(), left, right),
        Filter::Temporal { relation, left, right } => pair(relation.operator(), left, right),
        Filter::Array { relation, left, right } => pair(relation.operator(), left, right),
        Filter::Const(value) => Value::Bool(*value),
    }
}

fn operation(op: &str, args: Vec<Value>) -> Value {
    json!({"op": op, "args": args})
}

fn json_chain(op: &str, children: &[Filter], empty: bool) -> Value {
    match children {
        [] => Value::Bool(empty),
        [only] => to_json(only),
        _ => operation(op, children.iter().map(to_json).collect()),
    }
}

fn json_value(value: &Expr) -> Value {
    match value {
        Expr::Property(name) => json!({"property": prefixed(name)}),
        Expr::Literal(scalar) => json_scalar(scalar),
        Expr::Arithmetic { op, left, right } => operation(arithmetic(*op).0, vec![json_value(left), json_value(right)]),
        Expr::Call(function, arguments) => operation(function.info().name, arguments.iter().map(json_value).collect()),
        Expr::Interval(start, end) => json!({"interval": [json_end(start.as_deref()), json_end(end.as_deref())]}),
        Expr::Array(members) => members.iter().map(json_value).collect(),
        Expr::Geometry(geometry) => geojson::to_value(geometry),
    }
}

fn json_end(end: Option<&Expr>) -> Value {
    match end {
        None => json!(".."),
        Some(Expr::Literal(Scalar::Timestamp(moment))) => json!(moment.to_string()),
        Some(other) => json_value(other),
    }
}

fn json_scalar(value: &Scalar) -> Value {
    match value {
        Scalar::Text(text) => json!(text),
        Scalar::Number(value) => number(*value),
        Scalar::Bool(value) => json!(value),
        Scalar::Timestamp(moment) => json!({"timestamp": moment.to_string()}),
    }
}
