// The question in an address, and the addresses of its other answers.

import { getJson, request } from "../api";
import type { Area } from "../map/draw";
import { local } from "../page";
import { TITLE_PROPERTIES } from "./titles";

/** Parameters that say how a page is shown, not what is asked. */
const VIEW = ["token", "page", "limit", "sortby", "lang", "f", "read"];
/** Lists that an address separates by commas. */
const LISTS = ["collections", "ids", "intersectsRefs"];
/** Parameters that are JSON in an address, if they are no text. */
const JSON_PARAMETERS = ["intersects", "filter", "query"];
/** Longest shape or condition that an address carries; a longer one is kept by the service under an id. */
const CHARACTERS_MAX = 1_500;

/** A question as the body of a search. */
type Body = Record<string, unknown>;

/** The parameters of the question in an address, with the collection that its path names. */
export function questionOf(address: URL): URLSearchParams {
  const question = new URLSearchParams(address.search);
  for (const name of VIEW) question.delete(name);
  const path = address.pathname.slice(local("").length);
  const named = /^\/collections\/([^/]+)\/items$/.exec(path)?.[1];
  if (named) question.set("collections", decodeURIComponent(named));
  return question;
}

/** The question as the body of a search: what the kept question says, and above it what the address says. */
async function bodyOf(question: URLSearchParams, signal: AbortSignal): Promise<Body> {
  const kept = question.get("search");
  const body: Body = {};
  if (kept) Object.assign(body, (await getJson<{ search: object }>(`/searches/${encodeURIComponent(kept)}`, signal)).search);
  for (const name of VIEW) delete body[name];
  const language = question.get("filter-lang") ?? "cql2-text";
  for (const [name, value] of question) {
    if (name === "search" || value === "") continue;
    if (LISTS.includes(name)) body[name] = value.split(",");
    else if (name === "bbox") body[name] = value.split(",").map(Number);
    else if (name === "intersects" || name === "query" || (name === "filter" && language === "cql2-json")) body[name] = JSON.parse(value);
    else body[name] = value;
  }
  if (question.get("filter")) body["filter-lang"] = language;
  return body;
}

/** The same as parameters of an address; nothing where an address cannot carry it. */
function parametersOf(body: Body): URLSearchParams | undefined {
  const question = new URLSearchParams();
  for (const [name, value] of Object.entries(body)) {
    const text = JSON_PARAMETERS.includes(name) && typeof value === "object" ? JSON.stringify(value) : String(value);
    const holdsCommas = Array.isArray(value) && value.some((entry) => String(entry).includes(","));
    if (holdsCommas || text.length > CHARACTERS_MAX) return undefined;
    question.set(name, text);
  }
  return question;
}

/** Keeps a question at the service; the answer is its id, the same for the same question. */
export async function keep(body: object, signal?: AbortSignal): Promise<string> {
  const response = await request("/searches", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
  return ((await response.json()) as { id: string }).id;
}

/** Where a question's tiles are described, absolute. */
export interface Tiles {
  /** Those of the items. */
  items?: string;
  /** Those of one cycle of planned passes: in every other one the same passes lie on the same ground. */
  planned?: string;
}

const CYCLE_MS = 21 * 86_400_000;

/** The tiles of a question; `planned` is the collection of planned passes. */
export async function tilesOf(question: URLSearchParams, planned: string, signal: AbortSignal): Promise<Tiles> {
  const body = await bodyOf(question, signal);
  const collections = (body["collections"] ?? []) as string[];
  const isAll = collections.length === 0;
  if (!isAll && !collections.includes(planned)) return { items: await describedAt(body, signal) };
  const those = { ...body, collections: [planned], datetime: oneCycle(String(body["datetime"] ?? "")) };
  if (collections.length === 1) return { planned: await describedAt(those, signal) };
  const others = isAll ? without(body, planned) : { ...body, collections: collections.filter((id) => id !== planned) };
  const [items, apart] = await Promise.all([describedAt(others, signal), describedAt(those, signal)]);
  return { items, planned: apart };
}

/** The question without the items of one collection. */
function without(body: Body, collection: string): Body {
  const { filter } = body;
  if (filter && typeof filter === "object") {
    const others = { op: "<>", args: [{ property: "collection" }, collection] };
    return { ...body, filter: { op: "and", args: [filter, others] } };
  }
  return { ...body, filter: `${filter ? `(${filter}) AND ` : ""}collection <> '${collection}'`, "filter-lang": "cql2-text" };
}

/** The part of a period that holds each pass once: from now on where the period is open, else its begin. */
function oneCycle(datetime: string): string {
  const [start = "", end = start] = datetime.split("/");
  const [from, to] = [Date.parse(start), Date.parse(end)];
  // To the day, so that the service need not draw anew all the time.
  const day = (ms: number): string => `${new Date(ms).toISOString().slice(0, 10)}T00:00:00Z`;
  const today = Date.now();
  const open = Number.isNaN(to) ? today : Math.min(today, to - CYCLE_MS);
  const first = Number.isNaN(from) ? open : from;
  if (!Number.isNaN(to) && !Number.isNaN(from) && to - from <= CYCLE_MS) return datetime;
  return `${day(first)}/${day(first + CYCLE_MS)}`;
}

async function describedAt(body: Body, signal: AbortSignal): Promise<string> {
  let path = "/tiles/WebMercatorQuad/tilejson.json";
  let asked = parametersOf(body);
  if (!asked) {
    path = `/searches/${await keep(body, signal)}${path}`;
    asked = new URLSearchParams();
  }
  if (TITLE_PROPERTIES.length) asked.set("properties", TITLE_PROPERTIES.join(","));
  const query = asked.toString();
  return new URL(local(path) + (query ? `?${query}` : ""), location.href).href;
}

/** Formats of a whole result: the value of `f`, and what people call it. */
const FORMATS = [["geojson", "GeoJSON"], ["ndjson", "NDJSON"], ["csv", "CSV"], ["geoparquet", "GeoParquet"], ["arrow", "Arrow"]] as const;

/** Links to all items of a kept question with its further conditions, in each format. */
export async function downloadsOf(question: URLSearchParams, signal: AbortSignal): Promise<HTMLAnchorElement[]> {
  const path = local(`/searches/${await keep(await bodyOf(question, signal), signal)}/export`);
  return FORMATS.map(([format, name]) => {
    const link = document.createElement("a");
    link.className = "button quiet small";
    link.download = "";
    link.href = `${path}?f=${format}`;
    link.textContent = name;
    return link;
  });
}

/** Where to search instead: a box, a shape or stored places. */
export type Where =
  | { bbox: [number, number, number, number] }
  | { intersects: Area }
  | { intersectsRefs: string };

/** The address of a question with another place. */
export async function withPlace(address: URL, where: Where): Promise<URL> {
  const question = questionOf(address);
  for (const name of ["bbox", "intersects", "intersectsRefs", "search"]) question.delete(name);
  if ("bbox" in where) question.set("bbox", where.bbox.map((n) => String(Number(n.toFixed(4)))).join(","));
  else if ("intersectsRefs" in where) question.set("intersectsRefs", where.intersectsRefs);
  else {
    const text = JSON.stringify(where.intersects);
    if (text.length <= CHARACTERS_MAX) question.set("intersects", text);
    else question.set("search", await keep({ intersects: where.intersects }));
  }
  return searchPage(address, question);
}

/** The address of a question with another period; an empty one drops it. */
export function withPeriod(address: URL, datetime: string): URL {
  const question = questionOf(address);
  if (datetime) question.set("datetime", datetime);
  else question.delete("datetime");
  return searchPage(address, question);
}

/** The search page with another question, in the order and language of this one. */
export function searchPage(address: URL, question: URLSearchParams): URL {
  const now = new URLSearchParams(address.search);
  for (const name of ["sortby", "lang"]) {
    const value = now.get(name);
    if (value) question.set(name, value);
  }
  const page = new URL(local("/search"), location.origin);
  page.search = question.toString();
  return page;
}
