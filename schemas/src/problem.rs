//! What can go wrong for a caller, and whose fault it is.

use std::fmt;

/// Whose fault a failure is; `api` turns each into one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request cannot be understood (400).
    Invalid,
    /// No or wrong credentials (401).
    Unauthorized,
    /// Known caller, not allowed (403).
    Forbidden,
    /// Nothing there, or nothing the caller may see (404).
    NotFound,
    /// The method does not exist at this address (405).
    MethodNotAllowed,
    /// No representation the caller accepts (406).
    NotAcceptable,
    /// The request contradicts the stored state (409).
    Conflict,
    /// It was there, and is no longer kept (410).
    Gone,
    /// `If-Match` or `If-None-Match` failed (412).
    PreconditionFailed,
    /// Larger than a named limit (413).
    TooLarge,
    /// The body's media type is not understood (415).
    UnsupportedMediaType,
    /// None of the bytes that were asked for are there (416).
    RangeNotSatisfiable,
    /// The caller asked too often (429).
    TooManyRequests,
    /// The server cannot answer now; trying later may help (503).
    Unavailable,
    /// The store has no room (507).
    StorageFull,
    /// The work took longer than the deadline (504).
    Timeout,
    /// A defect or damage on our side (500).
    Internal,
}

/// One failure in the caller's words: what was wrong, where, and what is allowed.
///
/// `code` is a stable slug that names the problem type (`bbox-order`), `parameter` the query parameter,
/// JSON pointer or header it is about. Nothing internal belongs into `detail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whose fault.
    pub kind: Kind,
    /// Stable slug, lower case with hyphens.
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: String,
    /// Parameter name or JSON pointer.
    pub parameter: Option<String>,
    /// What would be accepted.
    pub allowed: Option<String>,
}

impl Problem {
    /// A problem of any kind.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, code, detail: detail.into(), parameter: None, allowed: None }
    }

    /// A request that cannot be understood.
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, code, detail)
    }

    /// Something absent or hidden.
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, code, detail)
    }

    /// Names the parameter or JSON pointer at fault.
    #[must_use]
    pub fn at(mut self, parameter: impl Into<String>) -> Self {
        self.parameter = Some(parameter.into());
        self
    }

    /// Names what would be accepted.
    #[must_use]
    pub fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parameter) = &self.parameter {
            write!(f, "{parameter}: ")?;
        }
        f.write_str(&self.detail)?;
        if let Some(allowed) = &self.allowed {
            write!(f, " (allowed: {allowed})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
