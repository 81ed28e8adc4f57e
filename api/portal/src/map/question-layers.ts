// The question on the map: counts by cell far out, shapes close in, and the one item that is looked at.

import type { ExpressionSpecification, GeoJSONSource, LayerSpecification, Map as MapLibreMap, VectorTileSource } from "maplibre-gl";
import type { Geometry } from "geojson";
import type { Tiles } from "../search/question";
import { colour } from "./colours";
import { FIRST_LABELS } from "./style";

/** Layers whose features are items. */
export const ITEM_LAYERS = ["items-fill", "items-line", "items-point", "planned-fill"];
/** The layer of counts. */
export const GRID_LAYER = "grid-fill";
/** The colours of counts, few to many, by custom property. */
export const COUNT_COLOURS = ["--map-count-0", "--map-count-1", "--map-count-2", "--map-count-3", "--map-count-4"];

const EMPTY = { type: "FeatureCollection" as const, features: [] };

/** Colours of counts from few to many, by equal ratios. */
function counts(few: number, many: number): ExpressionSpecification {
  const steps = COUNT_COLOURS.length - 1;
  const ratio = Math.max(many / few, 16) ** (1 / steps);
  const stops = COUNT_COLOURS.flatMap((name, i) => [few * ratio ** i, colour(name)]);
  return ["interpolate", ["linear"], ["get", "count"], ...stops] as unknown as ExpressionSpecification;
}

/** Fits colours and opacity to what is seen: to all but the most extreme counts; shapes that lie upon each other
 *  so thin that one sees through. The answer is the range of counts, if there are any. */
export function expose(map: MapLibreMap): [number, number] | undefined {
  if (map.getLayer("items-fill")) exposeAreas(map);
  if (!map.getLayer(GRID_LAYER)) return undefined;
  const numbers = map.queryRenderedFeatures({ layers: [GRID_LAYER] }).map((cell) => Number(cell.properties["count"]));
  if (numbers.length === 0) return undefined;
  numbers.sort((a, b) => a - b);
  // A single cell with next to nothing, or with very much, leaves the colours to the others.
  const at = (share: number): number => twoFigures(numbers[Math.floor((numbers.length - 1) * share)]!);
  const [few, many] = [at(0.05), at(0.97)];
  const expression = counts(few, many);
  if (JSON.stringify(map.getPaintProperty(GRID_LAYER, "fill-color")) !== JSON.stringify(expression)) map.setPaintProperty(GRID_LAYER, "fill-color", expression);
  return [few, many];
}

function exposeAreas(map: MapLibreMap): void {
  const set = (layer: string, name: "fill-opacity" | "line-opacity", value: number): void => {
    if (map.getPaintProperty(layer, name) !== value) map.setPaintProperty(layer, name, value);
  };
  // Steps, so that a small move of the map changes nothing. As many areas as lie upon each other cover half together;
  // below a hundredth, colours of 8 bits would not change at all.
  const depth = 2 ** Math.round(Math.log2(Math.max(1, deepest(map))));
  set("items-fill", "fill-opacity", Math.max(0.012, Math.min(0.16, 1 - 0.5 ** (1 / depth))));
  set("items-line", "line-opacity", Math.max(0.15, 0.85 / Math.sqrt(depth)));
}

/** Most areas that lie upon each other, looked up at some points of the map. */
function deepest(map: MapLibreMap): number {
  const { clientWidth, clientHeight } = map.getCanvas();
  let most = 0;
  for (let i = 1; i < 6; i += 1) {
    for (let j = 1; j < 6; j += 1) {
      most = Math.max(most, map.queryRenderedFeatures([(clientWidth * i) / 6, (clientHeight * j) / 6], { layers: ["items-fill"] }).length);
    }
  }
  return most;
}

function twoFigures(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, value))) - 1);
  return Math.max(1, Math.round(value / unit) * unit);
}

/** Puts a question's tiles, and an empty place for the item looked at, on the map; what was there of them goes. */
export function showQuestion(map: MapLibreMap, tiles: Tiles): void {
  // Beside other things they are no more than a background, which far out would hide the land.
  const apart = plannedLayers(tiles.items ? 4 : 0);
  const layers = [...apart, ...questionLayers()];
  for (const layer of [...layers, ...highlights()]) if (map.getLayer(layer.id)) map.removeLayer(layer.id);
  for (const source of ["planned", "question", "looked-at"]) if (map.getSource(source)) map.removeSource(source);
  map.addSource("looked-at", { type: "geojson", data: EMPTY });
  for (const layer of highlights()) map.addLayer(layer);
  const above = map.getLayer(FIRST_LABELS) ? FIRST_LABELS : "looked-at-fill";
  if (tiles.planned) addTiles(map, "planned", tiles.planned, apart, () => (map.getLayer(GRID_LAYER) ?? map.getLayer("items-fill"))?.id ?? above);
  if (tiles.items) addTiles(map, "question", tiles.items, questionLayers(), () => above);
}

/** Adds a source of tiles with its layers, below what `before` names at that moment. */
function addTiles(map: MapLibreMap, id: string, url: string, layers: OwnLayer[], before: () => string): void {
  map.addSource(id, { type: "vector", url });
  const source = map.getSource<VectorTileSource & { vectorLayerIds?: string[] }>(id);
  // The description of the tiles says which layers they have: a question with few items has no counts.
  const described = map.on("sourcedata", (event) => {
    if (map.getSource(id) !== source) return described.unsubscribe();
    if (event.sourceId !== id || !source?.vectorLayerIds) return;
    described.unsubscribe();
    for (const layer of layers) {
      if (source.vectorLayerIds.includes(layer["source-layer"])) map.addLayer(layer, before());
    }
  });
}

/** Shows the geometry that is looked at, or nothing. */
export function lookAt(map: MapLibreMap, geometry: Geometry | null): void {
  const source = map.getSource<GeoJSONSource>("looked-at");
  source?.setData(geometry ? { type: "Feature", properties: {}, geometry } : EMPTY);
}

type OwnLayer = LayerSpecification & { "source-layer": string };

/** Planned passes: faint, below all else. Their counts would say the same of every place, and are not drawn. */
function plannedLayers(minzoom: number): OwnLayer[] {
  const ink = colour("--ink-soft");
  const common = { source: "planned", "source-layer": "items", minzoom };
  return [
    { ...common, id: "planned-fill", type: "fill", paint: { "fill-color": ink, "fill-opacity": 0.035 } },
    { ...common, id: "planned-line", type: "line", paint: { "line-color": ink, "line-opacity": 0.22, "line-width": 0.8 } },
  ];
}

function questionLayers(): OwnLayer[] {
  const water = colour("--water");
  const sheet = colour("--sheet");
  const common = { source: "question" };
  return [
    {
      ...common,
      id: GRID_LAYER,
      type: "fill",
      "source-layer": "grid",
      paint: { "fill-color": counts(1, 2000), "fill-opacity": 0.78, "fill-antialias": false },
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
