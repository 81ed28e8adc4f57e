// The series of a feature's page: draws the chart, and shows another view in place of a new page. The page itself is
// the service's answer for the view's address, so that there is one way to make it.

import { drawChart } from "../chart/chart";
import { dayOf } from "../chart/axis";
import { language, t, toast } from "../page";
import { type Destroy, mountAll } from "../mount";

/** Parts of the page that a view changes, by selector. */
const PARTS = ["#view", ".latest", ".languages"];
/** Keys on the chart, and the links that do the same. */
const KEYS: Record<string, string> = {
  "+": "zoom-in",
  "=": "zoom-in",
  "-": "zoom-out",
  "−": "zoom-out",
  ArrowLeft: "earlier",
  ArrowRight: "later",
  "0": "whole",
};

export function mount(section: HTMLElement): Destroy {
  const ending = new AbortController();
  const { signal } = ending;
  let endChart: Destroy = () => {};
  let endParts: Destroy = () => {};
  let loading = new AbortController();

  section.addEventListener("click", onClick, { signal });
  section.addEventListener("submit", onSubmit, { signal });
  section.addEventListener("change", onChange, { signal });
  section.addEventListener("keydown", onKey, { signal });
  addEventListener("popstate", () => void show(location.href, null, false), { signal });
  draw();

  function draw(): void {
    endChart();
    const figure = section.querySelector<HTMLElement>("figure.chart");
    endChart = figure ? drawChart(figure, onSelect) : () => {};
  }

  function onClick(event: MouseEvent): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    const link = (event.target as Element).closest<HTMLAnchorElement>("#view a[href]");
    if (!link || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    // A link within the page only moves to a place in it.
    if (url.pathname !== location.pathname || link.getAttribute("href")?.startsWith("#")) return;
    event.preventDefault();
    void show(url.href, link.id, true);
  }

  function onSubmit(event: SubmitEvent): void {
    const form = event.target as HTMLFormElement;
    event.preventDefault();
    void show(addressOf(form), focused(), true);
  }

  function onChange(event: Event): void {
    const input = event.target as HTMLElement;
    input.closest("form")?.requestSubmit();
  }

  function onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const id = KEYS[event.key];
    if (!id || !target.classList.contains("canvas") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const link = section.querySelector<HTMLAnchorElement>(`#${id}`);
    if (link) void show(link.href, ".canvas", true);
  }

  /** A period that was dragged over, in whole days. */
  function onSelect(from: number, to: number): void {
    const form = section.querySelector<HTMLFormElement>("#view-form");
    if (!form) return;
    const url = new URL(addressOf(form));
    url.searchParams.set("from", dayOf(from));
    url.searchParams.set("to", dayOf(to));
    void show(url.href, ".canvas", true);
  }

  /** Shows the view at an address. `focus` is the id or selector of what has the focus then. */
  async function show(address: string, focus: string | null, isNew: boolean): Promise<void> {
    loading.abort();
    const mine = new AbortController();
    loading = mine;
    section.setAttribute("aria-busy", "true");
    try {
      const headers = { accept: "text/html", "accept-language": language };
      const answer = await fetch(address, { headers, signal: mine.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!answer.ok) {
        toast(page.querySelector("main .lead")?.textContent ?? t("That did not work.", "Cela n'a pas fonctionné."), "problem");
        return;
      }
      for (const part of PARTS) replace(part, page);
      endParts();
      endParts = mountAll(section);
      if (isNew) history.pushState(null, "", address);
      draw();
      restore(focus);
    } catch (error) {
      if (mine.signal.aborted) return;
      console.warn(error);
      toast(
        navigator.onLine ? t("The service does not answer.", "Le service ne répond pas.") : t("You are offline.", "Vous êtes hors ligne."),
        "problem",
      );
    } finally {
      if (loading === mine) section.removeAttribute("aria-busy");
    }
  }

  function replace(selector: string, page: Document): void {
    const fresh = page.querySelector(selector);
    const old = document.querySelector(selector);
    if (!fresh || !old) return;
    // What was folded open stays open.
    for (const details of old.querySelectorAll<HTMLDetailsElement>("details[id]")) {
      const same = fresh.querySelector<HTMLDetailsElement>(`#${details.id}`);
      if (same) same.open = details.open;
    }
    old.replaceWith(fresh);
  }

  /** What has the focus, as something that can be found in the next view. */
  function focused(): string | null {
    const element = document.activeElement as HTMLInputElement | null;
    if (!element || !section.contains(element)) return null;
    if (element.id) return element.id;
    return element.name ? `[name="${element.name}"][value="${CSS.escape(element.value)}"]` : null;
  }

  function restore(focus: string | null): void {
    if (!focus) return;
    const element = document.getElementById(focus) ?? section.querySelector<HTMLElement>(/^[.[#]/.test(focus) ? focus : `#${CSS.escape(focus)}`);
    element?.focus({ preventScroll: true });
  }

  return () => {
    ending.abort();
    loading.abort();
    endChart();
    endParts();
  };
}

/** The address of what a form says: lists joined by commas, what is empty left out. */
function addressOf(form: HTMLFormElement): string {
  const url = new URL(form.action);
  const values = new Map<string, string[]>();
  for (const [name, value] of new FormData(form)) {
    if (typeof value !== "string" || value === "") continue;
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  url.search = "";
  for (const [name, list] of values) url.searchParams.set(name, list.join(","));
  // Statistics say nothing where every value is shown.
  if (url.searchParams.get("resample") === "none") url.searchParams.delete("method");
  return url.href;
}
