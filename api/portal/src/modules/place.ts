// The map of one thing: an item's shape, a collection's items, or the position that a form asks for. It is laid over the
// small map that the page has already, once that comes into view.

import type { Geometry } from "geojson";
import { getJson } from "../api";
import { type Destroy } from "../mount";
import { local } from "../page";

interface Options {
  label: string;
  basemap: string | null;
  /** West, south, east, north of what is shown; null for the whole world. */
  bbox: [number, number, number, number] | null;
  /** Path of the GeoJSON of the item shown. */
  item: string | null;
  /** A geometry that is shown. */
  geometry: Geometry | null;
  /** Collection whose items are shown. */
  collection: string | null;
  /** Id of the input that takes a position pointed at. */
  pick: string | null;
}

/** Degrees around what has no size. */
const AROUND_DEG = 0.08;

export function mount(element: HTMLElement, raw: unknown): Destroy {
  const options = raw as Options;
  const ends: Destroy[] = [];
  let gone = false;
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    // What one reads comes first.
    const idle = window.requestIdleCallback ?? ((call: () => void) => window.setTimeout(call, 200));
    idle(() => void load().catch((error: unknown) => console.warn("the map did not load", error)));
  });
  seen.observe(element);

  async function load(): Promise<void> {
    const item = options.item ? getJson<{ geometry: Geometry | null }>(options.item) : null;
    const [{ createMap, motion }, { showQuestion }, { drawShape }] = await Promise.all([import("../map/create"), import("../map/question-layers"), import("../map/shape")]);
    let shown = options.geometry ?? (await item)?.geometry ?? null;
    if (gone) return;
    const holder = document.createElement("div");
    holder.className = "holder";
    element.append(holder);
    const own = await createMap(holder, { label: options.label, center: [10, 25], zoom: 0.8, basemap: options.basemap, interactive: true, small: true });
    ends.push(() => own.destroy());
    const { map } = own;
    // The page scrolls past the map; two fingers or Ctrl move and zoom it.
    map.cooperativeGestures.enable();
    if (options.bbox) map.fitBounds(around(options.bbox), { padding: 28, maxZoom: 13, duration: 0 });
    own.onStyle(() => {
      if (options.collection !== null) {
        const query = `collections=${encodeURIComponent(options.collection)}`;
        showQuestion(map, { items: new URL(local(`/tiles/WebMercatorQuad/tilejson.json?${query}`), location.href).href });
      }
      drawShape(map, shown);
    });
    const input = options.pick ? document.querySelector<HTMLInputElement>(`#${options.pick}`) : null;
    if (!input) return;
    map.getCanvas().style.cursor = "crosshair";
    map.on("click", (event) => {
      const { lng, lat } = event.lngLat.wrap();
      input.value = `${lng.toFixed(4)}, ${lat.toFixed(4)}`;
      shown = { type: "Point", coordinates: [lng, lat] };
      drawShape(map, shown);
      map.easeTo({ center: event.lngLat, duration: motion(300) });
    });
  }

  return () => {
    gone = true;
    seen.disconnect();
    for (const end of ends) end();
  };
}

/** The box as MapLibre takes it; one that crosses the antimeridian goes on beyond 180, one without size gets some. */
function around([west, south, east, north]: [number, number, number, number]): [number, number, number, number] {
  const far = east < west ? east + 360 : east;
  const room = (low: number, high: number): number => (high - low < AROUND_DEG ? AROUND_DEG : 0);
  const [x, y] = [room(west, far), room(south, north)];
  return [west - x, Math.max(south - y, -85), far + x, Math.min(north + y, 85)];
}
