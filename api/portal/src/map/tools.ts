// Buttons on the map to say where: a box, an area, or what the map shows.

import type { Map as MapLibreMap } from "maplibre-gl";
import { t } from "../page";
import type { Box } from "../search/extent";
import { type Shape, startDrawing } from "./draw";

/** The tools: `begun` and `drawn` tell what the reader does; `isDrawing` whether a click belongs to a drawing. */
export function mapTools(
  map: MapLibreMap,
  events: { begun(): void; drawn(shape: Shape): void },
): { elements: HTMLElement[]; isDrawing(): boolean } {
  let drawing: ReturnType<typeof startDrawing> | undefined;
  const bar = document.createElement("div");
  bar.className = "map-tools";
  bar.role = "group";
  bar.ariaLabel = t("Choose a place on the map", "Choisir un lieu sur la carte");
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.role = "status";
  hint.hidden = true;
  const cross = document.createElement("div");
  cross.className = "map-cross";
  cross.hidden = true;
  cross.ariaHidden = "true";
  const button = (text: string, press: () => void): HTMLButtonElement => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button quiet small";
    made.textContent = text;
    made.addEventListener("click", press);
    return made;
  };
  const box = button(t("Draw a box", "Dessiner un cadre"), () => begin("box"));
  const area = button(t("Draw an area", "Dessiner une zone"), () => begin("area"));
  const view = button(t("Search in this view", "Chercher dans cette vue"), () => {
    const bounds = map.getBounds();
    const width = bounds.getEast() - bounds.getWest();
    const turn = (x: number): number => ((((x + 180) % 360) + 360) % 360) - 180;
    const bbox: Box =
      width >= 360
        ? [-180, Math.max(-90, bounds.getSouth()), 180, Math.min(90, bounds.getNorth())]
        : [turn(bounds.getWest()), Math.max(-90, bounds.getSouth()), turn(bounds.getEast()), Math.min(90, bounds.getNorth())];
    events.drawn({ kind: "box", bbox });
  });
  const finish = button(t("Done", "Terminer"), () => drawing?.finish());
  const cancel = button(t("Cancel", "Annuler"), () => drawing?.cancel());
  finish.hidden = true;
  cancel.hidden = true;
  const show = (kind: Shape["kind"] | undefined): void => {
    for (const one of [box, area, view]) one.hidden = kind !== undefined;
    cancel.hidden = kind === undefined;
    finish.hidden = kind !== "area";
    hint.hidden = kind === undefined;
    cross.hidden = kind === undefined;
    hint.textContent =
      kind === "box"
        ? t(
            "Drag across the map, or click two corners. Keyboard: arrows move the map, Enter sets a corner, Escape gives up.",
            "Tirez sur la carte, ou cliquez deux coins. Clavier : les flèches déplacent la carte, Entrée pose un coin, Échap annule.",
          )
        : t(
            "Click corner after corner; Done or a double click closes the area. Keyboard: arrows move the map, Space sets a corner, Enter closes, Escape gives up.",
            "Cliquez coin après coin ; Terminer ou un double clic ferme la zone. Clavier : les flèches déplacent la carte, Espace pose un coin, Entrée ferme, Échap annule.",
          );
  };
  const begin = (kind: Shape["kind"]): void => {
    events.begun();
    show(kind);
    drawing = startDrawing(map, kind, (shape) => {
      show(undefined);
      // The click that ended the drawing is no click on an item.
      setTimeout(() => (drawing = undefined), 50);
      (kind === "box" ? box : area).focus();
      if (shape) events.drawn(shape);
    });
  };
  bar.append(box, area, view, finish, cancel, hint);
  return { elements: [cross, bar], isDrawing: () => drawing !== undefined };
}
