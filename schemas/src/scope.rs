//! What a principal may see. No plan executes without one.

use crate::{Access, Collection, Rights, RightsId};

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

/// The part of the catalogue a principal may see; part of every question, every cache key and every entity tag.
///
/// It is a name and no more: what rights of groups show of collections is a view of the catalogue, made for the scope, and
/// a plan answers a scope from its own view alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    role: Role,
    rights: Option<RightsId>,
}

impl Scope {
    /// The scope of a role, where no group was given or refused anything.
    pub fn of(role: Role) -> Self {
        Self { role, rights: None }
    }

    /// The scope of a role with the rights of its groups. Those who run the service see all, whatever their groups.
    pub fn with(role: Role, rights: &Rights) -> Self {
        Self { role, rights: rights.id().filter(|_| role < Role::Operator) }
    }

    /// Name of the rights, where there are any.
    pub fn rights(self) -> Option<RightsId> {
        self.rights
    }

    /// Whether the role alone shows a thing with this access policy.
    pub fn sees(self, access: Access) -> bool {
        self.role >= Role::Operator || access == Access::Public
    }

    /// Whether the role alone shows this collection.
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

    /// A short, stable text that differs between scopes; goes into entity tags.
    pub fn tag(self) -> String {
        let role = match self.role {
            Role::Visitor => "v",
            Role::User => "u",
            Role::Operator => "o",
            Role::Administrator => "a",
        };
        self.rights.map_or_else(|| role.to_owned(), |rights| format!("{role}{rights}"))
    }
}
