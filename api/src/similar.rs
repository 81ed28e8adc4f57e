//! Finds the name that a mistyped one was meant to be.

use nilometer_schemas::text::edit_distance;

/// The candidate nearest to `word`, if it is near enough to be a slip of the hand.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let names = ["listen", "limits.page_limit_max", "limits.body_bytes"];
        assert_eq!(nearest("lisen", names), Some("listen"));
        assert_eq!(nearest("limits.page_limit_maximum", names), Some("limits.page_limit_max"));
        assert_eq!(nearest("zebra", names), None);
    }
}
