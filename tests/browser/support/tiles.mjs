// What vector tiles hold: the attributes of each feature of a layer, read as the specification of Mapbox Vector Tiles 2.1
// says. Shapes are not read.

/** Attributes of the features of one layer of a tile. */
export function featuresOf(bytes, layer) {
  for (const [field, body] of messages(bytes)) {
    if (field !== 3) continue
    const parts = [...messages(body)]
    const named = (wanted) => parts.filter(([number]) => number === wanted).map(([, value]) => value)
    if (named(1)[0]?.toString('utf8') !== layer) continue
    const keys = named(3).map((key) => key.toString('utf8'))
    const values = named(4).map(valueOf)
    return named(2).map((feature) => {
      const tags = numbers([...messages(feature)].find(([number]) => number === 2)?.[1] ?? Buffer.alloc(0))
      const pairs = []
      for (let at = 0; at < tags.length; at += 2) pairs.push([keys[tags[at]], values[tags[at + 1]]])
      return Object.fromEntries(pairs)
    })
  }
  return []
}

/** Field numbers and contents of a protobuf message. */
function* messages(bytes) {
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at]
      at += 1
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const key = Number(varint())
    const kind = key & 7
    let value
    if (kind === 0) value = varint()
    else {
      const size = kind === 1 ? 8 : kind === 5 ? 4 : Number(varint())
      value = bytes.subarray(at, at + size)
      at += size
    }
    yield [key >> 3, value]
  }
}

function valueOf(bytes) {
  const [[field, value]] = messages(bytes)
  if (field === 1) return value.toString('utf8')
  if (field === 2) return value.readFloatLE()
  if (field === 3) return value.readDoubleLE()
  return Number(value)
}

function numbers(bytes) {
  const out = []
  let value = 0
  let shift = 0
  for (const byte of bytes) {
    value |= (byte & 0x7f) << shift
    shift = byte < 0x80 ? 0 : shift + 7
    if (byte < 0x80) {
      out.push(value)
      value = 0
    }
  }
  return out
}
