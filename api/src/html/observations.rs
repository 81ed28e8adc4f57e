//! The latest observations of a feature, and the way to all of them.

use maud::{Markup, html};
use nilometer_query::series::{Latest, Summary};
use nilometer_schemas::Parameter;

use super::language::{Language, readable};
use super::layout::Frame;
use crate::links::{location_path, with_query};
use crate::routes::edr::Format;

/// Formats that a page offers, best known first.
const OFFERED: [Format; 3] = [Format::Csv, Format::CoverageJson, Format::Parquet];

/// The section of an item that has observations.
pub(super) fn section(
    frame: &Frame<'_>,
    collection: &str,
    id: &str,
    parameters: &[Parameter],
    summary: &Summary,
) -> Markup {
    let (first, last) = summary.span;
    let path = location_path(collection, id);
    html! {
        section aria-labelledby="observations-title" {
            h2 #observations-title { "Observations (" (frame.language.number(summary.count)) ")" }
            p.meta {
                span { time datetime=(first.to_string()) { (readable(first)) } " – " time datetime=(last.to_string()) { (readable(last)) } }
            }
            @if !summary.latest.is_empty() { (table(frame, parameters, &summary.latest)) }
            p.actions {
                @for format in OFFERED {
                    a.button.quiet href=(frame.links.local(&with_query(&path, [("f", format.label())]))) { (format.label()) }
                }
            }
        }
    }
}

fn table(frame: &Frame<'_>, parameters: &[Parameter], latest: &[Latest]) -> Markup {
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        th scope="col" { (frame.t("Parameter", "Paramètre")) }
                        th.number scope="col" { (frame.t("Latest value", "Dernière valeur")) }
                        th scope="col" { (frame.t("Unit", "Unité")) }
                        th scope="col" { (frame.t("Refers to", "Référence")) }
                        th scope="col" { (frame.t("Time", "Heure")) }
                        th.number scope="col" { (frame.t("Values", "Valeurs")) }
                    }
                }
                tbody {
                    @for value in latest {
                        @let parameter = parameters.iter().find(|p| p.name == value.parameter);
                        tr {
                            th scope="row" { (name(frame.language, parameter, &value.parameter)) }
                            td.number { (value.value) }
                            td { (unit(parameter.and_then(|p| p.unit.as_deref()).unwrap_or_default())) }
                            td { (parameter.and_then(|p| p.datum.as_deref()).unwrap_or_default()) }
                            td { time datetime=(value.span.1.to_string()) { (readable(value.span.1)) } }
                            td.number { (frame.language.number(value.count)) }
                        }
                    }
                }
            }
        }
    }
}

/// The parameter's title in the page's language, as far as it has one.
fn name<'a>(language: Language, parameter: Option<&'a Parameter>, name: &'a str) -> &'a str {
    let title = parameter.and_then(|p| p.title.as_deref()).unwrap_or(name);
    let titre = parameter.and_then(|p| p.title_fr.as_deref()).unwrap_or(title);
    language.of(title, titre)
}

/// A unit as people write it; one that is not known stays in UCUM.
fn unit(ucum: &str) -> &str {
    match ucum {
        "Cel" => "°C",
        "deg" => "°",
        "m2" => "m²",
        "km2" => "km²",
        "km3" => "km³",
        "m3/s" => "m³/s",
        "W/m2" => "W/m²",
        "[ft_i]" => "ft",
        "[ft_i]3/s" => "ft³/s",
        "[degF]" => "°F",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::Links;
    use nilometer_schemas::Instant;

    #[test]
    fn the_latest_values_stand_with_unit_datum_time_and_count() {
        let parameters: Vec<Parameter> = serde_json::from_value(serde_json::json!([
            {"name": "wse", "title": "Level", "title_fr": "Niveau", "unit": "m", "datum": "EGM2008"}]))
        .expect("parameters");
        let moment = |text: &str| Instant::parse(text).expect("a moment");
        let span = (moment("2020-01-01T00:00:00Z"), moment("2024-02-29T05:12:00Z"));
        let latest = vec![Latest { parameter: "wse".into(), count: 1_200, span, value: 131.25 }];
        let links = Links::new("http://h/p");
        let page = |language| {
            let frame = Frame { links: &links, language, lang: None, translations: None, json: None };
            let summary = Summary { count: 1_234, span, latest: latest.clone() };
            section(&frame, "c", "a/1", &parameters, &summary).into_string()
        };
        let english = page(Language::English);
        for text in [
            "(1,234)",
            "Level",
            "131.25",
            "<td>m</td>",
            "EGM2008",
            "2024-02-29 05:12 UTC",
            "1,200",
            "/p/collections/c/locations/a%2F1?f=CSV",
            "f=CoverageJSON",
            "f=Parquet",
        ] {
            assert!(english.contains(text), "{text}: {english}");
        }
        assert!(page(Language::French).contains("Dernière valeur"));
    }
}
