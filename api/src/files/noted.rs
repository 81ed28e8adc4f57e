//! Which downloads stand in the audit log already: a reader of ranges asks for one file a thousand times.

use std::collections::HashSet;

use nilometer_schemas::Instant;
use parking_lot::Mutex;

/// Time for which a file that the same key fetches again is not noted again, microseconds.
const WINDOW_US: i64 = 3_600 * 1_000_000;
/// Downloads remembered; when there are more, they are noted anew.
const REMEMBERED_MAX: usize = 20_000;

/// See the module.
#[derive(Default)]
pub(crate) struct NotedDownloads(Mutex<Window>);

#[derive(Default)]
struct Window {
    number: i64,
    seen: HashSet<(String, String)>,
}

impl Window {
    fn of(&mut self, now: Instant) -> &mut HashSet<(String, String)> {
        let number = now.0.div_euclid(WINDOW_US);
        if number != self.number || self.seen.len() >= REMEMBERED_MAX {
            (self.number, self.seen) = (number, HashSet::new());
        }
        &mut self.seen
    }
}

impl NotedDownloads {
    /// Whether it was noted in this hour that `who` fetched `what`.
    pub(crate) fn has(&self, who: &str, what: &str, now: Instant) -> bool {
        self.0.lock().of(now).contains(&(who.to_owned(), what.to_owned()))
    }

    /// It is noted now.
    pub(crate) fn add(&self, who: &str, what: &str, now: Instant) {
        self.0.lock().of(now).insert((who.to_owned(), what.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_noted_once_an_hour_and_memory_is_bounded() {
        let noted = NotedDownloads::default();
        assert!(!noted.has("key", "/a", Instant(0)));
        noted.add("key", "/a", Instant(0));
        assert!(noted.has("key", "/a", Instant(WINDOW_US - 1)) && !noted.has("other", "/a", Instant(1)));
        assert!(!noted.has("key", "/a", Instant(WINDOW_US)));
        for n in 0..2 * REMEMBERED_MAX {
            noted.add("key", &n.to_string(), Instant(WINDOW_US));
            assert!(noted.0.lock().seen.len() <= REMEMBERED_MAX);
        }
    }
}
