//! What a form could not do with what was typed: said beside the form, with the field at fault, and what may have been
//! meant.

use maud::{Markup, html};
use nilometer_schemas::Problem;

use super::Language;
use super::layout::Frame;
use crate::places::Place;

/// Id of the sentence that fields at fault point to.
const SENTENCE: &str = "refusal";

/// A question that was not understood.
pub(crate) struct Refusal {
    /// What is wrong, and in which parameter.
    pub(crate) problem: Problem,
    /// What may have been meant: title, kind and path.
    pub(crate) choices: Vec<Choice>,
}

/// Something that may have been meant.
pub(crate) struct Choice {
    pub(crate) place: Place,
    /// Where it leads.
    pub(crate) path: String,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, choices: Vec::new() }
    }
}

impl Refusal {
    /// The parameter at fault; empty where none is.
    pub(super) fn parameter(&self) -> &str {
        self.problem.parameter.as_deref().unwrap_or_default()
    }
}

/// Whether one of these parameters, which a field stands for, is at fault: values of `aria-invalid` and
/// `aria-describedby`.
pub(super) fn blame(refusal: Option<&Refusal>, parameters: &[&str]) -> Option<(&'static str, &'static str)> {
    refusal.is_some_and(|r| parameters.contains(&r.parameter())).then_some(("true", SENTENCE))
}

/// The notice. `kind` names the collection of a choice.
pub(super) fn notice(frame: &Frame<'_>, refusal: &Refusal, kind: impl Fn(&Place) -> String) -> Markup {
    let Problem { detail, allowed, .. } = &refusal.problem;
    html! {
        div.notice.problem.refusal role="alert" {
            h2 { (frame.t("This was not understood", "Cela n'a pas été compris")) }
            p id=(SENTENCE) {
                @match in_french(refusal.parameter()).filter(|_| frame.language == Language::French) {
                    Some(text) => { (text) " " span lang="en" { "(" (detail) ")" } }
                    None => (detail),
                }
            }
            @if let Some(allowed) = allowed {
                p { (frame.t("Accepted: ", "Accepté : ")) code { (allowed) } }
            }
            @if !refusal.choices.is_empty() {
                p #choices { (frame.t("Is it one of these?", "Est-ce l'un de ceux-ci ?")) }
                ul.plain.choices aria-labelledby="choices" {
                    @for choice in &refusal.choices {
                        li { a href=(frame.href(&choice.path)) { (choice.place.title) } " " span.hint { (kind(&choice.place)) } }
                    }
                }
            }
        }
    }
}

/// What is wrong with a parameter whose problems are told in English; places and dates have sentences of their own.
fn in_french(parameter: &str) -> Option<&'static str> {
    Some(match parameter {
        "bbox" => "Ce cadre n'en est pas un : il faut ouest, sud, est et nord, en degrés.",
        "point" => "Cette position n'en est pas une : il faut une longitude puis une latitude, en degrés.",
        "datetime" => "Cette période n'en est pas une.",
        "filter" | "filter-lang" => "Ces conditions ne peuvent pas être lues.",
        "sortby" => "Aucun élément n'a de quoi être trié ainsi.",
        "token" => "Cette page de résultats n'existe pas, ou plus.",
        "intersects" => "Cette zone n'en est pas une.",
        _ => return None,
    })
}
