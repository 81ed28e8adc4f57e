//! Filters as CQL2 text and as CQL2 JSON, in one canonical way each.

use nilometer_schemas::{Comparison, Filter, Scalar, geojson};
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
        Filter::Intersects(geometry) => {
            out.push_str("S_INTERSECTS(geometry,");
            wkt::to_wkt(geometry, out);
            out.push(')');
        }
        leaf => predicate(leaf, "", out),
    }
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
        Filter::Between { .. } | Filter::Like { .. } | Filter::In { .. } | Filter::IsNull { .. } => {
            predicate(child, "NOT ", out);
        }
        _ => {
            out.push_str("NOT ");
            group(child, matches!(child, Filter::And(_) | Filter::Or(_) | Filter::Not(_)), out);
        }
    }
}

/// A condition on one property; `not` is `"NOT "` or nothing.
fn predicate(filter: &Filter, not: &str, out: &mut String) {
    match filter {
        Filter::Compare { property, op, value } => {
            out.push_str(&format!("{} {} {}", name_text(property), symbol(*op), scalar_text(value)));
        }
        Filter::Between { property, low, high } => {
            let (low, high) = (scalar_text(low), scalar_text(high));
            out.push_str(&format!("{} {not}BETWEEN {low} AND {high}", name_text(property)));
        }
        Filter::Like { property, pattern } => {
            out.push_str(&format!("{} {not}LIKE {}", name_text(property), quoted(pattern, '\'')));
        }
        Filter::In { property, values } => {
            let values: Vec<String> = values.iter().map(scalar_text).collect();
            out.push_str(&format!("{} {not}IN ({})", name_text(property), values.join(",")));
        }
        Filter::IsNull { property } => out.push_str(&format!("{} IS {not}NULL", name_text(property))),
        other => write(other, out),
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
    let operation = |op: &str, args: Vec<Value>| json!({"op": op, "args": args});
    match filter {
        Filter::And(children) => json_chain("and", children, true),
        Filter::Or(children) => json_chain("or", children, false),
        Filter::Not(child) => operation("not", vec![to_json(child)]),
        Filter::Compare { property, op, value } => {
            operation(symbol(*op), vec![json_name(property), json_scalar(value)])
        }
        Filter::Between { property, low, high } => {
            operation("between", vec![json_name(property), json_scalar(low), json_scalar(high)])
        }
        Filter::Like { property, pattern } => operation("like", vec![json_name(property), json!(pattern)]),
        Filter::In { property, values } => {
            operation("in", vec![json_name(property), values.iter().map(json_scalar).collect()])
        }
        Filter::IsNull { property } => operation("isNull", vec![json_name(property)]),
        Filter::Intersects(geometry) => {
            operation("s_intersects", vec![json_name("geometry"), geojson::to_value(geometry)])
        }
        Filter::Const(value) => Value::Bool(*value),
    }
}

fn json_chain(op: &str, children: &[Filter], empty: bool) -> Value {
    match children {
        [] => Value::Bool(empty),
        [only] => to_json(only),
        _ => json!({"op": op, "args": children.iter().map(to_json).collect::<Vec<_>>()}),
    }
}

fn json_name(name: &str) -> Value {
    json!({"property": prefixed(name)})
}

fn json_scalar(value: &Scalar) -> Value {
    match value {
        Scalar::Text(text) => json!(text),
        Scalar::Number(value) => number(*value),
        Scalar::Bool(value) => json!(value),
        Scalar::Timestamp(moment) => json!({"timestamp": moment.to_string()}),
    }
}
