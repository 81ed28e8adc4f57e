//! `/admin/audit`: the audit log, newest first, for administrators.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nilometer_schemas::Role;
use serde_json::{Value, json};

use super::{Caller, as_json};
use crate::accounts::{AUDIT_ROWS_MAX, AuditRow};
use crate::html::account as pages;
use crate::problem::ApiError;
use crate::routes::ask::whole_number;
use crate::state::App;

/// Rows when the caller names no limit.
const ROWS_DEFAULT: usize = 100;

/// `GET /admin/audit`.
pub(super) async fn get(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let ask = &caller.ask;
    ask.only(&["before", "limit"])?;
    if let Err(problem) = ask.principal.require_keeper(Role::Administrator) {
        return caller.to_sign_in(problem);
    }
    let before = ask.parameter("before").map(|text| whole_number("before", text)).transpose()?;
    let before = before.map(|before| i64::try_from(before).unwrap_or(i64::MAX));
    let limit = ask.limit(ROWS_DEFAULT, AUDIT_ROWS_MAX)?;
    let rows = app.accounts.audit_rows(before, limit).await?;
    let older = rows.last().filter(|row| rows.len() == limit && row.seq > 1).map(|row| row.seq);
    let older = older.map(|seq| format!("/admin/audit?before={seq}&limit={limit}"));
    if ask.html {
        let days = app.config.accounts.audit_days;
        return Ok(caller.page(None, pages::audit(ask, &rows, older.as_deref(), days)));
    }
    let mut value = json!({"rows": rows.iter().map(AuditRow::to_json).collect::<Vec<Value>>()});
    value["next"] = older.map(|path| ask.links.absolute(&path)).into();
    Ok(as_json(StatusCode::OK, &value))
}
