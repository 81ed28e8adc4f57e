//! What a request is taken from: each route belongs to one budget, so that a full map does not stop a search.

use axum::http::Method;

use crate::browser;
use crate::config::{Config, Rates};

/// A budget of its own for each kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Budget {
    /// Pages of items, counts, suggestions.
    Search,
    /// Map tiles.
    Tiles,
    /// Observations.
    Series,
    /// Files and whole results.
    Download,
    /// Whatever changes something.
    Write,
    /// Everything else.
    Other,
    /// KiB of questions that are kept: no route's own, but taken besides that of the write.
    Kept,
}

use Budget::{Download, Other, Search, Series, Tiles};

impl Budget {
    /// Its name in headers and settings.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Tiles => "tiles",
            Self::Series => "series",
            Self::Download => "download",
            Self::Write => "write",
            Self::Other => "other",
            Self::Kept => "kept",
        }
    }

    /// What it counts, in a sentence.
    pub(super) fn counted(self) -> &'static str {
        match self {
            Self::Search => "searches",
            Self::Tiles => "map tiles",
            Self::Series => "requests for observations",
            Self::Download => "downloads",
            Self::Write => "writes",
            Self::Other => "requests of this kind",
            Self::Kept => "KiB of kept questions",
        }
    }

    /// Its rates.
    pub(super) fn rates(self, config: &Config) -> Rates {
        let rates = &config.rates;
        match self {
            Self::Search => rates.search,
            Self::Tiles => rates.tiles,
            Self::Series => rates.series,
            Self::Download => rates.download,
            Self::Write => rates.write,
            Self::Other => rates.other,
            Self::Kept => config.quotas.kept(),
        }
    }

    /// The budget of a request; `None` for what is not limited. Addresses that nothing stands at are [`Budget::Other`].
    pub(super) fn of(method: &Method, route: Option<&str>) -> Option<Self> {
        let found = route.and_then(|route| BUDGETS.iter().find(|(own, _)| *own == route));
        match found {
            Some((_, None)) => None,
            // A question that is kept takes room on the disk, though a cookie has no part in it.
            _ if browser::changes(method, route) || route == Some(SEARCHES) => Some(Self::Write),
            Some((_, budget)) => *budget,
            None => Some(Self::Other),
        }
    }
}

/// Where questions are kept.
const SEARCHES: &str = "/searches";

/// All routes with what reading them is taken from. Health, metrics and the files of pages are not limited: watchers
/// must see a service that others overwhelm, and a page must not come without its style.
const BUDGETS: &[(&str, Option<Budget>)] = &[
    ("/livez", None),
    ("/readyz", None),
    ("/metrics", None),
    ("/assets/{name}", None),
    ("/favicon.ico", None),
    ("/robots.txt", None),
    ("/", Some(Other)),
    ("/conformance", Some(Other)),
    ("/api", Some(Other)),
    ("/api.html", Some(Other)),
    ("/children", Some(Other)),
    ("/collections", Some(Other)),
    ("/collections-queryables", Some(Other)),
    ("/collections/{collection}", Some(Other)),
    ("/collections/{collection}/queryables", Some(Other)),
    ("/collections/{collection}/sortables", Some(Other)),
    ("/collections/{collection}/schema", Some(Other)),
    ("/collections/{collection}/aggregations", Some(Other)),
    ("/aggregations", Some(Other)),
    ("/queryables", Some(Other)),
    ("/sortables", Some(Other)),
    ("/functions", Some(Other)),
    ("/searches/{search}", Some(Other)),
    ("/pages/{name}", Some(Other)),
    ("/problems", Some(Other)),
    ("/problems/{code}", Some(Other)),
    ("/sitemap.xml", Some(Other)),
    ("/sitemap/pages.xml", Some(Other)),
    ("/sitemap/{collection}/{file}", Some(Other)),
    ("/sign-up", Some(Other)),
    ("/sign-up/confirm", Some(Other)),
    ("/password/forgot", Some(Other)),
    ("/password/reset", Some(Other)),
    ("/sign-in", Some(Other)),
    ("/sign-in/issuer", Some(Other)),
    ("/sign-in/callback", Some(Other)),
    ("/sign-out", Some(Other)),
    ("/account", Some(Other)),
    ("/account/delete", Some(Other)),
    ("/account/export", Some(Other)),
    ("/account/password", Some(Other)),
    ("/account/keys", Some(Other)),
    ("/account/keys/{key}", Some(Other)),
    ("/account/keys/{key}/revoke", Some(Other)),
    ("/account/sessions", Some(Other)),
    ("/account/sessions/{session}", Some(Other)),
    ("/account/sessions/{session}/end", Some(Other)),
    ("/admin", Some(Other)),
    ("/admin/users", Some(Other)),
    ("/admin/users/{user}", Some(Other)),
    ("/admin/users/{user}/delete", Some(Other)),
    ("/admin/groups", Some(Other)),
    ("/admin/groups/{group}", Some(Other)),
    ("/admin/groups/{group}/delete", Some(Other)),
    ("/admin/groups/{group}/members", Some(Other)),
    ("/admin/groups/{group}/members/remove", Some(Other)),
    ("/admin/groups/{group}/members/{user}", Some(Other)),
    ("/admin/audit", Some(Other)),
    ("/admin/grants", Some(Other)),
    ("/admin/groups/{group}/grants", Some(Other)),
    ("/admin/groups/{group}/grants/remove", Some(Other)),
    ("/admin/groups/{group}/grants/{collection}", Some(Other)),
    ("/admin/orders", Some(Other)),
    ("/account/basket", Some(Other)),
    ("/account/basket/add", Some(Other)),
    ("/account/basket/remove", Some(Other)),
    ("/account/basket/order", Some(Other)),
    ("/account/basket/share", Some(Other)),
    ("/account/basket/script", Some(Other)),
    ("/account/baskets", Some(Other)),
    ("/baskets/{basket}", Some(Other)),
    ("/baskets/{basket}/delete", Some(Other)),
    ("/baskets/{basket}/script", Some(Other)),
    ("/baskets/{basket}/take", Some(Other)),
    ("/orders", Some(Other)),
    ("/orders/{order}", Some(Other)),
    ("/orders/{order}/files", Some(Other)),
    ("/orders/{order}/script", Some(Other)),
    ("/orders/{order}/cancel", Some(Other)),
    ("/orders/{order}/pause", Some(Other)),
    ("/orders/{order}/resume", Some(Other)),
    ("/orders/{order}/rerun", Some(Other)),
    ("/orders/{order}/delete", Some(Other)),
    ("/licences/{collection}", Some(Other)),
    ("/account/licences", Some(Other)),
    ("/api/download/workflows", Some(Other)),
    ("/api/download/workflows/estimate", Some(Other)),
    ("/api/download/workflows/{order}", Some(Other)),
    ("/api/download/workflows/{order}/status", Some(Other)),
    ("/api/download/workflows/{order}/cancel", Some(Other)),
    ("/api/download/workflows/{order}/pause", Some(Other)),
    ("/api/download/workflows/{order}/resume", Some(Other)),
    ("/api/download/workflows/{order}/rerun", Some(Other)),
    ("/api/download/workflows/{order}/zip", Some(Download)),
    ("/searches/{search}/zip", Some(Download)),
    ("/collections/{collection}/items", Some(Search)),
    ("/collections/{collection}/items/{item}", Some(Search)),
    ("/collections/{collection}/catalog", Some(Search)),
    ("/collections/{collection}/aggregate", Some(Search)),
    ("/search", Some(Search)),
    ("/aggregate", Some(Search)),
    (SEARCHES, Some(Search)),
    ("/searches/{search}/items", Some(Search)),
    ("/places", Some(Search)),
    ("/suggest", Some(Search)),
    ("/swot/passes", Some(Search)),
    ("/changes", Some(Search)),
    ("/collections/{collection}/locations", Some(Series)),
    ("/collections/{collection}/locations/{locations}", Some(Series)),
    ("/collections/{collection}/position", Some(Series)),
    ("/collections/{collection}/radius", Some(Series)),
    ("/collections/{collection}/area", Some(Series)),
    ("/collections/{collection}/cube", Some(Series)),
    ("/hydrocron/v1/timeseries", Some(Series)),
    ("/collections/{collection}/export", Some(Download)),
    ("/search/export", Some(Download)),
    ("/searches/{search}/export", Some(Download)),
    ("/changes/snapshot", Some(Download)),
    ("/collections/{collection}/items/{item}/assets/{key}", Some(Download)),
    ("/collections/{collection}/items/{item}/assets/{key}/link", Some(Download)),
    ("/basemap/tilejson.json", Some(Tiles)),
    ("/basemap/WebMercatorQuad/{zoom}/{row}/{col}", Some(Tiles)),
    ("/tileMatrixSets", Some(Other)),
    ("/tileMatrixSets/WebMercatorQuad", Some(Other)),
    ("/tiles", Some(Tiles)),
    ("/tiles/WebMercatorQuad", Some(Tiles)),
    ("/tiles/WebMercatorQuad/tilejson.json", Some(Tiles)),
    ("/tiles/WebMercatorQuad/{zoom}/{row}/{col}", Some(Tiles)),
    ("/collections/{collection}/tiles", Some(Tiles)),
    ("/collections/{collection}/tiles/WebMercatorQuad", Some(Tiles)),
    ("/collections/{collection}/tiles/WebMercatorQuad/tilejson.json", Some(Tiles)),
    ("/collections/{collection}/tiles/WebMercatorQuad/{zoom}/{row}/{col}", Some(Tiles)),
    ("/searches/{search}/tiles", Some(Tiles)),
    ("/searches/{search}/tiles/WebMercatorQuad", Some(Tiles)),
    ("/searches/{search}/tiles/WebMercatorQuad/tilejson.json", Some(Tiles)),
    ("/searches/{search}/tiles/WebMercatorQuad/{zoom}/{row}/{col}", Some(Tiles)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The paths of all routes: a router tells them in its debug text alone.
    fn routes() -> BTreeSet<String> {
        let router = crate::routes::router().merge(crate::operations::routes());
        let text = format!("{router:?}");
        let quoted = text.split('"').skip(1).step_by(2);
        quoted.filter(|path| path.starts_with('/') && !path.contains("__private")).map(str::to_owned).collect()
    }

    #[test]
    fn every_route_has_a_budget_and_every_budget_a_route() {
        let routes = routes();
        assert!(routes.len() > 80, "the routes were not found: {routes:?}");
        let known: BTreeSet<String> = BUDGETS.iter().map(|(route, _)| (*route).to_owned()).collect();
        assert_eq!(known.len(), BUDGETS.len(), "a route stands twice");
        let (without, gone) = (routes.difference(&known), known.difference(&routes));
        let (without, gone): (Vec<_>, Vec<_>) = (without.collect(), gone.collect());
        assert!(without.is_empty() && gone.is_empty(), "without a budget: {without:?}; no routes: {gone:?}");
    }

    #[test]
    fn what_changes_something_is_a_write_and_a_question_in_a_body_is_none() {
        for (method, route, expected) in [
            (Method::GET, Some("/search"), Some(Search)),
            (Method::POST, Some("/search"), Some(Search)),
            (Method::POST, Some("/searches"), Some(Budget::Write)),
            (Method::GET, Some("/collections/{collection}/items"), Some(Search)),
            (Method::POST, Some("/collections/{collection}/items"), Some(Budget::Write)),
            (Method::PUT, Some("/collections/{collection}/items/{item}/assets/{key}"), Some(Budget::Write)),
            (Method::HEAD, Some("/collections/{collection}/items/{item}/assets/{key}"), Some(Download)),
            (Method::POST, Some("/sign-out"), Some(Budget::Write)),
            (Method::GET, None, Some(Other)),
            (Method::DELETE, None, Some(Budget::Write)),
            (Method::GET, Some("/metrics"), None),
            (Method::GET, Some("/assets/{name}"), None),
        ] {
            assert_eq!(Budget::of(&method, route), expected, "{method} {route:?}");
        }
    }
}
