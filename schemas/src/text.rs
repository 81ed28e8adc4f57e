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

/// Whether a character is part of a word: letters, digits and the underscore, as `\w` of regular expressions.
pub fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The folded words of a text, in order.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !is_word_char(c) && !is_combining_mark(c)).filter(|w| !w.is_empty()).map(fold)
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
    fn words_are_runs_of_letters_digits_and_underscores() {
        let got: Vec<String> = words("Lac d'Annecy, SWOT_L2 (été)").collect();
        assert_eq!(got, ["lac", "d", "annecy", "swot_l2", "ete"]);
    }
}
