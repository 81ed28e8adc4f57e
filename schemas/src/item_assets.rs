//! The assets of an item as they are stored and as they are answered: the service replaces addresses that only it can
//! read by its own, keeps the stored one beside it, and takes its own back out of what is written.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::item::{ItemText, Members};

/// Member of an asset's answer that holds the `href` of the stored asset.
const STORED_HREF: &str = "nilometer:href";
/// What such an `href` begins with where no asset is stored.
const UNSTORED: &str = "series:";

/// An asset that is answered and not stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedAsset {
    /// Its key. A stored asset of this key stands in its place.
    pub key: String,
    /// The address at which the service delivers it.
    pub href: String,
    /// What it is made of: begins with `series:`.
    pub stored_href: String,
    /// Media type.
    pub media_type: String,
    /// What people call it.
    pub title: String,
}

impl ItemText {
    /// The text with other addresses of assets, and with further assets at their end. `delivered` tells for key and
    /// stored `href` of an asset the address at which the service delivers it, if it does. `None` where nothing changes.
    pub fn with_assets(
        &self,
        mut delivered: impl FnMut(&str, &str) -> Option<String>,
        added: &[AddedAsset],
    ) -> Option<Self> {
        let (text, properties_end) = self.parts();
        let Members(members) = serde_json::from_str(text).ok()?;
        let (_, assets) = members.iter().find(|(name, _)| name == "assets")?;
        let Members(stored) = serde_json::from_str(assets.get()).ok()?;
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        for (key, asset) in &stored {
            let Ok(Members(asset)) = serde_json::from_str(asset.get()) else { continue };
            let Some((_, raw)) = asset.iter().find(|(name, _)| name == "href") else { continue };
            let Ok(href) = serde_json::from_str::<String>(raw.get()) else { continue };
            if let Some(address) = delivered(key, &href) {
                let with_stored = format!("{},\"{STORED_HREF}\":{}", json!(address), raw.get());
                edits.push((place_of(text, raw)?, with_stored));
            }
        }
        let keys: HashSet<&str> = stored.iter().map(|(key, _)| key.as_str()).collect();
        let added = added.iter().filter(|asset| !keys.contains(asset.key.as_str()));
        let added: Vec<String> = added.map(AddedAsset::member).collect();
        if !added.is_empty() {
            let comma = if stored.is_empty() { "" } else { "," };
            let end = place_of(text, assets)?.end - 1;
            edits.push((end..end, format!("{comma}{}", added.join(","))));
        }
        if edits.is_empty() { None } else { edited(text, properties_end, &edits) }
    }
}

impl AddedAsset {
    fn member(&self) -> String {
        let asset = json!({
            "href": self.href, STORED_HREF: self.stored_href, "type": self.media_type, "title": self.title,
            "roles": ["data"],
        });
        format!("{}:{asset}", Value::from(self.key.as_str()))
    }
}

/// Where a value stands in the text it was read from.
fn place_of(text: &str, raw: &RawValue) -> Option<Range<usize>> {
    let begin = (raw.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let range = begin..begin + raw.get().len();
    text.get(range.clone()).is_some().then_some(range)
}

/// The text with some places, in order and before the end of the properties, replaced.
fn edited(text: &str, properties_end: usize, edits: &[(Range<usize>, String)]) -> Option<ItemText> {
    let mut out = String::with_capacity(text.len() + edits.iter().map(|(_, new)| new.len()).sum::<usize>());
    let mut done = 0;
    for (place, new) in edits {
        out.push_str(text.get(done..place.start)?);
        out.push_str(new);
        done = place.end;
    }
    out.push_str(text.get(done..)?);
    // Properties and links stand behind all other members, so the texts behind the edits are equally long.
    let properties_end = out.len() - (text.len() - properties_end);
    ItemText::from_parts(out, properties_end).ok()
}

/// The assets as they are to be stored, of an answer of this service that is written back: each with the `href` that was
/// stored, and without those that are not. `None` for assets in which nothing of the service stands.
pub(crate) fn as_stored(assets: &str) -> Option<String> {
    if !assets.contains(STORED_HREF) {
        return None;
    }
    let Members(members) = serde_json::from_str(assets).ok()?;
    let mut out: Vec<String> = Vec::with_capacity(members.len());
    for (key, raw) in members {
        let asset = match serde_json::from_str::<Members<'_>>(raw.get()) {
            Ok(Members(asset)) => asset_as_stored(&asset),
            Err(_) => Some(raw.get().to_owned()),
        };
        out.extend(asset.map(|asset| format!("{}:{asset}", Value::from(key))));
    }
    Some(format!("{{{}}}", out.join(",")))
}

/// One asset; `None` where none is stored.
fn asset_as_stored(asset: &[(String, &RawValue)]) -> Option<String> {
    let text = |name: &str| -> Option<String> {
        let (_, raw) = asset.iter().find(|(n, _)| n == name)?;
        serde_json::from_str(raw.get()).ok()
    };
    // Whoever wrote another address into the answer means that one.
    let is_ours = |href: &String| href.contains("/collections/") && href.contains("/assets/");
    let stored = text(STORED_HREF).filter(|_| text("href").as_ref().is_some_and(is_ours));
    if stored.as_deref().is_some_and(|href| href.starts_with(UNSTORED)) {
        return None;
    }
    let members = asset.iter().filter(|(name, _)| name != STORED_HREF);
    let written = members.map(|(name, raw)| {
        let value = match &stored {
            Some(href) if name == "href" => json!(href).to_string(),
            _ => raw.get().to_owned(),
        };
        format!("{}:{value}", Value::from(name.as_str()))
    });
    Some(format!("{{{}}}", written.collect::<Vec<_>>().join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Item;

    fn item(assets: &str) -> Item {
        let text = format!(
            r#"{{"type":"Feature","id":"a","collection":"c","own":{{"assets":{{"x":{{"href":"no"}}}}}},"assets":{assets},
               "geometry":null,"properties":{{"datetime":"2020-01-01T00:00:00Z","n":1.10}},"links":[]}}"#
        );
        Item::parse(&text, None).expect("an item")
    }

    fn delivered(key: &str, href: &str) -> Option<String> {
        (!href.starts_with("https:")).then(|| format!("http://h/collections/c/items/a/assets/{key}"))
    }

    fn csv() -> AddedAsset {
        AddedAsset {
            key: "a.csv".into(),
            href: "http://h/collections/c/items/a/assets/a.csv".into(),
            stored_href: "series:csv".into(),
            media_type: "text/csv".into(),
            title: "Values".into(),
        }
    }

    #[test]
    fn an_answer_has_our_addresses_and_comes_back_as_it_was_stored() {
        for assets in [
            r#"{}"#,
            r#"{ }"#,
            r#"{"d":{"href":"x/y.zip","file:size":1.0},"e":{"href":"https://e/x"}}"#,
            r#"{"d":{"type":"a","href":"store:\/\/s\/é"}}"#,
        ] {
            let stored = item(assets);
            let answered = stored.text.with_assets(delivered, &[csv()]).expect("changed");
            let value: Value = serde_json::from_str(answered.as_str()).expect("JSON");
            assert_eq!(value["assets"]["a.csv"]["href"], "http://h/collections/c/items/a/assets/a.csv");
            assert_eq!(value["own"]["assets"]["x"]["href"], "no");
            for (key, asset) in value["assets"].as_object().expect("assets") {
                let ours = asset["href"].as_str().is_some_and(|href| href.starts_with("http://h/"));
                assert_eq!(ours, key != "e", "{asset}");
            }
            let back = Item::parse(answered.as_str(), None).expect("an item");
            let json = |text: &ItemText| serde_json::from_str::<Value>(text.as_str()).expect("JSON");
            assert_eq!(json(&back.text), json(&stored.text), "{assets}");
            // Programs that read and write JSON give it back in another form.
            let back = Item::from_value(&json(&answered), None).expect("an item");
            assert_eq!(json(&back.text), json(&stored.text), "{assets}");
        }
    }

    #[test]
    fn a_stored_asset_stands_before_one_that_is_made() {
        let own = item(r#"{"a.csv":{"href":"https://e/own.csv"}}"#);
        assert_eq!(own.text.with_assets(delivered, &[csv()]), None);
        assert_eq!(item(r#"{"d":{"href":"https://e/x"}}"#).text.with_assets(delivered, &[]), None);
    }

    #[test]
    fn another_address_in_an_answer_is_meant() {
        let own = item(r#"{"d":{"href":"https://new.example/x","nilometer:href":"store://s/x"}}"#);
        let value: Value = serde_json::from_str(own.text.as_str()).expect("JSON");
        assert_eq!(value["assets"], json!({"d": {"href": "https://new.example/x"}}));
    }
}
