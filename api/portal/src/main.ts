// The one script of all pages: brings those elements to life that ask for it, and loads nothing else.

import modules from "virtual:modules";
import { wireThemeSwitch } from "./theme-switch";
import type { Mountable } from "./mount";

wireThemeSwitch();

/** Mounts the module of every `data-mount` below `root`; its options are the JSON of `data-options`. */
async function mountAll(root: ParentNode): Promise<void> {
  const elements = [...root.querySelectorAll<HTMLElement>("[data-mount]")];
  await Promise.all(elements.map(mountOne));
}

async function mountOne(element: HTMLElement): Promise<void> {
  const name = element.dataset["mount"] ?? "";
  const load = modules[name];
  if (!load) {
    console.error(`there is no module ${JSON.stringify(name)}`);
    return;
  }
  const options: unknown = JSON.parse(element.dataset["options"] ?? "{}");
  try {
    const module: Mountable = await load();
    module.mount(element, options);
    element.dataset["mounted"] = "true";
  } catch (error) {
    // The page is complete without the module; what failed is for the console.
    element.dataset["mounted"] = "failed";
    console.error(`the module ${JSON.stringify(name)} failed`, error);
  }
}

void mountAll(document);
