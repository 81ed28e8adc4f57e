// Drawing a box or an area: by mouse and finger, or with the keyboard, where the middle of the map is the pen.

import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent, MapTouchEvent } from "maplibre-gl";
import type { Position } from "geojson";
import { colour } from "./colours";

export type Area = GeoJSON.Polygon | GeoJSON.MultiPolygon;
export type Shape = { kind: "box"; bbox: [number, number, number, number] } | { kind: "area"; area: Area };

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
    map.getContainer().classList.remove("by-keyboard");
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
    const area = areaOf(distinct);
    if (area) end({ kind, area });
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
    map.getContainer().classList.toggle("by-keyboard", keyboard || event.key === " " || event.key === "Enter");
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

/** The area within corners. One that reaches across the antimeridian is cut there, since positions end at 180 degrees. */
function areaOf(corners: Position[]): Area | undefined {
  const xs = corners.map(([x]) => x!);
  const worlds = [];
  for (let world = Math.floor((Math.min(...xs) + 180) / 360); world <= Math.floor((Math.max(...xs) + 180) / 360); world += 1) worlds.push(world);
  const rings = worlds
    .map((world) => corners.map(([x, y]): Position => [x! - world * 360, y!]))
    .map((shifted) => cut(cut(shifted, 180, 1), -180, -1))
    .filter((points) => points.length >= 3)
    .map(ring);
  const [first] = rings;
  if (!first) return undefined;
  return rings.length === 1 ? { type: "Polygon", coordinates: [first] } : { type: "MultiPolygon", coordinates: rings.map((r) => [r]) };
}

/** What of a ring lies on one side of a meridian: west of it for `side` 1, east for -1 (Sutherland and Hodgman, 1974). */
function cut(points: Position[], meridian: number, side: 1 | -1): Position[] {
  const isInside = ([x]: Position): boolean => (x! - meridian) * side <= 0;
  return points.flatMap((point, i) => {
    const before = points[(i + points.length - 1) % points.length]!;
    const kept = isInside(point) ? [point] : [];
    if (isInside(point) === isInside(before)) return kept;
    const share = (meridian - before[0]!) / (point[0]! - before[0]!);
    return [[meridian, before[1]! + share * (point[1]! - before[1]!)], ...kept];
  });
}

/** A closed ring, anticlockwise, within five decimals (a metre). */
function ring(corners: Position[]): Position[] {
  const points = corners.map(([x, y]) => [Number(x!.toFixed(5)), Number(clampLatitude(y!).toFixed(5))]);
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
