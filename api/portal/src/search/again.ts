// Asking again by itself where nobody answered.

import { ApiFailure } from "../api";

/** Waits grow from the first to the last, so that a service that is down is not asked by every open page at once. */
const WAIT_FIRST_MS = 2_000;
const WAIT_LAST_MS = 60_000;

/** Whether the service did not answer at all: it may the next time. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof ApiFailure && error.status === 0;
}

/** Tries again what nobody answered: as soon as the browser says that there is a connection, and after a while in any case,
 *  since it says so before the network carries anything. */
export class Again {
  #wait_ms = WAIT_FIRST_MS;

  /** The service answered. */
  answered(): void {
    this.#wait_ms = WAIT_FIRST_MS;
  }

  /** Tries once more, unless the signal comes first. */
  later(again: () => void, signal: AbortSignal): void {
    const ends = new AbortController();
    const end = (): void => {
      clearTimeout(timer);
      ends.abort();
    };
    const once = (): void => {
      end();
      again();
    };
    const timer = setTimeout(once, this.#wait_ms);
    signal.addEventListener("abort", end, { signal: ends.signal });
    window.addEventListener("online", once, { signal: ends.signal });
    this.#wait_ms = Math.min(2 * this.#wait_ms, WAIT_LAST_MS);
  }
}
