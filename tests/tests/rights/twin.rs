//! The two servers, and the comparison of their answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use nilometer_tests::{Client, Server, nilometer, operator_key};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::model::{Catalogue, CollectionOf, GROUPS, Level, Principal, Rules, Seen, Write};
use crate::normal::{difference, normal};

/// A server with accounts of all principals.
pub(crate) struct Service {
    server: Server,
    keys: BTreeMap<&'static str, String>,
    writer: Client,
    administrator: Client,
    _folder: TempDir,
}

fn key(data: &Path, user: &str, role: &str) -> String {
    let data = data.to_str().expect("a plain name");
    let output = nilometer(Path::new("/"), &["admin", "key", "create", "--data", data, "--user", user, "--role", role])
        .success();
    output.stdout.lines().last().unwrap_or_default().trim().to_owned()
}

impl Service {
    /// With everything, collections public or hidden as they are.
    pub(crate) fn whole(catalogue: &Catalogue) -> Self {
        Self::start(catalogue, false)
    }

    /// With what somebody may see, all of it public.
    pub(crate) fn twin(seen: &Seen) -> Self {
        Self::start(&seen.catalogue, true)
    }

    fn start(catalogue: &Catalogue, public: bool) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let data = folder.path().join("data");
        observe(catalogue, public, folder.path());
        let operator = operator_key(&data);
        let root = key(&data, "root", "administrator");
        let keys = Principal::ALL.into_iter().filter_map(Principal::name);
        let keys = keys.map(|name| (name, key(&data, name, "user"))).collect();
        let server = Server::start(&data);
        let (writer, administrator) = (server.client(&operator), server.client(&root));
        // Where nothing at all is hidden, words count in deleted items too, until these are merged away.
        writer.post("/collections", &nilometer_tests::collection("zz", "hidden")).expect(201);
        for own in &catalogue.collections {
            let answer = writer.put(&format!("/collections/{}", own.id), &own.json(access(own, public)));
            assert!(answer.status < 300, "{}", answer.text());
        }
        let service = Self { server, keys, writer, administrator, _folder: folder };
        service.write(&catalogue.writes);
        for group in ["red", "blue"] {
            service.administrator.post("/admin/groups", &json!({"name": group})).expect(201);
        }
        service
    }

    /// Writes items, one after the other.
    pub(crate) fn write(&self, writes: &[Write]) {
        for write in writes {
            let answer = match write {
                Write::Put(version) => {
                    let path = format!("/collections/{}/items/{}", version.collection, version.id);
                    self.writer.put(&path, &version.json())
                }
                Write::Delete { collection, id } => {
                    self.writer.delete(&format!("/collections/{collection}/items/{id}"))
                }
            };
            assert!(answer.status < 300, "{}", answer.text());
        }
    }

    /// Brings grants and memberships to these.
    pub(crate) fn set(&self, rules: &Rules) {
        let all = self.administrator.get("/admin/grants").expect(200).json();
        for grant in all["grants"].as_array().expect("a list") {
            let (group, collection) = (grant["group"].as_str(), grant["collection"].as_str());
            let (group, collection) = (group.unwrap_or_default(), collection.unwrap_or_default());
            if !rules.grants.keys().any(|(g, c)| *g == group && c == collection) {
                self.administrator.delete(&format!("/admin/groups/{group}/grants/{collection}")).expect(204);
            }
        }
        for ((group, collection), (level, part)) in &rules.grants {
            assert!(GROUPS.contains(group));
            let path = format!("/admin/groups/{group}/grants/{collection}");
            self.administrator.put(&path, &Rules::terms(*level, part.as_ref())).expect(204);
        }
        for (user, groups) in ["ana", "bob"].into_iter().zip(&rules.members) {
            for group in ["red", "blue"] {
                let path = format!("/admin/groups/{group}/members/{user}");
                let method = if groups.contains(&group) { "PUT" } else { "DELETE" };
                self.administrator.send(method, &path, &[], None).expect(204);
            }
        }
    }

    pub(crate) fn client(&self, principal: Principal) -> Client {
        principal.name().map_or_else(|| self.server.visitor(), |name| self.server.client(&self.keys[name]))
    }

    pub(crate) fn finish(self) {
        self.server.finish();
    }
}

fn access(own: &CollectionOf, public: bool) -> &'static str {
    if own.hidden && !public { "hidden" } else { "public" }
}

/// Ingests the observations of both parameters; a parameter without values is in no file. The collections come before: made
/// by their observations they would be public for a moment, and to have been withdrawn is told.
fn observe(catalogue: &Catalogue, public: bool, folder: &Path) {
    for own in catalogue.collections.iter().filter(|own| own.observed) {
        let file = folder.join(format!("{}.json", own.id));
        fs::write(&file, own.json(access(own, public)).to_string()).expect("a file can be written");
        let file = file.to_str().expect("a plain name");
        nilometer(folder, &["ingest", "--data", "data", file]).success();
        for (second, name) in [(false, "wse"), (true, "salt")] {
            let mut text = format!("station,time,{name}\n");
            let mut any = false;
            for (collection, id, day, value, of_second) in &catalogue.observations {
                if *collection == own.id && *of_second == second {
                    any = true;
                    let hour = if second { 18 } else { 6 };
                    writeln!(text, "{id},2021-03-{day:02}T{hour:02}:00:00Z,{value}.5").expect("a text takes more");
                }
            }
            if !any {
                continue;
            }
            let file = folder.join(format!("{}-{name}.csv", own.id));
            fs::write(&file, text).expect("a file can be written");
            let mapping = folder.join(format!("{}-{name}.toml", own.id));
            let table = format!(
                "[observations]\ncollection = \"{}\"\nfeature = [\"station\"]\ntime = \"time\"\n\n\
                 [[observations.parameters]]\ncolumn = \"{name}\"\nname = \"{name}\"\nunit = \"m\"\n",
                own.id
            );
            fs::write(&mapping, table).expect("a file can be written");
            let path = |path: &Path| path.to_str().expect("a plain name").to_owned();
            let (mapping, file) = (path(&mapping), path(&file));
            nilometer(folder, &["ingest", "--data", "data", "--mapping", &mapping, &file]).success();
        }
    }
}

/// A request that is sent to both.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// What it is counted as.
    pub(crate) kind: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    pub(crate) html: bool,
}

/// How many answers were compared.
#[derive(Default)]
pub(crate) struct Compared {
    by_kind: BTreeMap<&'static str, (usize, usize)>,
}

impl Compared {
    pub(crate) fn one(&mut self, whole: &Client, twin: &Client, target: &Target, context: &str) {
        let mut paths = [target.path.clone(), target.path.clone()];
        // Pages are followed on both sides, each with its own tokens.
        for _ in 0..50 {
            let ask = |client: &Client, path: &str| {
                let accept = if target.html { "text/html" } else { "application/json, */*;q=0.5" };
                match &target.body {
                    None => client.send("GET", path, &[("accept", accept)], None),
                    Some(body) => client.post(path, body),
                }
            };
            let answers = [ask(whole, &paths[0]), ask(twin, &paths[1])];
            let base = |client: &Client| format!("http://{}", client.address());
            let (a, b) = (normal(&answers[0], &base(whole)), normal(&answers[1], &base(twin)));
            let count = self.by_kind.entry(target.kind).or_default();
            count.0 += 1;
            count.1 += usize::from(a.status == 200);
            assert!(a.status < 500, "{context}\n{target:?}: {}", answers[0].text());
            assert!(a == b, "{context}\n{target:?} differs (whole, then twin):\n{}", difference(&a, &b));
            let next = |answer: &nilometer_tests::Response| {
                let document: Value = serde_json::from_slice(&answer.body).ok()?;
                document["features"].as_array()?;
                nilometer_tests::http::link(&document, "next").map(|href| nilometer_tests::http::path_of(&href))
            };
            match (next(&answers[0]), next(&answers[1])) {
                (Some(a), Some(b)) if target.body.is_none() => paths = [a, b],
                _ => return,
            }
        }
    }

    /// The change feed: the same puts in the same order; no deletion of what the twin never had, and all deletions of
    /// collections that are not seen in part.
    pub(crate) fn feed(&mut self, whole: &Client, twin: &Client, seen: &Seen, context: &str) {
        let read = |client: &Client| {
            let mut all = Vec::new();
            let mut since = 0;
            loop {
                let page = client.get(&format!("/changes?since={since}&limit=7")).expect(200).json();
                all.extend(page["changes"].as_array().cloned().unwrap_or_default());
                since = page["until"].as_u64().expect("a number");
                if page["more"] != true {
                    return all;
                }
            }
        };
        let (a, b) = (read(whole), read(twin));
        let puts = |all: &[Value]| -> Vec<(Value, Value, Value)> {
            let puts = all.iter().filter(|change| change["operation"] == "put");
            puts.map(|change| (change["collection"].clone(), change["id"].clone(), change["item"].clone())).collect()
        };
        let items = |all: &[Value]| -> Vec<(Value, Value, Value)> {
            puts(all).into_iter().filter(|(_, id, _)| id.is_string()).collect()
        };
        assert_eq!(items(&a), items(&b), "{context}\nthe puts of the feed");
        let collections = |all: &[Value]| -> BTreeSet<String> {
            puts(all)
                .into_iter()
                .filter(|(_, id, _)| id.is_null())
                .map(|(collection, ..)| collection.to_string())
                .collect()
        };
        assert_eq!(collections(&a), collections(&b), "{context}\nthe collections of the feed");
        let deletions = |all: &[Value]| -> BTreeSet<(String, String)> {
            let deleted = all.iter().filter(|change| change["operation"] == "delete");
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            deleted.map(|change| (text(&change["collection"]), text(&change["id"]))).collect()
        };
        let (told, true_ones) = (deletions(&a), deletions(&b));
        assert!(told.is_subset(&true_ones), "{context}\ndeletions {told:?}, of which there were {true_ones:?}");
        let partial = |id: &String| seen.collections.iter().any(|(own, level)| own == id && *level == Level::Partial);
        let due: BTreeSet<_> = true_ones.into_iter().filter(|(collection, _)| !partial(collection)).collect();
        assert!(due.is_subset(&told), "{context}\ndeletions {told:?}, due were {due:?}");
        let count = self.by_kind.entry("change feed").or_default();
        *count = (count.0 + 1, count.1 + 1);
    }

    pub(crate) fn all(&self) -> usize {
        self.by_kind.values().map(|(all, _)| all).sum()
    }

    pub(crate) fn answered(&self) -> usize {
        self.by_kind.values().map(|(_, answered)| answered).sum()
    }

    pub(crate) fn table(&self) -> String {
        let rows = self.by_kind.iter().map(|(kind, (all, answered))| format!("| {kind} | {all} | {answered} |\n"));
        format!("| what was asked | answers | of them 200 |\n| --- | --: | --: |\n{}", rows.collect::<String>())
    }
}
