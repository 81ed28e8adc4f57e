// The chart of a feature's series: fetches the values that the page names and draws a panel for each unit.

import uplotStyle from "uplot/dist/uPlot.min.css?url";
import { request } from "../api";
import { loadStyle, t } from "../page";
import { parseCsv } from "./csv";
import { type Plot, linesOf } from "./lines";
import { type Panel, drawPanel } from "./panel";

/**
 * Draws the chart of a figure made by the page. `period` is the period that was asked for, in seconds; `select` is called
 * with a period that was dragged over. Returns how to end it. When it is drawn, the figure says so and how many points it
 * has, in `data-points`.
 */
export function drawChart(figure: HTMLElement, select: (from: number, to: number) => void): () => void {
  const ending = new AbortController();
  const canvas = figure.querySelector<HTMLElement>(".canvas");
  const block = figure.querySelector('script[type="application/json"]');
  if (!canvas || !block) return () => {};
  const plot = JSON.parse(block.textContent ?? "{}") as Plot;
  const panels: Panel[] = [];
  ending.signal.addEventListener("abort", () => panels.forEach((panel) => panel.destroy()));
  draw().catch((error: unknown) => {
    if (ending.signal.aborted) return;
    const note = document.createElement("p");
    note.className = "notice problem";
    note.textContent = error instanceof Error ? error.message : String(error);
    canvas.replaceChildren(note);
    figure.dataset["drawn"] = "failed";
  });

  async function draw(): Promise<void> {
    const [answer] = await Promise.all([request(plot.csv, { signal: ending.signal }), loadStyle(uplotStyle)]);
    const panelLines = linesOf(plot, parseCsv(await answer.text()));
    if (ending.signal.aborted || !canvas) return;
    canvas.replaceChildren();
    const ends = panelLines.flat().flatMap((line) => [line.times[0], line.times.at(-1)]).filter((time) => time !== undefined);
    const width = Math.max(...ends) - Math.min(...ends) || 86_400;
    // All panels show the same period, a little wider than the data.
    const period: [number, number] | null = ends.length > 0 ? [Math.min(...ends) - width * 0.015, Math.max(...ends) + width * 0.015] : null;
    let first = 0;
    let points = 0;
    plot.panels.forEach(({ scale }, at) => {
      const lines = panelLines[at] ?? [];
      if (lines.length === 0) return;
      const place = document.createElement("div");
      place.className = "panel-plot";
      canvas.append(place);
      panels.push(drawPanel(place, scale, lines, first, period, plot.panels.length > 2, select));
      first += lines.length;
      points += lines.reduce((sum, line) => sum + line.values.filter((value) => value !== null).length, 0);
    });
    if (panels.length === 0) {
      const note = document.createElement("p");
      note.className = "none";
      note.textContent = t("There are no values to draw.", "Il n'y a pas de valeurs à tracer.");
      canvas.append(note);
    }
    figure.dataset["points"] = String(points);
    figure.dataset["drawn"] = "true";
    watch(canvas);
  }

  function watch(element: HTMLElement): void {
    const refresh = (): void => panels.forEach((panel) => panel.refresh());
    let width = element.clientWidth;
    const size = new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      refresh();
    });
    size.observe(element);
    const theme = new MutationObserver(refresh);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh, { signal: ending.signal });
    ending.signal.addEventListener("abort", () => {
      size.disconnect();
      theme.disconnect();
    });
  }

  return () => ending.abort();
}
