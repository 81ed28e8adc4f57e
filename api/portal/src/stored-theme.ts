// The theme that the reader chose, kept in the browser. Where storage is switched off, nothing is kept.

export type Theme = "light" | "dark";

/** The chosen theme, if one was chosen. */
export function storedTheme(): Theme | undefined {
  try {
    const stored = localStorage.getItem("theme");
    return stored === "light" || stored === "dark" ? stored : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a choice. */
export function storeTheme(theme: Theme): void {
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // The choice holds for this page.
  }
}
