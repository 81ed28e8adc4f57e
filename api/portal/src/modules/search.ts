// The search page: form, facets, list and map as one.

import type { Destroy } from "../mount";

export function mount(_element: HTMLElement, _options: unknown): Destroy {
  return () => {};
}
