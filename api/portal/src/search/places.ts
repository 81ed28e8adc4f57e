// The input for a place: names of stored places while one types, as an ARIA combobox.

import { getJson } from "../api";
import { language, t } from "../page";
import { collectionTitle } from "./collections";

const SUGGESTIONS_MAX = 8;
const PAUSE_MS = 160;

interface Place {
  /** `COLLECTION.ID`, as questions refer to it. */
  reference: string;
  title: string;
  collection: string;
}

interface Feature {
  id: string;
  collection: string;
  properties: Record<string, string | undefined>;
}

/** Makes the input suggest places of these collections; `pick` gets the chosen one's reference. */
export function suggestPlaces(input: HTMLInputElement, collections: string[], pick: (reference: string) => void): () => void {
  const list = document.createElement("ul");
  list.className = "suggestions";
  list.id = `${input.id}-suggestions`;
  list.role = "listbox";
  list.ariaLabel = t("Places", "Lieux");
  list.hidden = true;
  input.after(list);
  input.role = "combobox";
  input.ariaAutoComplete = "list";
  input.ariaExpanded = "false";
  input.setAttribute("aria-controls", list.id);

  let places: Place[] = [];
  let active = -1;
  let pause = 0;
  let running = new AbortController();

  const close = (): void => {
    running.abort();
    clearTimeout(pause);
    list.hidden = true;
    input.ariaExpanded = "false";
    input.removeAttribute("aria-activedescendant");
    active = -1;
  };

  const mark = (index: number): void => {
    active = index;
    [...list.children].forEach((entry, i) => entry.setAttribute("aria-selected", String(i === index)));
    const entry = list.children[index];
    if (!entry) return;
    input.setAttribute("aria-activedescendant", entry.id);
    entry.scrollIntoView({ block: "nearest" });
  };

  const choose = (place: Place | undefined): void => {
    if (!place) return;
    close();
    input.value = "";
    pick(place.reference);
  };

  const show = (): void => {
    list.replaceChildren(
      ...places.map((place, i) => {
        const entry = document.createElement("li");
        entry.id = `${list.id}-${i}`;
        entry.role = "option";
        entry.ariaSelected = "false";
        const title = document.createElement("span");
        title.textContent = place.title;
        const kind = document.createElement("span");
        kind.className = "kind";
        void collectionTitle(place.collection).then((name) => (kind.textContent = name));
        entry.append(title, " ", kind);
        // Before the input loses the focus.
        entry.addEventListener("pointerdown", (event) => event.preventDefault());
        entry.addEventListener("click", () => choose(place));
        return entry;
      }),
    );
    if (places.length === 0) {
      const none = document.createElement("li");
      none.className = "none";
      none.role = "option";
      none.ariaDisabled = "true";
      none.textContent = t("No place begins like this", "Aucun lieu ne commence ainsi");
      list.append(none);
    }
    list.hidden = false;
    input.ariaExpanded = "true";
  };

  const look = async (): Promise<void> => {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    try {
      const found = await find(input.value.trim(), collections, signal);
      if (signal.aborted) return;
      places = found;
      active = -1;
      show();
    } catch {
      if (!signal.aborted) close();
    }
  };

  const onInput = (): void => {
    clearTimeout(pause);
    if (input.value.trim().length < 2) close();
    else pause = window.setTimeout(() => void look(), PAUSE_MS);
  };

  const onKey = (event: KeyboardEvent): void => {
    if (list.hidden) {
      if (event.key === "ArrowDown" && input.value.trim().length >= 2) void look();
      return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (places.length > 0) mark((active + step + places.length) % places.length);
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      choose(places[active]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
  };

  input.addEventListener("input", onInput);
  input.addEventListener("keydown", onKey);
  input.addEventListener("blur", close);
  input.form?.addEventListener("submit", close);
  return () => {
    close();
    list.remove();
    input.removeEventListener("input", onInput);
    input.removeEventListener("keydown", onKey);
    input.removeEventListener("blur", close);
    input.form?.removeEventListener("submit", close);
  };
}

/** Places whose names hold these words, or whose names have a word that begins like this. */
async function find(text: string, collections: string[], signal: AbortSignal): Promise<Place[]> {
  const common = { collections: collections.join(","), limit: String(SUGGESTIONS_MAX * 3), fields: "id,collection,properties.title,properties.name_fr,properties.scalerank" };
  const search = (more: Record<string, string>): Promise<{ features: Feature[] }> =>
    getJson(`/search?${new URLSearchParams({ ...common, ...more })}`, signal);
  const [words, beginnings] = await Promise.all([
    search({ q: text.replaceAll(/[,"]/g, " ") }),
    search({ filter: beginsWith(text), "filter-lang": "cql2-text" }),
  ]);
  const seen = new Set<string>();
  const places: (Place & { weight: number })[] = [];
  for (const { id, collection, properties } of [...beginnings.features, ...words.features]) {
    const reference = `${collection}.${id}`;
    if (seen.has(reference)) continue;
    seen.add(reference);
    const title = (language === "fr" && properties["name_fr"]) || properties["title"] || id;
    places.push({ reference, title, collection, weight: weight(title, text, properties) });
  }
  places.sort((a, b) => a.weight - b.weight || a.title.localeCompare(b.title, language));
  return places.slice(0, SUGGESTIONS_MAX);
}

/** Small for what people most likely mean: names that begin with the text, then greater things. */
function weight(title: string, text: string, properties: Record<string, unknown>): number {
  const [name, typed] = [plain(title), plain(text)];
  const match = name === typed ? 0 : name.startsWith(typed) ? 20 : 40;
  return match + (typeof properties["scalerank"] === "number" ? properties["scalerank"] : 0);
}

function plain(text: string): string {
  return text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}

/** A condition that a name, or a word in it, begins like this: as typed, and with capital initials as names have. */
function beginsWith(text: string): string {
  const escaped = (s: string): string => s.replaceAll(/[\\%_]/g, String.raw`\$&`).replaceAll("'", "''");
  const capital = text.toLowerCase().replaceAll(/(^|[\s'-])(\p{L})/gu, (_, gap: string, letter: string) => gap + letter.toUpperCase());
  const forms = [...new Set([text, capital])];
  const patterns = forms.flatMap((form) => [`${escaped(form)}%`, `% ${escaped(form)}%`]);
  return ["title", "name_fr"].flatMap((property) => patterns.map((pattern) => `${property} LIKE '${pattern}'`)).join(" OR ");
}
