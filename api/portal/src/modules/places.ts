// An input for a place in a form of its own: names of stored places while one types. The service understands the name,
// reference, position or box that the form sends.

import type { Destroy } from "../mount";
import { suggestPlaces } from "../search/places";

interface Options {
  /** Collections to look in; those that hold places if absent. */
  collections?: string;
  /** Whether a place that was chosen is asked for at once. */
  submits?: boolean;
}

export function mount(element: HTMLElement, raw: unknown): Destroy {
  const options = raw as Options;
  const input = element.querySelector("input")!;
  return suggestPlaces(input, options.collections, (place) => {
    // A name may be that of several places; what was chosen is one of them.
    input.value = place.references;
    if (options.submits) input.form?.requestSubmit();
  });
}
