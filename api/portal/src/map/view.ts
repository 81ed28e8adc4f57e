// The map's view in the address: `#map=zoom/latitude/longitude`, as OpenStreetMap writes it.

/** What a map shows. */
export interface View {
  zoom: number;
  latitude: number;
  longitude: number;
}

/** The view in a fragment, if one is there and makes sense. */
export function readView(fragment: string): View | undefined {
  const parts = new URLSearchParams(fragment.replace(/^#/, "")).get("map")?.split("/").map(Number);
  if (parts?.length !== 3 || !parts.every(Number.isFinite)) return undefined;
  const [zoom, latitude, longitude] = parts as [number, number, number];
  if (zoom < 0 || zoom > 24 || Math.abs(latitude) > 90 || Math.abs(longitude) > 540) return undefined;
  return { zoom, latitude, longitude };
}

/** The fragment of a view, with the item that is selected, if any. */
export function writeFragment(view: View | undefined, item: string | undefined): string {
  const parts: string[] = [];
  if (view) {
    // Half a pixel at this zoom, as on OpenStreetMap.
    const digits = Math.max(0, Math.ceil(Math.log2(2 ** view.zoom * 1.42) / 3.32) + 1);
    parts.push(`map=${view.zoom.toFixed(2)}/${view.latitude.toFixed(digits)}/${view.longitude.toFixed(digits)}`);
  }
  if (item) parts.push(`item=${encodeURIComponent(item)}`);
  return parts.length > 0 ? `#${parts.join("&")}` : "";
}

/** The selected item in a fragment, as `collection/id`. */
export function readItem(fragment: string): string | undefined {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("item") ?? undefined;
}
