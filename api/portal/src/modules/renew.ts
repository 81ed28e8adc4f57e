// A page on which something is going on, such as an order that is prepared: its main part is fetched anew while it lasts.

import { mountAll, type Destroy } from "../mount";
import { language } from "../page";

interface Options {
  /** Address of the page, which may have come as the answer to a form. */
  address: string;
  seconds: number;
}

export function mount(element: HTMLElement, raw: unknown): Destroy {
  const { address, seconds } = raw as Options;
  const aborting = new AbortController();
  let timer = 0;
  const end = (): void => {
    clearTimeout(timer);
    aborting.abort();
  };
  // Nobody's hands are interfered with: what has the focus, was opened, or says why a form was refused stays until it is left.
  const isBusy = (): boolean =>
    document.hidden ||
    element.contains(document.activeElement) ||
    element.querySelector("details[open], #refusal") !== null;
  const renew = async (): Promise<void> => {
    const headers = { accept: "text/html", "accept-language": language };
    const response = await fetch(address, { headers, signal: aborting.signal });
    if (response.redirected || [401, 403, 404, 410].includes(response.status)) {
      // Signed out meanwhile, or what was shown is not there any more: the page says so itself.
      end();
      location.assign(address);
      return;
    }
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("main");
    const main = element.closest("main");
    if (!fresh || !main || aborting.signal.aborted || isBusy()) return;
    end();
    main.replaceChildren(...fresh.children);
    mountAll(main);
  };
  const wait = (): void => {
    timer = window.setTimeout(() => {
      const done = isBusy() ? Promise.resolve() : renew();
      // A page that cannot be fetched now is fetched the next time.
      void done.catch(() => {}).then(() => (aborting.signal.aborted ? undefined : wait()));
    }, seconds * 1_000);
  };
  wait();
  return end;
}
