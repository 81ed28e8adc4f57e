//! The comparison of answers, and the counts of it.

use std::collections::BTreeMap;

use nilometer_tests::http::{link, path_of};
use nilometer_tests::{Client, Response};
use serde_json::Value;

use crate::normal::{Names, Normal, difference, normal};
use crate::target::Target;

/// Kinds of questions that are refused whatever there is.
const REFUSED: [&str; 3] = ["refusals", "file elsewhere", "order without accepted terms"];

/// Answers of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    all: usize,
    answered: usize,
    /// Those whose status the model says, and of them those that are answers.
    told: usize,
    due: usize,
}

/// Both servers, asked by one principal.
pub(crate) struct Pair {
    pub(crate) whole: Client,
    pub(crate) twin: Client,
    /// What each server calls by a name of its own, such as orders.
    pub(crate) names: [Names; 2],
    /// What tells a failure from others.
    pub(crate) context: String,
}

/// How many answers were compared, and what was wrong.
#[derive(Default)]
pub(crate) struct Compared {
    by_kind: BTreeMap<&'static str, Count>,
    wrong: Vec<String>,
}

impl Compared {
    /// Asks both, page after page, and compares.
    pub(crate) fn one(&mut self, pair: &Pair, target: &Target) {
        let mut paths = [target.path.clone(), target.path.clone()];
        // Pages are followed on both sides, each with its own tokens.
        for page in 0..50 {
            let answers = pair.ask(target, [&paths[0], &paths[1]]);
            self.compare(pair, target, &answers, page == 0);
            let next = |answer: &Response| {
                let document: Value = serde_json::from_slice(&answer.body).ok()?;
                document["features"].as_array()?;
                link(&document, "next").map(|href| path_of(&href))
            };
            match (next(&answers[0]), next(&answers[1])) {
                (Some(a), Some(b)) if target.body.is_none() => paths = [a, b],
                _ => return,
            }
        }
    }

    /// Asks both at addresses of their own.
    pub(crate) fn each(&mut self, pair: &Pair, target: &Target, paths: [&str; 2]) -> [Response; 2] {
        let answers = pair.ask(target, paths);
        self.compare(pair, target, &answers, true);
        answers
    }

    /// Compares answers that were asked for already.
    pub(crate) fn answers(&mut self, pair: &Pair, target: &Target, answers: &[Response; 2]) {
        self.compare(pair, target, answers, true);
    }

    fn compare(&mut self, pair: &Pair, target: &Target, answers: &[Response; 2], is_first: bool) {
        let [a, b] = pair.normal(answers);
        let count = self.by_kind.entry(target.kind).or_default();
        count.all += 1;
        count.answered += usize::from(a.status / 100 == 2);
        if a.status >= 500 {
            self.wrong.push(format!("{target:?}: {}", answers[0].text()));
        }
        if a != b {
            self.wrong.push(format!("{target:?} differs (whole, then twin):\n{}", difference(&a, &b)));
        }
        if !is_first {
            return;
        }
        if let Some(status) = target.status {
            count.told += 1;
            count.due += usize::from(status / 100 == 2 && status != 204);
            if status != a.status {
                self.wrong.push(format!("{target:?}: {} and not {status}\n{}", a.status, answers[0].text()));
            }
        }
        if let Some(expected) = target.count {
            let counted = counted(&answers[0]);
            if counted != Some(expected) {
                let text = answers[0].text();
                self.wrong.push(format!("{target:?}: {counted:?} and not {expected}\n{text}"));
            }
        }
    }

    /// What the model says of one server's answers alone, where no twin can be asked.
    pub(crate) fn model(&mut self, kind: &'static str, holds: bool, told: impl FnOnce() -> String) {
        let count = self.by_kind.entry(kind).or_default();
        *count = Count { all: count.all + 1, answered: count.answered + 1, told: count.told + 1, due: count.due + 1 };
        if !holds {
            self.wrong.push(format!("{kind}: {}", told()));
        }
    }

    /// Ends the test if anything was wrong.
    pub(crate) fn settle(&mut self, context: &str) {
        let count = self.wrong.len();
        self.wrong.truncate(10);
        assert!(self.wrong.is_empty(), "{context}\n{count} answers are wrong:\n{}", self.wrong.join("\n\n"));
    }

    pub(crate) fn all(&self) -> usize {
        self.by_kind.values().map(|count| count.all).sum()
    }

    pub(crate) fn answered(&self) -> usize {
        self.by_kind.values().map(|count| count.answered).sum()
    }

    /// Kinds of questions of which the model never said that there is an answer: about them nothing was proven.
    pub(crate) fn unproven(&self) -> Vec<&'static str> {
        let due = self.by_kind.iter().filter(|(kind, _)| !REFUSED.contains(kind));
        due.filter(|(_, count)| count.due == 0).map(|(kind, _)| *kind).collect()
    }

    pub(crate) fn table(&self) -> String {
        let row = |(kind, count): (&&str, &Count)| {
            format!("| {kind} | {} | {} | {} | {} |\n", count.all, count.answered, count.told, count.due)
        };
        let head = "| what was asked | answers | of them 2xx | status said by the model | of them 2xx |\n\
                    | --- | --: | --: | --: | --: |\n";
        format!("{head}{}", self.by_kind.iter().map(row).collect::<String>())
    }
}

impl Pair {
    /// Takes down what each server calls by a name of its own.
    pub(crate) fn name(&mut self, names: &[String; 2]) {
        for (all, name) in self.names.iter_mut().zip(names) {
            all.push(name.clone());
        }
    }

    pub(crate) fn ask(&self, target: &Target, paths: [&str; 2]) -> [Response; 2] {
        let ask = |client: &Client, path: &str| {
            let accept = if target.html { "text/html" } else { "application/json, */*;q=0.5" };
            let body = target.body.as_ref().map(Value::to_string);
            let mut headers = vec![("accept", accept)];
            headers.extend(body.as_ref().map(|_| ("content-type", "application/json")));
            client.send(target.method, path, &headers, body.as_deref().map(str::as_bytes))
        };
        [ask(&self.whole, paths[0]), ask(&self.twin, paths[1])]
    }

    fn normal(&self, answers: &[Response; 2]) -> [Normal; 2] {
        let base = |client: &Client| format!("http://{}", client.address());
        [
            normal(&answers[0], &base(&self.whole), &self.names[0]),
            normal(&answers[1], &base(&self.twin), &self.names[1]),
        ]
    }
}

/// What an answer says of how much there is: of a page, of Hydrocron, or the lines below the head of a table.
fn counted(answer: &Response) -> Option<usize> {
    if answer.header("content-type").is_some_and(|media_type| media_type.starts_with("text/csv")) {
        return answer.text().lines().count().checked_sub(1);
    }
    let document: Value = serde_json::from_slice(&answer.body).ok()?;
    let told = ["hits", "numberMatched", "files"].into_iter().find_map(|name| document[name].as_u64())?;
    usize::try_from(told).ok()
}
