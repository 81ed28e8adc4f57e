//! What groups may see of collections: nothing, the metadata, a part, or all.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Access, Filter, Instant};

/// How much of a collection is seen; each level shows what those before it show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// It does not exist.
    Hidden,
    /// The collection and its items, but no observations and no files.
    Metadata,
    /// Some of its items, with all that belongs to them. The others do not exist.
    Partial,
    /// Everything.
    Full,
}

impl Level {
    /// All levels, the least first.
    pub const ALL: [Self; 4] = [Self::Hidden, Self::Metadata, Self::Partial, Self::Full];

    /// Its name, in answers, on the command line and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Metadata => "metadata",
            Self::Partial => "partial",
            Self::Full => "full",
        }
    }

    /// The level of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// Items that are seen: those that meet both conditions.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// As CQL2 text, in normal form, beside what it says.
    pub filter: Option<(String, Filter)>,
    /// Items whose time ends before this moment.
    pub before: Option<Instant>,
}

/// What is seen of a collection.
#[derive(Clone, Debug, PartialEq)]
pub enum Right {
    /// See [`Level::Hidden`].
    Hidden,
    /// See [`Level::Metadata`].
    Metadata,
    /// The items of any of these parts.
    Partial(Vec<Part>),
    /// See [`Level::Full`].
    Full,
}

impl Right {
    /// How much that is.
    pub fn level(&self) -> Level {
        match self {
            Self::Hidden => Level::Hidden,
            Self::Metadata => Level::Metadata,
            Self::Partial(_) => Level::Partial,
            Self::Full => Level::Full,
        }
    }

    /// What somebody sees who has both: the higher level, of two partial ones the items of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Partial(mut parts), Self::Partial(more)) => {
                for part in more {
                    if !parts.contains(&part) {
                        parts.push(part);
                    }
                }
                Self::Partial(parts)
            }
            (a, b) => {
                if a.level() >= b.level() {
                    a
                } else {
                    b
                }
            }
        }
    }

    /// What it says in a text that differs between rights; parts in an order of their own.
    fn text(&self) -> String {
        let Self::Partial(parts) = self else { return self.level().name().to_owned() };
        let text = |part: &Part| {
            let filter = part.filter.as_ref().map(|(text, _)| text);
            format!("{filter:?} {:?}", part.before.map(|at| at.0))
        };
        let mut parts: Vec<String> = parts.iter().map(text).collect();
        parts.sort_unstable();
        format!("partial {parts:?}")
    }
}

/// What was granted on one collection to the groups of a principal.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    /// Whether something was granted to everybody, which takes the place of the collection's own access policy.
    pub replaces: bool,
    /// All grants together.
    pub right: Right,
}

/// Name of rights: equal for equal rights, different for different ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RightsId([u8; 16]);

impl fmt::Display for RightsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RightsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The effective rights of a set of groups, by collection. What is not named is seen as its access policy says: all of it
/// where that is public, nothing where it is hidden.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rights {
    by_collection: BTreeMap<String, Granted>,
    id: Option<RightsId>,
}

impl Rights {
    /// Rights by id of the collection, which need not exist.
    pub fn new(by_collection: BTreeMap<String, Granted>) -> Self {
        if by_collection.is_empty() {
            return Self::default();
        }
        let mut hasher = blake3::Hasher::new();
        for (collection, granted) in &by_collection {
            for part in [collection.as_str(), if granted.replaces { "=" } else { "+" }, &granted.right.text()] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
        }
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self { by_collection, id: Some(RightsId(id)) }
    }

    /// Their name; `None` where nothing was granted.
    pub fn id(&self) -> Option<RightsId> {
        self.id
    }

    /// What is seen of a collection with this access policy.
    pub fn of(&self, collection: &str, access: Access) -> Right {
        let own = match access {
            Access::Public => Right::Full,
            Access::Hidden => Right::Hidden,
        };
        match self.by_collection.get(collection) {
            None => own,
            Some(granted) if granted.replaces => granted.right.clone(),
            Some(granted) => own.or(granted.right.clone()),
        }
    }

    /// How much is seen of a collection with this access policy.
    pub fn level(&self, collection: &str, access: Access) -> Level {
        self.of(collection, access).level()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(micros: i64) -> Right {
        Right::Partial(vec![Part { filter: None, before: Some(Instant(micros)) }])
    }

    fn rights(replaces: bool, right: Right) -> Rights {
        Rights::new(BTreeMap::from([("c".to_owned(), Granted { replaces, right })]))
    }

    #[test]
    fn two_rights_add_up_to_the_higher_one_and_parts_to_both() {
        let all = [Right::Hidden, Right::Metadata, part(1), Right::Full];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(a.clone().or(b.clone()), all[i.max(j)], "{a:?} or {b:?}");
            }
        }
        let Right::Partial(parts) = part(1).or(part(2)).or(part(1)) else { panic!("a part") };
        assert_eq!(parts.len(), 2);
    }

    #[test]
    fn a_grant_to_everybody_replaces_the_access_policy_and_others_add_to_it() {
        let check = |rights: &Rights, collection: &str, public: Level, hidden: Level| {
            let level = |access| rights.level(collection, access);
            assert_eq!((level(Access::Public), level(Access::Hidden)), (public, hidden), "{rights:?} {collection}");
        };
        check(&Rights::default(), "c", Level::Full, Level::Hidden);
        check(&rights(true, Right::Metadata), "c", Level::Metadata, Level::Metadata);
        check(&rights(false, Right::Metadata), "c", Level::Full, Level::Metadata);
        check(&rights(true, Right::Hidden), "c", Level::Hidden, Level::Hidden);
        check(&rights(true, Right::Hidden), "d", Level::Full, Level::Hidden);
    }

    #[test]
    fn names_are_those_of_what_is_granted() {
        let id = |rights: Rights| rights.id();
        assert_eq!(id(Rights::new(BTreeMap::new())), None);
        let some = [
            rights(true, Right::Hidden),
            rights(false, Right::Hidden),
            rights(true, part(1)),
            rights(true, part(2)),
            rights(true, part(1).or(part(2))),
        ];
        for (i, a) in some.iter().enumerate() {
            for (j, b) in some.iter().enumerate() {
                assert_eq!(a.id() == b.id(), i == j, "{a:?} {b:?}");
            }
        }
        assert_eq!(id(rights(true, part(1).or(part(2)))), id(rights(true, part(2).or(part(1)))));
    }

    #[test]
    fn levels_have_names() {
        for level in Level::ALL {
            assert_eq!(Level::of_name(level.name()), Some(level));
        }
        assert_eq!(Level::of_name("some"), None);
    }
}
