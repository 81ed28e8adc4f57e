// Our own basemap: land, lakes, rivers, borders and names, in the colours of the theme. Names are drawn with the fonts of
// the browser, so no glyphs are fetched.

import type { LayerSpecification, StyleSpecification } from "maplibre-gl";
import { language, local } from "../page";
import { colour } from "./colours";

/** Layers of the question go below this one, so that names stay readable. */
export const FIRST_LABELS = "water-names";

const FONT = ["Noto Sans Regular"];
const FONT_ITALIC = ["Noto Sans Italic"];

function name(): ["coalesce", ...unknown[]] | ["get", string] {
  return language === "fr" ? ["coalesce", ["get", "name_fr"], ["get", "name"]] : ["get", "name"];
}

function label(id: string, layer: string, size: unknown, tint: string, more: object): LayerSpecification {
  return {
    id,
    type: "symbol",
    source: "basemap",
    "source-layer": layer,
    layout: { "text-field": name(), "text-font": FONT, "text-size": size, "text-max-width": 7, ...more },
    paint: { "text-color": tint, "text-halo-color": colour("--map-halo"), "text-halo-width": 1.4 },
  } as LayerSpecification;
}

/** The style of the basemap that this service serves, with names or without. */
export function ownStyle(labels: boolean): StyleSpecification {
  const water = colour("--map-water");
  const river = colour("--map-river");
  const text = colour("--map-label");
  const layers = [
    { id: "sea", type: "background", paint: { "background-color": water } },
    { id: "land", type: "fill", source: "basemap", "source-layer": "land", paint: { "fill-color": colour("--map-land") } },
    {
      id: "lakes",
      type: "fill",
      source: "basemap",
      "source-layer": "lakes",
      paint: { "fill-color": water, "fill-outline-color": river },
    },
    {
      id: "rivers",
      type: "line",
      source: "basemap",
      "source-layer": "rivers",
      layout: { "line-cap": "round", "line-join": "round" },
      paint: {
        "line-color": river,
        // Great rivers are broad, and all grow as one comes near.
        "line-width": [
          "interpolate", ["exponential", 1.4], ["zoom"],
          1, ["interpolate", ["linear"], ["coalesce", ["get", "rank"], 6], 1, 0.9, 6, 0.3, 10, 0.1],
          8, ["interpolate", ["linear"], ["coalesce", ["get", "rank"], 6], 1, 3.2, 6, 1.6, 10, 1],
        ],
      },
    },
    {
      id: "borders",
      type: "line",
      source: "basemap",
      "source-layer": "borders",
      paint: { "line-color": colour("--map-border"), "line-width": ["interpolate", ["linear"], ["zoom"], 1, 0.5, 6, 1.2], "line-dasharray": [3, 2] },
    },
    label("water-names", "rivers", ["interpolate", ["linear"], ["zoom"], 4, 10, 9, 13], colour("--map-label-water"), {
      "symbol-placement": "line",
      "text-font": FONT_ITALIC,
      "text-max-angle": 30,
      "text-letter-spacing": 0.06,
    }),
    label("places", "places", ["interpolate", ["linear"], ["zoom"], 3, 10, 8, 14], text, {
      "symbol-sort-key": ["coalesce", ["get", "rank"], 10],
      "text-padding": 6,
    }),
    label("countries", "countries", ["interpolate", ["linear"], ["zoom"], 1, 10, 5, 15], text, {
      "text-transform": "uppercase",
      "text-letter-spacing": 0.09,
      "text-padding": 8,
    }),
  ] as LayerSpecification[];
  for (const layer of layers) {
    if (layer.id === "places") layer.minzoom = 3;
    if (layer.id === "water-names") layer.minzoom = 4;
    if (layer.id === "countries") layer.maxzoom = 7;
  }
  return {
    version: 8,
    sources: { basemap: { type: "vector", url: new URL(local(`/basemap/tilejson.json?lang=${language}`), location.href).href } },
    layers: labels ? layers : layers.filter((layer) => layer.type !== "symbol"),
  };
}
