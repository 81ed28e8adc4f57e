//! Verification of the accounts: the secret's checksum, every row's seal, and the database's own order.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};

use super::baskets::BasketRow;
use super::grants::GrantRow;
use super::groups::{GroupRow, MemberRow};
use super::identities::IdentityRow;
use super::licences::Acceptance;
use super::links::LinkRow;
use super::logins::LoginRow;
use super::orders::Order;
use super::quotas::{QuotaRow, VolumeRow};
use super::rows::{KeyRow, Sealed, UserRow};
use super::searches::search_id;
use super::secret::Secret;
use super::sessions::SessionRow;
use super::shared_baskets::SharedBasket;
use super::{BUSY_TIMEOUT, FILE_NAME, MIGRATIONS, PAGE_BYTES, audit, wal};

/// Tables, indexes and migrations, one line each.
const STRUCTURE: &str = "\
    SELECT type || ' ' || name || ' of ' || tbl_name || coalesce(': ' || sql, '') FROM sqlite_schema UNION ALL \
    SELECT 'migration ' || version || ' ' || description || ' ' || success || ' ' || hex(checksum) FROM _sqlx_migrations";

/// What is wrong with the accounts of a data directory, one line a finding; a directory without accounts is right.
/// Changes nothing, also beside a running server.
pub async fn check(dir: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    let secret = Secret::of(dir).unwrap_or_else(|error| {
        findings.push(crate::problem::chain(&error));
        None
    });
    let path = dir.join(FILE_NAME);
    if !path.exists() {
        return findings;
    }
    let wal = dir.join(format!("{FILE_NAME}-wal"));
    let said = |detail: String| format!("{}: {detail}", path.display());
    findings.extend(check_header(&path).map(said));
    findings.extend(wal::check(&wal).await.map(|detail| format!("{}: {detail}", wal.display())));
    match check_database(&path, wal.exists(), secret.as_ref()).await {
        Ok(more) => findings.extend(more.into_iter().map(said)),
        Err(error) => findings.push(said(error.to_string())),
    }
    findings
}

/// The fields of the header that are the same in every database of ours (SQLite file format, "The Database Header").
fn check_header(path: &Path) -> Option<String> {
    let mut header = [0; 100];
    if let Err(error) = File::open(path).and_then(|mut file| file.read_exact(&mut header)) {
        return Some(format!("the header cannot be read: {error}"));
    }
    let mut expected = *b"SQLite format 3\0\0\0\x02\x02\0\x40\x20\x20";
    expected[16..18].copy_from_slice(&PAGE_BYTES.to_be_bytes());
    let constant = header[..24] == expected && header[60..92].iter().all(|byte| *byte == 0);
    (!constant).then(|| "the header is damaged".into())
}

/// Opens a database that is not to be changed.
async fn open(path: &Path, has_wal: bool) -> Result<SqlitePool, sqlx::Error> {
    // Without a write-ahead log nobody has the database open, and `immutable` makes sure that none is left behind.
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT).read_only(true);
    SqlitePoolOptions::new().max_connections(1).connect_with(options.immutable(!has_wal)).await
}

/// All orders by id; of one that can be fetched its fence and the SHA-256 of what it holds.
pub(crate) type KeptOrders = HashMap<String, Option<(i64, String)>>;

/// The orders of a data directory; none where there are no accounts.
///
/// # Errors
/// If the database cannot be read.
pub(crate) async fn kept_orders(dir: &Path) -> Result<KeptOrders, sqlx::Error> {
    let path = dir.join(FILE_NAME);
    if !path.exists() {
        return Ok(KeptOrders::new());
    }
    let pool = open(&path, dir.join(format!("{FILE_NAME}-wal")).exists()).await?;
    let query = "SELECT id, fence, CASE WHEN state = 'COMPLETED' THEN COALESCE(contents, '') END FROM orders";
    let rows = sqlx::query_as::<_, (String, i64, Option<String>)>(query).fetch_all(&pool).await;
    pool.close().await;
    Ok(rows?.into_iter().map(|(id, fence, contents)| (id, contents.map(|hash| (fence, hash)))).collect())
}

async fn check_database(path: &Path, has_wal: bool, secret: Option<&Secret>) -> Result<Vec<String>, sqlx::Error> {
    let pool = open(path, has_wal).await?;
    let findings = check_open(&pool, secret).await;
    pool.close().await;
    findings
}

async fn check_open(pool: &SqlitePool, secret: Option<&Secret>) -> Result<Vec<String>, sqlx::Error> {
    let mut findings: Vec<String> =
        texts(pool, "PRAGMA integrity_check").await?.into_iter().filter(|line| line != "ok").collect();
    let (found, expected) = (texts(pool, STRUCTURE).await?, expected_structure().await?);
    let missing = expected.iter().filter(|line| !found.contains(line)).map(|line| format!("there is no {line}"));
    let foreign =
        found.iter().filter(|line| !expected.contains(line)).map(|line| format!("there is an unknown {line}"));
    findings.extend(missing.chain(foreign));

    findings.extend(check_sealed::<UserRow>(pool, secret, "SELECT rowid, * FROM users").await?);
    findings.extend(check_sealed::<KeyRow>(pool, secret, "SELECT rowid, * FROM keys").await?);
    findings.extend(check_sealed::<LoginRow>(pool, secret, "SELECT rowid, * FROM logins").await?);
    findings.extend(check_sealed::<IdentityRow>(pool, secret, "SELECT rowid, * FROM identities").await?);
    findings.extend(check_sealed::<LinkRow>(pool, secret, "SELECT rowid, * FROM links").await?);
    findings.extend(check_sealed::<SessionRow>(pool, secret, "SELECT rowid, * FROM sessions").await?);
    findings.extend(check_sealed::<GroupRow>(pool, secret, "SELECT rowid, * FROM groups").await?);
    findings.extend(check_sealed::<MemberRow>(pool, secret, "SELECT rowid, * FROM memberships").await?);
    findings.extend(check_sealed::<GrantRow>(pool, secret, "SELECT rowid, * FROM grants").await?);
    findings.extend(check_sealed::<QuotaRow>(pool, secret, "SELECT rowid, * FROM quotas").await?);
    findings.extend(check_sealed::<VolumeRow>(pool, secret, "SELECT rowid, * FROM volumes").await?);
    findings.extend(check_sealed::<Order>(pool, secret, "SELECT rowid, * FROM orders").await?);
    findings.extend(check_sealed::<BasketRow>(pool, secret, "SELECT rowid, * FROM baskets").await?);
    findings.extend(check_sealed::<Acceptance>(pool, secret, "SELECT rowid, * FROM licence_acceptances").await?);
    // Both of one moment: a running server may add to the log meanwhile.
    let mut reading = pool.begin().await?;
    let rows = sqlx::query("SELECT * FROM audit ORDER BY seq").fetch_all(&mut *reading).await?;
    let ends = sqlx::query("SELECT * FROM audit_ends").fetch_optional(&mut *reading).await?;
    reading.rollback().await?;
    if let Some(secret) = secret {
        findings.extend(audit::verify(&rows, ends.as_ref(), secret));
    }
    findings.extend(check_sealed::<SharedBasket>(pool, secret, "SELECT rowid, * FROM shared_baskets").await?);
    let is_named = |row: &SqliteRow| {
        let (id, body) = (row.try_get::<String, _>("id"), row.try_get::<String, _>("body"));
        matches!((id, body), (Ok(id), Ok(body)) if search_id(&body) == id)
    };
    let searches = sqlx::query("SELECT rowid, * FROM searches").fetch_all(pool).await?;
    findings.extend(unsealed("searches", &searches, is_named));
    Ok(findings)
}

/// Rows of a table whose seals are wrong; without the secret, that none can be verified.
async fn check_sealed<R: Sealed>(
    pool: &SqlitePool,
    secret: Option<&Secret>,
    query: &'static str,
) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(query).fetch_all(pool).await?;
    Ok(match secret {
        Some(secret) => unsealed(R::TABLE, &rows, |row| R::read(row, secret).is_some()),
        None if rows.is_empty() => Vec::new(),
        None => vec![format!("the rows of {} cannot be verified without the server's secret", R::TABLE)],
    })
}

fn unsealed(table: &str, rows: &[SqliteRow], is_whole: impl Fn(&SqliteRow) -> bool) -> Vec<String> {
    let number = |row: &SqliteRow| row.try_get::<i64, _>(0).map_or_else(|_| "?".to_owned(), |n| n.to_string());
    rows.iter()
        .filter(|row| !is_whole(row))
        .map(|row| format!("row {} of {table} is damaged, or was sealed under another secret", number(row)))
        .collect()
}

async fn texts(pool: &SqlitePool, query: &'static str) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(query).fetch_all(pool).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// The structure of a database that was made just now.
async fn expected_structure() -> Result<Vec<String>, sqlx::Error> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    MIGRATIONS.run(&pool).await?;
    let structure = texts(&pool, STRUCTURE).await;
    pool.close().await;
    structure
}
