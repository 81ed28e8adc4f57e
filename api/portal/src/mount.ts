// Bringing elements of the page to life: what a module of src/modules exports, and who calls it.

import modules from "virtual:modules";

/** Ends what `mount` began: listeners, requests, drawings. */
export type Destroy = () => void;

/** A module: `mount` brings an element of the page to life. `options` is what `data-options` holds, as parsed JSON. */
export interface Mountable {
  mount(element: HTMLElement, options: unknown): Destroy;
}

/** Mounts the module of every `data-mount` below `root`; the answer ends them all. */
export function mountAll(root: ParentNode): Destroy {
  const ends: Destroy[] = [];
  let ended = false;
  for (const element of root.querySelectorAll<HTMLElement>("[data-mount]:not([data-mounted])")) {
    void mountOne(element).then((end) => (ended ? end() : ends.push(end)));
  }
  return () => {
    ended = true;
    for (const end of ends) end();
  };
}

async function mountOne(element: HTMLElement): Promise<Destroy> {
  const name = element.dataset["mount"] ?? "";
  element.dataset["mounted"] = "loading";
  try {
    const load = modules[name];
    if (!load) throw new Error("there is no such module");
    const options: unknown = JSON.parse(element.dataset["options"] ?? "{}");
    const end = (await load()).mount(element, options);
    element.dataset["mounted"] = "true";
    return end;
  } catch (error) {
    // The page is complete without the module; what failed is for the console.
    element.dataset["mounted"] = "failed";
    console.error(`the module ${JSON.stringify(name)} failed`, error);
    return () => {};
  }
}
