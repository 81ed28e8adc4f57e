// What the colours of the counts mean, for what the map shows just now.

import { number, t } from "../page";
import { colour } from "./colours";
import type { OwnMap } from "./create";
import { COUNT_COLOURS, expose } from "./question-layers";

/** The legend; it shows where there are counts. */
export function mapLegend({ map, onStyle }: OwnMap): HTMLElement {
  const box = document.createElement("p");
  box.className = "map-legend";
  box.hidden = true;
  const text = document.createElement("span");
  text.textContent = t("Items in a cell", "Éléments par cellule");
  const few = document.createElement("span");
  const many = document.createElement("span");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 5 1");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.ariaHidden = "true";
  const paint = (): void =>
    svg.replaceChildren(
      ...COUNT_COLOURS.map((name, i) => {
        const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        for (const [key, value] of Object.entries({ x: i, width: 1.01, height: 1, fill: colour(name) })) rect.setAttribute(key, String(value));
        return rect;
      }),
    );
  onStyle(paint);
  paint();
  const cells = document.createElement("span");
  cells.className = "cells";
  cells.append(text, few, svg, many);
  const planned = document.createElement("span");
  box.append(cells, planned);
  map.on("idle", () => {
    const range = expose(map);
    const hasPlanned = map.getSource("planned") !== undefined;
    box.hidden = !range && !hasPlanned;
    cells.hidden = !range;
    planned.hidden = !hasPlanned;
    // One cycle is drawn: the others lie on the same ground.
    planned.textContent =
      map.getLayer("planned-fill") && map.getZoom() >= (map.getLayer("planned-fill")?.minzoom ?? 0)
        ? t("Planned passes: those of one cycle, 21 days", "Passages prévus : ceux d'un cycle, 21 jours")
        : t("Zoom in to see planned passes", "Zoomez pour voir les passages prévus");
    const [least, most] = range ?? [0, 0];
    few.textContent = least > 1 ? `≤ ${number(least)}` : "1";
    many.textContent = `≥ ${number(most)}`;
  });
  return box;
}
