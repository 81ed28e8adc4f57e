//! Tiles and what tiles of a search share, kept in memory within a number of bytes.
//!
//! Keys hold the question in normal form, the snapshot's sequence number and the scope, so that an entry is never wrong:
//! after a write it is merely not asked for any more, and goes in time.

use std::sync::Arc;

use moka::sync::Cache;
use nilometer_query::tile::Density;
use nilometer_schemas::{Problem, Scope};

use crate::address::TileAddress;
use crate::tile::{Asked, SharedCounts, Tile};
use crate::zoom::Zooms;

/// Bytes that an entry takes besides its key and value, roughly.
const ENTRY_BYTES: usize = 128;

/// A search in the form in which its tiles are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchKey {
    /// The question in normal form, without what only pages need.
    pub question: Arc<str>,
    /// Sequence number of the snapshot.
    pub seq: u64,
    /// Who asks.
    pub scope: Scope,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Density(SearchKey),
    Counts(SearchKey, u8),
    Tile(SearchKey, TileAddress, Arc<[String]>),
}

#[derive(Clone)]
enum Entry {
    Density(Density),
    Counts(SharedCounts),
    Tile(Arc<Tile>),
}

impl Key {
    fn bytes(&self) -> usize {
        let (Self::Density(search) | Self::Counts(search, _) | Self::Tile(search, ..)) = self;
        // The question's text is shared by what was asked in one request only.
        search.question.len() + ENTRY_BYTES
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        match self {
            Self::Density(_) => size_of::<Density>(),
            Self::Counts(counts) => counts.counts.len() * size_of::<(u64, u64)>(),
            Self::Tile(tile) => tile.bytes.len(),
        }
    }
}

/// Whether a tile was kept or had to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was kept.
    Hit,
    /// It was drawn.
    Miss,
}

/// See the module. Cheap to share; all methods block and are for threads that may.
pub struct TileCache {
    entries: Cache<Key, Entry>,
}

impl TileCache {
    /// A cache of at most so many bytes; with 0 nothing is kept.
    pub fn new(bytes_max: u64) -> Self {
        let weigh = |key: &Key, entry: &Entry| u32::try_from(key.bytes() + entry.bytes()).unwrap_or(u32::MAX);
        Self { entries: Cache::builder().max_capacity(bytes_max).weigher(weigh).build() }
    }

    /// Bytes held, as far as pending upkeep has counted them.
    pub fn bytes(&self) -> u64 {
        self.entries.weighted_size()
    }

    fn get(&self, key: Key, make: impl FnOnce() -> Result<Entry, Problem>) -> Result<Entry, Problem> {
        // Two who ask for the same at once compute it once.
        self.entries.try_get_with(key, make).map_err(|problem| (*problem).clone())
    }

    /// The zooms of a search.
    ///
    /// # Errors
    /// As [`nilometer_query::search`].
    pub fn zooms(&self, key: &SearchKey, asked: &Asked<'_>) -> Result<Zooms, Problem> {
        match self.get(Key::Density(key.clone()), || asked.density().map(Entry::Density))? {
            Entry::Density(density) => Ok(Zooms::of(&density)),
            Entry::Counts(_) | Entry::Tile(_) => asked.density().map(|density| Zooms::of(&density)),
        }
    }

    fn counts(&self, key: &SearchKey, asked: &Asked<'_>, resolution: u8) -> Result<SharedCounts, Problem> {
        match self.get(Key::Counts(key.clone(), resolution), || asked.counts(resolution).map(Entry::Counts))? {
            Entry::Counts(counts) => Ok(counts),
            Entry::Density(_) | Entry::Tile(_) => asked.counts(resolution),
        }
    }

    /// A tile of a search with chosen properties.
    ///
    /// # Errors
    /// As [`nilometer_query::search`].
    pub fn tile(
        &self,
        key: &SearchKey,
        asked: &Asked<'_>,
        address: TileAddress,
        properties: &Arc<[String]>,
    ) -> Result<(Arc<Tile>, Found), Problem> {
        let mut found = Found::Hit;
        let draw = || -> Result<Arc<Tile>, Problem> {
            let zooms = self.zooms(key, asked)?;
            let counts_of = |resolution| self.counts(key, asked, resolution);
            asked.draw(address, zooms, properties, counts_of).map(Arc::new)
        };
        let entry = self.get(Key::Tile(key.clone(), address, properties.clone()), || {
            found = Found::Miss;
            draw().map(Entry::Tile)
        })?;
        match entry {
            Entry::Tile(tile) => Ok((tile, found)),
            Entry::Density(_) | Entry::Counts(_) => Ok((draw()?, Found::Miss)),
        }
    }
}
