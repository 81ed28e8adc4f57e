//! What of a feature's series a page shows: parameters, period, step, statistics, versions, and the page of the table.
//! All of it stands in the address, and all of it is one request to OGC API EDR.

use nilometer_indexer::Snapshot;
use nilometer_query::series::{Method, Resample, SeriesQuery, Step, Summary, Versions, parameters};
use nilometer_schemas::{CollectionId, Dialect, Instant, Parameter, ParameterType, Problem, TimeInterval};

use crate::links::{location_path, with_query};
use crate::routes::ask::{Ask, whole_number};
use crate::routes::edr::Format;

/// Parameters of the address of an item's page.
pub(crate) const PARAMETERS: [&str; 7] = ["parameter-name", "from", "to", "resample", "method", "version", "page"];
/// Most parameters in one view.
pub(super) const CHOSEN_MAX: usize = 6;
/// Rows of a page of the table.
pub(super) const ROWS_ON_PAGE: usize = 100;
/// Most rows of a view; a view of more is refused in words, and its downloads hold all.
pub(crate) const ROWS_MAX: usize = 50_000;
/// Values that are shown one by one where no step is named.
const PLAIN_MAX: f64 = 12_000.0;
/// Steps of a chart where no step is named.
const STEPS_MAX: f64 = 4_000.0;
/// The step that means: every value.
const EVERY_VALUE: &str = "none";
/// Statistics of a step where none is named: the mean, and the range around it.
const METHODS_DEFAULT: [Method; 3] = [Method::Mean, Method::Min, Method::Max];
/// Parameters that a feature is best known by, first of all.
const BEST_KNOWN: [&str; 3] = ["wse", "discharge", "water_level"];
const DAY_US: i64 = 86_400_000_000;

/// What is shown.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(super) collection: CollectionId,
    pub(super) feature: String,
    /// Title of the feature.
    pub(super) title: String,
    /// All parameters of the collection.
    pub(super) known: Vec<Parameter>,
    /// What is known of the feature's observations.
    pub(in crate::html) summary: Summary,
    /// Names of the parameters shown.
    pub(super) chosen: Vec<String>,
    /// First day, as midnight.
    pub(super) from: Option<Instant>,
    /// Last day, as midnight.
    pub(super) to: Option<Instant>,
    /// What the address says of the step; `None` if nothing.
    named_step: Option<String>,
    /// The step in force; `None` for every value.
    pub(super) step: Option<Step>,
    /// Statistics of a step.
    pub(super) methods: Vec<Method>,
    pub(super) versions: Versions,
    /// Page of the table, from 1 on; the first has the newest rows.
    pub(super) page: usize,
}

/// What a link changes of a view.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// The period: first and last day.
    Period(Option<Instant>, Option<Instant>),
    /// The page of the table.
    Page(usize),
}

impl View {
    /// Reads the address of an item's page; `None` where the feature has no observations that can be drawn.
    ///
    /// # Errors
    /// `Invalid` naming the parameter and what is allowed.
    pub(crate) fn read(
        ask: &Ask,
        snapshot: &Snapshot,
        collection: &CollectionId,
        feature: &str,
        title: String,
        summary: Summary,
    ) -> Result<Option<Self>, Problem> {
        let known = parameters(snapshot, collection.as_str(), ask.scope);
        let chosen = chosen(ask, &known, &summary)?;
        if chosen.is_empty() {
            return Ok(None);
        }
        let (from, to) = (day(ask, "from")?, day(ask, "to")?);
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(Problem::invalid("from", "the period ends before it begins").at("from"));
        }
        let methods = methods(ask)?;
        let mut view = Self {
            collection: collection.clone(),
            feature: feature.to_owned(),
            title,
            known,
            summary,
            chosen,
            from,
            to,
            named_step: ask.parameter("resample").map(str::to_owned),
            step: None,
            methods,
            versions: versions(ask),
            page: page(ask)?,
        };
        view.step = view.step_in_force()?;
        Ok(Some(view))
    }

    /// Names of the parameters shown.
    pub(crate) fn chosen(&self) -> &[String] {
        &self.chosen
    }

    fn step_in_force(&self) -> Result<Option<Step>, Problem> {
        match self.named_step.as_deref() {
            Some(EVERY_VALUE) => Ok(None),
            Some(text) => Step::parse(text).map(Some).map_err(|problem| problem.at("resample")),
            None => Ok(self.fitting_step()),
        }
    }

    /// The finest step that makes a long series readable; none for a short one.
    fn fitting_step(&self) -> Option<Step> {
        let (first, last) = self.span();
        let (begin, end) = self.period();
        let days = |begin: Instant, end: Instant| ((end.0 - begin.0) as f64 / DAY_US as f64).max(1.0);
        let counted = |name: &String| self.summary.latest.iter().find(|l| l.parameter == *name).map(|l| l.count);
        let count = self.chosen.iter().filter_map(counted).max().unwrap_or(self.summary.count);
        let in_period = count as f64 * (days(begin, end) / days(first, last)).min(1.0);
        if in_period <= PLAIN_MAX || self.versions != Versions::Latest {
            return None;
        }
        let steps = [("P1D", 1.0), ("P1M", 30.4), ("P1Y", 365.25)];
        let fits = |(_, width): &&(&str, f64)| days(begin, end) / width <= STEPS_MAX;
        let (name, _) = steps.iter().find(fits).unwrap_or(&steps[2]);
        Step::parse(name).ok()
    }

    /// First and last time of the values of the chosen parameters, or of all observations where that is not known.
    pub(super) fn span(&self) -> (Instant, Instant) {
        let known = self.summary.latest.iter().filter(|latest| self.chosen.contains(&latest.parameter));
        let spans: Vec<(Instant, Instant)> = known.map(|latest| latest.span).collect();
        if spans.len() < self.chosen.len() {
            return self.summary.span;
        }
        let (first, last) = (spans.iter().map(|span| span.0).min(), spans.iter().map(|span| span.1).max());
        first.zip(last).unwrap_or(self.summary.span)
    }

    /// The period shown, both ends included: that of the address, else that of the data.
    pub(super) fn period(&self) -> (Instant, Instant) {
        let (first, last) = self.span();
        (self.from.unwrap_or(first), self.to.map_or(last, |day| Instant(day.0 + DAY_US - 1)))
    }

    /// A parameter by its name.
    pub(in crate::html) fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.known.iter().find(|parameter| parameter.name == name)
    }

    /// Parameters that can be shown: quantities, those of which this feature is known to have none left out.
    pub(super) fn offered(&self) -> impl Iterator<Item = &Parameter> {
        self.known.iter().filter(|p| is_quantity(p) && !lacks(&self.summary, p))
    }

    /// Names asked of the interface: the chosen ones, and where every value is shown those that tell how good it is.
    pub(super) fn columns(&self) -> Vec<String> {
        if self.step.is_some() {
            return self.chosen.clone();
        }
        let mut names: Vec<String> = Vec::new();
        for parameter in self.chosen.iter().filter_map(|name| self.parameter(name)) {
            let companions = [&parameter.uncertainty, &parameter.quality].into_iter().flatten();
            for name in std::iter::once(&parameter.name).chain(companions) {
                if self.parameter(name).is_some() && !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        names
    }

    /// The same question to the series.
    ///
    /// # Errors
    /// None for a view that was read.
    pub(crate) fn query(&self) -> Result<SeriesQuery, Problem> {
        let period = self.datetime().map(|text| TimeInterval::parse(&text, Dialect::Edr)).transpose()?;
        Ok(SeriesQuery {
            collection: self.collection.clone(),
            features: Some(vec![self.feature.clone()]),
            period,
            parameters: self.columns(),
            versions: self.versions.clone(),
            resample: self.step.map(|step| Resample { step, methods: self.methods.clone() }),
        })
    }

    /// The question that tells whether there is a version of this name at all: its rows of all times.
    pub(crate) fn query_of_version(&self) -> Option<SeriesQuery> {
        let Versions::Only(_) = &self.versions else { return None };
        Some(SeriesQuery {
            collection: self.collection.clone(),
            features: Some(vec![self.feature.clone()]),
            period: None,
            parameters: self.chosen.clone(),
            versions: self.versions.clone(),
            resample: None,
        })
    }

    /// What to say of a version that there is not, where these are.
    pub(crate) fn no_such_version(&self, known: &[&str]) -> Problem {
        let detail = format!("there is no version {:?} of these observations", self.version_name().unwrap_or_default());
        let allowed = ["latest", "all"].iter().chain(known).copied().collect::<Vec<_>>().join(", ");
        Problem::invalid("version-unknown", detail).at("version").allowed(allowed)
    }

    fn datetime(&self) -> Option<String> {
        let end = |day: Option<Instant>| day.map_or("..".to_owned(), date);
        (self.from.is_some() || self.to.is_some()).then(|| format!("{}/{}", end(self.from), end(self.to)))
    }

    /// Path and query of the same question to the interface.
    pub(super) fn api_path(&self, format: Format) -> String {
        let mut pairs = vec![("f", format.label().to_owned()), ("parameter-name", self.columns().join(","))];
        pairs.extend(self.datetime().map(|text| ("datetime", text)));
        if let Some(step) = self.step {
            pairs.extend([("resample", step.to_string()), ("method", self.method_names())]);
        }
        pairs.extend(self.version_name().map(|name| ("version", name)));
        let path = location_path(self.collection.as_str(), &self.feature);
        with_query(&path, pairs.iter().map(|(name, value)| (*name, value.as_str())))
    }

    /// The query of this page with something changed, as pairs; what is not in the address stays out of it.
    pub(super) fn pairs(&self, change: Change) -> Vec<(&'static str, String)> {
        let (mut from, mut to, mut page) = (self.from, self.to, 1);
        match change {
            Change::Period(begin, end) => (from, to) = (begin, end),
            Change::Page(number) => page = number,
        }
        let mut pairs = vec![("parameter-name", self.chosen.join(","))];
        pairs.extend(from.map(|day| ("from", date(day))));
        pairs.extend(to.map(|day| ("to", date(day))));
        pairs.extend(self.named_step.clone().map(|step| ("resample", step)));
        if self.methods != METHODS_DEFAULT {
            pairs.push(("method", self.method_names()));
        }
        pairs.extend(self.version_name().map(|name| ("version", name)));
        if page > 1 {
            pairs.push(("page", page.to_string()));
        }
        pairs
    }

    /// The step as the address names it; empty if it names none.
    pub(super) fn step_name(&self) -> &str {
        self.named_step.as_deref().unwrap_or_default()
    }

    /// The statistics, with commas between.
    pub(super) fn method_names(&self) -> String {
        self.methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(",")
    }

    /// The version as the address names it.
    pub(super) fn version_name(&self) -> Option<String> {
        match &self.versions {
            Versions::Latest => None,
            Versions::All => Some("all".to_owned()),
            Versions::Only(name) => Some(name.clone()),
        }
    }

    /// Periods one step away from this one, within what the data hold and a day beyond.
    pub(super) fn moved(&self, how: Move) -> Change {
        let (begin, end) = self.period();
        let width = (end.0 - begin.0).max(DAY_US);
        let (begin, end) = match how {
            Move::In => (begin.0 + width / 4, end.0 - width / 4),
            Move::Out => (begin.0 - width / 2, end.0 + width / 2),
            Move::Earlier => (begin.0 - width / 2, end.0 - width / 2),
            Move::Later => (begin.0 + width / 2, end.0 + width / 2),
        };
        let (first, last) = self.span();
        if how == Move::Out && begin <= first.0 && end >= last.0 {
            return Change::Period(None, None);
        }
        let midnight = |us: i64| Instant(us.div_euclid(DAY_US) * DAY_US);
        let (begin, end) = (midnight(begin), midnight(end));
        Change::Period(Some(begin), Some(end.max(begin)))
    }
}

/// A step of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    In,
    Out,
    Earlier,
    Later,
}

/// `2024-02-29` of a moment.
pub(in crate::html) fn date(moment: Instant) -> String {
    moment.to_string().chars().take(10).collect()
}

fn is_quantity(parameter: &Parameter) -> bool {
    parameter.kind != ParameterType::Text && parameter.categories.is_none()
}

/// Whether a parameter whose latest values are kept has none at this feature.
fn lacks(summary: &Summary, parameter: &Parameter) -> bool {
    parameter.keeps_latest() && !summary.latest.iter().any(|latest| latest.parameter == parameter.name)
}

fn chosen(ask: &Ask, known: &[Parameter], summary: &Summary) -> Result<Vec<String>, Problem> {
    let quantities = || known.iter().filter(|p| is_quantity(p));
    // A form sends one parameter for each box that is ticked, a link all of them with commas.
    let given = ask.query.iter().filter(|(name, _)| name == "parameter-name").flat_map(|(_, value)| value.split(','));
    let mut names: Vec<String> = Vec::new();
    for name in given.map(str::trim).filter(|name| !name.is_empty()) {
        if !quantities().any(|p| p.name == name) {
            let all: Vec<&str> = quantities().map(|p| p.name.as_str()).collect();
            let detail = format!("the collection has no quantity {name:?}");
            return Err(Problem::invalid("parameter-name", detail).at("parameter-name").allowed(all.join(", ")));
        }
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    if names.len() > CHOSEN_MAX {
        let detail = format!("{} parameters are chosen, a page shows {CHOSEN_MAX}", names.len());
        return Err(Problem::invalid("parameter-name", detail)
            .at("parameter-name")
            .allowed(format!("at most {CHOSEN_MAX}")));
    }
    if !names.is_empty() {
        return Ok(names);
    }
    let has = |name: &&str| summary.latest.iter().any(|latest| latest.parameter == **name);
    let best = BEST_KNOWN.iter().find(|name| has(name)).map(|name| (*name).to_owned());
    let most = || summary.latest.iter().rev().max_by_key(|latest| latest.count).map(|latest| latest.parameter.clone());
    let first = || quantities().next().map(|p| p.name.clone());
    Ok(best.or_else(most).or_else(first).into_iter().collect())
}

fn day(ask: &Ask, name: &'static str) -> Result<Option<Instant>, Problem> {
    let Some(text) = ask.parameter(name) else { return Ok(None) };
    let midnight = if text.len() == 10 { Instant::parse(&format!("{text}T00:00:00Z")) } else { None };
    let bad = || Problem::invalid("date", format!("{text:?} is no day")).at(name).allowed("a day such as 2024-02-29");
    midnight.map(Some).ok_or_else(bad)
}

fn methods(ask: &Ask) -> Result<Vec<Method>, Problem> {
    let Some(text) = ask.parameter("method") else { return Ok(METHODS_DEFAULT.to_vec()) };
    let mut methods = Vec::new();
    for name in text.split(',') {
        let method = Method::parse(name.trim()).map_err(|problem| problem.at("method"))?;
        // The number of values stands beside every statistic anyway.
        if method != Method::Count && !methods.contains(&method) {
            methods.push(method);
        }
    }
    Ok(if methods.is_empty() { METHODS_DEFAULT.to_vec() } else { methods })
}

fn versions(ask: &Ask) -> Versions {
    match ask.parameter("version") {
        None | Some("latest") => Versions::Latest,
        Some("all") => Versions::All,
        Some(name) => Versions::Only(name.to_owned()),
    }
}

fn page(ask: &Ask) -> Result<usize, Problem> {
    let Some(text) = ask.parameter("page") else { return Ok(1) };
    match usize::try_from(whole_number("page", text)?) {
        Ok(page) if page > 0 => Ok(page),
        _ => Err(Problem::invalid("page", "pages are counted from 1").at("page").allowed("1 and more")),
    }
}
