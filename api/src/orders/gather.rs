//! From selections to files: which assets and series of which items are delivered, under which names.
//!
//! Of an item come its assets with the role `data`, or all but pictures and metadata where none has it, or all where there is
//! nothing else; and the series of a feature that has one.

use std::sync::Arc;

use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_schemas::{Kind, Problem, Scope};
use serde_json::Value;

use super::contents::Origin;
use super::documents;
use super::left_out::{LeftOut, Sieve};
use super::licence::Accepted;
use super::request::{OutputFormat, Request, Selection};
use super::subset::Part;
use crate::exports;
use crate::files::{Files, are_granted, has_series};
use crate::problem::ApiError;
use crate::routes::edr::Format;
use crate::zip::{Names, harmless};

/// Roles of assets that are not delivered where an item has others.
const SECONDARY_ROLES: [&str; 4] = ["metadata", "overview", "thumbnail", "visual"];

/// What is delivered of an item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    /// A file as it lies.
    Original,
    /// A zipped shapefile in another format.
    Converted(OutputFormat),
    /// The series of a feature.
    Series(Format),
}

/// One file to be.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Its path in the archive.
    pub(crate) path: String,
    /// What it is of.
    pub(crate) origin: Origin,
    /// What is done.
    pub(crate) wanted: Wanted,
    /// Where the file lies, as the item says; empty for series.
    pub(crate) href: String,
    /// Its bytes, as the item says.
    pub(crate) size: Option<u64>,
    /// Its checksum, as the item says.
    pub(crate) checksum: Option<String>,
    /// Number of the selection.
    pub(super) selection: usize,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) candidates: Vec<Candidate>,
    /// Ids of their collections, in the order in which they came.
    pub(crate) collections: Vec<String>,
    /// Folders with the collections whose files lie in them, and the paths of their documents.
    pub(super) folders: Vec<documents::Folder>,
    /// Files that lie on servers that the service does not hand on.
    pub(crate) elsewhere: u64,
    /// Collections that were reached without being named and whose files are not for whoever asks.
    pub(crate) left_out: Vec<LeftOut>,
}

/// What is asked for, and on whose behalf.
pub(crate) struct Asking<'a> {
    pub(crate) files: &'a Files,
    pub(crate) snapshot: &'a Arc<Snapshot>,
    pub(crate) request: &'a Request,
    pub(crate) scope: Scope,
    pub(crate) accepted: &'a Accepted,
    /// Files at most.
    pub(crate) files_max: usize,
}

impl Gathered {
    /// Bytes of the files whose items tell them.
    pub(crate) fn bytes(&self) -> u64 {
        let known = self.candidates.iter().filter(|candidate| candidate.wanted == Wanted::Original);
        known.filter_map(|candidate| candidate.size).sum()
    }

    /// Files of which nobody knows the size beforehand.
    pub(crate) fn unknown_sizes(&self) -> usize {
        self.candidates
            .iter()
            .filter(|candidate| candidate.size.is_none() || candidate.wanted != Wanted::Original)
            .count()
    }
}

/// Finds the files of an order; blocks.
///
/// # Errors
/// As [`Selection::search`] and the search; `Forbidden` for items of a named collection of which the metadata alone are seen;
/// `TooLarge` above `files_max`.
pub(crate) fn gather(asking: &Asking<'_>) -> Result<Gathered, ApiError> {
    let Asking { files, snapshot, request, scope, accepted, files_max } = *asking;
    let mut gathered = Gathered::default();
    let mut names = Names::default();
    let mut sieve = Sieve::new(snapshot, scope, accepted);
    for (at, selection) in request.selections.iter().enumerate() {
        let part = selection.subset.as_ref().map(|subset| subset.read()).transpose()?.unwrap_or_default();
        let search = selection.search(snapshot, &scope)?;
        let named = selection.named();
        for item in exports::find(snapshot, &search, scope)? {
            let item = item?;
            let collection = item.collection.as_str();
            if named.contains(&collection) {
                // Whether the credential may fetch is asked of the one that fetches.
                are_granted(snapshot.level(collection, scope), &item.collection)?;
            } else if !sieve.passes(collection) {
                continue;
            }
            let of = OfItem { files, snapshot, selection, part: &part, scope, at };
            of.add(&item, &mut names, &mut gathered)?;
            if gathered.candidates.len() > files_max {
                let detail = format!("an order has at most {files_max} files, and these selections have more");
                return Err(Problem::new(Kind::TooLarge, "order-files", detail).into());
            }
        }
    }
    gathered.left_out = sieve.finish();
    Ok(gathered)
}

struct OfItem<'a> {
    files: &'a Files,
    snapshot: &'a Arc<Snapshot>,
    selection: &'a Selection,
    part: &'a Part,
    scope: Scope,
    at: usize,
}

impl OfItem<'_> {
    fn add(&self, item: &StoredItem, names: &mut Names, gathered: &mut Gathered) -> Result<(), ApiError> {
        let body: Value = serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)?;
        let mut found = Vec::new();
        for (key, asset) in chosen(&body) {
            let href = asset["href"].as_str().unwrap_or_default();
            let Some(location) = self.files.locate(href) else {
                gathered.elsewhere += 1;
                continue;
            };
            let name = location.file_name(item.id.as_str());
            for (wanted, name) in self.of_asset(asset, &name) {
                found.push((key, wanted, name, Some(asset)));
            }
        }
        if has_series(self.snapshot, item, self.scope) && self.part.has_place(&body["geometry"]) {
            for format in self.series_formats() {
                let name = format!("{}.{}", item.id.as_str(), format.extension());
                found.push(("series", Wanted::Series(format), name, None));
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        let collection = item.collection.as_str();
        if !gathered.collections.iter().any(|known| known == collection) {
            gathered.collections.push(collection.to_owned());
        }
        let folder = self.selection.folder(collection);
        documents::reserve(&mut gathered.folders, names, &folder, collection);
        for (key, wanted, name, asset) in found {
            let processing = match wanted {
                Wanted::Original => "original",
                Wanted::Converted(_) => "converted",
                Wanted::Series(_) => "series",
            };
            let text = |member: &str| asset.and_then(|asset| asset[member].as_str()).map(str::to_owned);
            gathered.candidates.push(Candidate {
                path: names.add(&folder, &name),
                origin: Origin {
                    collection: collection.to_owned(),
                    item: item.id.as_str().to_owned(),
                    asset: key.to_owned(),
                    processing: processing.to_owned(),
                },
                wanted,
                href: text("href").unwrap_or_default(),
                size: asset.and_then(|asset| asset["file:size"].as_u64()),
                checksum: text("file:checksum"),
                selection: self.at,
            });
        }
        Ok(())
    }

    /// What is delivered of a stored file. What cannot be converted is delivered as it lies.
    fn of_asset(&self, asset: &Value, name: &str) -> Vec<(Wanted, String)> {
        let formats = &self.selection.formats;
        let mut conversions: Vec<OutputFormat> = Vec::new();
        if is_zipped_shapefile(asset, name) {
            let is_table = |f: &&OutputFormat| !matches!(f, OutputFormat::Original | OutputFormat::Parquet);
            conversions.extend(formats.iter().filter(is_table));
            // A part of a shapefile is asked for, and it must have some form.
            if conversions.is_empty() && formats.is_empty() && self.selection.subset.is_some() {
                conversions.push(OutputFormat::Geoparquet);
            }
        }
        conversions.dedup();
        let mut all = Vec::new();
        if conversions.is_empty() || formats.contains(&OutputFormat::Original) {
            all.push((Wanted::Original, name.to_owned()));
        }
        let stem = name.strip_suffix(".zip").unwrap_or(name);
        for format in conversions {
            let extension = match format {
                OutputFormat::Geojson => "geojson",
                OutputFormat::Csv => "csv",
                _ => "parquet",
            };
            all.push((Wanted::Converted(format), format!("{}.{extension}", harmless(stem))));
        }
        all
    }

    /// Formats of series: those of tables that are asked for, else CSV.
    fn series_formats(&self) -> Vec<Format> {
        let asked = |format: OutputFormat| self.selection.formats.contains(&format);
        let mut all = Vec::new();
        if asked(OutputFormat::Parquet) {
            all.push(Format::Parquet);
        }
        if asked(OutputFormat::Csv) || all.is_empty() {
            all.insert(0, Format::Csv);
        }
        all
    }
}

/// The assets of an item that are delivered.
fn chosen(item: &Value) -> Vec<(&str, &Value)> {
    let all = || item["assets"].as_object().into_iter().flatten().map(|(key, asset)| (key.as_str(), asset));
    let has = |asset: &Value, roles: &[&str]| {
        asset["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).any(|role| roles.contains(&role))
    };
    let data: Vec<_> = all().filter(|(_, asset)| has(asset, &["data"])).collect();
    if !data.is_empty() {
        return data;
    }
    let primary: Vec<_> = all().filter(|(_, asset)| !has(asset, &SECONDARY_ROLES)).collect();
    if primary.is_empty() { all().collect() } else { primary }
}

fn is_zipped_shapefile(asset: &Value, name: &str) -> bool {
    let media_type = asset["type"].as_str().unwrap_or_default();
    name.to_ascii_lowercase().ends_with(".zip")
        && matches!(media_type, "" | "application/zip" | "application/x-shapefile" | "application/vnd.shp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn data_come_before_other_files_and_pictures_only_alone() {
        let keys = |assets: Value| {
            chosen(&json!({"assets": assets})).iter().map(|(key, _)| (*key).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(keys(json!({"a": {"roles": ["data"]}, "b": {}, "c": {"roles": ["thumbnail"]}})), ["a"]);
        assert_eq!(keys(json!({"b": {}, "c": {"roles": ["thumbnail"]}, "d": {"roles": ["metadata", "iso"]}})), ["b"]);
        assert_eq!(keys(json!({"c": {"roles": ["thumbnail"]}})), ["c"]);
        assert!(keys(json!({})).is_empty());
    }

    #[test]
    fn only_zips_that_may_hold_a_shapefile_are_converted() {
        let is = |media_type: &str, name: &str| is_zipped_shapefile(&json!({"type": media_type}), name);
        assert!(is("application/zip", "SWOT_L2.zip") && is("", "a.ZIP"));
        assert!(!is("application/netcdf", "a.zip") && !is("application/zip", "a.nc"));
    }
}
