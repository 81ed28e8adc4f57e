// Buttons that copy a text of the page: `data-copy` holds the id of what has the text.

import { t, toast } from "../page";
import type { Destroy } from "../mount";

let isWired = false;

export function mount(): Destroy {
  // Once for the whole page, since parts of it may be replaced by fresh ones.
  if (!isWired) document.addEventListener("click", (event) => void onClick(event));
  isWired = true;
  return () => {};
}

async function onClick(event: MouseEvent): Promise<void> {
  const button = (event.target as Element).closest<HTMLElement>("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset["copy"] ?? "");
  try {
    await navigator.clipboard.writeText(source?.textContent ?? "");
    toast(t("Copied.", "Copié."));
  } catch {
    // Without the clipboard (no secure context) the text is selected, ready to be copied by hand.
    if (source) getSelection()?.selectAllChildren(source);
    toast(t("Press Ctrl+C to copy.", "Appuyez sur Ctrl+C pour copier."));
  }
}
