//! Rows of users and keys, each sealed under the server's secret; a row whose seal is wrong is not read at all.

use nilometer_schemas::{Instant, Role};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, TypeInfo, ValueRef};

use super::keys::KeyInfo;
use super::secret::Secret;

/// A column's value, as the seal covers it.
pub(super) enum Column<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl From<Option<i64>> for Column<'_> {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Integer)
    }
}

impl From<Option<Instant>> for Column<'_> {
    fn from(value: Option<Instant>) -> Self {
        value.map(|at| at.0).into()
    }
}

impl<'a> From<Option<&'a str>> for Column<'a> {
    fn from(value: Option<&'a str>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }
}

/// What is sealed: the table's name and the columns, each with its type and length, so that no two rows look alike.
pub(super) fn sealed_bytes(table: &str, columns: &[Column<'_>]) -> Vec<u8> {
    let mut out = b"row\0".to_vec();
    let mut add = |tag: u8, bytes: &[u8]| {
        out.push(tag);
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    add(b'n', table.as_bytes());
    for column in columns {
        match column {
            Column::Null => add(b'0', &[]),
            Column::Integer(value) => add(b'i', &value.to_le_bytes()),
            Column::Text(text) => add(b't', text.as_bytes()),
            Column::Bytes(bytes) => add(b'b', bytes),
        }
    }
    out
}

/// The bytes of a column; text, which would be taken for bytes as well, is not what we wrote.
pub(super) fn bytes(row: &SqliteRow, name: &str) -> Option<Vec<u8>> {
    let is_blob = row.try_get_raw(name).ok()?.type_info().name() == "BLOB";
    is_blob.then(|| row.try_get(name).ok()).flatten()
}

/// A moment that may be missing.
pub(super) fn moment(row: &SqliteRow, name: &str) -> Option<Option<Instant>> {
    row.try_get::<Option<i64>, _>(name).ok().map(|at| at.map(Instant))
}

/// A row that is sealed by itself.
pub(super) trait Sealed: Sized {
    /// The table.
    const TABLE: &'static str;

    /// Reads the columns without looking at the seal.
    fn columns_of(row: &SqliteRow) -> Option<Self>;

    /// What the seal covers.
    fn sealed(&self) -> Vec<Column<'_>>;

    /// Reads a row with all columns; `None` for one that is damaged or was sealed under another secret.
    fn read(row: &SqliteRow, secret: &Secret) -> Option<Self> {
        let found = Self::columns_of(row)?;
        let mac = bytes(row, "mac")?;
        secret.is_seal(&sealed_bytes(Self::TABLE, &found.sealed()), &mac).then_some(found)
    }

    /// The seal.
    fn mac(&self, secret: &Secret) -> Vec<u8> {
        secret.seal(&sealed_bytes(Self::TABLE, &self.sealed()))
    }
}

/// A row of `users`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) created: Instant,
    pub(super) disabled: Option<Instant>,
}

impl Sealed for UserRow {
    const TABLE: &'static str = "users";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            id: row.try_get("id").ok()?,
            name: row.try_get("name").ok()?,
            role: Role::of_name(&row.try_get::<String, _>("role").ok()?)?,
            created: Instant(row.try_get("created").ok()?),
            disabled: moment(row, "disabled")?,
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        let mut columns = vec![
            Column::Integer(self.id),
            Column::Text(&self.name),
            Column::Text(self.role.name()),
            Column::Integer(self.created.0),
        ];
        // Rows of the first version of the table were sealed without it.
        columns.extend(self.disabled.map(|at| Column::Integer(at.0)));
        columns
    }
}

/// A row of `keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyRow {
    pub(super) id: String,
    pub(super) user: i64,
    pub(super) hash: Vec<u8>,
    pub(super) role: Option<Role>,
    pub(super) created: Instant,
    pub(super) expires: Option<Instant>,
    pub(super) revoked: Option<Instant>,
    pub(super) last_used: Option<Instant>,
    pub(super) name: Option<String>,
    pub(super) scopes: Option<String>,
}

impl Sealed for KeyRow {
    const TABLE: &'static str = "keys";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        let role = row.try_get::<Option<String>, _>("role").ok()?;
        Some(Self {
            id: row.try_get("id").ok()?,
            user: row.try_get("account").ok()?,
            hash: bytes(row, "hash")?,
            role: match role {
                Some(name) => Some(Role::of_name(&name)?),
                None => None,
            },
            created: Instant(row.try_get("created").ok()?),
            expires: moment(row, "expires")?,
            revoked: moment(row, "revoked")?,
            last_used: moment(row, "last_used")?,
            name: row.try_get("name").ok()?,
            scopes: row.try_get("scopes").ok()?,
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        let mut columns = vec![
            Column::Text(&self.id),
            Column::Integer(self.user),
            Column::Bytes(&self.hash),
            self.role.map(Role::name).into(),
            Column::Integer(self.created.0),
            self.expires.into(),
            self.revoked.into(),
            self.last_used.into(),
        ];
        // As with users: older rows have neither.
        if self.name.is_some() || self.scopes.is_some() {
            columns.extend([self.name.as_deref().into(), self.scopes.as_deref().into()]);
        }
        columns
    }
}

impl KeyRow {
    /// The key as it is shown; `user` must be its account.
    pub(super) fn info(&self, user: &UserRow) -> KeyInfo {
        KeyInfo {
            id: self.id.clone(),
            user: user.name.clone(),
            role: self.role.unwrap_or(user.role),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            created: self.created,
            expires: self.expires,
            revoked: self.revoked,
            last_used: self.last_used,
        }
    }
}
