// The search page: form, facets, list, time and map as one. The server makes every part; this module fetches the page of
// the next question and takes its parts over, so that nothing is said twice.

import { ApiFailure, request } from "../api";
import type { Shape } from "../map/draw";
import type { MapSide } from "../map/side";
import { type View, readItem, readView, writeFragment } from "../map/view";
import { type Destroy, mountAll } from "../mount";
import { local, t } from "../page";
import { Again, isUnanswered } from "../search/again";
import { suggestPlaces } from "../search/places";
import { downloadsOf, questionOf, searchPage, tilesOf, withPeriod, withPlace } from "../search/question";
import { placeOf } from "../search/area";
import { type Box, extent, extentOf } from "../search/extent";
import { failureNotice, locateButton } from "../search/pieces";
import { suggestAll } from "../search/suggestions";
import { brushTimeline } from "../search/timeline";

interface Options {
  /** The collection of planned passes: they cover the whole world evenly. */
  planned: string;
  basemap: string | null;
}

const NARROW = matchMedia("(max-width: 57.99rem)");

export function mount(element: HTMLElement, raw: unknown): Destroy {
  const options = raw as Options;
  const form = element.querySelector<HTMLFormElement>("form.bar")!;
  const mapElement = element.querySelector<HTMLElement>(".map")!;
  const part = (name: string): HTMLElement => element.querySelector<HTMLElement>(`[data-part="${name}"]`)!;
  const said = document.createElement("p");
  said.className = "hidden-text";
  said.role = "status";
  const progress = document.createElement("div");
  progress.className = "progress";
  element.querySelector(".ask")!.after(progress);
  element.append(said);

  const ends = new AbortController();
  const on = { signal: ends.signal };
  let address = new URL(location.href);
  let running = new AbortController();
  const again = new Again();
  /** What stood in the fields when the question went out. */
  let sent = new Map<string, string>();
  let map: MapSide | undefined;
  let starting: Promise<void> | undefined;
  let view: View | undefined = readView(location.hash);
  let selected: string | undefined = readItem(location.hash);
  let endParts: Destroy = () => {};

  // ---- A search ----

  /** Shows the answer of an address of this service's search. */
  async function go(to: URL, history: "push" | "keep"): Promise<void> {
    running.abort();
    sent = new Map([...form.querySelectorAll("input")].map((input) => [input.id, input.value]));
    running = new AbortController();
    const { signal } = running;
    element.ariaBusy = "true";
    const path = to.pathname.slice(local("").length) + to.search;
    try {
      const response = await request(path, { signal, headers: { accept: "text/html" } });
      const text = await response.text();
      again.answered();
      // The service may have sent us on to a cleaner address.
      address = new URL(response.url);
      take(new DOMParser().parseFromString(text, "text/html"));
      if (history === "push") {
        selected = undefined;
        window.history.pushState(null, "", address.pathname + address.search + writeFragment(undefined, undefined));
      }
      await follow(signal, history === "push");
    } catch (error) {
      if (signal.aborted) return;
      if (history === "push") window.history.pushState(null, "", to.pathname + to.search);
      address = to;
      failed(error, to);
    } finally {
      if (!signal.aborted) element.ariaBusy = "false";
    }
  }

  /** Takes over what the page of an answer holds. */
  function take(page: Document): void {
    delete element.dataset["outdated"];
    blame(undefined);
    for (const fresh of page.querySelectorAll<HTMLElement>("[data-part]")) {
      part(fresh.dataset["part"]!).replaceChildren(...fresh.childNodes);
    }
    document.title = page.title;
    // What links to this very answer in other forms.
    for (const same of ["nav.languages", "footer.bottom"]) {
      const fresh = page.querySelector(same);
      if (fresh) document.querySelector(same)?.replaceWith(fresh);
    }
    for (const old of form.querySelectorAll('input[type="hidden"]')) old.remove();
    for (const input of page.querySelectorAll<HTMLInputElement>("form.bar input")) {
      if (input.type === "hidden") form.append(input);
      else {
        const own = form.querySelector<HTMLInputElement>(`#${input.id}`);
        // What is being typed by now belongs to the next question.
        const isTyped = own === document.activeElement && own?.id !== "place" && own?.value !== sent.get(input.id);
        if (own && !isTyped) [own.type, own.value] = [input.type, input.value];
      }
    }
    part("results").scrollTop = 0;
    said.textContent = element.querySelector(".count")?.textContent ?? "";
    wireParts();
  }

  /** Says what went wrong in the place of the answer. What belongs to an older question does not stay beside it. */
  function failed(error: unknown, to: URL): void {
    element.dataset["outdated"] = "true";
    endParts();
    endParts = () => {};
    for (const name of ["chips", "facets", "timeline", "map-note"]) part(name).replaceChildren();
    map?.clear();
    const notice = failureNotice(error, () => void go(to, "keep"));
    // The same said again would be read out again.
    if (part("results").textContent !== notice.textContent) part("results").replaceChildren(notice);
    part("results").scrollTop = 0;
    if (NARROW.matches) setView("list");
    blame(error instanceof ApiFailure ? error.page : undefined);
    if (isUnanswered(error)) again.later(() => void go(to, "keep"), running.signal);
  }

  /** Marks the fields that a refusal is about, as the page that came with it does. */
  function blame(page: Document | undefined): void {
    for (const input of form.querySelectorAll("[aria-invalid]")) {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
    for (const faulty of page?.querySelectorAll("form.bar [aria-invalid]") ?? []) {
      const own = form.querySelector(`#${faulty.id}`);
      own?.setAttribute("aria-invalid", "true");
      own?.setAttribute("aria-describedby", faulty.getAttribute("aria-describedby") ?? "");
    }
  }

  // ---- The parts ----

  function wireParts(): void {
    endParts();
    const own: Destroy[] = [mountAll(part("results"))];
    const figure = part("timeline").querySelector<HTMLElement>("figure.timeline");
    if (figure) own.push(brushTimeline(figure, (datetime) => void go(withPeriod(address, datetime), "push")));
    for (const row of rows()) {
      const title = row.querySelector(".name")?.textContent ?? "";
      if (!row.dataset["bbox"]) continue;
      row.append(locateButton(title, () => select(keyOf(row), true)));
    }
    void offerDownload();
    mark();
    endParts = () => own.forEach((end) => end());
  }

  function rows(): HTMLElement[] {
    return [...element.querySelectorAll<HTMLElement>(".results .items > li")];
  }

  function keyOf(row: HTMLElement): string {
    return `${encodeURIComponent(row.dataset["collection"] ?? "")}/${encodeURIComponent(row.dataset["id"] ?? "")}`;
  }

  function boxOf(row: HTMLElement | undefined): Box | undefined {
    const numbers = row?.dataset["bbox"]?.split(",").map(Number);
    return numbers?.length === 4 ? (numbers as Box) : undefined;
  }

  function mark(near?: string): void {
    for (const row of rows()) {
      const key = keyOf(row);
      row.classList.toggle("selected", key === selected);
      row.classList.toggle("near", key === near && key !== selected);
      if (key === selected) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  function select(item: string, move: boolean): void {
    selected = item;
    mark();
    const row = rows().find((r) => keyOf(r) === item);
    row?.scrollIntoView({ block: "nearest" });
    keepFragment();
    if (!move) return;
    if (NARROW.matches) setView("map");
    void startMap().then(() => map?.select(item, boxOf(row), row?.querySelector(".name")?.textContent ?? item, true));
  }

  /** A kept question has no address for its data until the service keeps the whole. */
  async function offerDownload(): Promise<void> {
    const formats = element.querySelector<HTMLElement>(".menu .formats");
    if (!formats || formats.querySelector("a[download]")) return;
    const { signal } = running;
    try {
      const links = await downloadsOf(questionOf(address), signal);
      if (!signal.aborted) formats.append(...links);
    } catch (error) {
      if (!signal.aborted) console.warn(error);
    }
  }

  // ---- The map ----

  function keepFragment(): void {
    const fragment = writeFragment(view, selected);
    window.history.replaceState(null, "", address.pathname + address.search + fragment);
  }

  function startMap(): Promise<void> {
    if (NARROW.matches && element.dataset["view"] !== "map") return Promise.resolve();
    starting ??= makeMap().catch(mapFailed);
    return starting;
  }

  async function makeMap(): Promise<void> {
    const { mountMap } = await import("../map/side");
    map = await mountMap(
      mapElement,
      { view, basemap: options.basemap },
      {
        moved(next) {
          view = next;
          keepFragment();
        },
        near(item) {
          mark(item);
          const row = rows().find((r) => keyOf(r) === item);
          if (row) row.scrollIntoView({ block: "nearest" });
        },
        selected: (item) => select(item, false),
        drawn: (shape) => void drawn(shape),
      },
    );
    const { signal } = running;
    try {
      await follow(signal, !view && !selected);
    } catch (error) {
      // Another question was asked meanwhile; the map follows that one.
      if (signal.aborted) return;
      throw error;
    }
    const row = rows().find((r) => keyOf(r) === selected);
    if (selected && row) map.select(selected, boxOf(row), row.querySelector(".name")?.textContent ?? "", !view);
  }

  async function drawn(shape: Shape): Promise<void> {
    try {
      const where = shape.kind === "box" ? { bbox: shape.bbox } : { intersects: shape.area };
      await go(await withPlace(address, where), "push");
    } catch (error) {
      failed(error, address);
    }
  }

  /** Lets the map follow the question; `fit` moves the view to it. */
  async function follow(signal: AbortSignal, fit: boolean): Promise<void> {
    if (!map || element.dataset["outdated"]) return;
    const question = questionOf(address);
    // All items stand in the list, or the service tells where they lie.
    const isWhole = !element.querySelector(".results .pager");
    const listed = extent(rows().map(boxOf));
    const found = rows().length > 0 ? tilesOf(question, options.planned, signal) : {};
    const [tiles, place] = await Promise.all([found, placeOf(question, signal)]);
    const everywhere = fit && !place && !isWhole ? await extentOf(question, signal) : undefined;
    if (signal.aborted) return;
    map.outline(place?.geometry ?? null);
    map.show(tiles, fit ? (place?.box ?? everywhere ?? listed) : undefined);
  }

  // ---- What one does ----

  form.addEventListener(
    "submit",
    (event) => {
      event.preventDefault();
      const target = new URL(form.action);
      target.search = new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)])).toString();
      element.dataset["filters"] = "closed";
      void go(target, "push");
    },
    on,
  );
  // Browsers leave a chip that is half out of its row as it is.
  part("chips").addEventListener("focusin", (event) => (event.target as Element).scrollIntoView({ block: "nearest", inline: "nearest" }), on);
  element.addEventListener(
    "change",
    (event) => {
      const changed = event.target as HTMLElement;
      if (changed.id === "sortby" || changed.matches('input[type="date"]')) form.requestSubmit();
    },
    on,
  );
  element.addEventListener(
    "click",
    (event) => {
      const target = event.target as Element;
      const shown = target.closest<HTMLElement>("[data-show]")?.dataset["show"];
      if (shown) setView(shown);
      const link = target.closest("a");
      const href = link instanceof SVGAElement ? link.href.baseVal : link?.href;
      if (!href || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
      if (link instanceof HTMLAnchorElement && link.hasAttribute("download")) return;
      const to = new URL(href, location.href);
      const isSearch = to.pathname === local("/search") || to.pathname === address.pathname;
      if (to.origin !== location.origin || !isSearch || to.searchParams.has("f")) return;
      event.preventDefault();
      void go(to, "push");
    },
    on,
  );
  // Walking the list with the arrows; what has the focus or the pointer shows on the map.
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape" && element.dataset["filters"] === "open") setView("filters");
      const row = (event.target as Element).closest<HTMLElement>(".results .items > li");
      if (!row || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
      const next = (event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling)?.querySelector<HTMLElement>(".name");
      if (next) {
        event.preventDefault();
        next.focus();
      }
    },
    on,
  );
  for (const [begin, end] of [["pointerover", "pointerout"], ["focusin", "focusout"]] as const) {
    element.addEventListener(begin, (event) => map?.look(boxOf((event.target as Element).closest<HTMLElement>(".results .items > li") ?? undefined) ?? keptBox()), on);
    element.addEventListener(end, () => map?.look(keptBox()), on);
  }
  function keptBox(): Box | undefined {
    return boxOf(rows().find((r) => keyOf(r) === selected));
  }
  window.addEventListener(
    "popstate",
    () => {
      view = readView(location.hash) ?? view;
      selected = readItem(location.hash);
      const to = new URL(location.href);
      if (to.pathname + to.search === address.pathname + address.search) mark();
      else void go(to, "keep").then(() => mark());
    },
    on,
  );
  window.addEventListener("offline", () => (said.textContent = t("You are offline.", "Vous êtes hors ligne.")), on);

  function setView(shown: string): void {
    const open = shown === "filters" && element.dataset["filters"] !== "open";
    element.dataset["filters"] = open ? "open" : "closed";
    if (shown !== "filters") element.dataset["view"] = shown;
    for (const button of element.querySelectorAll<HTMLElement>("[data-show]")) {
      const name = button.dataset["show"];
      if (name === "filters") button.ariaExpanded = String(open);
      else button.ariaPressed = String(!open && element.dataset["view"] === name);
    }
    if (NARROW.matches && (open || shown === "map")) element.querySelector(".view-switch")?.scrollIntoView({ block: "start" });
    if (open) part("facets").focus({ preventScroll: true });
    if (shown === "map") void startMap();
  }

  const place = form.querySelector<HTMLInputElement>("#place");
  const endPlaces = place
    ? suggestPlaces(place, undefined, ({ references }) => {
        place.value = "";
        void withPlace(address, { intersectsRefs: references }).then((to) => go(to, "push"));
      })
    : () => {};
  const what = form.querySelector<HTMLInputElement>("#q")!;
  const endSuggestions = suggestAll(
    what,
    () => questionOf(address),
    (question) => void go(searchPage(address, question), "push"),
  );

  wireParts();
  // What one reads comes first; the map follows when the page is quiet.
  const idle = window.requestIdleCallback ?? ((call: () => void) => window.setTimeout(call, 200));
  idle(() => void startMap());
  NARROW.addEventListener("change", () => void startMap(), on);

  function mapFailed(error: unknown): void {
    console.error(error);
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.textContent = t("The map cannot be shown here. The list holds the same items.", "La carte ne peut pas s'afficher ici. La liste contient les mêmes éléments.");
    mapElement.append(notice);
  }

  return () => {
    ends.abort();
    running.abort();
    endParts();
    endPlaces();
    endSuggestions();
    map?.destroy();
  };
}
