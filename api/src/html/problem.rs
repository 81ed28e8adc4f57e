//! The page of a problem, and those of problem types.

use axum::extract::Query;
use maud::html;

use super::Language;
use super::layout::{Frame, Reader, breadcrumbs};
use super::table::{Column, table};
use super::values::sentence;
use crate::links::{Links, with_query};
use crate::problem::{ProblemView, status, title};
use crate::problems::{ALL, ProblemType, path};
use crate::routes::ask::Ask;

/// A page that says what went wrong, what would be accepted, and where to go on.
pub fn problem_page(view: &ProblemView) -> String {
    let links = Links::new(&view.public_url);
    let pairs: Vec<(String, String)> = Query::try_from_uri(&view.uri).map(|Query(pairs)| pairs).unwrap_or_default();
    let lang = pairs.iter().find(|(name, _)| name == "lang").map(|(_, value)| value.as_str());
    let chosen = lang.and_then(Language::from_tag);
    let language = chosen.unwrap_or_else(|| Language::from_header(view.accept_language.as_deref().unwrap_or_default()));
    let others = || pairs.iter().filter(|(name, _)| name != "lang").map(|(n, v)| (n.as_str(), v.as_str()));
    let in_language =
        |language: Language| (language, with_query(view.uri.path(), others().chain([("lang", language.tag())])));
    let translations = Some([in_language(Language::English), in_language(Language::French)]);
    let frame = Frame {
        links: &links,
        language,
        lang: chosen.map(Language::tag),
        translations,
        json: None,
        reader: Reader::Unknown,
    };
    let title = title(view.kind, language);
    // Details are English; French readers are told first what a problem of this type is.
    let explained = ProblemType::of(view.code).filter(|_| language == Language::French);
    let english = (language == Language::French).then_some("en");
    let main = html! {
        div.narrow.problem-page {
            p.status { (view.status) }
            h1 { (title) }
            @match explained {
                Some(known) => p.lead { (known.explanation(language)) },
                None => p.lead lang=[english] { (sentence(&view.detail)) },
            }
            dl.facts {
                @if explained.is_some() {
                    dt { "Détail technique (en anglais)" } dd lang="en" { (sentence(&view.detail)) }
                }
                @if let Some(parameter) = &view.parameter {
                    dt { (frame.t("Where", "Où")) } dd { code { (parameter) } }
                }
                @if let Some(allowed) = &view.allowed {
                    dt { (frame.t("Accepted", "Accepté")) } dd { code lang=[english] { (allowed) } }
                }
                dt { (frame.t("Type", "Type")) }
                dd {
                    @match ProblemType::of(view.code) {
                        Some(known) => a href=(frame.href(&path(known.code))) { (known.title(language)) },
                        None => code { (view.code) },
                    }
                }
                @if let Some(instance) = &view.instance {
                    dt { (frame.t("Request", "Requête")) } dd { code { (instance) } }
                }
            }
            p.actions {
                a.button href=(frame.href("/")) { (frame.t("Home page", "Page d'accueil")) }
                a.button.quiet href=(frame.href("/search")) { (frame.t("Search", "Rechercher")) }
            }
        }
    };
    frame.page(title, main)
}

/// What the list of types is called.
fn list_title(language: Language) -> &'static str {
    language.of("Problem types", "Types de problèmes")
}

/// The list of problem types.
pub(crate) fn problem_types(ask: &Ask) -> String {
    let frame = Frame::of(ask);
    let language = frame.language;
    let title = list_title(language);
    let columns = [
        Column::Text("Code"),
        Column::Text(frame.t("Status", "Statut")),
        Column::Text(frame.t("Problem", "Problème")),
        Column::Text(frame.t("Meaning, and what to do", "Signification, et que faire")),
    ];
    let rows = html! {
        @for known in ALL {
            tr {
                th scope="row" { a href=(frame.href(&path(known.code))) { code { (known.code) } } }
                td { (statuses(known)) }
                td { (known.title(language)) }
                td { (known.explanation(language)) }
            }
        }
    };
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned())], title))
            h1 { (title) }
            p.lead { (frame.t(
                "What each error means, and what to do about it. Programs find the address of one of these in the type of a problem (RFC 9457).",
                "Ce que signifie chaque erreur, et comment y remédier. Les programmes trouvent l'adresse de l'une d'elles dans le type d'un problème (RFC 9457).",
            )) }
            (table(title, &columns, &rows))
        }
    };
    frame.page(title, main)
}

/// One problem type.
pub(crate) fn problem_type(ask: &Ask, known: &ProblemType) -> String {
    let frame = Frame::of(ask);
    let title = known.title(frame.language);
    let steps = [("Nilometer", "/".to_owned()), (list_title(frame.language), "/problems".to_owned())];
    let main = html! {
        div.narrow.stack {
            (breadcrumbs(&frame, &steps, title))
            h1 { (title) }
            p.lead { (known.explanation(frame.language)) }
            dl.facts {
                dt { "Code" } dd { code { (known.code) } }
                dt { (frame.t("Status", "Statut")) } dd { (statuses(known)) }
                dt { "Type (RFC 9457)" } dd { code { (frame.links.absolute(&path(known.code))) } }
            }
        }
    };
    frame.page(title, main)
}

/// The HTTP statuses in which a problem of a type is answered, the usual one first.
fn statuses(known: &ProblemType) -> String {
    known.kinds.iter().map(|kind| status(*kind).as_str().to_owned()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::ApiError;
    use nilometer_schemas::Problem;

    fn view(detail: &str, accept_language: Option<&str>) -> ProblemView {
        let error = ApiError::from(Problem::not_found("x", detail));
        let mut view = ProblemView::new(error.problem(), None);
        view.public_url = "http://h/p".into();
        view.accept_language = accept_language.map(str::to_owned);
        view
    }

    #[test]
    fn what_a_caller_wrote_is_escaped() {
        let page = problem_page(&view("<script>alert(1)</script>", None));
        assert!(!page.contains("<script>"));
        assert!(page.contains("&lt;script&gt;"));
    }

    #[test]
    fn the_page_speaks_the_readers_language_and_keeps_the_prefix() {
        let page = problem_page(&view("x", Some("fr")));
        assert!(page.contains("<html lang=\"fr\"") && page.contains("Introuvable"));
        assert!(page.contains("href=\"/p/search\""));
    }

    #[test]
    fn french_readers_hear_the_explanation_first_and_the_english_detail_marked_as_such() {
        let error = ApiError::from(Problem::invalid("bbox", "south lies north of north"));
        let mut view = ProblemView::new(error.problem(), None);
        let english = problem_page(&view);
        assert!(english.contains("<p class=\"lead\">South lies north of north</p>"), "{english}");
        view.accept_language = Some("fr".into());
        let french = problem_page(&view);
        assert!(french.contains("<p class=\"lead\">Un cadre est fait de quatre nombres"), "{french}");
        assert!(french.contains("<dd lang=\"en\">South lies north of north</dd>"), "{french}");
        assert!(french.contains("href=\"/problems/bbox\""), "{french}");
    }

    #[test]
    fn the_address_chooses_the_language_and_the_page_offers_the_other() {
        let mut view = view("x", Some("en"));
        view.uri = "/search?place=atlantis&lang=fr".parse().expect("an address");
        let page = problem_page(&view);
        assert!(page.contains("<html lang=\"fr\"") && page.contains("Introuvable"));
        assert!(page.contains("href=\"/p/search?place=atlantis&amp;lang=en\""), "{page}");
    }
}
