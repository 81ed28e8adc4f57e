// What a module of src/modules exports.

/** Ends what `mount` began: listeners, requests, drawings. */
export type Destroy = () => void;

/** A module: `mount` brings an element of the page to life. `options` is what `data-options` holds, as parsed JSON. */
export interface Mountable {
  mount(element: HTMLElement, options: unknown): Destroy;
}
