//! The rights of a principal: what was granted to its groups, added up.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use nilometer_schemas::{Granted, Instant, Right, Rights, Role};
use parking_lot::Mutex;

use super::grants::{BuiltIn, GrantRow};
use super::keys::CACHE_TTL_US;
use super::{Accounts, Error};

/// Accounts whose groups are remembered, and sets of groups whose rights are.
const ENTRIES_MAX: usize = 10_000;
/// Rights are made anew at this step, µs: where a grant names a period, its end moves.
const STEP_US: i64 = 3_600_000_000;

/// What was granted, as it was read a moment ago, and what was made of it. As with keys, the time for which it is believed bounds
/// how long another process's change takes to count.
#[derive(Clone, Default)]
pub(super) struct RightsCache(Arc<Mutex<Option<Kept>>>);

struct Kept {
    read: Instant,
    grants: Arc<Vec<Read>>,
    /// Numbers of the groups of an account.
    groups: HashMap<i64, Arc<Vec<i64>>>,
    /// By groups, at a step of time.
    made: HashMap<(Vec<i64>, i64), Arc<Rights>>,
}

type Read = Result<GrantRow, Option<String>>;

impl RightsCache {
    /// Forgets all, since something changed.
    pub(super) fn forget(&self) {
        *self.0.lock() = None;
    }
}

impl Accounts {
    /// What somebody of a role may see; those who run the service see everything.
    ///
    /// A visitor belongs to the group of everyone alone, also one with a key: a key of that role sees what visitors see. All
    /// others belong besides to that of all accounts and to the groups that they were taken into.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn rights_of(&self, role: Role, id: Option<i64>) -> Result<Arc<Rights>, Error> {
        if role >= Role::Operator {
            return Ok(Arc::default());
        }
        let now = (self.clock)();
        let grants = self.grants_read(now).await?;
        if grants.is_empty() {
            return Ok(Arc::default());
        }
        let mut groups = vec![BuiltIn::Everyone.number()];
        if let Some(id) = id.filter(|_| role > Role::Visitor) {
            groups.push(BuiltIn::Users.number());
            groups.extend(self.group_numbers(id).await?.iter());
        }
        groups.sort_unstable();
        let key = (groups, now.0.div_euclid(STEP_US));
        if let Some(kept) = self.rights.0.lock().as_ref().filter(|kept| Arc::ptr_eq(&kept.grants, &grants))
            && let Some(rights) = kept.made.get(&key)
        {
            return Ok(rights.clone());
        }
        let rights = Arc::new(rights_of_groups(&grants, &key.0, now));
        if let Some(kept) = self.rights.0.lock().as_mut().filter(|kept| Arc::ptr_eq(&kept.grants, &grants)) {
            if kept.made.len() >= ENTRIES_MAX {
                kept.made.clear();
            }
            kept.made.insert(key, rights.clone());
        }
        Ok(rights)
    }

    /// All grants, read anew when they are too old.
    async fn grants_read(&self, now: Instant) -> Result<Arc<Vec<Read>>, Error> {
        if let Some(kept) = self.rights.0.lock().as_ref()
            && (0..CACHE_TTL_US).contains(&(now.0 - kept.read.0))
        {
            return Ok(kept.grants.clone());
        }
        let rows = self.grant_rows().await?;
        for damaged in rows.iter().filter_map(|row| row.as_ref().err()) {
            tracing::error!(collection = ?damaged, "a grant is damaged: its collection is hidden until it is written anew");
        }
        let mut cache = self.rights.0.lock();
        // What was made of the same grants still holds; memberships may have changed elsewhere.
        let same = cache.take().filter(|kept| *kept.grants == rows);
        let (grants, made) = match same {
            Some(kept) => (kept.grants, kept.made),
            None => (Arc::new(rows), HashMap::new()),
        };
        *cache = Some(Kept { read: now, grants: grants.clone(), groups: HashMap::new(), made });
        Ok(grants)
    }

    /// Numbers of the groups that an account was taken into.
    async fn group_numbers(&self, id: i64) -> Result<Arc<Vec<i64>>, Error> {
        if let Some(known) = self.rights.0.lock().as_ref().and_then(|kept| kept.groups.get(&id)) {
            return Ok(known.clone());
        }
        let numbers = Arc::new(self.group_ids_of(id).await?);
        if let Some(kept) = self.rights.0.lock().as_mut() {
            if kept.groups.len() >= ENTRIES_MAX {
                kept.groups.clear();
            }
            kept.groups.insert(id, numbers.clone());
        }
        Ok(numbers)
    }
}

/// What was granted to these groups, added up by collection.
fn rights_of_groups(grants: &[Read], groups: &[i64], now: Instant) -> Rights {
    let mut all: BTreeMap<String, Granted> = BTreeMap::new();
    let mut closed = Vec::new();
    for grant in grants {
        let row = match grant {
            Ok(row) => row,
            Err(collection) => {
                closed.extend(collection.clone());
                continue;
            }
        };
        if !groups.contains(&row.granted_to) {
            continue;
        }
        let right = match row.right(now) {
            Ok(right) => right,
            Err(problem) => {
                tracing::error!(%problem, collection = row.collection, "a grant is not understood");
                closed.push(row.collection.clone());
                continue;
            }
        };
        let granted = all.entry(row.collection.clone()).or_insert(Granted { replaces: false, right: Right::Hidden });
        granted.replaces |= row.granted_to == BuiltIn::Everyone.number();
        granted.right = std::mem::replace(&mut granted.right, Right::Hidden).or(right);
    }
    // What cannot be read may have kept people out: rather nobody sees the collection than too many.
    for collection in closed {
        all.insert(collection, Granted { replaces: true, right: Right::Hidden });
    }
    Rights::new(all)
}
