// The question on the map: counts by cell far out, shapes close in, and the one item that is looked at.

import type { ExpressionSpecification, GeoJSONSource, LayerSpecification, Map as MapLibreMap } from "maplibre-gl";
import type { Geometry } from "geojson";
import { colour } from "./colours";
import { FIRST_LABELS } from "./style";

/** Layers whose features are items. */
export const ITEM_LAYERS = ["items-fill", "items-line", "items-point"];
/** The layer of counts. */
export const GRID_LAYER = "grid-fill";
/** The colours of counts, few to many, by custom property. */
export const COUNT_COLOURS = ["--map-count-0", "--map-count-1", "--map-count-2", "--map-count-3", "--map-count-4"];

/** Where the tiles of a question are described. */
export interface TileAddress {
  /** TileJSON, absolute. */
  tilejson: string;
}

const EMPTY = { type: "FeatureCollection" as const, features: [] };

function counts(): ExpressionSpecification {
  const stops = [1, 5, 30, 200, 2000].flatMap((count, i) => [count, colour(COUNT_COLOURS[i] ?? "")]);
  return ["interpolate", ["linear"], ["get", "count"], ...stops] as unknown as ExpressionSpecification;
}

/** Puts a question's tiles, and an empty place for the item looked at, on the map; what was there of them goes. */
export function showQuestion(map: MapLibreMap, tiles: TileAddress): void {
  for (const layer of [...questionLayers(), ...highlights()]) if (map.getLayer(layer.id)) map.removeLayer(layer.id);
  for (const source of ["question", "looked-at"]) if (map.getSource(source)) map.removeSource(source);
  map.addSource("question", { type: "vector", url: tiles.tilejson });
  map.addSource("looked-at", { type: "geojson", data: EMPTY });
  const before = map.getLayer(FIRST_LABELS) ? FIRST_LABELS : undefined;
  for (const layer of questionLayers()) map.addLayer(layer, before);
  for (const layer of highlights()) map.addLayer(layer);
}

/** Shows the geometry that is looked at, or nothing. */
export function lookAt(map: MapLibreMap, geometry: Geometry | null): void {
  const source = map.getSource<GeoJSONSource>("looked-at");
  source?.setData(geometry ? { type: "Feature", properties: {}, geometry } : EMPTY);
}

function questionLayers(): LayerSpecification[] {
  const water = colour("--water");
  const sheet = colour("--sheet");
  const common = { source: "question" };
  return [
    {
      ...common,
      id: GRID_LAYER,
      type: "fill",
      "source-layer": "grid",
      paint: { "fill-color": counts(), "fill-opacity": 0.78, "fill-antialias": false },
    },
    {
      ...common,
      id: "grid-line",
      type: "line",
      "source-layer": "grid",
      paint: { "line-color": colour("--map-halo"), "line-opacity": 0.7, "line-width": ["interpolate", ["linear"], ["zoom"], 1, 0.5, 6, 1.2] },
    },
    {
      ...common,
      id: "items-fill",
      type: "fill",
      "source-layer": "items",
      filter: ["==", ["geometry-type"], "Polygon"],
      paint: { "fill-color": water, "fill-opacity": 0.16 },
    },
    {
      ...common,
      id: "items-line",
      type: "line",
      "source-layer": "items",
      filter: ["!=", ["geometry-type"], "Point"],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": water, "line-opacity": 0.85, "line-width": ["interpolate", ["linear"], ["zoom"], 3, 0.8, 10, 2.4] },
    },
    {
      ...common,
      id: "items-point",
      type: "circle",
      "source-layer": "items",
      filter: ["==", ["geometry-type"], "Point"],
      paint: {
        "circle-color": water,
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 2, 2.6, 8, 5.5, 12, 8],
        "circle-stroke-color": sheet,
        "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 2, 0.6, 8, 1.6],
      },
    },
  ];
}

function highlights(): LayerSpecification[] {
  const sand = colour("--sand");
  const sheet = colour("--sheet");
  const source = "looked-at";
  return [
    { id: "looked-at-fill", type: "fill", source, filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": sand, "fill-opacity": 0.22 } },
    {
      id: "looked-at-casing",
      type: "line",
      source,
      filter: ["!=", ["geometry-type"], "Point"],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": sheet, "line-width": 6, "line-opacity": 0.8 },
    },
    {
      id: "looked-at-line",
      type: "line",
      source,
      filter: ["!=", ["geometry-type"], "Point"],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": sand, "line-width": 3 },
    },
    {
      id: "looked-at-point",
      type: "circle",
      source,
      filter: ["==", ["geometry-type"], "Point"],
      paint: { "circle-color": sand, "circle-radius": 9, "circle-stroke-color": sheet, "circle-stroke-width": 3 },
    },
  ];
}
