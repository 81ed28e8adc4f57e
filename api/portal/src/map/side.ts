// The map beside a list: the question's tiles, what is looked at, the tools to draw, popups. Loaded only where it is seen.

import { type LngLatBoundsLike, Popup } from "maplibre-gl";
import type { Geometry } from "geojson";
import { getJson } from "../api";
import { local, number, t } from "../page";
import { collectionTitle } from "../search/collections";
import type { Box } from "../search/extent";
import type { Tiles } from "../search/question";
import { itemTitle } from "../search/titles";
import { colour } from "./colours";
import { createMap, motion } from "./create";
import type { Shape } from "./draw";
import { mapLegend } from "./legend";
import { GRID_LAYER, ITEM_LAYERS, lookAt, showQuestion } from "./question-layers";
import { mapTools } from "./tools";
import type { View } from "./view";

/** What the map tells the page. */
export interface MapEvents {
  /** The view changed by the reader's hand or on request. */
  moved(view: View): void;
  /** The pointer is over an item, or no longer. */
  near(item: string | undefined): void;
  /** An item was chosen on the map. */
  selected(item: string): void;
  /** A shape was drawn, or the view shall be the box. */
  drawn(shape: Shape): void;
}

/** The map as the page uses it. */
export interface MapSide {
  /** Shows another question; `fit` is where to look, if the view shall follow. */
  show(tiles: Tiles, fit: Box | undefined): void;
  /** Shows no question, until the next one is understood. */
  clear(): void;
  /** Outlines the place that the question is about. */
  outline(geometry: Geometry | null): void;
  /** Shows where an item lies, or nothing. */
  look(bbox: Box | undefined): void;
  /** Draws an item's shape and tells about it; `move` brings it into view. */
  select(item: string, bbox: Box | undefined, title: string, move: boolean): void;
  destroy(): void;
}

export async function mountMap(
  container: HTMLElement,
  start: { view: View | undefined; basemap: string | null },
  events: MapEvents,
): Promise<MapSide> {
  const holder = document.createElement("div");
  holder.className = "map-holder";
  container.append(holder);
  const own = await createMap(holder, {
    label: t("Map of the results; the list holds the same items", "Carte des résultats ; la liste contient les mêmes éléments"),
    center: start.view ? [start.view.longitude, start.view.latitude] : [10, 25],
    zoom: start.view?.zoom ?? 1.2,
    basemap: start.basemap,
    interactive: true,
  });
  const { map } = own;
  let tiles: Tiles | undefined;
  let outlined: Geometry | null = null;
  let popup: Popup | undefined;
  const tools = mapTools(map, { begun: () => popup?.remove(), drawn: (shape) => events.drawn(shape) });
  container.append(mapLegend(own), ...tools.elements);
  let hovered: string | undefined;

  const draw = (): void => {
    if (tiles) showQuestion(map, tiles);
    outlineLayer();
  };
  const outlineLayer = (): void => {
    if (map.getLayer("asked-for")) map.removeLayer("asked-for");
    if (map.getSource("asked-for")) map.removeSource("asked-for");
    if (!outlined) return;
    map.addSource("asked-for", { type: "geojson", data: { type: "Feature", properties: {}, geometry: outlined } });
    map.addLayer({ id: "asked-for", type: "line", source: "asked-for", paint: { "line-color": colour("--sand"), "line-width": 2, "line-dasharray": [3, 2] } });
  };
  own.onStyle(draw);

  map.on("moveend", () => {
    const { lng, lat } = map.getCenter().wrap();
    events.moved({ zoom: map.getZoom(), latitude: lat, longitude: lng });
  });

  // What takes longer than a blink is said.
  let slow = 0;
  map.on("dataloading", () => {
    slow ||= window.setTimeout(() => (container.dataset["loading"] = t("Loading the map", "Chargement de la carte")), 500);
  });
  map.on("idle", () => {
    clearTimeout(slow);
    slow = 0;
    delete container.dataset["loading"];
  });

  // What lies under the pointer.
  map.on("mousemove", (event) => {
    if (tools.isDrawing()) return;
    const layers = [...ITEM_LAYERS, GRID_LAYER].filter((id) => map.getLayer(id));
    const [feature] = map.queryRenderedFeatures(around(event.point, 4), { layers });
    map.getCanvas().style.cursor = feature ? "pointer" : "";
    const item = feature && feature.layer.id !== GRID_LAYER ? keyOf(feature.properties) : undefined;
    if (item !== hovered) events.near((hovered = item));
  });
  map.on("click", (event) => {
    if (tools.isDrawing()) return;
    const layers = [...ITEM_LAYERS, GRID_LAYER].filter((id) => map.getLayer(id));
    const features = map.queryRenderedFeatures(around(event.point, 5), { layers });
    const [feature] = features;
    if (!feature) return;
    if (feature.layer.id === GRID_LAYER) {
      map.easeTo({ center: event.lngLat, zoom: map.getZoom() + 2, duration: motion(500) });
      return;
    }
    const items = [...new Map(features.filter((f) => f.layer.id !== GRID_LAYER).map((f) => [keyOf(f.properties), f.properties])).values()];
    tell(event.lngLat.toArray(), items);
    events.selected(keyOf(feature.properties));
  });

  const tell = (at: [number, number], items: Record<string, unknown>[]): void => {
    popup?.remove();
    const body = document.createElement("div");
    body.className = "popup";
    const shown = items.slice(0, 6);
    for (const item of shown) {
      const heading = document.createElement("h3");
      const link = document.createElement("a");
      link.href = withLanguage(local(`/collections/${encodeURIComponent(String(item["collection"]))}/items/${encodeURIComponent(String(item["id"]))}`));
      link.textContent = itemTitle(item);
      heading.append(link);
      const kind = document.createElement("p");
      kind.className = "meta";
      void collectionTitle(String(item["collection"])).then((name) => (kind.textContent = name));
      body.append(heading, kind);
    }
    if (items.length > shown.length) {
      const more = document.createElement("p");
      more.className = "meta";
      more.textContent = t(`and ${number(items.length - shown.length)} more here`, `et ${number(items.length - shown.length)} autres ici`);
      body.append(more);
    }
    popup = new Popup({ maxWidth: "20rem", focusAfterOpen: false }).setLngLat(at).setDOMContent(body).addTo(map);
  };

  return {
    show(next, fit) {
      if (fit) map.fitBounds(lngLat(fit), { padding: 48, maxZoom: 10, duration: motion(700) });
      if (tiles && next.items === tiles.items && next.planned === tiles.planned) return;
      tiles = next;
      popup?.remove();
      if (own.isStyled()) draw();
    },
    clear() {
      tiles = {};
      outlined = null;
      popup?.remove();
      if (own.isStyled()) draw();
    },
    outline(geometry) {
      outlined = geometry;
      if (own.isStyled()) outlineLayer();
    },
    look(bbox) {
      lookAt(map, bbox ? shapeOf(bbox) : null);
    },
    select(item, bbox, title, move) {
      const [collection, id] = split(item);
      if (bbox && move) map.fitBounds(lngLat(bbox), { padding: 90, maxZoom: 11, duration: motion(700) });
      const path = `/collections/${encodeURIComponent(collection)}/items/${encodeURIComponent(id)}`;
      if (bbox) tell(middle(bbox), [{ id, collection, title }]);
      lookAt(map, bbox ? shapeOf(bbox) : null);
      void getJson<{ geometry: Geometry | null }>(path).then(
        ({ geometry }) => {
          lookAt(map, geometry);
          const point = geometry && pointOn(geometry);
          if (point) popup?.setLngLat(point);
        },
        () => {},
      );
    },
    destroy() {
      own.destroy();
      holder.remove();
    },
  };
}

function withLanguage(path: string): string {
  const lang = new URLSearchParams(location.search).get("lang");
  return lang ? `${path}?lang=${lang}` : path;
}

/** A query box of some pixels around a point, so that thin lines can be hit. */
function around(point: { x: number; y: number }, pixels: number): [[number, number], [number, number]] {
  return [[point.x - pixels, point.y - pixels], [point.x + pixels, point.y + pixels]];
}

/** `collection/id` of a tile's feature. */
function keyOf(properties: Record<string, unknown>): string {
  return `${encodeURIComponent(String(properties["collection"]))}/${encodeURIComponent(String(properties["id"]))}`;
}

function split(item: string): [string, string] {
  const [collection = "", id = ""] = item.split("/").map(decodeURIComponent);
  return [collection, id];
}

/** A box as the map wants it: east may lie beyond 180 degrees. */
function lngLat([west, south, east, north]: Box): LngLatBoundsLike {
  return [[west, Math.max(-85, south)], [east < west ? east + 360 : east, Math.min(85, north)]];
}

function middle([west, south, east, north]: Box): [number, number] {
  return [(west + (east < west ? east + 360 : east)) / 2, (south + north) / 2];
}

/** A position of a shape itself: of a line or ring that in its middle. */
function pointOn(geometry: Geometry): [number, number] | undefined {
  let coordinates: unknown = "coordinates" in geometry ? geometry.coordinates : undefined;
  while (Array.isArray(coordinates) && Array.isArray(coordinates[0])) coordinates = coordinates[Math.floor(coordinates.length / 2)];
  return Array.isArray(coordinates) && typeof coordinates[0] === "number" ? [coordinates[0], coordinates[1] as number] : undefined;
}

/** What stands for an item until its shape is there: a point, or its box. */
function shapeOf([west, south, east, north]: Box): Geometry {
  if (west === east && south === north) return { type: "Point", coordinates: [west, south] };
  const right = east < west ? east + 360 : east;
  return { type: "Polygon", coordinates: [[[west, south], [right, south], [right, north], [west, north], [west, south]]] };
}
