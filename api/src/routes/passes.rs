//! `/swot/passes`: when did SWOT see this place, when will it again?
//!
//! The passes are those of the stored collection of planned passes that the caller may see; what is computed here is
//! which of them see the place, and when.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use geo::{Geometry, GeometryCollection, MultiPolygon, Point, Polygon, Rect};
use nilometer_indexer::Snapshot;
use nilometer_indexer::orbit::{COLLECTION, Cycle, Side};
use nilometer_query::{Sight, sights};
use nilometer_schemas::limits::REFS_MAX;
use nilometer_schemas::{
    Bbox, Dialect, Direction, Filter, Instant, Kind, Problem, Scalar, Scope, Search, SortKey, TimeInterval,
};
use serde_json::{Value, json};

use super::ask::{Ask, to_bytes};
use super::question::{from_pairs, visible};
use super::search::{bad_request, see_other, with_parameter};
use crate::html::{self, PassesView, Refusal};
use crate::links::{HTML, JSON, collection_path, item_path};
use crate::problem::ApiError;
use crate::state::{App, run_blocking};

/// Parameters that name the place, of which one is given.
const PLACES: [&str; 3] = ["point", "place", "bbox"];
/// Parameters that are passed on to the search.
const PASSED_ON: [&str; 3] = ["datetime", "limit", "token"];
/// Passes on a page where the caller names no limit.
const LIMIT_DEFAULT: usize = 20;
/// Passes under way at one moment: one, and the one that ends or begins in that moment; with room to spare.
const AT_ONE_MOMENT: usize = 4;
const DAY_US: i64 = 86_400_000_000;
/// How far back a page begins if no period is named: one cycle.
const PAGE_BACK_US: i64 = 21 * DAY_US;
const ALLOWED: &str = "one of point=LONGITUDE,LATITUDE, place=COLLECTION.ID, bbox=WEST,SOUTH,EAST,NORTH";

/// What was asked.
pub(crate) struct Question {
    /// The name and text of the parameter that names the place; `None` for the empty form of the page.
    pub(crate) place: Option<(&'static str, String)>,
    /// Where the passes begin that a page shows if no period is named; `None` if one is.
    pub(crate) shown_from: Option<Instant>,
    search: Search,
}

/// One pass over the place.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Identifier of its item.
    pub(crate) id: String,
    /// Its cycle.
    pub(crate) cycle: Cycle,
    /// Where in the cycle it sees the place.
    pub(crate) sight: Sight,
}

/// The answer.
pub(crate) struct Passes {
    /// The place.
    pub(crate) place: Geometry<f64>,
    /// The last pass over the place before now.
    pub(crate) previous: Option<Seen>,
    /// The first one after now.
    pub(crate) next: Option<Seen>,
    /// All within the period asked for.
    pub(crate) matched: u64,
    /// Those on this page, oldest first.
    pub(crate) page: Vec<Seen>,
    /// Where the next page begins.
    pub(crate) token: Option<String>,
}

impl Seen {
    /// When the place comes into view; for a position, the closest approach.
    pub(crate) fn begin(&self) -> Instant {
        self.cycle.at(self.sight.span_s[0])
    }

    /// When it leaves.
    pub(crate) fn end(&self) -> Instant {
        self.cycle.at(self.sight.span_s[1])
    }

    fn json(&self, ask: &Ask) -> Value {
        let (pass, sides) = (self.sight.pass, self.sight.sides.iter().copied().map(Side::name));
        let (begin, end) = self.cycle.period(pass);
        let mut out = json!({
            "id": self.id,
            "cycle": self.cycle.number,
            "pass": pass.number(),
            "datetime": self.begin().to_string(),
            "end_datetime": self.end().to_string(),
            "orbit_state": pass.direction(),
            "sides": sides.collect::<Vec<_>>(),
            "extrapolated": self.cycle.extrapolated,
            "time_error_s": self.cycle.time_error_s,
            "pass_start": begin.to_string(),
            "pass_end": end.to_string(),
            "href": ask.links.absolute(&item_path(COLLECTION, &self.id)),
        });
        if let Some(km) = self.sight.distance_km {
            out["distance_from_nadir_km"] = ((km * 1000.0).round() / 1000.0).into();
        }
        out
    }
}

/// `GET /swot/passes`.
pub(super) async fn get(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    visible(COLLECTION, &ask)?;
    if ask.html {
        return page(app, ask).await;
    }
    let (snapshot, now, view) = (Arc::clone(&ask.snapshot), (app.clock)(), ask.clone());
    let question = question(&app, &ask, now)?;
    let seq = snapshot.seq_for(ask.scope);
    let bytes = run_blocking(move || {
        let passes = answer(&app, &snapshot, &question, view.scope, now)?;
        let passes = passes.ok_or_else(|| Problem::invalid("place", "no place is named").allowed(ALLOWED))?;
        to_bytes(&as_json(&view, &passes, now))
    })
    .await?;
    Ok(respond(&ask, seq, JSON, bytes))
}

/// What was last and what is next depends on the clock, so the tag is made from the answer itself.
fn respond(ask: &Ask, seq: u64, media_type: &str, bytes: Vec<u8>) -> Response {
    let etag = ask.etag(seq, media_type, &bytes);
    ask.not_modified(&etag).unwrap_or_else(|| ask.respond(media_type, &etag, bytes))
}

/// The page: a form for people, whose answer stands at the address that programs ask.
async fn page(app: App, ask: Ask) -> Result<Response, ApiError> {
    let (snapshot, now, view) = (Arc::clone(&ask.snapshot), (app.clock)(), ask.clone());
    match html::clean_passes_address(&ask, &snapshot) {
        Ok(None) => {}
        Ok(Some(clean)) => return Ok(see_other(&ask.links.local(&clean))),
        Err(refusal) => return refused(&app, &ask, refusal, now),
    }
    let question = match question(&app, &ask, now) {
        Ok(question) => question,
        Err(problem) => return refused(&app, &ask, problem.into(), now),
    };
    let seq = snapshot.seq_for(ask.scope);
    let (config, own) = (app.config.clone(), Arc::clone(&app));
    let made = run_blocking(move || {
        let passes = answer(&own, &snapshot, &question, view.scope, now)?;
        let shown = PassesView { question: Some(&question), passes: passes.as_ref(), refusal: None };
        Ok(html::passes(&view, &snapshot, &shown, now, &config)?.into_bytes())
    })
    .await;
    match made {
        Ok(bytes) => Ok(respond(&ask, seq, HTML, bytes)),
        Err(error) => refused(&app, &ask, error.problem().clone().into(), now).map_err(|_| error),
    }
}

/// The form again, with what is wrong.
fn refused(app: &App, ask: &Ask, refusal: Refusal, now: Instant) -> Result<Response, ApiError> {
    if refusal.problem.kind != Kind::Invalid {
        return Err(refusal.problem.into());
    }
    let shown = PassesView { question: None, passes: None, refusal: Some(&refusal) };
    Ok(bad_request(ask, html::passes(ask, &ask.snapshot, &shown, now, &app.config)?))
}

fn question(app: &App, ask: &Ask, now: Instant) -> Result<Question, Problem> {
    ask.only(&[&PLACES[..], &PASSED_ON].concat())?;
    let mut given = PLACES.into_iter().filter_map(|name| Some((name, ask.parameter(name)?.to_owned())));
    let place = given.next();
    if let Some((name, _)) = given.next() {
        return Err(Problem::invalid("place", "point, place and bbox exclude each other").at(name).allowed(ALLOWED));
    }
    let passed_on = ask.query.iter().filter(|(name, value)| PASSED_ON.contains(&name.as_str()) && !value.is_empty());
    let mut search = from_pairs(app, passed_on.cloned().collect(), &[], LIMIT_DEFAULT, Dialect::Edr)?.search;
    search.collections = vec![nilometer_schemas::CollectionId::new(COLLECTION)?];
    search.sortby = by_time(Direction::Ascending);
    // A reader wants to know of about now; the first passes of the mission are a link away.
    let midnight = (now.0 - PAGE_BACK_US).div_euclid(DAY_US) * DAY_US;
    let shown_from = (ask.html && search.datetime.is_none()).then_some(Instant(midnight));
    if shown_from.is_some() {
        search.datetime = Some(TimeInterval { start: shown_from, end: None });
    }
    Ok(Question { place, shown_from, search })
}

fn by_time(direction: Direction) -> Vec<SortKey> {
    vec![SortKey { field: "datetime".into(), direction }]
}

/// The geometry of the place asked for.
fn geometry(snapshot: &Snapshot, name: &str, text: &str, scope: Scope) -> Result<Geometry<f64>, Problem> {
    match name {
        "place" => stored(snapshot, text, scope),
        "bbox" => {
            let rect = |b: Bbox| -> Polygon<f64> { Rect::new((b.west, b.south), (b.east, b.north)).to_polygon() };
            let parts: Vec<Polygon<f64>> = Bbox::parse(text)?.split().into_iter().map(rect).collect();
            Ok(Geometry::MultiPolygon(MultiPolygon(parts)))
        }
        _ => point(text).map(Geometry::Point),
    }
}

/// The geometry of a stored item, or of several with commas between.
fn stored(snapshot: &Snapshot, text: &str, scope: Scope) -> Result<Geometry<f64>, Problem> {
    let one = |text: &str| nilometer_query::place(snapshot, text, scope).map_err(|problem| problem.at("place"));
    let parts: Vec<&str> = text.split(',').collect();
    // A comma may be part of an id.
    match one(text) {
        Err(_) if parts.len() > 1 => {}
        whole => return whole,
    }
    if parts.len() > REFS_MAX {
        let detail = format!("{} places are named, the limit is {REFS_MAX}", parts.len());
        return Err(Problem::invalid("place", detail).at("place"));
    }
    let parts = parts.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    Ok(Geometry::GeometryCollection(GeometryCollection(parts)))
}

fn point(text: &str) -> Result<Point<f64>, Problem> {
    let bad = || {
        Problem::invalid("point", format!("{text:?} is no position"))
            .at("point")
            .allowed("LONGITUDE,LATITUDE in degrees, -180 to 180 and -90 to 90")
    };
    let numbers: Option<Vec<f64>> = text.split(',').take(3).map(|part| part.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some([lon, lat]) if (-180.0..=180.0).contains(lon) && (-90.0..=90.0).contains(lat) => {
            Ok(Point::new(*lon, *lat))
        }
        _ => Err(bad()),
    }
}

/// Asks the catalogue for the passes that see the place.
struct Finder<'a> {
    snapshot: &'a Snapshot,
    scope: Scope,
    /// By the number of the pass.
    sights: BTreeMap<u32, Sight>,
    search: Search,
}

impl Finder<'_> {
    /// A page of passes in this period, with the count of all that overlap it and the next page's token.
    fn find(&self, search: &Search) -> Result<(Vec<Seen>, u64, Option<String>), ApiError> {
        let page = nilometer_query::search(self.snapshot, search, self.scope)?;
        let mut found = Vec::with_capacity(page.items.len());
        for item in &page.items {
            let value: Value = serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)?;
            let number = |name: &str| value["properties"][name].as_u64().and_then(|n| u32::try_from(n).ok());
            let cycle = number("spatial:cycle_id").and_then(Cycle::of);
            let sight = number("spatial:pass_id").and_then(|pass| self.sights.get(&pass));
            if let (Some(cycle), Some(sight)) = (cycle, sight) {
                found.push(Seen { id: item.id.as_str().to_owned(), cycle, sight: sight.clone() });
            }
        }
        Ok((found, page.number_matched, page.next))
    }

    /// Passes around one end of a period, in one direction from it.
    fn from(&self, datetime: TimeInterval, direction: Direction) -> Result<Vec<Seen>, ApiError> {
        let search = Search {
            datetime: Some(datetime),
            sortby: by_time(direction),
            limit: AT_ONE_MOMENT,
            token: None,
            ..self.search.clone()
        };
        Ok(self.find(&search)?.0)
    }

    /// Passes that overlap the period asked for, but see the place before or after it.
    fn outside(&self, period: Option<TimeInterval>) -> Result<Vec<Seen>, ApiError> {
        let mut out: Vec<Seen> = Vec::new();
        let ends = period.into_iter().flat_map(|p| [p.start, p.end]).flatten();
        for moment in ends {
            let at = TimeInterval { start: Some(moment), end: Some(moment) };
            for seen in self.from(at, Direction::Ascending)? {
                if !within(&seen, period) && out.iter().all(|other| other.id != seen.id) {
                    out.push(seen);
                }
            }
        }
        Ok(out)
    }
}

fn within(seen: &Seen, period: Option<TimeInterval>) -> bool {
    let Some(TimeInterval { start, end }) = period else { return true };
    start.is_none_or(|start| seen.end() >= start) && end.is_none_or(|end| seen.begin() <= end)
}

fn answer(
    app: &App,
    snapshot: &Snapshot,
    question: &Question,
    scope: Scope,
    now: Instant,
) -> Result<Option<Passes>, ApiError> {
    let Some((name, text)) = &question.place else { return Ok(None) };
    let place = geometry(snapshot, name, text, scope)?;
    let sights: BTreeMap<u32, Sight> = sights(&place).into_iter().map(|s| (s.pass.number(), s)).collect();
    let values = sights.keys().map(|pass| Scalar::Number(f64::from(*pass)));
    let filter = Filter::one_of("spatial:pass_id", values);
    let filter = if sights.is_empty() { Filter::Const(false) } else { filter };
    let search = Search { filter: Some(filter), ..question.search.clone() };
    let finder = Finder { snapshot, scope, sights, search };
    let period = finder.search.datetime;
    let (mut page, matched, token) = finder.find(&finder.search)?;
    let token = token.map(|token| app.accounts.seal_token(&token));
    page.retain(|seen| within(seen, period));
    let matched = matched - finder.outside(period)?.len() as u64;
    let before = TimeInterval { start: None, end: Some(now) };
    let after = TimeInterval { start: Some(now), end: None };
    let previous = finder.from(before, Direction::Descending)?.into_iter().find(|seen| seen.begin() <= now);
    let next = finder.from(after, Direction::Ascending)?.into_iter().find(|seen| seen.begin() > now);
    Ok(Some(Passes { place, previous, next, matched, page, token }))
}

fn as_json(ask: &Ask, passes: &Passes, now: Instant) -> Value {
    let mut links = vec![
        ask.links.link("self", JSON, &ask.path_and_query),
        ask.links.link("root", JSON, "/"),
        ask.links.link("collection", JSON, &collection_path(COLLECTION)),
        ask.links.link("alternate", HTML, &with_parameter(ask, "f", "html")),
    ];
    if let Some(token) = &passes.token {
        links.push(ask.links.link("next", JSON, &with_parameter(ask, "token", token)));
    }
    let one = |seen: &Option<Seen>| seen.as_ref().map(|s| s.json(ask));
    json!({
        "now": now.to_string(),
        "previous": one(&passes.previous),
        "next": one(&passes.next),
        "numberMatched": passes.matched,
        "numberReturned": passes.page.len(),
        "passes": passes.page.iter().map(|seen| seen.json(ask)).collect::<Vec<_>>(),
        "links": links,
    })
}
