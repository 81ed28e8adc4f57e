//! Codes at the beginning of an order's message, as clients of hydroweb.next know them, and further ones of that form: the
//! message is the only place where these clients look for a reason.

use nilometer_schemas::Kind;

use crate::problem::ApiError;

/// Our fault.
pub(super) const UNEXPECTED_ERROR: &str = "UNEXPECTED_ERROR";
/// The selections match nothing that has files.
pub(super) const EMPTY_SELECTION: &str = "EMPTY_SELECTION";
/// The files are more bytes than an order may hold, or what is written for all orders of the account.
pub(super) const WHOLE_QUOTA_EXCEEDED: &str = "WHOLE_QUOTA_EXCEEDED";
/// The files are more than an order may hold.
const TOO_MANY_FILES: &str = "TOO_MANY_FILES";
/// A collection of the selections is not there any more.
const UNKNOWN_COLLECTION: &str = "UNKNOWN_COLLECTION";
/// The selections cannot be asked any more.
const INVALID_SELECTION: &str = "INVALID_SELECTION";
/// The terms of a collection were not accepted.
pub(crate) const LICENCE_NOT_ACCEPTED: &str = "LICENCE_NOT_ACCEPTED";
/// Files of a collection are not for this account, or the account was closed.
pub(super) const NOT_ALLOWED: &str = "NOT_ALLOWED";
/// A file does not answer.
pub(super) const FILE_UNAVAILABLE: &str = "FILE_UNAVAILABLE";
/// The service has no room for what is written for the order.
const STORAGE_FULL: &str = "STORAGE_FULL";

/// Why an order was not prepared.
#[derive(Debug)]
pub(crate) struct Failure {
    /// `CODE: text`.
    pub(crate) message: String,
    /// Whether another attempt may help.
    pub(crate) is_passing: bool,
}

impl Failure {
    /// One that no other attempt mends.
    pub(super) fn last(code: &str, text: impl std::fmt::Display) -> Self {
        Self { message: format!("{code}: {text}"), is_passing: false }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let problem = error.problem();
        if let Some(cause) = error.cause() {
            tracing::warn!(cause, "an order was not prepared");
        }
        let (code, is_passing) = match problem.kind {
            Kind::NotFound if problem.code == "collection-not-found" => (UNKNOWN_COLLECTION, false),
            Kind::TooLarge if problem.code == "order-files" => (TOO_MANY_FILES, false),
            Kind::Conflict if problem.code == "orders-room" => (WHOLE_QUOTA_EXCEEDED, false),
            Kind::TooLarge => (WHOLE_QUOTA_EXCEEDED, false),
            Kind::Unauthorized | Kind::Forbidden => (NOT_ALLOWED, false),
            Kind::StorageFull => (STORAGE_FULL, true),
            Kind::Unavailable | Kind::Timeout => (FILE_UNAVAILABLE, true),
            Kind::Internal => (UNEXPECTED_ERROR, true),
            _ => (INVALID_SELECTION, false),
        };
        Self { message: format!("{code}: {}", problem.detail), is_passing }
    }
}
