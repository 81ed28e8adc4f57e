// A text field that offers what somebody may mean who types in it, as an ARIA combobox.

const PAUSE_MS = 160;

/** What a field offers. */
export interface Offer<T> {
  /** Name of the list. */
  label: string;
  /** What is said where there is nothing to offer; without it the list stays away. */
  none?: string;
  /** Whether a text is looked up. */
  asks(text: string): boolean;
  look(text: string, signal: AbortSignal): Promise<T[]>;
  title(one: T): string;
  /** What it is, said beside its title. */
  kind(one: T): string;
  pick(one: T): void;
}

/** Makes an input offer; the answer ends it. */
export function combobox<T>(input: HTMLInputElement, offer: Offer<T>): () => void {
  const list = document.createElement("ul");
  list.className = "suggestions";
  list.id = `${input.id}-suggestions`;
  list.role = "listbox";
  list.ariaLabel = offer.label;
  list.hidden = true;
  input.after(list);
  input.role = "combobox";
  input.ariaAutoComplete = "list";
  input.ariaExpanded = "false";
  input.setAttribute("aria-controls", list.id);

  let offered: T[] = [];
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

  const choose = (one: T | undefined): void => {
    if (one === undefined) return;
    close();
    offer.pick(one);
  };

  const entryOf = (one: T, i: number): HTMLElement => {
    const entry = document.createElement("li");
    entry.id = `${list.id}-${i}`;
    entry.role = "option";
    entry.ariaSelected = "false";
    const title = document.createElement("span");
    title.textContent = offer.title(one);
    const kind = document.createElement("span");
    kind.className = "kind";
    kind.textContent = offer.kind(one);
    entry.append(title, " ", kind);
    // Before the input loses the focus.
    entry.addEventListener("pointerdown", (event) => event.preventDefault());
    entry.addEventListener("click", () => choose(one));
    return entry;
  };

  const show = (): void => {
    if (offered.length === 0 && offer.none === undefined) return close();
    list.replaceChildren(...offered.map(entryOf));
    if (offered.length === 0) {
      const none = document.createElement("li");
      none.className = "none";
      none.role = "option";
      none.ariaDisabled = "true";
      none.textContent = offer.none ?? "";
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
      const found = await offer.look(input.value.trim(), signal);
      if (signal.aborted) return;
      offered = found;
      active = -1;
      show();
    } catch {
      if (!signal.aborted) close();
    }
  };

  const onInput = (): void => {
    clearTimeout(pause);
    if (offer.asks(input.value.trim())) pause = window.setTimeout(() => void look(), PAUSE_MS);
    else close();
  };

  const onKey = (event: KeyboardEvent): void => {
    if (list.hidden) {
      if (event.key === "ArrowDown" && offer.asks(input.value.trim())) void look();
      return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      // From the field itself the way up leads to the last.
      const from = active < 0 && step < 0 ? 0 : active;
      if (offered.length > 0) mark((from + step + offered.length) % offered.length);
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      choose(offered[active]);
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
