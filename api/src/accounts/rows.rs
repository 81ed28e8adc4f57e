//! Rows of users and keys, each sealed under the server's secret; a row whose seal is wrong is not read at all.

use nilometer_schemas::{Instant, Role};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, TypeInfo, ValueRef};

use super::secret::Secret;
use super::{KeyInfo, parse_role, role_name};

/// A column's value, as the seal covers it.
enum Column<'a> {
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

/// What is sealed: the table's name and the columns, each with its type and length, so that no two rows look alike.
fn sealed_bytes(table: &str, columns: &[Column<'_>]) -> Vec<u8> {
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
fn bytes(row: &SqliteRow, name: &str) -> Option<Vec<u8>> {
    let is_blob = row.try_get_raw(name).ok()?.type_info().name() == "BLOB";
    is_blob.then(|| row.try_get(name).ok()).flatten()
}

/// A row of `users`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) created: Instant,
}

impl UserRow {
    /// Reads a row with all columns; `None` for one that is damaged or was sealed under another secret.
    pub(super) fn read(row: &SqliteRow, secret: &Secret) -> Option<Self> {
        let user = Self {
            id: row.try_get("id").ok()?,
            name: row.try_get("name").ok()?,
            role: parse_role(&row.try_get::<String, _>("role").ok()?).ok()?,
            created: Instant(row.try_get("created").ok()?),
        };
        let mac = bytes(row, "mac")?;
        secret.is_seal(&user.sealed_bytes(), &mac).then_some(user)
    }

    pub(super) fn mac(&self, secret: &Secret) -> Vec<u8> {
        secret.seal(&self.sealed_bytes())
    }

    fn sealed_bytes(&self) -> Vec<u8> {
        let columns = [
            Column::Integer(self.id),
            Column::Text(&self.name),
            Column::Text(role_name(self.role)),
            Column::Integer(self.created.0),
        ];
        sealed_bytes("users", &columns)
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
}

impl KeyRow {
    /// As [`UserRow::read`].
    pub(super) fn read(row: &SqliteRow, secret: &Secret) -> Option<Self> {
        let moment = |name: &str| row.try_get::<Option<i64>, _>(name).ok().map(|m| m.map(Instant));
        let role = row.try_get::<Option<String>, _>("role").ok()?;
        let key = Self {
            id: row.try_get("id").ok()?,
            user: row.try_get("user").ok()?,
            hash: bytes(row, "hash")?,
            role: role.map(|name| parse_role(&name)).transpose().ok()?,
            created: Instant(row.try_get("created").ok()?),
            expires: moment("expires")?,
            revoked: moment("revoked")?,
            last_used: moment("last_used")?,
        };
        let mac = bytes(row, "mac")?;
        secret.is_seal(&key.sealed_bytes(), &mac).then_some(key)
    }

    pub(super) fn mac(&self, secret: &Secret) -> Vec<u8> {
        secret.seal(&self.sealed_bytes())
    }

    fn sealed_bytes(&self) -> Vec<u8> {
        let moment = |m: Option<Instant>| Column::from(m.map(|m| m.0));
        let columns = [
            Column::Text(&self.id),
            Column::Integer(self.user),
            Column::Bytes(&self.hash),
            self.role.map_or(Column::Null, |role| Column::Text(role_name(role))),
            Column::Integer(self.created.0),
            moment(self.expires),
            moment(self.revoked),
            moment(self.last_used),
        ];
        sealed_bytes("keys", &columns)
    }

    /// The key as it is shown; `user` must be its account.
    pub(super) fn info(&self, user: &UserRow) -> KeyInfo {
        KeyInfo {
            id: self.id.clone(),
            user: user.name.clone(),
            role: self.role.unwrap_or(user.role),
            created: self.created,
            expires: self.expires,
            revoked: self.revoked,
            last_used: self.last_used,
        }
    }
}
