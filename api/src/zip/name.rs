//! Names of files in an archive: harmless on every system, and each once.

use std::collections::{HashMap, HashSet};

/// Bytes of one part of a path; file systems take 255.
const PART_BYTES_MAX: usize = 200;
/// Bytes of a whole path.
const PATH_BYTES_MAX: usize = 1_000;
/// Names that Windows keeps for devices.
const DEVICES: [&str; 22] = [
    "aux", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "con", "lpt1", "lpt2", "lpt3",
    "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "nul", "prn",
];

/// The names that an archive has so far.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Paths of files, folded.
    files: HashSet<String>,
    /// Paths of folders that files lie in, folded.
    folders: HashSet<String>,
    /// The number that the last file of a name got, by path, folded: all below it are taken.
    numbers: HashMap<String, u64>,
}

impl Names {
    /// The path under which a file stands: `folder` (a caller's text, perhaps empty) and `name`, with everything taken out
    /// that could lead out of the folder in which the archive is unpacked, and with a number where another file has this
    /// name already, whatever its case. No two files get one path, and no file gets the path of a folder.
    pub fn add(&mut self, folder: &str, name: &str) -> String {
        let mut parts: Vec<String> = folder.split(['/', '\\']).filter_map(part).collect();
        // A file's own name is one part: what looks like folders in it is none.
        parts.push(harmless(name));
        while parts.iter().map(|part| part.len() + 1).sum::<usize>() > PATH_BYTES_MAX && parts.len() > 1 {
            parts.remove(0);
        }
        let mut path = String::new();
        let last = parts.len() - 1;
        for (at, part) in parts.iter().enumerate() {
            let begin = if path.is_empty() { String::new() } else { format!("{path}/") };
            let is_taken = |folded: &str| self.files.contains(folded) || (at == last && self.folders.contains(folded));
            let wanted = folded(&format!("{begin}{part}"));
            let first = if at == last { self.numbers.get(&wanted).copied().unwrap_or(1) } else { 1 };
            let mut numbered = (first..).map(|number| (number, format!("{begin}{}", with_number(part, number))));
            let (number, free) = numbered.find(|(_, path)| !is_taken(&folded(path))).unwrap_or_default();
            if at == last {
                self.numbers.insert(wanted, number);
            }
            path = free;
            if at < last {
                self.folders.insert(folded(&path));
            }
        }
        self.files.insert(folded(&path));
        path
    }
}

/// A text as one part of a path, with everything taken out that is special to some system.
pub fn harmless(text: &str) -> String {
    part(&text.replace(['/', '\\'], "_")).unwrap_or_else(|| "file".to_owned())
}

/// What is one name to systems that do not tell cases apart.
fn folded(path: &str) -> String {
    path.to_lowercase()
}

/// A part of a path without what is special to some system; `None` where nothing is left or it means another folder.
fn part(text: &str) -> Option<String> {
    let plain = |c: char| match c {
        ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\\' | '/' => '_',
        c if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c) => '_',
        c => c,
    };
    let clean: String = text.trim().chars().map(plain).collect();
    let clean = clean.trim_end_matches(['.', ' ']);
    if clean.trim_matches('.').is_empty() {
        return None;
    }
    let (stem, _) = clean.split_once('.').unwrap_or((clean, ""));
    let mark = if DEVICES.contains(&stem.trim_end().to_ascii_lowercase().as_str()) { "_" } else { "" };
    Some(format!("{mark}{}", shortened(clean)))
}

/// At most [`PART_BYTES_MAX`] bytes, the ending kept.
fn shortened(text: &str) -> String {
    if text.len() <= PART_BYTES_MAX {
        return text.to_owned();
    }
    let dot = text.rfind('.').filter(|at| text.len() - at <= 20 && *at > 0).unwrap_or(text.len());
    let mut cut = PART_BYTES_MAX - (text.len() - dot);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    format!("{}{}", &text[..cut], &text[dot..])
}

/// `a.txt`, `a (2).txt`, `a (3).txt` …
fn with_number(part: &str, number: u64) -> String {
    if number == 1 {
        return part.to_owned();
    }
    match part.rfind('.').filter(|at| *at > 0) {
        Some(dot) => format!("{} ({number}){}", &part[..dot], &part[dot..]),
        None => format!("{part} ({number})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let check = |folder: &str, name: &str, expected: &str| {
            assert_eq!(Names::default().add(folder, name), expected, "{folder:?} {name:?}");
        };
        check("", "a.txt", "a.txt");
        check("COLL/COLL", "hydroprd_L_leman.txt", "COLL/COLL/hydroprd_L_leman.txt");
        check("second/selection/", "a", "second/selection/a");
        check("../../etc", "passwd", "etc/passwd");
        check("/abs//x/./", "../a", "abs/x/.._a");
        check("C:\\Windows", "..\\a", "C_/Windows/.._a");
        check("a\0b", "c\nd", "a_b/c_d");
        check("..", "..", "file");
        check("", "", "file");
        check("con", "NUL.txt", "_con/_NUL.txt");
        check("a. . ", "b...", "a/b");
        check("é/日本", "ü.csv", "é/日本/ü.csv");
        check("", "a\u{202e}txt.exe", "a_txt.exe");
    }

    #[test]
    fn clashes_get_numbers_and_none_is_lost() {
        let mut names = Names::default();
        let all: Vec<String> =
            [("f", "a.txt"), ("f", "A.TXT"), ("f", "a.txt"), ("", "f"), ("f/a.txt", "b"), ("F", "x")]
                .iter()
                .map(|(folder, name)| names.add(folder, name))
                .collect();
        assert_eq!(all, ["f/a.txt", "f/A (2).TXT", "f/a (3).txt", "f (2)", "f/a (4).txt/b", "F/x"]);
    }

    proptest! {
        #[test]
        fn any_texts_become_distinct_harmless_paths(pairs in prop::collection::vec((".{0,12}", "(?s).{0,12}"), 1..30)) {
            let mut names = Names::default();
            let paths: Vec<String> = pairs.iter().map(|(folder, name)| names.add(folder, name)).collect();
            let files: HashSet<String> = paths.iter().map(|path| path.to_lowercase()).collect();
            prop_assert_eq!(files.len(), paths.len());
            for path in &paths {
                prop_assert!(!path.is_empty() && path.len() <= PATH_BYTES_MAX + 40, "{}", path);
                prop_assert!(!path.contains(['\\', '\0', ':']), "{}", path);
                for part in path.split('/') {
                    prop_assert!(!matches!(part, "" | "." | ".."), "{}", path);
                }
                let mut above = path.to_lowercase();
                while let Some(at) = above.rfind('/') {
                    above.truncate(at);
                    prop_assert!(!files.contains(&above), "{} lies in a file", path);
                }
            }
        }
    }
}
