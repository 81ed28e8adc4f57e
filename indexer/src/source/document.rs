//! Streams JSON documents: their outline, and the records of their arrays one at a time.

use std::cell::Cell;
use std::fmt;
use std::io::Read;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::DOCUMENT_BYTES_MAX;
use super::intake::Intake;
use crate::Error;

/// Members that hold the records of a document.
const RECORD_ARRAYS: [&str; 2] = ["features", "collections"];

/// What a JSON object is about, without its content.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) kind: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) collection: Option<String>,
    pub(crate) links: Vec<Value>,
    members: Vec<String>,
    /// The first element of `features`, where there is one.
    pub(crate) first: Option<Box<RawValue>>,
}

impl Outline {
    pub(crate) fn has(&self, member: &str) -> bool {
        self.members.iter().any(|m| m == member)
    }

    /// Whether a Feature has anything that makes it a STAC item rather than any GeoJSON.
    pub(crate) fn is_stac(&self) -> bool {
        ["stac_version", "stac_extensions", "assets", "collection"].iter().any(|m| self.has(m))
    }

    /// The outline of a JSON text.
    pub(crate) fn of(text: &str) -> Result<Self, serde_json::Error> {
        let mut outline = Self::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        OutlineSeed { outline: &mut outline, whole: true }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(outline)
    }

    /// The outline of a stream, as far as its first feature: enough to recognise the document.
    pub(crate) fn peek(reader: impl Read) -> Result<Self, serde_json::Error> {
        let mut outline = Self::default();
        let seed = OutlineSeed { outline: &mut outline, whole: false };
        match seed.deserialize(&mut serde_json::Deserializer::from_reader(reader)) {
            Err(error) if outline.first.is_none() => Err(error),
            // Stopping is only possible with an error.
            _ => Ok(outline),
        }
    }
}

/// Most members of a document that an outline remembers.
const OUTLINE_MEMBERS_MAX: usize = 256;

struct OutlineSeed<'a> {
    outline: &'a mut Outline,
    whole: bool,
}

impl<'de> DeserializeSeed<'de> for OutlineSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OutlineSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let outline = self.outline;
        let text = |value: Value| value.as_str().map(str::to_owned);
        while let Some(name) = map.next_key::<String>()? {
            if outline.members.len() < OUTLINE_MEMBERS_MAX {
                outline.members.push(name.clone());
            }
            match name.as_str() {
                "type" => outline.kind = text(map.next_value()?),
                "id" => outline.id = text(map.next_value()?),
                "collection" => outline.collection = text(map.next_value()?),
                "links" => {
                    if let Value::Array(links) = map.next_value()? {
                        outline.links = links;
                    }
                }
                "features" => map.next_value_seed(FirstSeed { first: &mut outline.first, whole: self.whole })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct FirstSeed<'a> {
    first: &'a mut Option<Box<RawValue>>,
    whole: bool,
}

impl<'de> DeserializeSeed<'de> for FirstSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FirstSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        *self.first = seq.next_element::<Box<RawValue>>()?;
        if self.first.is_some() && !self.whole {
            return Err(A::Error::custom("seen enough"));
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Lets no more than a limit through between two records, so that memory stays bounded.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let left = self.left.get().checked_sub(n as u64);
        self.left.set(
            left.ok_or_else(|| std::io::Error::other(format!("a record is larger than {DOCUMENT_BYTES_MAX} bytes")))?,
        );
        Ok(n)
    }
}

/// What takes a record: its number within its array, from 1, and its text.
pub(crate) type TakeRecord<'a> = dyn FnMut(&mut Intake<'_>, usize, &str) -> Result<(), Error> + 'a;

/// Hands each element of the document's `features` and `collections` to `take`, one in memory at a time.
///
/// Where the text is no JSON any more, the rest is reported as one rejection.
pub(crate) fn each_record(
    file: &str,
    reader: impl Read,
    intake: &mut Intake<'_>,
    take: &mut TakeRecord<'_>,
) -> Result<(), Error> {
    let mut failed = None;
    let mut last = 0;
    let left = Rc::new(Cell::new(DOCUMENT_BYTES_MAX));
    let mut deserializer = serde_json::Deserializer::from_reader(Bounded { inner: reader, left: left.clone() });
    let mut one = |number: usize, record: &RawValue| {
        left.set(DOCUMENT_BYTES_MAX);
        last = number;
        take(intake, number, record.get())
    };
    let walked = DocumentSeed { take: &mut one, failed: &mut failed }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    match (failed, walked) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(()),
        (None, Err(reason)) => {
            intake.reject(file, format!("after {last}"), format!("the rest cannot be read: {reason}"));
            Ok(())
        }
    }
}

struct DocumentSeed<'a> {
    take: &'a mut dyn FnMut(usize, &RawValue) -> Result<(), Error>,
    failed: &'a mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if RECORD_ARRAYS.contains(&name.as_str()) {
                map.next_value_seed(ArraySeed { take: &mut *self.take, failed: &mut *self.failed })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct ArraySeed<'a> {
    take: &'a mut dyn FnMut(usize, &RawValue) -> Result<(), Error>,
    failed: &'a mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for ArraySeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ArraySeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(record) = seq.next_element::<Box<RawValue>>()? {
            number += 1;
            if let Err(error) = (self.take)(number, &record) {
                *self.failed = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// A GeoJSON feature that is not STAC: its geometry and properties.
pub(crate) struct Feature {
    pub(crate) geometry: Option<Value>,
    pub(crate) properties: Map<String, Value>,
}

impl Feature {
    /// Takes a feature apart; `None` if it is none.
    pub(crate) fn of(text: &str) -> Option<Self> {
        nilometer_schemas::check_depth(text).ok()?;
        let Ok(Value::Object(mut object)) = serde_json::from_str::<Value>(text) else { return None };
        if object.get("type").and_then(Value::as_str) != Some("Feature") {
            return None;
        }
        let properties = match object.shift_remove("properties") {
            Some(Value::Object(properties)) => properties,
            _ => Map::new(),
        };
        let geometry = object.shift_remove("geometry").filter(|g| !g.is_null());
        Some(Self { geometry, properties })
    }
}
