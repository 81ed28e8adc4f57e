//! The page of a problem.

use axum::extract::Query;
use maud::html;

use super::Language;
use super::layout::Frame;
use crate::links::{Links, with_query};
use crate::problem::ProblemView;

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
    let frame = Frame { links: &links, language, lang: chosen.map(Language::tag), translations, json: None };
    let title = french_title(view.status).filter(|_| language == Language::French).unwrap_or(view.title);
    let main = html! {
        div.narrow.problem-page {
            p.status { (view.status) }
            h1 { (title) }
            p.lead { (view.detail) }
            @if view.parameter.is_some() || view.allowed.is_some() || view.instance.is_some() {
                dl.facts {
                    @if let Some(parameter) = &view.parameter {
                        dt { (frame.t("Where", "Où")) } dd { code { (parameter) } }
                    }
                    @if let Some(allowed) = &view.allowed {
                        dt { (frame.t("Accepted", "Accepté")) } dd { code { (allowed) } }
                    }
                    @if let Some(instance) = &view.instance {
                        dt { (frame.t("Request", "Requête")) } dd { code { (instance) } }
                    }
                }
            }
            p.actions {
                a.button href=(frame.href("/")) { (frame.t("To the first page", "Vers la première page")) }
                a.button.quiet href=(frame.href("/search")) { (frame.t("Search", "Rechercher")) }
            }
        }
    };
    frame.page(title, main)
}

fn french_title(status: u16) -> Option<&'static str> {
    Some(match status {
        400 => "Requête incomprise",
        401 => "Identification manquante ou erronée",
        403 => "Accès refusé",
        404 => "Introuvable",
        405 => "Méthode non autorisée ici",
        410 => "N'est plus conservé",
        413 => "Trop grand",
        500 => "Erreur interne",
        503 => "Momentanément indisponible",
        504 => "Délai dépassé",
        _ => return None,
    })
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
    fn the_address_chooses_the_language_and_the_page_offers_the_other() {
        let mut view = view("x", Some("en"));
        view.uri = "/search?place=atlantis&lang=fr".parse().expect("an address");
        let page = problem_page(&view);
        assert!(page.contains("<html lang=\"fr\"") && page.contains("Introuvable"));
        assert!(page.contains("href=\"/p/search?place=atlantis&amp;lang=en\""), "{page}");
    }
}
