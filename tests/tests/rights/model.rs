//! What there is, who was granted what, and, by rules written a second time, what a principal may see of it.

use std::collections::{BTreeMap, BTreeSet};

use nilometer_tests::{collection, item};
use serde_json::{Value, json};

/// The collection that Hydrocron's dialect answers from.
pub(crate) const REACHES: &str = "SWOT_L2_HR_RiverSP_reach_D";
/// The reach that is there at all times, and has a file and observations.
pub(crate) const FIRST: &str = "74200000000";
/// The kind whose items alone have some properties.
pub(crate) const RARE: &str = "rare";
const KINDS: [&str; 3] = ["river", "lake", RARE];
const WORDS: [&str; 12] =
    ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "jetty", "kelpie", "lagoon"];

/// How much is seen, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Hidden,
    Metadata,
    Partial,
    Full,
}

impl Level {
    pub(crate) fn name(self) -> &'static str {
        ["hidden", "metadata", "partial", "full"][self as usize]
    }
}

/// One version of an item.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) collection: String,
    pub(crate) id: String,
    pub(crate) lon: i32,
    pub(crate) lat: i32,
    /// Whether its time is long ago; else it is far ahead.
    pub(crate) old: bool,
    pub(crate) month: u32,
    pub(crate) level: i64,
    pub(crate) kind: &'static str,
    word: &'static str,
    /// Whether a file of its lies in the store.
    pub(crate) stored: bool,
}

impl Version {
    /// Where its file lies in the store.
    pub(crate) fn file(&self) -> String {
        format!("{}/{}-{}-{}.txt", self.collection, self.id, self.level, self.word)
    }

    /// What is in it.
    pub(crate) fn text(&self) -> String {
        format!("{} {} {} {}\n", self.collection, self.id, self.level, self.word)
    }

    /// The bytes of its file, where its item tells them: every other one does.
    pub(crate) fn told_bytes(&self) -> Option<usize> {
        (self.level % 2 == 0).then(|| self.text().len())
    }

    pub(crate) fn json(&self) -> Value {
        let mut properties = json!({
            "level": self.level, "kind": self.kind, "title": format!("{} {}", self.word, self.id),
            format!("of_{}", self.kind): self.level * 2,
        });
        if self.kind == RARE {
            properties["rare_note"] = json!([self.word, "seldom"]);
        }
        let day = format!("{}-{:02}-10T00:00:00Z", if self.old { 2020 } else { 2099 }, self.month);
        let mut item = item(&self.collection, &self.id, f64::from(self.lon), f64::from(self.lat), &day, properties);
        item["assets"] =
            json!({"data": {"href": format!("https://elsewhere.example/{}.nc", self.id), "title": self.word}});
        if self.stored {
            item["assets"]["own"] = json!({"href": self.file(), "type": "text/plain"});
            if let Some(bytes) = self.told_bytes() {
                item["assets"]["own"]["file:size"] = json!(bytes);
            }
        }
        item
    }
}

/// A write.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Put(Version),
    Delete { collection: String, id: String },
}

#[derive(Clone, Debug)]
pub(crate) struct CollectionOf {
    pub(crate) id: String,
    pub(crate) hidden: bool,
    pub(crate) observed: bool,
    /// Whether its terms are accepted before its files are ordered.
    pub(crate) asks: bool,
}

impl CollectionOf {
    pub(crate) fn json(&self, access: &str) -> Value {
        let mut record = collection(&self.id, access);
        if self.id.ends_with('0') {
            record["keywords"] = json!(["place"]);
        }
        record["license"] = json!(format!("LicenseRef-{}", self.id.replace('_', "-")));
        if self.asks {
            record["nilometer:licence_acceptance"] = json!(true);
        }
        record
    }
}

/// All that there is, in the order in which it is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) collections: Vec<CollectionOf>,
    pub(crate) writes: Vec<Write>,
    /// By collection and feature: day and value, and whether it is one of the second parameter.
    pub(crate) observations: Vec<(String, String, u32, i64, bool)>,
}

impl Catalogue {
    pub(crate) fn random(random: &mut fastrand::Rng) -> Self {
        let mut all = Self::default();
        for c in 0..random.usize(3..5) {
            let id = if c == 0 { REACHES.to_owned() } else { format!("{}-{c}", random.choice(WORDS).unwrap_or("c")) };
            let (hidden, asks) = (random.u8(0..3) == 0, c > 0 && random.bool());
            all.collections.push(CollectionOf { id, hidden, observed: c < 2, asks });
        }
        let hidden = random.bool();
        all.collections.push(CollectionOf { id: "places-0".into(), hidden, observed: false, asks: false });
        let mut live: Vec<(String, String)> = Vec::new();
        for own in all.collections.clone() {
            let least = if own.id == REACHES { 5 } else { 0 };
            for i in 0..random.usize(least..14) {
                let id = if own.id == REACHES { format!("7420000000{i}") } else { format!("i{i}") };
                all.writes.push(Write::Put(version(random, &own.id, &id)));
                live.push((own.id.clone(), id));
            }
        }
        for _ in 0..random.usize(0..8) {
            let Some((collection, id)) = random.choice(live.clone()) else { break };
            all.writes.push(match random.u8(0..3) {
                0 if id != FIRST => Write::Delete { collection, id },
                _ => Write::Put(version(random, &collection, &id)),
            });
        }
        for own in all.collections.iter().filter(|own| own.observed) {
            for (collection, id) in live.iter().filter(|(collection, _)| *collection == own.id) {
                for at in 0..random.u32(u32::from(id == FIRST)..6) {
                    let is_first = id == FIRST && at == 0;
                    let (day, second) = (random.u32(1..28), random.u8(0..5) == 0 && !is_first);
                    all.observations.push((collection.clone(), id.clone(), day, random.i64(0..100), second));
                }
            }
        }
        all
    }

    /// Further writes, which are added to the others.
    pub(crate) fn write_more(&mut self, random: &mut fastrand::Rng) -> Vec<Write> {
        let live: Vec<(String, String)> = self.items().into_keys().collect();
        let mut more = Vec::new();
        for i in 0..random.usize(3..10) {
            let collection = self.collections[random.usize(0..self.collections.len())].id.clone();
            let (collection, id) = match random.choice(&live) {
                Some(known) if random.bool() => known.clone(),
                _ => (collection, format!("new{i}")),
            };
            more.push(match random.u8(0..4) {
                0 if id != FIRST && live.contains(&(collection.clone(), id.clone())) => {
                    Write::Delete { collection, id }
                }
                _ => Write::Put(version(random, &collection, &id)),
            });
        }
        self.writes.extend(more.iter().cloned());
        more
    }

    /// The last version of each item that is there.
    pub(crate) fn items(&self) -> BTreeMap<(String, String), Version> {
        let mut items = BTreeMap::new();
        for write in &self.writes {
            match write {
                Write::Put(version) => {
                    items.insert((version.collection.clone(), version.id.clone()), version.clone());
                }
                Write::Delete { collection, id } => {
                    items.remove(&(collection.clone(), id.clone()));
                }
            }
        }
        items
    }

    /// What a principal may see, as a catalogue of its own that holds nothing else.
    pub(crate) fn seen_by(&self, rules: &Rules, principal: Principal) -> Seen {
        let rights: BTreeMap<&str, (Level, Vec<Part>)> =
            self.collections.iter().map(|own| (own.id.as_str(), rules.right(own, principal))).collect();
        let level = |collection: &str| rights.get(collection).map_or(Level::Hidden, |(level, _)| *level);
        let collections = self.collections.iter().filter(|own| level(&own.id) > Level::Hidden).cloned().collect();
        let (mut writes, mut there) = (Vec::new(), BTreeSet::new());
        for write in &self.writes {
            match write {
                Write::Put(version) => {
                    let key = (version.collection.clone(), version.id.clone());
                    let parts = &rights[version.collection.as_str()].1;
                    let shown = match level(&version.collection) {
                        Level::Hidden => false,
                        Level::Partial => parts.iter().any(|part| part.holds(version)),
                        Level::Metadata | Level::Full => true,
                    };
                    if shown {
                        there.insert(key);
                        writes.push(write.clone());
                    } else if there.remove(&key) {
                        // Who sees a part does not see it any more.
                        writes.push(Write::Delete { collection: key.0, id: key.1 });
                    }
                }
                Write::Delete { collection, id } => {
                    if there.remove(&(collection.clone(), id.clone())) {
                        writes.push(write.clone());
                    }
                }
            }
        }
        let observed = |collection: &String, id: &String| match level(collection) {
            Level::Hidden | Level::Metadata => false,
            Level::Partial => there.contains(&(collection.clone(), id.clone())),
            Level::Full => true,
        };
        let observations = self.observations.iter().filter(|(collection, id, ..)| observed(collection, id));
        let observations = observations.cloned().collect();
        let levels = self.collections.iter().map(|own| (own.id.clone(), level(&own.id)));
        let levels = levels.filter(|(_, level)| *level > Level::Hidden).collect();
        Seen { catalogue: Self { collections, writes, observations }, collections: levels }
    }
}

fn version(random: &mut fastrand::Rng, collection: &str, id: &str) -> Version {
    Version {
        collection: collection.to_owned(),
        id: id.to_owned(),
        lon: random.i32(-10..10),
        lat: random.i32(-10..10),
        old: random.bool(),
        month: random.u32(1..13),
        level: random.i64(0..20),
        kind: KINDS[[0, 0, 1, 1, 2][random.usize(0..5)]],
        word: WORDS[random.usize(0..WORDS.len())],
        stored: id == FIRST || random.bool(),
    }
}

/// What a principal may see.
pub(crate) struct Seen {
    pub(crate) catalogue: Catalogue,
    pub(crate) collections: Vec<(String, Level)>,
}

impl Seen {
    pub(crate) fn level(&self, collection: &str) -> Level {
        let mut own = self.collections.iter().filter(|(id, _)| id == collection);
        own.next().map_or(Level::Hidden, |(_, level)| *level)
    }

    /// Days of the observations of a feature that are seen: of `wse` alone, or each with whether it is one of the second
    /// parameter.
    pub(crate) fn days(&self, collection: &str, id: &str) -> BTreeSet<(u32, bool)> {
        let all = self.catalogue.observations.iter();
        let own = all.filter(|(of, feature, ..)| of == collection && feature == id);
        own.map(|(_, _, day, _, second)| (*day, *second)).collect()
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Principal {
    Visitor,
    Ana,
    Bob,
}

impl Principal {
    pub(crate) const ALL: [Self; 3] = [Self::Visitor, Self::Ana, Self::Bob];

    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Visitor => None,
            Self::Ana => Some("ana"),
            Self::Bob => Some("bob"),
        }
    }
}

/// A condition of a grant.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    LevelFrom(i64),
    Kind(&'static str),
    West,
    Old,
    OldAndKind(&'static str),
}

impl Part {
    fn random(random: &mut fastrand::Rng) -> Self {
        match random.u8(0..5) {
            0 => Self::LevelFrom(random.i64(3..18)),
            1 => Self::Kind(KINDS[random.usize(0..3)]),
            2 => Self::West,
            3 => Self::Old,
            _ => Self::OldAndKind(KINDS[random.usize(0..2)]),
        }
    }

    fn holds(&self, version: &Version) -> bool {
        match self {
            Self::LevelFrom(least) => version.level >= *least,
            Self::Kind(kind) => version.kind == *kind,
            Self::West => version.lon <= 0,
            Self::Old => version.old,
            Self::OldAndKind(kind) => version.old && version.kind == *kind,
        }
    }

    fn terms(&self) -> Value {
        match self {
            Self::LevelFrom(least) => json!({"filter": format!("level >= {least}")}),
            Self::Kind(kind) => json!({"filter": format!("kind = '{kind}'")}),
            Self::West => json!({"filter": "S_INTERSECTS(geometry, BBOX(-180, -90, 0.5, 90))"}),
            Self::Old => json!({"older_than": "P30D"}),
            Self::OldAndKind(kind) => json!({"filter": format!("kind = '{kind}'"), "older_than": "P30D"}),
        }
    }
}

/// The names of the groups that may be granted something.
pub(crate) const GROUPS: [&str; 5] = ["everyone", "users", "red", "blue", "green"];
/// Those of them that have members.
pub(crate) const OWN_GROUPS: [&str; 3] = ["red", "blue", "green"];

/// Grants and memberships.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// By group and collection.
    pub(crate) grants: BTreeMap<(&'static str, String), (Level, Option<Part>)>,
    /// Groups of Ana and of Bob.
    pub(crate) members: [Vec<&'static str>; 2],
}

impl Rules {
    pub(crate) fn random(random: &mut fastrand::Rng, catalogue: &Catalogue) -> Self {
        let mut grants = BTreeMap::new();
        for own in &catalogue.collections {
            for group in &GROUPS[..4] {
                if random.u8(0..5) > 1 {
                    continue;
                }
                let level =
                    [Level::Hidden, Level::Metadata, Level::Partial, Level::Partial, Level::Full][random.usize(0..5)];
                let part = (level == Level::Partial).then(|| Part::random(random));
                grants.insert((*group, own.id.clone()), (level, part));
            }
        }
        let mut members = || ["red", "blue"].into_iter().filter(|_| random.bool()).collect();
        let mut rules = Self { grants, members: [members(), members()] };
        rules.show_reaches(random, catalogue);
        rules
    }

    /// Shows the reaches to somebody with an account, since otherwise there might be no series and nothing to order.
    fn show_reaches(&mut self, random: &mut fastrand::Rng, catalogue: &Catalogue) {
        let reaches = catalogue.collections.iter().find(|own| own.id == REACHES).expect("they are there always");
        let is_shown = |principal| self.right(reaches, principal).0 == Level::Full;
        if !is_shown(Principal::Ana) && !is_shown(Principal::Bob) {
            self.grants.insert(("green", REACHES.into()), (Level::Full, None));
            self.members[random.usize(0..2)].push("green");
        }
    }

    /// The body of a grant.
    pub(crate) fn terms(level: Level, part: Option<&Part>) -> Value {
        let mut terms = part.map_or_else(|| json!({}), Part::terms);
        terms["level"] = level.name().into();
        terms
    }

    /// The level of a collection and, where that is partial, the parts.
    fn right(&self, own: &CollectionOf, principal: Principal) -> (Level, Vec<Part>) {
        let mut groups = vec!["everyone"];
        match principal {
            Principal::Visitor => {}
            Principal::Ana => groups.extend(["users"].iter().chain(&self.members[0])),
            Principal::Bob => groups.extend(["users"].iter().chain(&self.members[1])),
        }
        let granted: Vec<&(Level, Option<Part>)> =
            groups.iter().filter_map(|group| self.grants.get(&(*group, own.id.clone()))).collect();
        let own_level = if own.hidden { Level::Hidden } else { Level::Full };
        let is_replaced = self.grants.contains_key(&("everyone", own.id.clone()));
        let of_access = (!is_replaced).then_some(own_level);
        let level = granted.iter().map(|(level, _)| *level).chain(of_access).max().unwrap_or(Level::Hidden);
        (level, granted.iter().filter_map(|(_, part)| part.clone()).collect())
    }
}
