//! Who may fetch files. What there is, everybody may know who sees the collection; fetching it needs an account.

use nilometer_schemas::{CollectionId, Kind, Level, Problem};

use crate::accounts::{Power, Principal};

/// Passes those whose groups may see files of a collection, whatever their credential was made for.
///
/// # Errors
/// `Forbidden` where the metadata alone are seen.
pub(crate) fn are_granted(level: Level, collection: &CollectionId) -> Result<(), Problem> {
    if level < Level::Partial {
        let detail = format!("of the collection {:?} you may see the metadata, not the files", collection.as_str());
        return Err(Problem::new(Kind::Forbidden, "files-not-granted", detail));
    }
    Ok(())
}

/// Passes those who may fetch files of a collection of which they see so much.
///
/// # Errors
/// `Unauthorized` for those who have not said who they are, `Forbidden` where the metadata alone are seen, and for keys that
/// were made for less.
pub(crate) fn may_download(principal: &Principal, level: Level, collection: &CollectionId) -> Result<(), Problem> {
    if !principal.is_anonymous() {
        are_granted(level, collection)?;
        return principal.require_power(Power::Download);
    }
    let detail = format!("files of the collection {:?} are given to those with an account", collection.as_str());
    Err(Problem::new(Kind::Unauthorized, "key-required", detail)
        .at("Authorization")
        .allowed("Authorization: Bearer KEY, X-API-Key: KEY, or a signed link"))
}
