// The first page: the map of everything behind the question, once the page stands.

import type { Destroy } from "../mount";
import { local, t } from "../page";
import { suggestPlaces } from "../search/places";
import { suggestAll } from "../search/suggestions";

interface Options {
  basemap: string | null;
  lang: string | null;
  /** Collections to draw; all where there are none. */
  collections?: string;
}

export function mount(element: HTMLElement, raw: unknown): Destroy {
  const options = raw as Options;
  const ends: Destroy[] = [];
  const place = element.querySelector<HTMLInputElement>("#place");
  if (place) {
    ends.push(
      suggestPlaces(place, undefined, ({ references }) => {
        const lang = options.lang ? `&lang=${options.lang}` : "";
        location.assign(local(`/search?intersectsRefs=${encodeURIComponent(references)}${lang}`));
      }),
    );
  }
  const what = element.querySelector<HTMLInputElement>("#q");
  if (what) {
    const asked = (): URLSearchParams => new URLSearchParams(options.lang ? { lang: options.lang } : {});
    ends.push(suggestAll(what, asked, (question) => location.assign(local(`/search?${question}`))));
  }
  const backdrop = element.querySelector<HTMLElement>(".backdrop");
  let gone = false;
  const load = async (): Promise<void> => {
    if (!backdrop || gone) return;
    const [{ createMap }, { expose, showQuestion }] = await Promise.all([import("../map/create"), import("../map/question-layers")]);
    const holder = document.createElement("div");
    holder.className = "map-holder";
    backdrop.append(holder);
    const wide = element.clientWidth > 900;
    const own = await createMap(holder, {
      label: t("Map of all items", "Carte de tous les éléments"),
      // The words stand on the left of a wide window.
      center: wide ? [-45, 24] : [8, 30],
      zoom: wide ? 1.75 : 1.1,
      basemap: options.basemap,
      interactive: false,
      unnamed: true,
    });
    const question = options.collections ? `?${new URLSearchParams({ collections: options.collections })}` : "";
    const items = new URL(local(`/tiles/WebMercatorQuad/tilejson.json${question}`), location.href).href;
    own.onStyle(() => showQuestion(own.map, { items }));
    own.map.on("idle", () => expose(own.map));
    ends.push(() => own.destroy());
  };
  // What one reads comes first.
  const idle = window.requestIdleCallback ?? ((call: () => void) => window.setTimeout(call, 200));
  // Where the browser draws no maps, the plain ground stays behind the words.
  idle(() => void load().catch((error: unknown) => console.warn("the map did not load", error)));
  return () => {
    gone = true;
    for (const end of ends) end();
  };
}
