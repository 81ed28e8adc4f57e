//! A filter as a list of conditions that a reader adds and takes away one by one.

use nilometer_query::cql2::to_text;
use nilometer_schemas::{Comparison, Expr, Filter, Scalar};

/// The conditions that a filter joins with AND.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Conditions(Vec<Filter>);

impl Conditions {
    /// The parts of a filter.
    pub(super) fn of(filter: Option<&Filter>) -> Self {
        match filter {
            None => Self::default(),
            Some(Filter::And(parts)) => Self(parts.clone()),
            Some(whole) => Self(vec![whole.clone()]),
        }
    }

    /// All of them as one filter again.
    pub(super) fn filter(&self) -> Option<Filter> {
        match self.0.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            many => Some(Filter::And(many.to_vec())),
        }
    }

    /// CQL2 text; `None` without conditions.
    pub(super) fn text(&self) -> Option<String> {
        self.filter().map(|filter| to_text(&filter))
    }

    /// Each condition in words, its property announced by `name` (`Country:`) and its texts said by `value`, with the others alone.
    pub(super) fn each_without(
        &self,
        name: impl Fn(&str) -> String,
        value: impl Fn(&str, &str) -> String,
    ) -> Vec<(String, Self)> {
        let without = |i: usize| {
            let mut parts = self.0.clone();
            parts.remove(i);
            Self(parts)
        };
        (0..self.0.len()).map(|i| (shown(&self.0[i], &name, &value), without(i))).collect()
    }

    /// The texts to which a property is held.
    pub(super) fn chosen(&self, property: &str) -> Vec<String> {
        self.0.iter().filter_map(|part| texts_of(part, property)).flatten().collect()
    }

    /// The conditions that do not hold a property to texts.
    pub(super) fn without(&self, property: &str) -> Self {
        Self(self.0.iter().filter(|part| texts_of(part, property).is_none()).cloned().collect())
    }

    /// With one text of a property chosen, or no longer.
    pub(super) fn toggled(&self, property: &str, text: &str) -> Self {
        let mut chosen = self.chosen(property);
        match chosen.iter().position(|c| c == text) {
            Some(at) => drop(chosen.remove(at)),
            None => chosen.push(text.to_owned()),
        }
        let mut parts = self.without(property).0;
        let property = property.to_owned();
        match chosen.len() {
            0 => {}
            1 => parts.push(Filter::compare(property, Comparison::Equal, Scalar::Text(chosen.remove(0)))),
            _ => parts.push(Filter::one_of(property, chosen.into_iter().map(Scalar::Text))),
        }
        Self(parts)
    }
}

/// The texts that a condition allows a property, if that is all it says.
fn texts_of(part: &Filter, wanted: &str) -> Option<Vec<String>> {
    let text = |value: &Expr| match value {
        Expr::Literal(Scalar::Text(text)) => Some(text.clone()),
        _ => None,
    };
    match (property_of(part)?, part) {
        (property, _) if property != wanted => None,
        (_, Filter::Compare { op: Comparison::Equal, right, .. }) => Some(vec![text(right)?]),
        (_, Filter::In { values, .. }) => values.iter().map(text).collect(),
        _ => None,
    }
}

/// The property that a comparison or a list is about.
fn property_of(part: &Filter) -> Option<&str> {
    match part {
        Filter::Compare { left: Expr::Property(name), .. } | Filter::In { value: Expr::Property(name), .. } => {
            Some(name)
        }
        _ => None,
    }
}

/// A condition as people read it: `Country: France, Spain`, else its CQL2 text.
fn shown(part: &Filter, name: impl Fn(&str) -> String, value: impl Fn(&str, &str) -> String) -> String {
    let Some(property) = property_of(part) else { return to_text(part) };
    match texts_of(part, property) {
        Some(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| value(property, text)).collect();
            format!("{} {}", name(property), texts.join(", "))
        }
        None => to_text(part),
    }
}

#[cfg(test)]
mod tests {
    use nilometer_query::cql2::parse_text;

    use super::*;

    fn conditions(text: &str) -> Conditions {
        Conditions::of(Some(&parse_text(text).expect("a filter")))
    }

    #[test]
    fn a_value_is_added_beside_the_others_and_taken_away_again() {
        let check = |text: &str, value: &str, expected: Option<&str>| {
            let same = |text: &str| to_text(&parse_text(text).expect("a filter"));
            assert_eq!(conditions(text).toggled("c", value).text(), expected.map(same), "{text}");
        };
        check("c = 'a'", "b", Some("c IN ('a','b')"));
        check("c IN ('a','b')", "a", Some("c = 'b'"));
        check("c = 'a'", "a", None);
        check("x > 1 AND c = 'L''Isle'", "a", Some("x > 1 AND c IN ('L''Isle','a')"));
        // What is more than a choice of values stays beside it.
        check("c = 'a' OR x = 1", "b", Some("(c = 'a' OR x = 1) AND c = 'b'"));
    }

    #[test]
    fn every_condition_can_be_taken_away_alone() {
        let each = conditions("x > 1 AND c IN ('a','b')")
            .each_without(|name| format!("{}:", name.to_uppercase()), |_, text| text.to_owned());
        let shown: Vec<&str> = each.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(shown[1], "C: a, b");
        assert_eq!(each[1].1.text().as_deref(), Some(shown[0]));
        assert_eq!(each[0].1.chosen("c"), ["a", "b"]);
    }
}
