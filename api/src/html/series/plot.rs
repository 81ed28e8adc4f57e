//! What the script that draws a chart needs to know: one panel for each unit and datum, in each the parameters that share
//! them, so that no two scales ever stand in one panel.

use maud::{Markup, html};
use nilometer_query::series::{Method, SeriesColumn};
use nilometer_schemas::Parameter;
use serde_json::{Value, json};

use super::{Series, View, method_name, name, subject, unit};
use crate::html::embed::data_block;
use crate::html::labels::value_text;
use crate::html::layout::Frame;
use crate::routes::edr::{Format, Listing};

/// The place of the chart, and its data block.
pub(super) fn figure(frame: &Frame<'_>, series: &Series) -> Markup {
    let Series { view, listing } = series;
    let options = json!({
        "csv": view.api_path(Format::Csv),
        "title": view.title,
        "step": view.step.map(|step| step.to_string()),
        "panels": panels(frame, view, listing),
    });
    html! {
        figure.chart.needs-script #chart {
            (data_block("application/json", &options))
            div.canvas tabindex="0" role="group" aria-labelledby="chart-title" aria-describedby="chart-help chart-table" {
                p.loading { (frame.t("Drawing the chart…", "Tracé du graphique…")) }
            }
            figcaption {
                strong #chart-title { (frame.t("Chart: ", "Graphique : ")) (subject(frame, view)) "." }
                " "
                span #chart-help .hint { (frame.t(
                    "Drag over a period to zoom in. Keys: + and − zoom, ← and → move, 0 shows everything.",
                    "Glissez sur une période pour l'agrandir. Touches : + et − pour agrandir et réduire, ← et → pour se déplacer, 0 pour tout montrer.",
                )) }
                " "
                a #chart-table href="#values" { (frame.t("The same points as a table", "Les mêmes points sous forme de tableau")) }
            }
        }
    }
}

fn panels(frame: &Frame<'_>, view: &View, listing: &Listing) -> Vec<Value> {
    let mut panels: Vec<(String, Vec<&Parameter>)> = Vec::new();
    for parameter in view.chosen.iter().filter_map(|chosen| view.parameter(chosen)) {
        let own = parameter.unit.as_deref().map(unit).unwrap_or_default();
        let datum = parameter.datum.as_deref().map(|datum| value_text(frame.language, "datum", datum));
        let scale = datum.map_or_else(|| own.to_owned(), |datum| format!("{own}, {datum}"));
        match panels.iter_mut().find(|(known, _)| *known == scale) {
            Some((_, parameters)) => parameters.push(parameter),
            None => panels.push((scale, vec![parameter])),
        }
    }
    let column = |parameter: &Parameter, method: Option<Method>| -> Option<&SeriesColumn> {
        listing.columns.iter().find(|c| c.parameter.name == parameter.name && c.method == method)
    };
    panels
        .into_iter()
        .map(|(scale, parameters)| {
            let lines = parameters.into_iter().flat_map(|parameter| match view.step {
                None => vec![plain(frame, view, parameter)],
                Some(_) => statistics(frame, view, parameter, &column),
            });
            json!({"scale": scale, "lines": lines.collect::<Vec<_>>()})
        })
        .collect()
}

/// A line of every value, with what tells how good each is.
fn plain(frame: &Frame<'_>, view: &View, parameter: &Parameter) -> Value {
    let quality = parameter.quality.as_deref().and_then(|name| view.parameter(name));
    let uncertainty = parameter.uncertainty.as_deref().filter(|name| view.parameter(name).is_some());
    json!({
        "label": name(frame.language, Some(parameter), &parameter.name),
        "column": parameter.name,
        "uncertainty": uncertainty,
        "quality": quality.map(|quality| json!({
            "label": name(frame.language, Some(quality), &quality.name),
            "column": quality.name,
            "categories": quality.categories,
        })),
        "period": parameter.period,
    })
}

/// The lines of a parameter's statistics; a minimum and a maximum beside another one are the band around it.
fn statistics<'a>(
    frame: &Frame<'_>,
    view: &View,
    parameter: &Parameter,
    column: &dyn Fn(&Parameter, Option<Method>) -> Option<&'a SeriesColumn>,
) -> Vec<Value> {
    let title = name(frame.language, Some(parameter), &parameter.name);
    let named = |method: Method| column(parameter, Some(method)).map(|c| c.name.as_str());
    let has_band = view.methods.len() > 2 && view.methods.contains(&Method::Min) && view.methods.contains(&Method::Max);
    let in_band = |method: &&Method| has_band && matches!(method, Method::Min | Method::Max);
    let own = view.methods.iter().filter(|method| !in_band(method));
    own.enumerate()
        .map(|(at, method)| {
            let band = has_band && at == 0;
            json!({
                "label": format!("{title}, {}", method_name(frame.language, *method)),
                "column": named(*method),
                "low": named(Method::Min).filter(|_| band),
                "high": named(Method::Max).filter(|_| band),
                "count": named(Method::Count),
            })
        })
        .collect()
}
