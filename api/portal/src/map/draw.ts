// Drawing a box or an area: by mouse and finger, or with the keyboard, where the middle of the map is the pen.

import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent, MapTouchEvent } from "maplibre-gl";
import type { Position } from "geojson";
import { colour } from "./colours";

export type Shape = { kind: "box"; bbox: [number, number, number, number] } | { kind: "area"; polygon: GeoJSON.Polygon };

/** Corners of an area at most. */
const CORNERS_MAX = 5_000;

/** Begins to draw. `done` gets the shape or, where the reader gave up, nothing; the answer finishes or gives up. */
export function startDrawing(
  map: MapLibreMap,
  kind: Shape["kind"],
  done: (shape: Shape | undefined) => void,
): { finish(): void; cancel(): void } {
  const corners: Position[] = [];
  let pen: Position | undefined;
  let pressed = false;
  let ended = false;
  const canvas = map.getCanvas();
  canvas.style.cursor = "crosshair";
  map.doubleClickZoom.disable();
  if (kind === "box") map.dragPan.disable();

  const show = (): void => {
    const source = map.getSource<GeoJSONSource>("drawing");
    const line = outline(kind, corners, pen);
    source?.setData({
      type: "FeatureCollection",
      features: [
        ...(line.length > 1 ? [{ type: "Feature" as const, properties: {}, geometry: { type: "LineString" as const, coordinates: line } }] : []),
        ...corners.map((corner) => ({ type: "Feature" as const, properties: {}, geometry: { type: "Point" as const, coordinates: corner } })),
      ],
    });
  };

  const add = (): void => {
    if (map.getSource("drawing")) return;
    map.addSource("drawing", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
    map.addLayer({ id: "drawing-line", type: "line", source: "drawing", paint: { "line-color": colour("--sand"), "line-width": 2.5, "line-dasharray": [2, 1] } });
    map.addLayer({ id: "drawing-point", type: "circle", source: "drawing", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-color": colour("--sheet"), "circle-radius": 5, "circle-stroke-color": colour("--sand"), "circle-stroke-width": 3 } });
  };

  const end = (shape: Shape | undefined): void => {
    if (ended) return;
    ended = true;
    canvas.style.cursor = "";
    canvas.removeEventListener("keydown", onKey, true);
    for (const subscription of subscriptions) subscription.unsubscribe();
    for (const layer of ["drawing-line", "drawing-point"]) if (map.getLayer(layer)) map.removeLayer(layer);
    if (map.getSource("drawing")) map.removeSource("drawing");
    map.dragPan.enable();
    setTimeout(() => map.doubleClickZoom.enable(), 300);
    done(shape);
  };

  const finish = (): void => {
    const distinct = corners.filter((corner, i) => i === 0 || corner[0] !== corners[i - 1]![0] || corner[1] !== corners[i - 1]![1]);
    if (kind === "box") {
      const [a, b] = [distinct[0], distinct[1] ?? pen];
      if (a && b && a[0] !== b[0] && a[1] !== b[1]) end({ kind, bbox: boxOf(a, b) });
      return;
    }
    if (distinct.length < 3) return;
    end({ kind, polygon: { type: "Polygon", coordinates: [ring(distinct)] } });
  };

  const onDown = (event: MapMouseEvent | MapTouchEvent): void => {
    if (kind !== "box" || corners.length === 1) return;
    event.preventDefault();
    pressed = true;
    corners.push(event.lngLat.toArray());
    show();
  };
  const onMove = (event: MapMouseEvent | MapTouchEvent): void => {
    pen = event.lngLat.toArray();
    if (corners.length > 0) show();
  };
  const onUp = (event: MapMouseEvent | MapTouchEvent): void => {
    if (!pressed) return;
    pressed = false;
    pen = event.lngLat.toArray();
    const from = map.project(corners[0] as [number, number]);
    const to = map.project(pen as [number, number]);
    // A click without a drag sets the first corner; the second click ends.
    if (Math.hypot(from.x - to.x, from.y - to.y) > 6) finish();
  };
  const onClick = (event: MapMouseEvent): void => {
    if (kind === "box") {
      if (corners.length === 1) {
        pen = event.lngLat.toArray();
        finish();
      }
      return;
    }
    if (corners.length < CORNERS_MAX) corners.push(event.lngLat.toArray());
    show();
  };
  // With the keyboard one moves the map under the pen.
  const onMapMove = (): void => {
    if (document.activeElement !== canvas || !keyboard) return;
    pen = map.getCenter().toArray();
    show();
  };
  let keyboard = false;
  const onKey = (event: KeyboardEvent): void => {
    if (event.key.startsWith("Arrow")) keyboard = true;
    if (event.key === "Escape") end(undefined);
    else if (event.key === "Backspace") corners.pop();
    else if (event.key === " " || event.key === "Enter") {
      keyboard = true;
      pen = map.getCenter().toArray();
      if (event.key === "Enter" && kind === "area" && corners.length >= 3) finish();
      else {
        corners.push(pen);
        if (kind === "box" && corners.length === 2) finish();
      }
    } else return;
    event.preventDefault();
    event.stopPropagation();
    if (!ended) show();
  };

  add();
  canvas.addEventListener("keydown", onKey, true);
  const subscriptions = [
    map.on("mousedown", onDown),
    map.on("touchstart", onDown),
    map.on("mousemove", onMove),
    map.on("touchmove", onMove),
    map.on("mouseup", onUp),
    map.on("touchend", onUp),
    map.on("click", onClick),
    map.on("dblclick", finish),
    map.on("move", onMapMove),
  ];
  canvas.focus();
  return { finish, cancel: () => end(undefined) };
}

function outline(kind: Shape["kind"], corners: Position[], pen: Position | undefined): Position[] {
  const [first] = corners;
  if (!first) return [];
  if (kind === "area") return [...corners, ...(pen ? [pen] : []), ...(corners.length > 1 ? [first] : [])];
  const other = corners[1] ?? pen;
  if (!other) return [];
  const [west, south, east, north] = [Math.min(first[0]!, other[0]!), Math.min(first[1]!, other[1]!), Math.max(first[0]!, other[0]!), Math.max(first[1]!, other[1]!)];
  return [[west, south], [east, south], [east, north], [west, north], [west, south]];
}

/** West, south, east, north; a box across the antimeridian has its west east of its east. */
function boxOf(a: Position, b: Position): [number, number, number, number] {
  const [west, east] = [Math.min(a[0]!, b[0]!), Math.max(a[0]!, b[0]!)];
  const [south, north] = [Math.min(a[1]!, b[1]!), Math.max(a[1]!, b[1]!)];
  if (east - west >= 360) return [-180, clampLatitude(south), 180, clampLatitude(north)];
  return [wrap(west), clampLatitude(south), wrap(east), clampLatitude(north)];
}

/** A closed ring, anticlockwise, within five decimals (a metre). */
function ring(corners: Position[]): Position[] {
  const points = corners.map(([x, y]) => [Number(Math.max(-180, Math.min(180, x!)).toFixed(5)), Number(clampLatitude(y!).toFixed(5))]);
  const area = points.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = points[(i + 1) % points.length]!;
    return sum + x! * nextY! - nextX! * y!;
  }, 0);
  if (area < 0) points.reverse();
  return [...points, points[0]!];
}

function wrap(longitude: number): number {
  return longitude < -180 ? longitude + 360 : longitude > 180 ? longitude - 360 : longitude;
}

function clampLatitude(latitude: number): number {
  return Math.max(-90, Math.min(90, latitude));
}
