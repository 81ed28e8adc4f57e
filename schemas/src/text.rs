//! Words of items and of questions, folded alike.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case without accents: `Fontaine-de-Vaucluse` and `FONTAINE-DE-VAUCLUSE`, `Saône` and `saone` are equal.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ß' => out.push_str("ss"),
            'Æ' | 'æ' => out.push_str("ae"),
            'Œ' | 'œ' => out.push_str("oe"),
            'Ø' | 'ø' => out.push('o'),
            'Ł' | 'ł' => out.push('l'),
            'Đ' | 'đ' | 'Ð' | 'ð' => out.push('d'),
            'Þ' | 'þ' => out.push_str("th"),
            'ı' => out.push('i'),
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

/// Text that is the same for every way of writing it in upper and lower case: `Straße`, `STRASSE` and `strasse` are equal.
///
/// Each character is put in upper case, then in lower case, which is Unicode's full case folding but for a few letters
/// of no consequence here (the dotless `ı` is equal to `i`). Accents stay.
pub fn fold_case(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Text without accents and strokes on letters, case kept: `Đà Nẵng` becomes `Da Nang`.
pub fn strip_accents(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let bare = |c: char| match c {
        'Ø' => 'O',
        'ø' => 'o',
        'Ł' => 'L',
        'ł' => 'l',
        'Đ' | 'Ð' => 'D',
        'đ' | 'ð' => 'd',
        'ı' => 'i',
        c => c,
    };
    // Composed again, so that what was no accent is one character still.
    text.nfd().filter(|c| !is_combining_mark(*c)).map(bare).nfc().collect()
}

/// Whether a character is part of a word: letters, digits and the underscore, as `\w` of regular expressions.
pub fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a character goes on with a word: as [`is_word_char`], and an accent that stands for itself.
pub fn is_in_word(c: char) -> bool {
    is_word_char(c) || is_combining_mark(c)
}

/// How many slips of the hand lie between two texts: characters that are wrong, too many, missing, or the wrong way round.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // The two rows before the one that is filled.
    let (mut second, mut last) = (vec![0; b.len() + 1], (0..=b.len()).collect::<Vec<usize>>());
    for i in 0..a.len() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            let replaced = last[j] + usize::from(a[i] != b[j]);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                row[j + 1] = row[j + 1].min(second[j - 1] + 1);
            }
        }
        (second, last) = (last, row);
    }
    last[b.len()]
}

/// The folded words of a text, in order.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    // Folded first: some signs stand for several characters, as the numbers in brackets do.
    let folded = fold(text);
    let words: Vec<String> =
        folded.split(|c: char| !is_word_char(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_case_do_not_matter() {
        for (a, b) in [("Saône", "SAONE"), ("Œuf", "oeuf"), ("Đà Nẵng", "da nang"), ("Ærø", "aero")] {
            assert_eq!(fold(a), fold(b));
        }
    }

    #[test]
    fn case_and_accents_are_forgotten_apart() {
        for text in ["Straße", "STRASSE", "strasse"] {
            assert_eq!(fold_case(text), "strasse");
        }
        assert_eq!(fold_case("ΟΔΟΣ"), fold_case("Οδος"));
        assert_eq!(fold_case("SAÔNE"), "saône");
        assert_eq!(strip_accents("Beyonce\u{301} à la Saône"), "Beyonce a la Saone");
        assert_eq!(strip_accents("Đà Nẵng, Łódź, 한강"), "Da Nang, Lodz, 한강");
    }

    #[test]
    fn slips_of_the_hand_are_counted() {
        let pairs = [("garonne", "garonne", 0), ("garone", "garonne", 1), ("graonne", "garonne", 1), ("", "abc", 3)];
        for (a, b, distance) in pairs.into_iter().chain([("leman", "lemna", 1), ("kitten", "sitting", 3)]) {
            assert_eq!((edit_distance(a, b), edit_distance(b, a)), (distance, distance), "{a} {b}");
        }
    }

    #[test]
    fn words_are_runs_of_letters_digits_and_underscores() {
        let got: Vec<String> = words("Lac d'Annecy, SWOT_L2 (été)").collect();
        assert_eq!(got, ["lac", "d", "annecy", "swot_l2", "ete"]);
        // An accent alone is no word.
        assert_eq!(words("Le\u{301}man \u{301} !").collect::<Vec<_>>(), ["leman"]);
    }
}
