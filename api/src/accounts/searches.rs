//! Questions that got an id, kept for everybody who has it.

use nilometer_schemas::{Kind, Problem};
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::error::failed;
use super::key::to_hex;
use super::{Accounts, Error};

/// Hexadecimal digits of a question's id: 80 bits, so that two questions never meet by chance.
const SEARCH_ID_DIGITS: usize = 20;
/// Bytes of all kept questions together: anybody may keep some, and nobody fills the disk with them.
pub const SEARCHES_BYTES_MAX: i64 = 1 << 30;

impl Accounts {
    /// Keeps a question and gives its id, which is made from its text: the same text has the same id.
    ///
    /// # Errors
    /// If the database fails, or holds [`SEARCHES_BYTES_MAX`] of questions already and not this one.
    pub async fn save_search(&self, body: &str) -> Result<String, Error> {
        let id = search_id(body);
        let sum = "SELECT COALESCE(SUM(LENGTH(CAST(body AS BLOB))), 0), COALESCE(SUM(id = ?), 0) FROM searches";
        let sum = sqlx::query_as::<_, (i64, i64)>(sum).bind(&id).fetch_one(&self.pool).await;
        let (bytes, known) = sum.map_err(failed("save a search"))?;
        if known == 0 && bytes + body.len() as i64 > SEARCHES_BYTES_MAX {
            let detail =
                format!("the service keeps {SEARCHES_BYTES_MAX} bytes of questions, and has no room for this one");
            return Err(Error::Problem(Problem::new(Kind::StorageFull, "searches-full", detail)));
        }
        let query = sqlx::query(
            "INSERT INTO searches (id, body) VALUES (?, ?) \
             ON CONFLICT (id) DO UPDATE SET body = excluded.body WHERE body <> excluded.body",
        );
        query.bind(&id).bind(body).execute(&self.pool).await.map_err(failed("save a search"))?;
        Ok(id)
    }

    /// The question of an id.
    ///
    /// # Errors
    /// If the database fails, or the question is not the one that was kept.
    pub async fn load_search(&self, id: &str) -> Result<Option<String>, Error> {
        let row = sqlx::query("SELECT body FROM searches WHERE id = ?").bind(id).fetch_optional(&self.pool).await;
        let Some(row) = row.map_err(failed("load a search"))? else { return Ok(None) };
        let body = row.try_get::<String, _>("body").ok().filter(|body| search_id(body) == id);
        body.map(Some).ok_or_else(|| Error::Damaged(format!("search {id:?}")))
    }
}

/// The id of a question: the beginning of the SHA-256 of its text.
pub(super) fn search_id(body: &str) -> String {
    let mut id = to_hex(&Sha256::digest(body.as_bytes()));
    id.truncate(SEARCH_ID_DIGITS);
    id
}
