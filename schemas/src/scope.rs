//! What a principal may see. No plan executes without one.

use crate::{Access, Collection};

/// What a principal is; each may what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Anybody: reads public collections.
    Visitor,
    /// Has an account: files and orders too.
    User,
    /// Runs the service: reads and writes everything.
    Operator,
    /// Looks after the accounts as well.
    Administrator,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 4] = [Self::Visitor, Self::User, Self::Operator, Self::Administrator];

    /// Its name, on the command line, in answers and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::User => "user",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }

    /// The role of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// The part of the catalogue a principal may see; ANDed into every question, and part of every cache key and ETag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    role: Role,
}

impl Scope {
    /// The scope of a role.
    pub fn of(role: Role) -> Self {
        Self { role }
    }

    /// Whether a thing with this access policy exists for the principal.
    pub fn sees(self, access: Access) -> bool {
        self.role >= Role::Operator || access == Access::Public
    }

    /// Whether this collection exists for the principal.
    pub fn sees_collection(self, collection: &Collection) -> bool {
        self.sees(collection.access)
    }

    /// Whether the principal may write.
    pub fn may_write(self) -> bool {
        self.role >= Role::Operator
    }

    /// Whether answers are the same for everybody, so that shared caches may keep them.
    pub fn is_public(self) -> bool {
        self.role == Role::Visitor
    }

    /// A short, stable text that differs between scopes; goes into ETags and cache keys.
    pub fn tag(self) -> &'static str {
        match self.role {
            Role::Visitor => "v",
            Role::User => "u",
            Role::Operator => "o",
            Role::Administrator => "a",
        }
    }
}
