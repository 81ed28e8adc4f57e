//! Vector tiles read as far as they can be compared: layers, attributes and shapes, without the numbers of features, which are
//! sequence numbers.

/// A layer: its name and its features, each its attributes and its commands.
#[derive(Debug, PartialEq)]
pub(crate) struct Layer {
    name: String,
    features: Vec<Feature>,
}

/// Its attributes, its kind of shape, its commands.
type Feature = (Vec<(String, Vec<u8>)>, u64, Vec<u8>);

/// The fields of a message of Protocol Buffers: number, value if it is a number, bytes if it is a text or message.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        match key & 7 {
            0 => all.push((key >> 3, varint(&mut bytes), &bytes[..0])),
            1 => all.push((key >> 3, 0, take(&mut bytes, 8))),
            2 => {
                let length = varint(&mut bytes) as usize;
                all.push((key >> 3, 0, take(&mut bytes, length)));
            }
            5 => all.push((key >> 3, 0, take(&mut bytes, 4))),
            other => panic!("wire type {other}"),
        }
    }
    all
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = take(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

fn numbers(mut bytes: &[u8]) -> Vec<usize> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(varint(&mut bytes) as usize);
    }
    all
}

pub(crate) fn decode(tile: &[u8]) -> Vec<Layer> {
    fields(tile).into_iter().filter(|(number, ..)| *number == 3).map(|(_, _, layer)| read(layer)).collect()
}

fn read(layer: &[u8]) -> Layer {
    let all = fields(layer);
    let of = |wanted: u64| all.iter().filter(move |(number, ..)| *number == wanted).map(|(_, _, bytes)| *bytes);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let keys: Vec<String> = of(3).map(text).collect();
    let values: Vec<&[u8]> = of(4).collect();
    let feature = |bytes: &[u8]| {
        let parts = fields(bytes);
        let tags = parts.iter().find(|(number, ..)| *number == 2).map(|(_, _, tags)| numbers(tags)).unwrap_or_default();
        let tags = tags.chunks(2).map(|pair| (keys[pair[0]].clone(), values[pair[1]].to_vec())).collect();
        let kind = parts.iter().find(|(number, ..)| *number == 3).map_or(0, |(_, kind, _)| *kind);
        let shape = parts.iter().find(|(number, ..)| *number == 4).map(|(_, _, shape)| shape.to_vec());
        (tags, kind, shape.unwrap_or_default())
    };
    let mut features: Vec<Feature> = of(2).map(feature).collect();
    // Shapes of one size stand in the order of segments.
    features.sort();
    Layer { name: of(1).next().map(text).unwrap_or_default(), features }
}
