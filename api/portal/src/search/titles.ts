// What items are called in the page's language, as the server's pages call them.

import { language } from "../page";

/** Properties of which titles are made beside `title`; tiles must carry them. */
export const TITLE_PROPERTIES = language === "fr" ? ["name_fr"] : [];

const DIRECTIONS: Record<string, string> = { ascending: "ascendant", descending: "descendant" };

/** The title of a tile's feature, or of what the list says. */
export function itemTitle(item: Record<string, unknown>): string {
  const title = String(item["title"] ?? item["id"]);
  if (language !== "fr") return title;
  if (item["name_fr"]) return String(item["name_fr"]);
  const pass = /^SWOT pass (\d+) of cycle (\d+), (ascending|descending) \(planned swath\)$/.exec(title);
  if (pass) return `SWOT, passage ${pass[1]} du cycle ${pass[2]}, ${DIRECTIONS[pass[3]!]} (fauchée prévue)`;
  return title
    .replace(/^SWOT lake (\d+)$/, "Lac SWOT $1")
    .replace(/^SWOT reach (\d+)$/, "Tronçon SWOT $1")
    .replace(/^SWOT node (\d+)$/, "Nœud SWOT $1")
    .replace(/, reach (\d+)$/, ", tronçon $1")
    .replace(/, node (\d+)$/, ", nœud $1");
}
