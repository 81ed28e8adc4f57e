//! `/robots.txt` and `/sitemap.xml`: what search engines may read, and where it all is.
//!
//! The sitemap lists what visitors see. Where it has more addresses than one file may hold (sitemaps.org: 50 000), it is
//! an index of parts: the pages and collections, then each collection's items by page.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use nilometer_indexer::{Snapshot, StoredCollection};
use nilometer_schemas::{Direction, Problem, Scope, Search, SortKey};

use super::ask::Ask;
use crate::html::Legal;
use crate::links::{collection_path, item_path};
use crate::problem::ApiError;
use crate::state::App;

const XML: &str = "application/xml";
const NAMESPACE: &str = "http://www.sitemaps.org/schemas/sitemap/0.9";
/// Most addresses of one file.
const URLS_MAX: usize = 50_000;
/// Items of one part; a page of the search holds so many.
const PART_ITEMS: u64 = 10_000;

/// One part: the pages, or some of a collection's items.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Pages,
    Items { collection: String, number: u64 },
}

/// `GET /robots.txt`.
pub(super) async fn robots(ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let sitemap = ask.links.absolute("/sitemap.xml");
    // Searches and series have no end of addresses; the pages that lead to them are in the sitemap. Accounts are nobody's
    // reading.
    let closed = [
        "/search",
        "/aggregate",
        "/changes",
        "/tiles",
        "/hydrocron",
        "/swot/passes?",
        "/account",
        "/admin",
        "/sign-",
        "/password",
    ];
    let mut text = "User-agent: *\n".to_owned();
    for path in closed {
        let _ = writeln!(text, "Disallow: {}", ask.links.local(path));
    }
    let _ = write!(text, "\nSitemap: {sitemap}\n");
    let etag = ask.etag(0, "text/plain", text.as_bytes());
    Ok(ask.not_modified(&etag).unwrap_or_else(|| ask.respond("text/plain; charset=utf-8", &etag, text.into_bytes())))
}

/// `GET /sitemap.xml`.
pub(super) async fn sitemap(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let public = Public::of(&app).await?;
    let view = ask.clone();
    ask.answer(public.version(), XML, &public.tag(), move || {
        let parts = public.parts();
        if public.count() <= URLS_MAX {
            let mut paths = Vec::new();
            for part in &parts {
                paths.extend(public.paths_of(part)?);
            }
            return Ok(url_set(&view, &paths));
        }
        let address = |part: &Part| match part {
            Part::Pages => "/sitemap/pages.xml".to_owned(),
            Part::Items { collection, number } => format!("/sitemap/{}/{number}.xml", crate::links::encode(collection)),
        };
        let entries: String = parts
            .iter()
            .map(|part| format!("<sitemap><loc>{}</loc></sitemap>\n", escaped(&view.links.absolute(&address(part)))))
            .collect();
        Ok(document(&format!("<sitemapindex xmlns=\"{NAMESPACE}\">\n{entries}</sitemapindex>\n")))
    })
    .await
}

/// `GET /sitemap/pages.xml`.
pub(super) async fn pages(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    part(app, ask, Part::Pages).await
}

/// `GET /sitemap/{collection}/{NUMBER.xml}`.
pub(super) async fn items(
    State(app): State<App>,
    Path((collection, file)): Path<(String, String)>,
    ask: Ask,
) -> Result<Response, ApiError> {
    let absent = || Problem::not_found("sitemap-not-found", "there is no such part of the sitemap");
    let number = file.strip_suffix(".xml").and_then(|number| number.parse().ok()).ok_or_else(absent)?;
    part(app, ask, Part::Items { collection, number }).await
}

async fn part(app: App, ask: Ask, part: Part) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let public = Public::of(&app).await?;
    if !public.parts().contains(&part) {
        return Err(Problem::not_found("sitemap-not-found", "there is no such part of the sitemap").into());
    }
    let view = ask.clone();
    ask.answer(public.version(), XML, &public.tag(), move || Ok(url_set(&view, &public.paths_of(&part)?))).await
}

/// What visitors see, whoever asks: the sitemap is for search engines.
struct Public {
    snapshot: Arc<Snapshot>,
    scope: Scope,
}

impl Public {
    async fn of(app: &App) -> Result<Self, ApiError> {
        let visitor = app.accounts.visitor().await?;
        Ok(Self { snapshot: app.view(&visitor).await?, scope: visitor.scope() })
    }

    fn version(&self) -> u64 {
        self.snapshot.seq_for(self.scope)
    }

    /// What tells it from what visitors see by other rights.
    fn tag(&self) -> Vec<u8> {
        self.scope.tag().into_bytes()
    }

    /// All parts.
    fn parts(&self) -> Vec<Part> {
        let mut parts = vec![Part::Pages];
        for stored in self.snapshot.collections(self.scope) {
            let id = stored.collection.id.as_str();
            let items = self.snapshot.collection_stats(id).items;
            let part = |number| Part::Items { collection: id.to_owned(), number };
            parts.extend((0..items.div_ceil(PART_ITEMS)).map(part));
        }
        parts
    }

    /// Number of addresses in all.
    fn count(&self) -> usize {
        let collections = self.snapshot.collections(self.scope);
        let items =
            |stored: &&Arc<StoredCollection>| self.snapshot.collection_stats(stored.collection.id.as_str()).items;
        let items: u64 = collections.iter().map(items).sum();
        usize::try_from(items).unwrap_or(usize::MAX).saturating_add(collections.len())
    }

    fn paths_of(&self, part: &Part) -> Result<Vec<String>, ApiError> {
        match part {
            Part::Pages => {
                let mut paths = vec!["/".to_owned(), "/collections".to_owned(), "/api.html".to_owned()];
                paths.extend(Legal::ALL.into_iter().map(Legal::path));
                let collections = self.snapshot.collections(self.scope).into_iter();
                paths.extend(collections.map(|stored| collection_path(stored.collection.id.as_str())));
                Ok(paths)
            }
            Part::Items { collection, number } => self.item_paths(collection, *number),
        }
    }

    /// The items of a part, by id. The pages before it are walked over, so that no state is kept between requests.
    fn item_paths(&self, collection: &str, number: u64) -> Result<Vec<String>, ApiError> {
        let mut search = Search {
            collections: vec![nilometer_schemas::CollectionId::new(collection)?],
            sortby: vec![SortKey { field: "id".into(), direction: Direction::Ascending }],
            limit: usize::try_from(PART_ITEMS).unwrap_or(usize::MAX),
            ..Search::default()
        };
        for _ in 0..number {
            match nilometer_query::search(&self.snapshot, &search, self.scope)?.next {
                Some(token) => search.token = Some(token),
                None => return Ok(Vec::new()),
            }
        }
        let page = nilometer_query::search(&self.snapshot, &search, self.scope)?;
        Ok(page.items.iter().map(|item| item_path(collection, item.id.as_str())).collect())
    }
}

fn url_set(ask: &Ask, paths: &[String]) -> Vec<u8> {
    let entries: String =
        paths.iter().map(|path| format!("<url><loc>{}</loc></url>\n", escaped(&ask.links.absolute(path)))).collect();
    document(&format!("<urlset xmlns=\"{NAMESPACE}\">\n{entries}</urlset>\n"))
}

fn document(body: &str) -> Vec<u8> {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}").into_bytes()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&apos;")
}
