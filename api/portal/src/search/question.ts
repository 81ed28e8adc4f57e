// The question in an address, and the addresses of its other answers.

import { getJson, request } from "../api";
import type { Area } from "../map/draw";
import { local } from "../page";
import { TITLE_PROPERTIES } from "./titles";

/** Parameters that say how a page is shown, not what is asked. */
const VIEW = ["token", "page", "limit", "sortby", "lang", "f", "read"];
/** Lists that an address separates by commas. */
const LISTS = ["collections", "ids", "intersectsRefs"];
/** Longest shape that an address carries; a longer one is kept by the service under an id. */
const SHAPE_CHARACTERS_MAX = 1_500;

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
async function bodyOf(question: URLSearchParams, signal: AbortSignal): Promise<Record<string, unknown>> {
  const kept = question.get("search");
  const body: Record<string, unknown> = {};
  if (kept) Object.assign(body, (await getJson<{ search: object }>(`/searches/${encodeURIComponent(kept)}`, signal)).search);
  for (const [name, value] of question) {
    if (name === "search" || value === "") continue;
    if (LISTS.includes(name)) body[name] = value.split(",");
    else if (name === "bbox") body[name] = value.split(",").map(Number);
    else if (name === "intersects") body[name] = JSON.parse(value);
    else body[name] = value;
  }
  if (typeof body["filter"] === "string" && !body["filter-lang"]) body["filter-lang"] = "cql2-text";
  return body;
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
  const collections = (question.get("collections") ?? "").split(",").filter(Boolean);
  // Conditions that are kept, or that stand in another language than text, are not taken apart.
  const isPlain = !question.has("search") && (question.get("filter-lang") ?? "cql2-text") === "cql2-text";
  const hasPlanned = collections.length === 0 || collections.includes(planned);
  if (!hasPlanned || !isPlain) return { items: await describedAt(question, signal) };
  const those = new URLSearchParams(question);
  those.set("collections", planned);
  those.set("datetime", oneCycle(question.get("datetime") ?? ""));
  if (collections.length === 1) return { planned: await describedAt(those, signal) };
  const others = new URLSearchParams(question);
  if (collections.length > 0) others.set("collections", collections.filter((id) => id !== planned).join(","));
  else {
    const filter = question.get("filter");
    others.set("filter", `${filter ? `(${filter}) AND ` : ""}collection <> '${planned}'`);
  }
  const [items, apart] = await Promise.all([describedAt(others, signal), describedAt(those, signal)]);
  return { items, planned: apart };
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

async function describedAt(question: URLSearchParams, signal: AbortSignal): Promise<string> {
  let path = "/tiles/WebMercatorQuad/tilejson.json";
  let asked = question;
  if (question.has("search")) {
    path = `/searches/${await keep(await bodyOf(question, signal), signal)}${path}`;
    asked = new URLSearchParams();
  }
  asked = new URLSearchParams(asked);
  if (TITLE_PROPERTIES.length) asked.set("properties", TITLE_PROPERTIES.join(","));
  const query = asked.toString();
  return new URL(local(path) + (query ? `?${query}` : ""), location.href).href;
}

/** Absolute address of a question's items as GeoJSON. */
export async function itemsOf(question: URLSearchParams, signal: AbortSignal): Promise<string> {
  if (!question.has("search")) return local(`/search?${question}&f=json&limit=10000`);
  return local(`/searches/${await keep(await bodyOf(question, signal), signal)}/items?limit=10000`);
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
    if (text.length <= SHAPE_CHARACTERS_MAX) question.set("intersects", text);
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

function searchPage(address: URL, question: URLSearchParams): URL {
  const now = new URLSearchParams(address.search);
  for (const name of ["sortby", "lang"]) {
    const value = now.get(name);
    if (value) question.set(name, value);
  }
  const page = new URL(local("/search"), location.origin);
  page.search = question.toString();
  return page;
}
