// The place that a question is about: a box, a drawn shape, or a stored place.

import type { Geometry } from "geojson";
import { getJson } from "../api";
import { type Box, extent } from "./extent";

/** A shape with the box to look at. */
export interface Place {
  geometry: Geometry;
  box: Box | undefined;
}

/** The outline of the place that a question is about, and its box. */
export async function placeOf(question: URLSearchParams, signal: AbortSignal): Promise<Place | undefined> {
  const bbox = question.get("bbox")?.split(",").map(Number);
  if (bbox?.length === 4) {
    const [west, south, east, north] = bbox as Box;
    const right = east < west ? east + 360 : east;
    return { geometry: { type: "Polygon", coordinates: [[[west, south], [right, south], [right, north], [west, north], [west, south]]] }, box: bbox as Box };
  }
  const drawn = question.get("intersects");
  if (drawn) return withBox(JSON.parse(drawn) as Geometry);
  const kept = question.get("search");
  if (kept) {
    const { search } = await getJson<{ search: { intersects?: Geometry } }>(`/searches/${encodeURIComponent(kept)}`, signal);
    return search.intersects && withBox(search.intersects);
  }
  const [reference] = (question.get("intersectsRefs") ?? "").split(",");
  if (!reference) return undefined;
  const dot = reference.indexOf(".");
  const path = `/collections/${encodeURIComponent(reference.slice(0, dot))}/items/${encodeURIComponent(reference.slice(dot + 1))}`;
  try {
    const { geometry } = await getJson<{ geometry: Geometry | null }>(path, signal);
    return geometry ? withBox(geometry) : undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
}

/** A shape with the box to look at: of many parts that of the greatest, so that a country's islands do not make it small. */
function withBox(geometry: Geometry): Place {
  if (geometry.type === "MultiPolygon") {
    const boxes = geometry.coordinates.map((coordinates) => withBox({ type: "Polygon", coordinates }).box);
    const size = (b: Box | undefined): number => (b ? (b[2] - b[0]) * (b[3] - b[1]) : 0);
    return { geometry, box: boxes.reduce((greatest, b) => (size(b) > size(greatest) ? b : greatest), undefined) };
  }
  const points: Box[] = [];
  const collect = (coordinates: unknown): void => {
    if (!Array.isArray(coordinates)) return;
    if (typeof coordinates[0] === "number") points.push([coordinates[0], coordinates[1] as number, coordinates[0], coordinates[1] as number]);
    else coordinates.forEach(collect);
  };
  if ("coordinates" in geometry) collect(geometry.coordinates);
  return { geometry, box: extent(points) };
}
