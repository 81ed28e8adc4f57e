// Times on an axis, in UTC and in the page's language.

import { language } from "../page";

const LOCALE = language === "fr" ? "fr-FR" : "en-GB";
const DAY = 86_400;
const format = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", ...options });
const year = format({ year: "numeric" });
const month = format({ month: "short" });
const day = format({ day: "numeric", month: "short" });
const time = format({ hour: "2-digit", minute: "2-digit" });

/** Labels of an axis whose marks lie `step` seconds apart: the larger unit stands where it changes. */
export function timeLabels(marks: number[], step: number): string[] {
  const small = step >= 365 * DAY ? year : step >= 28 * DAY ? month : step >= DAY ? day : time;
  const large = small === month || small === day ? year : day;
  let last = "";
  return marks.map((mark) => {
    const date = new Date(mark * 1000);
    if (small === year) return year.format(date);
    const over = large.format(date);
    const label = over === last ? small.format(date) : `${small.format(date)}\n${over}`;
    last = over;
    return label;
  });
}

/** A moment in words: the day, and the minute unless it is midnight. */
export function moment(seconds: number): string {
  const text = new Date(seconds * 1000).toISOString();
  return text.slice(11, 19) === "00:00:00" ? text.slice(0, 10) : `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`;
}

/** The UTC day of a moment: 2024-02-29. */
export function dayOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
