// From the rows of an answer to the lines of a chart. Missing stays missing: a line breaks where a value is missing, and
// where a step or a day of a regular series is.

/** What the page says of a chart. */
export interface Plot {
  /** Address of the values, without the service's prefix. */
  csv: string;
  title: string;
  /** ISO 8601, where statistics of steps are shown. */
  step: string | null;
  panels: { scale: string; lines: LineOptions[] }[];
}

/** What the page says of a line: names of columns. */
export interface LineOptions {
  label: string;
  column: string;
  /** Standard uncertainty. */
  uncertainty?: string | null;
  quality?: { label: string; column: string; categories: Record<string, string> | null } | null;
  /** Lower and upper end of a band. */
  low?: string | null;
  high?: string | null;
  /** How many values a statistic rests on. */
  count?: string | null;
  /** ISO 8601: what a value stands for; then the series is regular. */
  period?: string | null;
}

/** One line: arrays of one length. */
export interface Line {
  label: string;
  /** Seconds since 1970, ascending. */
  times: number[];
  values: (number | null)[];
  low: (number | null)[] | null;
  high: (number | null)[] | null;
  /** Quality of each value as its code; null where nothing is said. */
  quality: (string | null)[] | null;
  qualityLabel: string;
  categories: Record<string, string> | null;
  counts: (number | null)[] | null;
  /** Whether the ends are value ± standard uncertainty. */
  isUncertainty: boolean;
}

interface Row {
  time: number;
  discriminator: string;
  version: string;
  fields: string[];
}

/** Most lines that one parameter is split into; more become one line of points. */
const SPLIT_MAX = 8;
const NOMINAL_DAYS: Record<string, number> = { H: 1 / 24, D: 1, W: 7, M: 31, Y: 366 };

/** The lines of all panels. */
export function linesOf(plot: Plot, table: string[][]): Line[][] {
  const [header = [], ...body] = table;
  const at = (name: string): number => header.indexOf(name);
  const rows: Row[] = body.map((fields) => ({
    time: Date.parse(fields[at("phenomenon_time")] ?? "") / 1000,
    discriminator: fields[at("discriminator")] ?? "",
    version: fields[at("version")] ?? "",
    fields,
  }));
  return plot.panels.map((panel) => panel.lines.flatMap((options) => split(options, rows, at, plot.step)));
}

/** One line, or one for each version or sample where several have a value at one time. */
function split(options: LineOptions, rows: Row[], at: (name: string) => number, step: string | null): Line[] {
  const column = at(options.column);
  const has = (row: Row): boolean => row.fields[column] !== "" && row.fields[column] !== undefined;
  const seen = new Map<number, Row>();
  let byVersion = false;
  let byDiscriminator = false;
  for (const row of rows.filter(has)) {
    const other = seen.get(row.time);
    if (other) {
      if (other.discriminator !== row.discriminator) byDiscriminator = true;
      else if (other.version !== row.version) byVersion = true;
    }
    seen.set(row.time, row);
  }
  const key = (row: Row): string =>
    [byDiscriminator ? row.discriminator : "", byVersion ? row.version || "–" : ""].filter(Boolean).join(", ");
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) group.push(row);
    else groups.set(key(row), [row]);
  }
  for (const [name, group] of groups) if (!group.some(has)) groups.delete(name);
  if (groups.size === 0) return [];
  if (groups.size > SPLIT_MAX) return [line(options, options.label, rows.filter(has), at, step)];
  return [...groups].map(([name, group]) => line(options, name ? `${options.label} (${name})` : options.label, group, at, step));
}

function line(options: LineOptions, label: string, rows: Row[], at: (name: string) => number, step: string | null): Line {
  const cell = (row: Row, name: string | null | undefined): number | null => {
    const text = name ? row.fields[at(name)] : undefined;
    return text === undefined || text === "" ? null : Number(text);
  };
  const spacing = nominal(step ?? options.period);
  const kept = withoutOthers(rows, (row) => cell(row, options.column) !== null, spacing !== null);
  const out: Line = {
    label,
    times: [],
    values: [],
    low: options.low || options.uncertainty ? [] : null,
    high: options.high || options.uncertainty ? [] : null,
    quality: options.quality ? [] : null,
    qualityLabel: options.quality?.label ?? "",
    categories: options.quality?.categories ?? null,
    counts: options.count ? [] : null,
    isUncertainty: Boolean(options.uncertainty),
  };
  for (const row of kept) {
    const last = out.times.at(-1);
    if (spacing !== null && last !== undefined && row.time - last > spacing * 1.5) push(out, last + spacing, null, null, null, null, null);
    const value = cell(row, options.column);
    const spread = cell(row, options.uncertainty);
    const [low, high] = options.uncertainty
      ? [value === null || spread === null ? null : value - spread, value === null || spread === null ? null : value + spread]
      : [cell(row, options.low), cell(row, options.high)];
    const code = options.quality ? row.fields[at(options.quality.column)] || null : null;
    push(out, row.time, value, low, high, code, cell(row, options.count));
  }
  return out;
}

function push(out: Line, time: number, value: number | null, low: number | null, high: number | null, code: string | null, count: number | null): void {
  out.times.push(time);
  out.values.push(value);
  out.low?.push(low);
  out.high?.push(high);
  out.quality?.push(code);
  out.counts?.push(count);
}

/**
 * Rows without a value tell of a gap only where they are of the same kind as those with one: a discharge is not missing
 * because a sample was taken in between. In a regular series the gaps tell themselves.
 */
function withoutOthers(rows: Row[], has: (row: Row) => boolean, isRegular: boolean): Row[] {
  if (isRegular) return rows.filter(has);
  const kinds = new Set(rows.filter(has).map((row) => row.discriminator));
  const eachItsOwn = new Set(rows.map((row) => row.discriminator)).size === rows.length;
  return eachItsOwn ? rows : rows.filter((row) => kinds.has(row.discriminator));
}

/** The usual length of an ISO 8601 duration such as P1D, seconds; null for none. */
export function nominal(duration: string | null | undefined): number | null {
  const parts = /^PT?(\d+)([HDWMY])$/.exec(duration ?? "");
  const days = NOMINAL_DAYS[parts?.[2] ?? ""];
  return parts && days ? Number(parts[1]) * days * 86_400 : null;
}
