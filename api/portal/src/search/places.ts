// The input for a place: names of stored places while one types.

import { getJson } from "../api";
import { language, t } from "../page";
import { combobox } from "./combobox";

/** A place as the service tells it. */
export interface Place {
  /** `COLLECTION.ID`, of several pieces with commas between, as questions refer to it. */
  references: string;
  title: string;
  collectionTitle: string;
}

/** Makes the input suggest places of these collections, or of those that hold places; `pick` gets the chosen one. */
export function suggestPlaces(input: HTMLInputElement, collections: string | undefined, pick: (place: Place) => void): () => void {
  return combobox<Place>(input, {
    label: t("Places", "Lieux"),
    none: t("No place name begins like this", "Aucun nom de lieu ne commence ainsi"),
    // A position or a box is no name.
    asks: (text) => text.length >= 2 && !/^[-+\d][\d.]*[\s,;]/.test(text),
    look: async (text, signal) => {
      const asked = new URLSearchParams({ q: text, lang: language });
      if (collections) asked.set("collections", collections);
      return (await getJson<{ places: Place[] }>(`/places?${asked}`, signal)).places;
    },
    title: (place) => place.title,
    kind: (place) => place.collectionTitle,
    pick,
  });
}
