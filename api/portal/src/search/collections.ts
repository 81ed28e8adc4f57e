// Titles of collections in the page's language, asked once.

import { getJson } from "../api";

const titles = new Map<string, Promise<string>>();

/** The title of a collection, or its id where it has none or does not answer. */
export function collectionTitle(id: string): Promise<string> {
  let title = titles.get(id);
  if (!title) {
    title = getJson<{ title?: string }>(`/collections/${encodeURIComponent(id)}`).then(
      (collection) => collection.title ?? id,
      () => id,
    );
    titles.set(id, title);
  }
  return title;
}
