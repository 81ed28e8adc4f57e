//! Grants: what a group may see of a collection.

use nilometer_query::cql2;
use nilometer_schemas::{CollectionId, Instant, Kind, Level, Part, Problem, Right};
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::audit::Actor;
use super::error::failed;
use super::rows::{Column, Sealed};
use super::{Accounts, Error, Transaction};

/// Bytes of a grant's filter.
const FILTER_BYTES_MAX: usize = 8 << 10;
/// Grants of a service.
const GRANTS_MAX: i64 = 10_000;
/// Hours of the longest `older_than`: a thousand years.
const HOURS_MAX: i64 = 1_000 * 365 * 24;
const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// Groups that everybody belongs to who is meant, and that nobody is taken into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltIn {
    /// Any caller.
    Everyone,
    /// Whoever has an account.
    Users,
}

impl BuiltIn {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Everyone, Self::Users];

    /// Its name among the groups.
    pub fn name(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Users => "users",
        }
    }

    /// Its number in `grants`; those of groups are positive.
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Everyone => 0,
            Self::Users => -1,
        }
    }

    /// The one of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }
}

/// A row of `grants`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GrantRow {
    pub(super) granted_to: i64,
    pub(super) collection: String,
    pub(super) level: Level,
    pub(super) filter: Option<String>,
    pub(super) older_than: Option<String>,
    changed: Instant,
}

impl Sealed for GrantRow {
    const TABLE: &'static str = "grants";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            granted_to: row.try_get("granted_to").ok()?,
            collection: row.try_get("collection").ok()?,
            level: Level::of_name(&row.try_get::<String, _>("level").ok()?)?,
            filter: row.try_get("filter").ok()?,
            older_than: row.try_get("older_than").ok()?,
            changed: Instant(row.try_get("changed").ok()?),
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![
            Column::Integer(self.granted_to),
            Column::Text(&self.collection),
            Column::Text(self.level.name()),
            self.filter.as_deref().into(),
            self.older_than.as_deref().into(),
            Column::Integer(self.changed.0),
        ]
    }
}

/// What is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How much is seen.
    pub level: Level,
    /// The items that are seen at [`Level::Partial`], as CQL2 text.
    pub filter: Option<String>,
    /// How long ago their time must have ended, as an ISO 8601 duration of weeks, days and hours.
    pub older_than: Option<String>,
}

impl Terms {
    /// Refuses what says nothing, or something else.
    ///
    /// # Errors
    /// `Invalid`, naming the member.
    fn check(&self) -> Result<(), Problem> {
        let wrong = |member: &str, detail: &str| Problem::invalid("grant", detail).at(format!("/{member}"));
        let has_part = self.filter.is_some() || self.older_than.is_some();
        match self.level {
            Level::Partial if !has_part => {
                let detail = "the level partial says which part: by a filter, by older_than, or by both";
                return Err(wrong("level", detail).allowed("filter, older_than"));
            }
            Level::Partial => {}
            level if has_part => {
                let detail = format!("a filter and older_than belong to the level partial, not to {}", level.name());
                return Err(wrong("level", &detail).allowed(Level::Partial.name()));
            }
            _ => {}
        }
        if let Some(filter) = &self.filter {
            if filter.len() > FILTER_BYTES_MAX {
                let detail = format!("the filter has {} bytes, the limit is {FILTER_BYTES_MAX}", filter.len());
                return Err(Problem::invalid("filter-too-large", detail).at("/filter"));
            }
            cql2::parse_text(filter).map_err(|problem| problem.at("/filter"))?;
        }
        if let Some(text) = &self.older_than {
            hours(text)?;
        }
        Ok(())
    }
}

/// The hours of an ISO 8601 duration of weeks, days and hours; months and years have no fixed length.
fn hours(text: &str) -> Result<i64, Problem> {
    let wrong = || {
        let problem = Problem::invalid("grant", format!("{text:?} is no duration of weeks, days and hours"));
        problem.at("/older_than").allowed("P30D, P4W, PT12H, P1DT6H; at most a thousand years")
    };
    let rest = text.strip_prefix('P').ok_or_else(wrong)?;
    let (days, time) = rest.split_once('T').map_or((rest, None), |(days, time)| (days, Some(time)));
    let mut hours = 0i64;
    let mut add = |part: &str, units: &[(char, i64)]| -> Result<(), Problem> {
        let mut digits = String::new();
        let mut units = units.iter();
        for c in part.chars() {
            if c.is_ascii_digit() {
                digits.push(c);
                continue;
            }
            let (_, length) = units.find(|(unit, _)| *unit == c).ok_or_else(wrong)?;
            let count: i64 = digits.parse().map_err(|_| wrong())?;
            hours = count.checked_mul(*length).and_then(|more| hours.checked_add(more)).ok_or_else(wrong)?;
            digits.clear();
        }
        if digits.is_empty() { Ok(()) } else { Err(wrong()) }
    };
    if days.is_empty() && time.is_none() || time == Some("") {
        return Err(wrong());
    }
    add(days, &[('W', 7 * 24), ('D', 24)])?;
    add(time.unwrap_or_default(), &[('H', 1)])?;
    if hours > HOURS_MAX { Err(wrong()) } else { Ok(hours) }
}

impl GrantRow {
    /// What it shows at a moment. Periods end at full hours, so that what is kept serves for a while.
    ///
    /// # Errors
    /// If the filter or the duration is none, which were checked when the row was written.
    pub(super) fn right(&self, now: Instant) -> Result<Right, Problem> {
        Ok(match self.level {
            Level::Hidden => Right::Hidden,
            Level::Metadata => Right::Metadata,
            Level::Full => Right::Full,
            Level::Partial => {
                let filter = match &self.filter {
                    Some(text) => {
                        let filter = cql2::parse_text(text)?;
                        Some((cql2::to_text(&filter), filter))
                    }
                    None => None,
                };
                let hour = now.0 - now.0.rem_euclid(MICROS_PER_HOUR);
                let before = match &self.older_than {
                    Some(text) => Some(Instant(hour.saturating_sub(hours(text)?.saturating_mul(MICROS_PER_HOUR)))),
                    None => None,
                };
                Right::Partial(vec![Part { filter, before }])
            }
        })
    }
}

/// A grant as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Name of the group.
    pub group: String,
    /// Id of the collection.
    pub collection: String,
    /// What is granted.
    pub terms: Terms,
    /// When it was written.
    pub changed: Instant,
}

impl Grant {
    /// The grant for programs.
    pub fn to_json(&self) -> Value {
        json!({
            "group": self.group, "collection": self.collection, "level": self.terms.level.name(),
            "filter": self.terms.filter, "older_than": self.terms.older_than, "changed": self.changed.to_string(),
        })
    }
}

impl Accounts {
    /// The number by which grants know a group.
    async fn grantee(&self, transaction: &mut Transaction, group: &str) -> Result<i64, Error> {
        match BuiltIn::of_name(group) {
            Some(group) => Ok(group.number()),
            None => self.group_id(transaction, group).await,
        }
    }

    /// All rows of grants; of a damaged one the collection alone, if that can be read.
    pub(super) async fn grant_rows(&self) -> Result<Vec<Result<GrantRow, Option<String>>>, Error> {
        let rows = sqlx::query("SELECT * FROM grants").fetch_all(&self.pool).await.map_err(failed("list grants"))?;
        let read = |row: &SqliteRow| GrantRow::read(row, &self.secret).ok_or_else(|| row.try_get("collection").ok());
        Ok(rows.iter().map(read).collect())
    }

    /// All grants, by group and collection.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn grants(&self) -> Result<Vec<Grant>, Error> {
        let mut names: Vec<(i64, String)> =
            BuiltIn::ALL.into_iter().map(|group| (group.number(), group.name().to_owned())).collect();
        let mut reading = self.begin_reading().await?;
        names.extend(self.group_names(&mut reading).await?);
        let rows = sqlx::query("SELECT * FROM grants").fetch_all(&mut *reading).await.map_err(failed("list grants"))?;
        let mut grants: Vec<Grant> = rows
            .iter()
            .filter_map(|row| GrantRow::read(row, &self.secret))
            .filter_map(|row| {
                let (_, group) = names.iter().find(|(number, _)| *number == row.granted_to)?;
                let terms = Terms { level: row.level, filter: row.filter, older_than: row.older_than };
                Some(Grant { group: group.clone(), collection: row.collection, terms, changed: row.changed })
            })
            .collect();
        grants.sort_by(|a, b| (&a.group, &a.collection).cmp(&(&b.group, &b.collection)));
        Ok(grants)
    }

    /// Grants something to a group, in place of what was granted to it on this collection before. The collection need not
    /// exist.
    ///
    /// # Errors
    /// `Invalid` for terms that are none, `NotFound` for no such group, `Conflict` for too many grants.
    pub async fn put_grant(
        &self,
        actor: &Actor,
        group: &str,
        collection: &CollectionId,
        terms: &Terms,
    ) -> Result<(), Error> {
        terms.check()?;
        let mut transaction = self.begin().await?;
        let granted_to = self.grantee(&mut transaction, group).await?;
        let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM grants").fetch_one(&mut *transaction).await;
        if count.map_err(failed("count grants"))? >= GRANTS_MAX {
            let detail = format!("there are {GRANTS_MAX} grants already; take some back first");
            return Err(Problem::new(Kind::Conflict, "grants-full", detail).into());
        }
        let row = GrantRow {
            granted_to,
            collection: collection.as_str().to_owned(),
            level: terms.level,
            filter: terms.filter.clone(),
            older_than: terms.older_than.clone(),
            changed: (self.clock)(),
        };
        let query = sqlx::query(
            "INSERT INTO grants (granted_to, collection, level, filter, older_than, changed, mac) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (granted_to, collection) DO UPDATE SET level = excluded.level, \
             filter = excluded.filter, older_than = excluded.older_than, changed = excluded.changed, mac = excluded.mac",
        );
        let query = query.bind(granted_to).bind(&row.collection).bind(row.level.name()).bind(&row.filter);
        let query = query.bind(&row.older_than).bind(row.changed.0).bind(row.mac(&self.secret));
        query.execute(&mut *transaction).await.map_err(failed("write a grant"))?;
        let object = format!("{} on {} to {group}", terms.level.name(), row.collection);
        self.note(&mut transaction, actor, "grant.put", &object, "done").await?;
        transaction.commit().await.map_err(failed("commit a grant"))?;
        self.rights.forget();
        Ok(())
    }

    /// Takes a grant back. Where there is none, nothing happens.
    ///
    /// # Errors
    /// `NotFound` for no such group, and what the database says.
    pub async fn delete_grant(&self, actor: &Actor, group: &str, collection: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let granted_to = self.grantee(&mut transaction, group).await?;
        let query = sqlx::query("DELETE FROM grants WHERE granted_to = ? AND collection = ?");
        let query = query.bind(granted_to).bind(collection).execute(&mut *transaction).await;
        if query.map_err(failed("take a grant back"))?.rows_affected() > 0 {
            self.note(&mut transaction, actor, "grant.delete", &format!("{collection} to {group}"), "done").await?;
        }
        transaction.commit().await.map_err(failed("commit the end of a grant"))?;
        self.rights.forget();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_weeks_days_and_hours() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(hours(text).ok(), expected, "{text}");
        check("P30D", Some(720));
        check("P4W", Some(672));
        check("P1W2DT3H", Some(219));
        check("PT12H", Some(12));
        check("P0D", Some(0));
        for wrong in
            ["", "P", "30D", "P30", "PD", "P1M", "P1Y", "PT", "P1DT", "PT1D", "P2D1W", "P1D1D", "P-1D", "P99999999999D"]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn terms_say_which_part_and_only_where_a_part_is_meant() {
        let check = |level, filter: Option<&str>, older_than: Option<&str>, expected: Result<(), &str>| {
            let terms = Terms { level, filter: filter.map(str::to_owned), older_than: older_than.map(str::to_owned) };
            assert_eq!(terms.check().map_err(|p| p.parameter.unwrap_or_default()), expected.map_err(str::to_owned));
        };
        check(Level::Full, None, None, Ok(()));
        check(Level::Partial, Some("level > 3"), Some("P30D"), Ok(()));
        check(Level::Partial, None, None, Err("/level"));
        check(Level::Metadata, Some("level > 3"), None, Err("/level"));
        check(Level::Partial, Some("level >"), None, Err("/filter"));
        check(Level::Partial, Some(&"x".repeat(FILTER_BYTES_MAX + 1)), None, Err("/filter"));
        check(Level::Partial, None, Some("P1Y"), Err("/older_than"));
    }

    #[test]
    fn a_period_ends_at_a_full_hour() {
        let row = GrantRow {
            granted_to: 1,
            collection: "c".into(),
            level: Level::Partial,
            filter: None,
            older_than: Some("PT2H".into()),
            changed: Instant(0),
        };
        let before = |now: i64| match row.right(Instant(now)) {
            Ok(Right::Partial(parts)) => parts[0].before.map(|at| at.0 / MICROS_PER_HOUR),
            other => panic!("{other:?}"),
        };
        assert_eq!(before(5 * MICROS_PER_HOUR), Some(3));
        assert_eq!(before(6 * MICROS_PER_HOUR - 1), Some(3));
        assert_eq!(before(6 * MICROS_PER_HOUR), Some(4));
    }
}
