//! Cycle and pass of a satellite as people name them: `cycle 49 pass 58`, `passage 58`.

use std::ops::Range;

use super::Token;

/// Words before a number, with the properties that have it: of granules, and of planned passes.
const NUMBERED: [(&[&str], [&str; 2]); 2] = [
    (&["cycle"], ["swot:cycle", "spatial:cycle_id"]),
    (&["pass", "passe", "passage"], ["swot:pass", "spatial:pass_id"]),
];
/// Digits of a cycle or a pass: longer numbers are something else.
const DIGITS_MAX: usize = 3;

/// The conditions (CQL2) that a text names, with the tokens that tell each.
pub(super) fn find(tokens: &[Token<'_>]) -> Vec<(String, Range<usize>)> {
    let named = |at: usize| {
        let number = tokens.get(at + 1)?.word.as_str();
        let (_, properties) = NUMBERED.iter().find(|(words, _)| words.contains(&tokens[at].word.as_str()))?;
        let is_number = number.len() <= DIGITS_MAX && number.bytes().all(|b| b.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| is_number)?;
        let either = properties.map(|property| format!("\"{property}\" = {number}")).join(" OR ");
        Some((format!("({either})"), at..at + 2))
    };
    (0..tokens.len()).filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tokens;
    use super::*;

    #[test]
    fn cycles_and_passes_are_numbers_behind_their_words() {
        let found = |text: &str| find(&tokens(text)).into_iter().map(|(_, at)| at).collect::<Vec<_>>();
        assert_eq!(found("SWOT cycle 49 pass 058"), [1..3, 3..5]);
        assert_eq!(found("passage 58").first(), Some(&(0..2)));
        for text in ["passages 2024", "pass", "cycle Rhône", "pass 2024"] {
            assert!(found(text).is_empty(), "{text}");
        }
        assert_eq!(find(&tokens("pass 058"))[0].0, "(\"swot:pass\" = 58 OR \"spatial:pass_id\" = 58)");
    }
}
