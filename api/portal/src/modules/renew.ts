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
  const renew = async (): Promise<void> => {
    // Nobody's hands are interfered with: what has the focus, or was opened, stays until it is left.
    const busy = element.contains(document.activeElement) || element.querySelector("details[open]") !== null;
    if (document.hidden || busy) return;
    const headers = { accept: "text/html", "accept-language": language };
    const response = await fetch(address, { headers, signal: aborting.signal });
    if (!response.ok || response.redirected) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("main");
    const main = element.closest("main");
    if (!fresh || !main || aborting.signal.aborted) return;
    end();
    main.replaceChildren(...fresh.children);
    mountAll(main);
  };
  // A page that cannot be fetched now is fetched the next time.
  const timer = setInterval(() => void renew().catch(() => {}), seconds * 1_000);
  const end = (): void => {
    clearInterval(timer);
    aborting.abort();
  };
  return end;
}
