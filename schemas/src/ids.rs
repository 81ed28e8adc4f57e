//! Identifiers of collections and items.

use std::borrow::Borrow;
use std::fmt;

use crate::limits::ID_BYTES_MAX;
use crate::{Kind, Problem};

fn check(text: &str, what: &'static str) -> Result<(), Problem> {
    let bad = |detail: String| Err(Problem::new(Kind::Invalid, "id", detail).at(what));
    if text.is_empty() {
        return bad(format!("the {what} id is empty"));
    }
    if text.len() > ID_BYTES_MAX {
        return bad(format!("the {what} id has {} bytes, the limit is {ID_BYTES_MAX}", text.len()));
    }
    if text == "." || text == ".." {
        return bad(format!("the {what} id {text:?} cannot stand in an address: clients resolve it as a folder"));
    }
    if text.chars().any(char::is_control) {
        return bad(format!("the {what} id holds a control character"));
    }
    Ok(())
}

macro_rules! id {
    ($name:ident, $what:literal, $doc:literal) => {
        #[doc = $doc]
        ///
        /// 1 to 512 bytes of UTF-8 without control characters; anything else, slashes too, is legal, but `.` and `..`
        /// alone, which clients take out of addresses.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks and takes an id.
            ///
            /// # Errors
            /// `Invalid` when empty, too long, `.`, `..`, or with control characters.
            pub fn new(text: impl Into<Box<str>>) -> Result<Self, Problem> {
                let text = text.into();
                check(&text, $what)?;
                Ok(Self(text))
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(CollectionId, "collection", "Identifier of a collection, unique in a catalogue.");
id!(ItemId, "item", "Identifier of an item, unique in its collection.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_any_short_text_that_an_address_can_carry() {
        for id in ["a", "a/b", "%2e", "...", ".a", "é ü", "?#&", &"x".repeat(ID_BYTES_MAX)] {
            assert_eq!(ItemId::new(id).expect(id).as_str(), id);
        }
        for id in ["", ".", "..", "a\nb", "\u{7f}", &"x".repeat(ID_BYTES_MAX + 1)] {
            assert_eq!(CollectionId::new(id).expect_err(id).kind, Kind::Invalid);
        }
    }
}
