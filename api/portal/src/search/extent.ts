// Where the items of a question lie.

import { getJson } from "../api";

/** West, south, east, north, in degrees; where the west is greater than the east, the box crosses the antimeridian. */
export type Box = [number, number, number, number];

/** Zoom of the tiles by which the service tells where items are: 5.6 degrees wide. */
const ZOOM = 6;
const TILES = 2 ** ZOOM;

/** The box around boxes; those that cross the antimeridian are left out of it. */
export function extent(boxes: (Box | undefined)[]): Box | undefined {
  const known = boxes.filter((b): b is Box => b !== undefined && b[0] <= b[2]);
  if (known.length === 0) return undefined;
  return [
    Math.min(...known.map((b) => b[0])),
    Math.min(...known.map((b) => b[1])),
    Math.max(...known.map((b) => b[2])),
    Math.max(...known.map((b) => b[3])),
  ];
}

/** The box around all items of a question, as fine as tiles of a zoom are. */
export async function extentOf(question: URLSearchParams, signal: AbortSignal): Promise<Box | undefined> {
  if (question.has("search")) return undefined;
  const name = "centroid_geotile_grid_frequency";
  const asked = new URLSearchParams(question);
  asked.set("aggregations", name);
  asked.set(`${name}_precision`, String(ZOOM));
  const answer = await getJson<{ aggregations: { buckets: { key: string }[] }[] }>(`/aggregate?${asked}`, signal);
  const tiles = (answer.aggregations[0]?.buckets ?? []).map(({ key }) => key.split("/").map(Number));
  if (tiles.length === 0) return undefined;
  const columns = [...new Set(tiles.map(([, x]) => x!))].sort((a, b) => a - b);
  const rows = tiles.map(([, , y]) => y!);
  // The widest gap around the world is what the box leaves out.
  let begin = 0;
  let gap = -1;
  columns.forEach((column, i) => {
    const before = columns[(i + columns.length - 1) % columns.length]!;
    const free = (column - before + TILES) % TILES || TILES;
    if (free > gap) [gap, begin] = [free, i];
  });
  const first = columns[begin]!;
  const last = columns[(begin + columns.length - 1) % columns.length]!;
  const [south, north] = [latitude(Math.max(...rows) + 1), latitude(Math.min(...rows))];
  // What lies all around the world is shown with the Atlantic in its middle, as people know it.
  const width = ((last - first + TILES) % TILES) + 1;
  if (width > TILES / 2) return [longitude(columns[0]!), south, longitude(columns.at(-1)! + 1), north];
  return [longitude(first), south, longitude(last + 1) > 180 ? longitude(last + 1) - 360 : longitude(last + 1), north];
}

function longitude(column: number): number {
  return (column / TILES) * 360 - 180;
}

function latitude(row: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / TILES))) * 180) / Math.PI;
}
