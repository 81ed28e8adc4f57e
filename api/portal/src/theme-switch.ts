// The button that changes between light and dark.

import { type Theme, storeTheme } from "./stored-theme";

export type { Theme };

/** The theme in force: the chosen one, else the system's. */
export function currentTheme(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Calls back at every change of the theme; the answer ends that. */
export function onTheme(changed: (theme: Theme) => void): () => void {
  const call = (): void => changed(currentTheme());
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", call);
  document.addEventListener("theme", call);
  return () => {
    system.removeEventListener("change", call);
    document.removeEventListener("theme", call);
  };
}

/** Makes the page's switch work. */
export function wireThemeSwitch(): void {
  const button = document.querySelector<HTMLButtonElement>("button.theme");
  if (!button) return;
  const show = (): void => button.setAttribute("aria-pressed", String(currentTheme() === "dark"));
  button.addEventListener("click", () => {
    const next: Theme = currentTheme() === "dark" ? "light" : "dark";
    document.documentElement.dataset["theme"] = next;
    storeTheme(next);
    document.dispatchEvent(new Event("theme"));
  });
  onTheme(show);
  show();
}
