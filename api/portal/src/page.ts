// What every module needs to know of its page: language, prefix, numbers.

/** The page's language. */
export const language: "en" | "fr" = document.documentElement.lang === "fr" ? "fr" : "en";

/** One of two texts, in the page's language. */
export function t(english: string, french: string): string {
  return language === "fr" ? french : english;
}

/** The address of a path of this service, behind whatever prefix it is published under. */
export function local(path: string): string {
  return (document.documentElement.dataset["base"] ?? "") + path;
}

/** A number as the page's language writes it. */
export function number(value: number, digits = 0): string {
  return value.toLocaleString(language === "fr" ? "fr-FR" : "en-GB", { maximumFractionDigits: digits });
}

/** Loads a style sheet once; resolves when it is in force. */
export function loadStyle(address: string): Promise<void> {
  const href = new URL(address, import.meta.url).href;
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = href;
  const loaded = new Promise<void>((resolve, reject) => {
    link.onload = () => resolve();
    link.onerror = () => reject(new Error(`the style sheet ${href} did not load`));
  });
  document.head.append(link);
  return loaded;
}

/** Says a sentence to screen readers and, for a moment, on the screen. */
export function toast(text: string, kind: "note" | "problem" = "note"): void {
  const region = document.querySelector<HTMLElement>("#toasts");
  if (!region) return;
  const note = document.createElement("p");
  note.className = `toast ${kind}`;
  note.textContent = text;
  region.append(note);
  setTimeout(() => note.remove(), 8_000);
}
