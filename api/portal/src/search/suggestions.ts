// The input for words: what somebody may mean who types them, each with what it would do to the search.

import { getJson } from "../api";
import { language, t } from "../page";
import { combobox } from "./combobox";

/** A suggestion as the service tells it. */
interface Suggestion {
  type: string;
  title: string;
  collectionTitle: string | null;
  count: number | null;
  /** Members of a search that it sets. */
  search: Record<string, string | string[]>;
  /** The page of the one thing that it names. */
  page: { href: string } | null;
}

/** Parameters of a question that what is picked takes the place of. */
const REPLACED = ["q", "interpret", "read", "token", "page"];
const PLACES = ["bbox", "intersects", "intersectsRefs", "search"];

/** What a suggestion is, in a word or two. */
function kindOf({ type, count, collectionTitle }: Suggestion): string {
  const items = count === null ? "" : new Intl.NumberFormat(language).format(count);
  switch (type) {
    case "reading":
      return t("Search", "Recherche");
    case "collection":
      return `${t("Collection", "Collection")}${items && ` · ${items}`}`;
    case "word":
      return `${t("Word", "Mot")}${items && ` · ${items}`}`;
    default:
      return collectionTitle ?? "";
  }
}

/** A question with what a suggestion sets. */
function changedBy(question: URLSearchParams, search: Suggestion["search"]): URLSearchParams {
  const changed = new URLSearchParams(question);
  const isPlace = "intersectsRefs" in search;
  for (const name of [...REPLACED, ...(isPlace ? PLACES : [])]) changed.delete(name);
  for (const [name, value] of Object.entries(search)) changed.set(name, String(value));
  return changed;
}

/** Makes the input suggest. What is picked changes the question that `question` gives, which `go` then asks; the one thing
 * that has a page is shown there. */
export function suggestAll(input: HTMLInputElement, question: () => URLSearchParams, go: (question: URLSearchParams) => void): () => void {
  return combobox<Suggestion>(input, {
    label: t("Suggestions", "Suggestions"),
    asks: (text) => text.length >= 1,
    look: async (text, signal) => {
      const asked = new URLSearchParams({ q: text, lang: language, limit: "10" });
      return (await getJson<{ suggestions: Suggestion[] }>(`/suggest?${asked}`, signal)).suggestions;
    },
    title: (one) => one.title,
    kind: kindOf,
    pick: (one) => {
      if (one.page) location.assign(one.page.href);
      else go(changedBy(question(), one.search));
    },
  });
}
