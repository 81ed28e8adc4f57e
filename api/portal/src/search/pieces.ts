// Small pieces that the search page adds to what the server made.

import { ApiFailure } from "../api";
import { t } from "../page";

/** What stands in the place of results that did not come. */
export function failureNotice(error: unknown, again: () => void): HTMLElement {
  // The service says itself what it did not understand, and what may have been meant.
  const said = error instanceof ApiFailure ? error.page?.querySelector<HTMLElement>(".refusal") : undefined;
  if (said) return document.adoptNode(said);
  const notice = document.createElement("div");
  notice.className = "notice problem";
  notice.role = "alert";
  const title = document.createElement("h2");
  title.textContent = navigator.onLine ? t("This search did not work", "Cette recherche n'a pas abouti") : t("You are offline", "Vous êtes hors ligne");
  const text = document.createElement("p");
  text.textContent = error instanceof ApiFailure ? error.message : t("Something went wrong on this page.", "Un problème est survenu dans cette page.");
  notice.append(title, text);
  // What was refused once is refused again; what failed may pass.
  if (!(error instanceof ApiFailure) || error.status === 0 || error.status >= 500) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button quiet";
    button.textContent = t("Try again", "Réessayer");
    button.addEventListener("click", again);
    notice.append(button);
  }
  if (!(error instanceof ApiFailure)) console.error(error);
  return notice;
}

/** The button of a row that shows its item on the map. */
export function locateButton(title: string, press: () => void): HTMLElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button bare icon-only locate";
  button.title = t("Show on the map", "Afficher sur la carte");
  button.ariaLabel = t(`Show ${title} on the map`, `Afficher ${title} sur la carte`);
  button.append(pin());
  button.addEventListener("click", press);
  return button;
}

function pin(): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.ariaHidden = "true";
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M12 21s7-6.2 7-11.5a7 7 0 0 0-14 0C5 14.8 12 21 12 21M12 7a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5");
  svg.append(path);
  return svg;
}
