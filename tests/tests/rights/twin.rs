//! The two servers: one with everything and one with what somebody may see.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use nilometer_tests::{Client, Server, key_of, nilometer};
use serde_json::json;
use tempfile::TempDir;

use crate::model::{Catalogue, CollectionOf, GROUPS, Level, OWN_GROUPS, Principal, Rules, Seen, Write};

/// A server with accounts of all principals.
pub(crate) struct Service {
    server: Server,
    keys: BTreeMap<&'static str, String>,
    /// Who writes and sees everything.
    administrator: Client,
    folder: TempDir,
}

impl Service {
    /// With everything, collections public or hidden as they are.
    pub(crate) fn whole(catalogue: &Catalogue) -> Self {
        let service = Self::start(catalogue, false, &Principal::ALL);
        for group in OWN_GROUPS {
            service.administrator.post("/admin/groups", &json!({"name": group})).expect(201);
        }
        service
    }

    /// With what somebody may see, all of it public; but of what is seen in its metadata alone, the files are not granted here
    /// either.
    pub(crate) fn twin(seen: &Seen, principal: Principal) -> Self {
        let service = Self::start(&seen.catalogue, true, &[principal]);
        for (id, _) in seen.collections.iter().filter(|(_, level)| *level == Level::Metadata) {
            let path = format!("/admin/groups/everyone/grants/{id}");
            service.administrator.put(&path, &Rules::terms(Level::Metadata, None)).expect(204);
        }
        service
    }

    fn start(catalogue: &Catalogue, public: bool, principals: &[Principal]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let (data, store) = (folder.path().join("data"), folder.path().join("store"));
        fs::create_dir(&store).expect("a folder");
        observe(catalogue, public, folder.path());
        let root = key_of(&data, "root", "administrator");
        let names = principals.iter().filter_map(|principal| principal.name());
        let keys = names.map(|name| (name, key_of(&data, name, "user"))).collect();
        let root_of_store = format!("stores.disk.root={}", store.display());
        let server = Server::start_with(&data, &["--set", "stores.disk.kind=directory", "--set", &root_of_store]);
        let administrator = server.client(&root);
        // Where nothing at all is hidden, words count in deleted items too, until these are merged away.
        administrator.post("/collections", &nilometer_tests::collection("zz", "hidden")).expect(201);
        for own in &catalogue.collections {
            let answer = administrator.put(&format!("/collections/{}", own.id), &own.json(access(own, public)));
            assert!(answer.status < 300, "{}", answer.text());
        }
        let service = Self { server, keys, administrator, folder };
        service.write(&catalogue.writes);
        service
    }

    /// Who sees everything.
    pub(crate) fn administrator(&self) -> &Client {
        &self.administrator
    }

    /// Writes items, one after the other.
    pub(crate) fn write(&self, writes: &[Write]) {
        for write in writes {
            let answer = match write {
                Write::Put(version) => {
                    if version.stored {
                        let file = self.folder.path().join("store").join(version.file());
                        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
                        fs::write(file, version.text()).expect("a file can be written");
                    }
                    let path = format!("/collections/{}/items/{}", version.collection, version.id);
                    self.administrator.put(&path, &version.json())
                }
                Write::Delete { collection, id } => {
                    self.administrator.delete(&format!("/collections/{collection}/items/{id}"))
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
            for group in OWN_GROUPS {
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

/// Ingests the observations of both parameters; one without values is in no file. The collections come before: made by their
/// observations they would be public for a moment, and to have been withdrawn is told.
fn observe(catalogue: &Catalogue, public: bool, folder: &Path) {
    let observed: Vec<&CollectionOf> = catalogue.collections.iter().filter(|own| own.observed).collect();
    let write = |name: String, text: String| {
        let file = folder.join(name);
        fs::write(&file, text).expect("a file can be written");
        file.to_str().expect("a plain name").to_owned()
    };
    let files: Vec<String> = observed
        .iter()
        .map(|own| write(format!("{}.json", own.id), own.json(access(own, public)).to_string()))
        .collect();
    if !files.is_empty() {
        let arguments = ["ingest", "--data", "data"].into_iter().chain(files.iter().map(String::as_str));
        nilometer(folder, &arguments.collect::<Vec<_>>()).success();
    }
    for own in observed {
        let rows: Vec<_> = catalogue.observations.iter().filter(|(collection, ..)| *collection == own.id).collect();
        let columns: Vec<(bool, &str)> = [(false, "wse"), (true, "salt")]
            .into_iter()
            .filter(|(second, _)| rows.iter().any(|(.., of_second)| of_second == second))
            .collect();
        if columns.is_empty() {
            continue;
        }
        let names: Vec<&str> = columns.iter().map(|(_, name)| *name).collect();
        let mut table = format!("station,time,{}\n", names.join(","));
        for (_, id, day, value, of_second) in rows {
            let hour = if *of_second { 18 } else { 6 };
            let cell = |(second, _): &(bool, &str)| {
                if second == of_second { format!("{value}.5") } else { String::new() }
            };
            let cells: Vec<String> = columns.iter().map(cell).collect();
            writeln!(table, "{id},2021-03-{day:02}T{hour:02}:00:00Z,{}", cells.join(",")).expect("a text takes more");
        }
        let mut mapping =
            format!("[observations]\ncollection = \"{}\"\nfeature = [\"station\"]\ntime = \"time\"\n", own.id);
        for name in names {
            writeln!(mapping, "\n[[observations.parameters]]\ncolumn = \"{name}\"\nname = \"{name}\"\nunit = \"m\"")
                .expect("a text takes more");
        }
        let (table, mapping) = (write(format!("{}.csv", own.id), table), write(format!("{}.toml", own.id), mapping));
        nilometer(folder, &["ingest", "--data", "data", "--mapping", &mapping, &table]).success();
    }
}
