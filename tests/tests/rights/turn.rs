//! One principal asking under one set of rights.

use crate::model::{Catalogue, Principal, Seen};
use crate::twin::Service;

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Turn<'a> {
    pub(crate) principal: Principal,
    /// Everything that there is.
    pub(crate) catalogue: &'a Catalogue,
    /// What the principal may see of it.
    pub(crate) seen: &'a Seen,
    /// The server with everything, and the one with what may be seen.
    pub(crate) whole: &'a Service,
    pub(crate) twin: &'a Service,
}

impl Turn<'_> {
    pub(crate) fn is_visitor(&self) -> bool {
        self.principal == Principal::Visitor
    }
}
