// A map of ours: MapLibre with its worker, controls in the page's language, the theme's colours, and honest failures.

import { AttributionControl, Map as MapLibreMap, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import cssAddress from "maplibre-gl/dist/maplibre-gl.css?url";
import workerAddress from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { loadStyle, t } from "../page";
import { onTheme } from "../theme-switch";
import { ownStyle } from "./style";

/** What a map begins with. */
export interface MapStart {
  /** What the map shows, for screen readers. */
  label: string;
  /** Longitude, latitude. */
  center: [number, number];
  zoom: number;
  /** Style of an outside basemap; ours where there is none. */
  basemap: string | null;
  /** Whether one can move it. */
  interactive: boolean;
  /** Whether it is small beside other things: its sources are then told when asked for, and do not cover it. */
  small?: boolean;
  /** Whether our basemap goes without names. */
  unnamed?: boolean;
}

/** A map and its end. */
export interface OwnMap {
  map: MapLibreMap;
  /** Calls back now and whenever the style was loaded anew, which drops the layers that others added. */
  onStyle(add: () => void): void;
  /** Whether layers can be added now; else `onStyle` will call. */
  isStyled(): boolean;
  destroy(): void;
}

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** How long the map moves, in milliseconds: not at all for readers who asked for that. */
export function motion(milliseconds: number): number {
  return reducedMotion.matches ? 0 : milliseconds;
}

/** Folds the sources up behind their button as soon as they have unfolded by themselves. */
function foldAttribution(map: MapLibreMap): void {
  const fold = (): void => {
    const unfolded = map.getContainer().querySelector(".maplibregl-compact-show");
    if (!unfolded) return;
    unfolded.classList.remove("maplibregl-compact-show");
    map.off("styledata", fold);
    map.off("sourcedata", fold);
  };
  map.on("styledata", fold);
  map.on("sourcedata", fold);
}

/** Makes a map in an element. */
export async function createMap(container: HTMLElement, start: MapStart): Promise<OwnMap> {
  setWorkerUrl(new URL(workerAddress, import.meta.url).href);
  await loadStyle(new URL(cssAddress, import.meta.url).href);
  const map = new MapLibreMap({
    container,
    style: start.basemap ?? ownStyle(!start.unnamed),
    center: start.center,
    zoom: start.zoom,
    minZoom: 0.6,
    maxZoom: 18,
    attributionControl: false,
    interactive: start.interactive,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: motion(200),
    locale: {
      "Map.Title": start.label,
      "NavigationControl.ZoomIn": t("Zoom in", "Zoom avant"),
      "NavigationControl.ZoomOut": t("Zoom out", "Zoom arrière"),
      "AttributionControl.ToggleAttribution": t("Sources of the map", "Sources de la carte"),
      "AttributionControl.MapFeedback": t("Sources of the map", "Sources de la carte"),
      "CooperativeGesturesHandler.WindowsHelpText": t("Hold Ctrl and scroll to zoom", "Maintenez Ctrl et tournez la molette pour zoomer"),
      "CooperativeGesturesHandler.MacHelpText": t("Hold ⌘ and scroll to zoom", "Maintenez ⌘ et tournez la molette pour zoomer"),
      "CooperativeGesturesHandler.MobileHelpText": t("Move the map with two fingers", "Déplacez la carte avec deux doigts"),
      "Popup.Close": t("Close", "Fermer"),
    },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  if (start.interactive) {
    map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    map.addControl(new ScaleControl({}), "bottom-right");
  }
  map.addControl(new AttributionControl({ compact: true }), "bottom-right");
  if (start.small) foldAttribution(map);
  const added: (() => void)[] = [];
  let styled = false;
  map.on("style.load", () => {
    styled = true;
    for (const add of added) add();
  });
  const forgetTheme = onTheme(() => {
    if (start.basemap) return;
    styled = false;
    map.setStyle(ownStyle(!start.unnamed), { diff: false });
  });
  // What does not load leaves a gap on the map; the list beside it is whole.
  map.on("error", (event) => console.warn("map:", event.error.message));
  const size = new ResizeObserver(() => map.resize());
  size.observe(container);
  // Seen as soon as the land is there; the question's tiles may take longer.
  const seen = (): void => {
    for (const element of [container, container.parentElement]) element?.classList.add("ready");
  };
  map.once("load", seen);
  map.on("sourcedata", (event) => {
    if (event.sourceId === "basemap" && event.isSourceLoaded) seen();
  });
  return {
    map,
    onStyle(add) {
      added.push(add);
      if (styled) add();
    },
    isStyled: () => styled,
    destroy() {
      forgetTheme();
      size.disconnect();
      map.remove();
    },
  };
}
