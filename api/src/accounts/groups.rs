//! Groups of accounts.

use nilometer_schemas::{Instant, Kind, Problem};
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::audit::Actor;
use super::error::failed;
use super::rows::{Column, Sealed};
use super::{Accounts, BuiltIn, Error, Transaction};

/// Bytes of a group's name.
const NAME_BYTES_MAX: usize = 64;
/// Groups of a service.
const GROUPS_MAX: i64 = 1_000;

/// A row of `groups`.
pub(super) struct GroupRow {
    id: i64,
    name: String,
    created: Instant,
}

impl Sealed for GroupRow {
    const TABLE: &'static str = "groups";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            id: row.try_get("id").ok()?,
            name: row.try_get("name").ok()?,
            created: Instant(row.try_get("created").ok()?),
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![Column::Integer(self.id), Column::Text(&self.name), Column::Integer(self.created.0)]
    }
}

/// A row of `memberships`.
pub(super) struct MemberRow {
    group: i64,
    user: i64,
}

impl Sealed for MemberRow {
    const TABLE: &'static str = "memberships";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self { group: row.try_get("member_of").ok()?, user: row.try_get("account").ok()? })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![Column::Integer(self.group), Column::Integer(self.user)]
    }
}

/// A group with its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Instant,
    /// Names of its members, in order.
    pub members: Vec<String>,
}

impl Group {
    /// The group for programs.
    pub fn to_json(&self) -> Value {
        json!({"name": self.name, "created": self.created.to_string(), "members": self.members})
    }
}

/// Names of groups stand in addresses and settings: letters, digits and a few marks.
fn check_name(name: &str) -> Result<(), Problem> {
    let fits = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if fits && BuiltIn::of_name(name).is_none() {
        return Ok(());
    }
    if fits {
        let detail = format!("everybody who is meant belongs to the group {name:?} already");
        return Err(Problem::invalid("group-name", detail).at("name"));
    }
    let detail =
        format!("the name of a group has 1 to {NAME_BYTES_MAX} letters, digits, dots, hyphens and underscores");
    Err(Problem::invalid("group-name", detail).at("name"))
}

fn absent(name: &str) -> Error {
    Problem::not_found("group-not-found", format!("there is no group {name:?}")).into()
}

impl Accounts {
    async fn group_row(&self, transaction: &mut Transaction, name: &str) -> Result<GroupRow, Error> {
        let found = sqlx::query("SELECT * FROM groups WHERE name = ?").bind(name).fetch_optional(&mut **transaction);
        let found = found.await.map_err(failed("look up a group"))?;
        found.and_then(|row| GroupRow::read(&row, &self.secret)).ok_or_else(|| absent(name))
    }

    /// The number of a group.
    pub(super) async fn group_id(&self, transaction: &mut Transaction, name: &str) -> Result<i64, Error> {
        Ok(self.group_row(transaction, name).await?.id)
    }

    /// Numbers and names of all groups.
    pub(super) async fn group_names(&self, transaction: &mut Transaction) -> Result<Vec<(i64, String)>, Error> {
        let rows = sqlx::query("SELECT * FROM groups").fetch_all(&mut **transaction).await;
        let rows = rows.map_err(failed("list groups"))?;
        Ok(rows.iter().filter_map(|row| GroupRow::read(row, &self.secret)).map(|row| (row.id, row.name)).collect())
    }

    /// Numbers of the groups of an account whose memberships are whole.
    pub(super) async fn group_ids_of(&self, user: i64) -> Result<Vec<i64>, Error> {
        let rows = sqlx::query("SELECT * FROM memberships WHERE account = ?").bind(user).fetch_all(&self.pool).await;
        let rows = rows.map_err(failed("list groups"))?;
        let mut groups: Vec<i64> =
            rows.iter().filter_map(|row| MemberRow::read(row, &self.secret)).map(|row| row.group).collect();
        groups.sort_unstable();
        Ok(groups)
    }

    /// Names of the groups of an account whose memberships are whole.
    pub(super) async fn groups_of(&self, transaction: &mut Transaction, user: i64) -> Result<Vec<String>, Error> {
        let rows = sqlx::query("SELECT * FROM memberships WHERE account = ?").bind(user).fetch_all(&mut **transaction);
        let rows = rows.await.map_err(failed("list groups"))?;
        let mut names = Vec::new();
        for member in rows.iter().filter_map(|row| MemberRow::read(row, &self.secret)) {
            let found = sqlx::query("SELECT * FROM groups WHERE id = ?").bind(member.group);
            let found = found.fetch_optional(&mut **transaction).await.map_err(failed("look up a group"))?;
            names.extend(found.and_then(|row| GroupRow::read(&row, &self.secret)).map(|group| group.name));
        }
        names.sort();
        Ok(names)
    }

    /// All groups with their members, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        let mut reading = self.begin_reading().await?;
        let rows = sqlx::query("SELECT * FROM groups ORDER BY name").fetch_all(&mut *reading).await;
        let rows = rows.map_err(failed("list groups"))?;
        let mut groups = Vec::new();
        for group in rows.iter().filter_map(|row| GroupRow::read(row, &self.secret)) {
            let rows = sqlx::query("SELECT * FROM memberships WHERE member_of = ?").bind(group.id);
            let rows = rows.fetch_all(&mut *reading).await.map_err(failed("list members"))?;
            let mut members = Vec::new();
            for member in rows.iter().filter_map(|row| MemberRow::read(row, &self.secret)) {
                members.extend(self.find_user_row(&mut reading, member.user).await?.map(|user| user.name));
            }
            members.sort();
            groups.push(Group { name: group.name, created: group.created, members });
        }
        Ok(groups)
    }

    /// Makes a group.
    ///
    /// # Errors
    /// `Invalid` for a name that is none, `Conflict` for one that is taken and for too many groups.
    pub async fn add_group(&self, actor: &Actor, name: &str) -> Result<(), Error> {
        check_name(name)?;
        let mut transaction = self.begin().await?;
        let query = "SELECT count(*), coalesce(max(id), 0) + 1, count(CASE WHEN name = ? THEN 1 END) FROM groups";
        let query = sqlx::query_as::<_, (i64, i64, i64)>(query).bind(name).fetch_one(&mut *transaction).await;
        let (count, id, same) = query.map_err(failed("count groups"))?;
        if same > 0 || count >= GROUPS_MAX {
            let detail = if same > 0 { "there is a group of this name already" } else { "there are too many groups" };
            return Err(Problem::new(Kind::Conflict, "group-exists", detail).into());
        }
        let row = GroupRow { id, name: name.to_owned(), created: (self.clock)() };
        let query = sqlx::query("INSERT INTO groups (id, name, created, mac) VALUES (?, ?, ?, ?)").bind(id).bind(name);
        let query = query.bind(row.created.0).bind(row.mac(&self.secret)).execute(&mut *transaction);
        query.await.map_err(failed("make a group"))?;
        self.note(&mut transaction, actor, "group.create", name, "done").await?;
        transaction.commit().await.map_err(failed("commit a group"))
    }

    /// Removes a group; its members stay accounts.
    ///
    /// # Errors
    /// `NotFound`, and what the database says.
    pub async fn delete_group(&self, actor: &Actor, name: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let group = self.group_row(&mut transaction, name).await?;
        for query in [
            "DELETE FROM grants WHERE granted_to = ?",
            "DELETE FROM memberships WHERE member_of = ?",
            "DELETE FROM groups WHERE id = ?",
        ] {
            let query = sqlx::query(query).bind(group.id).execute(&mut *transaction);
            query.await.map_err(failed("remove a group"))?;
        }
        self.note(&mut transaction, actor, "group.delete", name, "done").await?;
        transaction.commit().await.map_err(failed("commit the end of a group"))?;
        self.rights.forget();
        Ok(())
    }

    /// Takes an account into a group, or out of it. Doing it again changes nothing.
    ///
    /// # Errors
    /// `NotFound`, and what the database says.
    pub async fn set_member(&self, actor: &Actor, group: &str, user: &str, member: bool) -> Result<(), Error> {
        let id = self.user_id(user).await?;
        let mut transaction = self.begin().await?;
        let row = MemberRow { group: self.group_row(&mut transaction, group).await?.id, user: id };
        let done = if member {
            let query = sqlx::query(
                "INSERT INTO memberships (member_of, account, mac) VALUES (?, ?, ?) ON CONFLICT (member_of, account) DO NOTHING",
            );
            query.bind(row.group).bind(id).bind(row.mac(&self.secret)).execute(&mut *transaction).await
        } else {
            let query = sqlx::query("DELETE FROM memberships WHERE member_of = ? AND account = ?");
            query.bind(row.group).bind(id).execute(&mut *transaction).await
        };
        if done.map_err(failed("change a membership"))?.rows_affected() > 0 {
            let action = if member { "group.add" } else { "group.remove" };
            self.note(&mut transaction, actor, action, &format!("{user} in {group}"), "done").await?;
        }
        transaction.commit().await.map_err(failed("commit a membership"))?;
        self.rights.forget();
        Ok(())
    }
}
