// The input for a place: names of stored places while one types, as an ARIA combobox.

import { getJson } from "../api";
import { language, t } from "../page";

const PAUSE_MS = 160;

/** A place as the service tells it. */
export interface Place {
  /** `COLLECTION.ID`, of several pieces with commas between, as questions refer to it. */
  references: string;
  title: string;
  collectionTitle: string;
}

/** Makes the input suggest places of these collections, or of those that hold places; `pick` gets the chosen one. */
export function suggestPlaces(input: HTMLInputElement, collections: string | undefined, pick: (place: Place) => void): () => void {
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
    pick(place);
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
        kind.textContent = place.collectionTitle;
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
      none.textContent = t("No place name begins like this", "Aucun nom de lieu ne commence ainsi");
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
      const asked = new URLSearchParams({ q: input.value.trim(), lang: language });
      if (collections) asked.set("collections", collections);
      const { places: found } = await getJson<{ places: Place[] }>(`/places?${asked}`, signal);
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
    const text = input.value.trim();
    // A position or a box is being typed.
    if (text.length < 2 || /^[-+\d][\d.]*[\s,;]/.test(text)) close();
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
