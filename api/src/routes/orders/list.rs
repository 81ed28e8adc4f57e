//! `GET /api/download/workflows`: one's orders, in the form that clients of hydroweb.next read.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nilometer_schemas::{Instant, Problem};
use serde_json::{Value, json};

use super::workflows::reader;
use crate::accounts::ListOrders;
use crate::problem::ApiError;
use crate::routes::account::{Caller, as_json};
use crate::routes::ask::{Ask, whole_number};
use crate::state::App;

/// Orders of a page where a page is asked for without its size.
const SIZE_DEFAULT: i64 = 20;
/// Orders of a page at most, and of an answer that is no page.
const SIZE_MAX: i64 = 1_000;
/// The one order that there is.
const SORT: &str = "lastUpdate";

/// `GET /api/download/workflows`.
pub(super) async fn get(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let ask = &caller.ask;
    let user = reader(&ask.principal)?;
    ask.only(&["sort", "lastUpdate", "unpaged", "page", "size"])?;
    let list = read(ask, user)?;
    let (orders, total) = app.accounts.orders(&list).await?;
    let content: Vec<Value> = orders.iter().map(|(order, _)| order.to_row()).collect();
    let (size, number) = (list.limit, list.skip / list.limit);
    let pages = (total + size - 1) / size;
    let value = json!({
        "content": content, "totalElements": total, "totalPages": pages, "number": number, "size": size,
        "numberOfElements": content.len(), "first": number == 0, "last": number + 1 >= pages, "empty": content.is_empty(),
    });
    Ok(as_json(StatusCode::OK, &value))
}

fn read(ask: &Ask, user: i64) -> Result<ListOrders, Problem> {
    let number = |name: &'static str| {
        let number = ask.parameter(name).map(|text| whole_number(name, text)).transpose();
        number.map(|number| number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
    };
    let (page, size) = (number("page")?, number("size")?);
    let is_paged = page.is_some() || size.is_some();
    if size == Some(0) {
        return Err(Problem::invalid("limit", "a page has at least 1 entry")
            .at("size")
            .allowed(format!("1 to {SIZE_MAX}")));
    }
    let limit = size.unwrap_or(if is_paged { SIZE_DEFAULT } else { SIZE_MAX }).min(SIZE_MAX);
    let since = ask.parameter("lastUpdate").map(|text| {
        moment(text).ok_or_else(|| {
            Problem::invalid("datetime", format!("{text:?} is no moment"))
                .at("lastUpdate")
                .allowed("2026-11-22T06:38:37Z")
        })
    });
    Ok(ListOrders {
        user: Some(user),
        since: since.transpose()?,
        descending: descending(ask.parameter("sort"))?,
        skip: page.unwrap_or(0).saturating_mul(limit),
        limit,
    })
}

/// `lastUpdate,DESC` and `lastUpdate,ASC`; without a direction the first comes first.
fn descending(sort: Option<&str>) -> Result<bool, Problem> {
    let Some(sort) = sort else { return Ok(true) };
    let (name, direction) = sort.split_once(',').unwrap_or((sort, "ASC"));
    match direction.to_ascii_uppercase().as_str() {
        "DESC" if name == SORT => Ok(true),
        "ASC" if name == SORT => Ok(false),
        _ => Err(Problem::invalid("unknown-sort-field", format!("orders are not sorted by {sort:?}"))
            .at("sort")
            .allowed("lastUpdate,DESC, lastUpdate,ASC")),
    }
}

/// A moment as Python's `isoformat()` writes dates and times, with a literal `Z` behind: also one whose own offset stands
/// before it, with its `+` read as a space.
fn moment(text: &str) -> Option<Instant> {
    let text = text.trim();
    let bare = text.strip_suffix('Z').unwrap_or(text).replace(' ', "+");
    if bare.len() == "2026-11-22".len() {
        return Instant::parse(&format!("{bare}T00:00:00Z"));
    }
    Instant::parse(&bare).or_else(|| Instant::parse(&format!("{bare}Z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_clients_write_them() {
        for (text, expected) in [
            ("2026-11-22T06:38:37.475252Z", "2026-11-22T06:38:37.475252Z"),
            ("2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z"),
            ("2026-11-22Z", "2026-11-22T00:00:00Z"),
            ("2026-11-22T06:38:37+00:00Z", "2026-11-22T06:38:37Z"),
            ("2026-11-22T06:38:37 00:00Z", "2026-11-22T06:38:37Z"),
            ("2026-11-22T06:38:37 02:00Z", "2026-11-22T04:38:37Z"),
        ] {
            assert_eq!(moment(text).map(|at| at.to_string()).as_deref(), Some(expected), "{text}");
        }
        assert!(moment("soon").is_none() && moment("").is_none());
    }

    #[test]
    fn orders_are_sorted_by_their_last_change() {
        assert_eq!((descending(None), descending(Some("lastUpdate,DESC"))), (Ok(true), Ok(true)));
        assert_eq!((descending(Some("lastUpdate")), descending(Some("lastUpdate,asc"))), (Ok(false), Ok(false)));
        assert!(descending(Some("name,DESC")).is_err());
    }
}
