// One panel of a chart: uPlot with the lines of one unit and datum, their bands, error bars and marks of quality, and a
// legend that tells the values under the cursor.

import uPlot from "uplot";
import { number, t } from "../page";
import { moment, timeLabels } from "./axis";
import type { Line } from "./lines";
import { type Mark, legendLine, legendMark, markOf, outline } from "./markers";

/** Lines with more points than this show their uncertainty as a band, others as error bars. */
const BARS_MAX = 400;
/** Lines with more points than this show no mark for each. */
const MARKS_MAX = 1_500;
/** Lines with more points than this are drawn without a dot for each. */
const POINTS_MAX = 120;
const COLOURS = 6;
const HEIGHT = 300;
const HEIGHT_SMALL = 220;

/** A drawn panel. */
export interface Panel {
  destroy(): void;
  /** Draws anew, for another size or theme. */
  refresh(): void;
}

/** Lines of a panel aligned on common times, and where each line's columns are. */
interface Aligned {
  data: uPlot.AlignedData;
  /** Index of the values, and of the ends of the band. */
  columns: { value: number; low: number; high: number }[];
}

/**
 * Draws a panel into an element. `first` is the number of its first line among those of all panels, for their colours;
 * `period` the whole period shown; `select` is called with the ends of a period that was dragged over.
 */
export function drawPanel(
  element: HTMLElement,
  scale: string,
  lines: Line[],
  first: number,
  period: [number, number] | null,
  isCompact: boolean,
  select: (from: number, to: number) => void,
): Panel {
  const aligned = align(lines);
  const colour = (at: number): string => `--series-${(first + at) % COLOURS}`;
  const classes = classesOf(lines);
  const legend = makeLegend(scale, lines, colour, classes);
  element.append(legend.element);
  const place = document.createElement("div");
  place.className = "plot";
  // The table is the form of the chart that can be read.
  place.setAttribute("aria-hidden", "true");
  element.append(place);
  let plot = make();

  function make(): uPlot {
    const theme = colours(element);
    const ink = theme("--ink-soft");
    const size = { width: Math.max(place.clientWidth, 200), height: isCompact ? HEIGHT_SMALL : HEIGHT };
    const series: uPlot.Series[] = [{}];
    const bands: uPlot.Band[] = [];
    lines.forEach((line, at) => {
      const own = aligned.columns[at];
      if (!own) return;
      const stroke = theme(colour(at));
      const few = line.times.length <= POINTS_MAX;
      series[own.value] = { stroke, width: line.quality && few ? 1 : 1.5, points: { show: few && !line.quality, size: 6 } };
      if (own.low > 0) {
        const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
        series[own.low] = edge;
        series[own.high] = edge;
        if (asBand(line)) bands.push({ series: [own.high, own.low], fill: withAlpha(stroke, 0.22) });
      }
    });
    const axis = { stroke: ink, grid: { stroke: theme("--line"), width: 1 }, ticks: { stroke: theme("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
    return new uPlot(
      {
        ...size,
        series,
        bands,
        padding: [10, 14, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: "series" }, drag: { x: true, y: false, setScale: false }, points: { size: 8 } },
        scales: { x: { time: true, range: (_, min, max) => (period ? [period[0], period[1]] : pad(min, max)) }, y: { range: room } },
        axes: [
          { ...axis, space: 80, values: (_, marks, __, ___, step) => timeLabels(marks, step) },
          { ...axis, size: 64, values: (_, marks) => marks.map((mark) => number(mark, 6)) },
        ],
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        hooks: {
          draw: [(u) => drawBars(u, lines, aligned, theme, colour), (u) => drawMarks(u, lines, theme, classes)],
          setCursor: [(u) => legend.show(u.cursor.idx ?? null, aligned)],
          setSelect: [(u) => {
            if (u.select.width > 4) select(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
          }],
        },
      },
      aligned.data,
      place,
    );
  }

  return {
    destroy: () => plot.destroy(),
    refresh: () => {
      plot.destroy();
      plot = make();
    },
  };
}

function asBand(line: Line): boolean {
  return !line.isUncertainty || line.times.length > BARS_MAX;
}

function align(lines: Line[]): Aligned {
  const tables: uPlot.AlignedData[] = [];
  const columns: Aligned["columns"] = [];
  let next = 1;
  for (const line of lines) {
    const own: (number | null)[][] = [line.values];
    if (line.low && line.high) own.push(line.low, line.high);
    tables.push([line.times, ...own] as uPlot.AlignedData);
    columns.push({ value: next, low: own.length > 1 ? next + 1 : 0, high: own.length > 1 ? next + 2 : 0 });
    next += own.length;
  }
  return { data: tables.length > 1 ? uPlot.join(tables) : (tables[0] ?? [[]]), columns };
}

/** A span of no width gets one, or there would be no axis. */
function pad(min: number, max: number): [number, number] {
  if (!Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
  const width = max - min || 86_400;
  return [min - width * 0.02, max + width * 0.02];
}

function room(_: uPlot, min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const width = max - min || Math.abs(max) * 0.1 || 1;
  const low = min - width * 0.06;
  // What cannot be negative keeps its floor.
  return [min >= 0 && low < 0 ? 0 : low, max + width * 0.06];
}

/** Resolves custom properties of the element to colours a canvas understands. */
function colours(element: HTMLElement): (name: string) => string {
  const probe = document.createElement("span");
  probe.hidden = true;
  element.append(probe);
  const known = new Map<string, string>();
  for (const name of [...Array(COLOURS).keys()].map((at) => `--series-${at}`).concat("--ink-soft", "--line", "--sheet", "--sand", "--danger")) {
    probe.style.color = `var(${name})`;
    known.set(name, getComputedStyle(probe).color);
  }
  probe.remove();
  return (name) => known.get(name) ?? "currentcolor";
}

function withAlpha(colour: string, alpha: number): string {
  return colour.replace(/^rgb\((.*)\)$/, `rgb($1 / ${alpha})`).replace(/, /g, " ");
}

function drawBars(u: uPlot, lines: Line[], aligned: Aligned, theme: (name: string) => string, colour: (at: number) => string): void {
  lines.forEach((line, at) => {
    const own = aligned.columns[at];
    if (!own || own.low === 0 || asBand(line)) return;
    const { ctx } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    ctx.beginPath();
    ctx.strokeStyle = theme(colour(at));
    ctx.lineWidth = 1.2 * uPlot.pxRatio;
    const cap = 3 * uPlot.pxRatio;
    u.data[0].forEach((time, index) => {
      const [low, high] = [u.data[own.low]?.[index], u.data[own.high]?.[index]];
      if (low === null || low === undefined || high === null || high === undefined) return;
      const x = Math.round(u.valToPos(time, "x", true));
      const [top, bottom] = [u.valToPos(high, "y", true), u.valToPos(low, "y", true)];
      ctx.moveTo(x, top);
      ctx.lineTo(x, bottom);
      ctx.moveTo(x - cap, top);
      ctx.lineTo(x + cap, top);
      ctx.moveTo(x - cap, bottom);
      ctx.lineTo(x + cap, bottom);
    });
    ctx.stroke();
    ctx.restore();
  });
}

/** Classes of quality that occur, with their marks and how often each occurs; the best and known ones first. */
interface Classes {
  label: string;
  marks: Map<string, Mark & { text: string; count: number }>;
}

function classesOf(lines: Line[]): Classes | null {
  const judged = lines.filter((line) => line.quality);
  const [one] = judged;
  if (!one) return null;
  const counts = new Map<string, number>();
  for (const line of judged) {
    line.quality?.forEach((code, at) => {
      if (line.values[at] !== null) counts.set(code ?? "", (counts.get(code ?? "") ?? 0) + 1);
    });
  }
  const known = Object.keys(one.categories ?? {});
  const unknown = [...counts.keys()].filter((code) => code !== "" && !known.includes(code)).sort();
  const order = [...known, ...unknown, ""];
  const marks: Classes["marks"] = new Map();
  order.forEach((code, position) => {
    const count = counts.get(code);
    if (!count) return;
    const text = code === "" ? t("not given", "non précisée") : (one.categories?.[code] ?? code);
    marks.set(code, { ...markOf(position), text, count });
  });
  return { label: one.qualityLabel, marks };
}

function drawMarks(u: uPlot, lines: Line[], theme: (name: string) => string, classes: Classes | null): void {
  if (!classes) return;
  const { ctx } = u;
  const best = [...classes.marks.keys()][0];
  ctx.save();
  ctx.beginPath();
  ctx.rect(u.bbox.left - 8, u.bbox.top - 8, u.bbox.width + 16, u.bbox.height + 16);
  ctx.clip();
  ctx.lineWidth = 1.6 * uPlot.pxRatio;
  for (const line of lines) {
    const many = line.times.length > MARKS_MAX;
    line.times.forEach((time, index) => {
      const value = line.values[index];
      const code = line.quality?.[index] ?? "";
      const mark = line.quality && classes.marks.get(code);
      // Of very many points only those are marked that are not of the first class.
      if (!mark || value === null || value === undefined || (many && code === best)) return;
      const path = outline(mark.shape, u.valToPos(time, "x", true), u.valToPos(value, "y", true), 4 * uPlot.pxRatio);
      ctx.fillStyle = mark.isFilled ? theme(mark.colour) : theme("--sheet");
      ctx.strokeStyle = theme(mark.colour);
      if (mark.shape !== "cross" && mark.shape !== "plus") ctx.fill(path);
      ctx.stroke(path);
    });
  }
  ctx.restore();
}

function makeLegend(scale: string, lines: Line[], colour: (at: number) => string, classes: Classes | null): {
  element: HTMLElement;
  show: (index: number | null, aligned: Aligned) => void;
} {
  const element = document.createElement("div");
  element.className = "legend";
  const unit = document.createElement("p");
  unit.className = "scale";
  unit.textContent = scale;
  element.append(unit);
  const list = document.createElement("ul");
  list.className = "plain";
  const outputs = lines.map((line, at) => {
    const entry = document.createElement("li");
    const value = document.createElement("span");
    value.className = "value";
    const note = line.low ? ` ${line.isUncertainty ? t("± uncertainty", "± incertitude") : t("and range", "et étendue")}` : "";
    entry.append(legendLine(colour(at)), ` ${line.label}${note} `, value);
    list.append(entry);
    return value;
  });
  for (const mark of classes?.marks.values() ?? []) {
    const entry = document.createElement("li");
    entry.className = "class";
    entry.append(legendMark(mark), ` ${classes?.label ?? ""}: ${mark.text} (${number(mark.count)})`);
    list.append(entry);
  }
  element.append(list);
  return {
    element,
    show(index, aligned) {
      outputs.forEach((output, at) => {
        const column = aligned.columns[at]?.value ?? 0;
        const value = index === null ? undefined : aligned.data[column]?.[index];
        const time = index === null ? undefined : aligned.data[0][index];
        output.textContent = value === null || value === undefined || time === undefined ? "" : `${number(value, 6)} · ${moment(time)}`;
      });
    },
  };
}
