// One shape on a map, with a mark where it is too small to be seen.

import type { Geometry, Position } from "geojson";
import type { GeoJSONSource, Map as MapLibreMap } from "maplibre-gl";
import { colour } from "./colours";

const SOURCE = "shape";

/** Draws a shape in place of the last one; nothing for null. */
export function drawShape(map: MapLibreMap, geometry: Geometry | null): void {
  const features = geometry
    ? [
        { type: "Feature" as const, properties: { part: "shape" }, geometry },
        { type: "Feature" as const, properties: { part: "mark" }, geometry: { type: "Point" as const, coordinates: middle(geometry) } },
      ]
    : [];
  const data = { type: "FeatureCollection" as const, features };
  const known = map.getSource<GeoJSONSource>(SOURCE);
  if (known) {
    known.setData(data);
    return;
  }
  const [water, sand, sheet] = [colour("--water"), colour("--sand"), colour("--sheet")];
  map.addSource(SOURCE, { type: "geojson", data });
  const common = { source: SOURCE };
  map.addLayer({ ...common, id: "shape-fill", type: "fill", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": water, "fill-opacity": 0.25 } });
  map.addLayer({ ...common, id: "shape-line", type: "line", filter: ["!=", ["geometry-type"], "Point"], paint: { "line-color": water, "line-width": 2 } });
  map.addLayer({
    ...common,
    id: "shape-point",
    type: "circle",
    filter: ["==", ["geometry-type"], "Point"],
    // The mark of a large shape goes when one is close enough to see the shape.
    maxzoom: geometry?.type.endsWith("Point") ? 24 : 7,
    paint: { "circle-color": sand, "circle-radius": 7, "circle-stroke-color": sheet, "circle-stroke-width": 2.5 },
  });
}

/** The middle of a shape's box. */
function middle(geometry: Geometry): Position {
  const box = [Infinity, Infinity, -Infinity, -Infinity] as [number, number, number, number];
  const walk = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    const [x, y] = part as unknown[];
    if (typeof x === "number" && typeof y === "number") {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    } else part.forEach(walk);
  };
  if (geometry.type === "GeometryCollection") geometry.geometries.forEach((part) => "coordinates" in part && walk(part.coordinates));
  else walk(geometry.coordinates);
  return [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
}
