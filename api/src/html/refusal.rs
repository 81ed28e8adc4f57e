//! What a form could not do with what was typed: said beside the form, with the field at fault, and what may have been
//! meant.

use maud::{Markup, html};
use nilometer_schemas::Problem;

use super::Language;
use super::layout::Frame;
use super::values::sentence;
use crate::places::Place;
use crate::problems::ProblemType;

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
            h2 { (frame.t("This was not understood", "Cette demande n'a pas été comprise")) }
            p id=(SENTENCE) {
                @match in_french(&refusal.problem).filter(|_| frame.language == Language::French) {
                    Some(text) => { (text) " " span lang="en" { "(" (detail) ")" } }
                    None => (sentence(detail)),
                }
            }
            @if let Some(allowed) = allowed {
                p { (frame.t("Accepted: ", "Accepté : ")) code { (allowed) } }
            }
            @if !refusal.choices.is_empty() {
                p #choices { (frame.t("Did you mean one of these?", "Cherchiez-vous l'un de ceux-ci ?")) }
                ul.plain.choices aria-labelledby="choices" {
                    @for choice in &refusal.choices {
                        li { a href=(frame.href(&choice.path)) { (choice.place.title) } " " span.hint { (kind(&choice.place)) } }
                    }
                }
            }
        }
    }
}

/// Parameters of the forms alone, whose problems are told in the language of the page.
const TOLD: [&str; 4] = ["place", "where", "from", "to"];

/// The problem explained in French, where its detail is English.
fn in_french(problem: &Problem) -> Option<&'static str> {
    let is_told = problem.parameter.as_deref().is_some_and(|parameter| TOLD.contains(&parameter));
    ProblemType::of(problem.code).filter(|_| !is_told).map(|known| known.explanation(Language::French))
}
