// Brushing over the timeline: two handles that are sliders for the keyboard, and dragging across the bars.

import { t } from "../page";

/** First day, last day, items. */
type Bar = [string, string, number];

/** Lets the reader choose a period on the figure; `choose` gets a `datetime`, empty for all of it. */
export function brushTimeline(figure: HTMLElement, choose: (datetime: string) => void): () => void {
  const bars = JSON.parse(figure.dataset["bars"] ?? "[]") as Bar[];
  const svg = figure.querySelector("svg");
  const last = bars.length - 1;
  if (!svg || last < 1) return () => {};
  figure.classList.add("brushing");

  const asked = (figure.dataset["datetime"] ?? "").split("/");
  const [from, to] = [asked[0] ?? "", asked[1] ?? asked[0] ?? ""].map((end) => (/^\d{4}/.test(end) ? end.slice(0, 10) : ""));
  let first = from ? clamp(bars.findIndex(([, end]) => end >= from), last) : 0;
  let final = to ? clamp(bars.findLastIndex(([start]) => start <= to), 0) : last;
  if (from && !bars.some(([, end]) => end >= from)) first = last;

  const brush = document.createElement("div");
  brush.className = "brush";
  brush.ariaHidden = "true";
  const handles = [handle(t("Period from", "Période du")), handle(t("Period to", "Période au"))] as const;
  figure.append(brush, ...handles);
  const links = [...svg.querySelectorAll("a")];
  // With handles for the keyboard, the bars need not be walked through one by one.
  for (const link of links) link.setAttribute("tabindex", "-1");

  function clamp(index: number, otherwise: number): number {
    return index < 0 ? otherwise : index;
  }

  function place(): void {
    const box = svg!.getBoundingClientRect();
    const left = box.left - figure.getBoundingClientRect().left;
    const width = box.width / bars.length;
    const [x0, x1] = [left + first * width, left + (final + 1) * width];
    brush.style.left = `${x0}px`;
    brush.style.width = `${Math.max(2, x1 - x0)}px`;
    brush.classList.toggle("whole", first === 0 && final === last);
    handles[0].style.left = `${x0}px`;
    handles[1].style.left = `${x1}px`;
    set(handles[0], first, 0, final, bars[first]![0]);
    set(handles[1], final, first, last, bars[final]![1]);
    const [start, end] = [bars[first]![0], bars[final]![1]];
    for (const link of links) {
      const day = link.getAttribute("aria-label")?.split(":")[0] ?? "";
      link.classList.toggle("outside", day < start.slice(0, day.length) || day > end.slice(0, day.length));
    }
  }

  function set(slider: HTMLElement, now: number, min: number, max: number, text: string): void {
    slider.ariaValueNow = String(now);
    slider.ariaValueMin = String(min);
    slider.ariaValueMax = String(max);
    slider.ariaValueText = text;
  }

  function commit(): void {
    const whole = first === 0 && final === last;
    choose(whole ? "" : `${bars[first]![0]}T00:00:00Z/${bars[final]![1]}T23:59:59.999999Z`);
  }

  function at(event: PointerEvent): number {
    const box = svg!.getBoundingClientRect();
    return Math.min(last, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * bars.length)));
  }

  let pause = 0;
  const later = (): void => {
    clearTimeout(pause);
    pause = window.setTimeout(commit, 500);
  };

  handles.forEach((slider, which) => {
    slider.addEventListener("keydown", (event) => {
      const page = Math.max(1, Math.round(bars.length / 10));
      const steps: Record<string, number> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page, Home: -last, End: last };
      const step = steps[event.key];
      if (event.key === "Enter") {
        event.preventDefault();
        clearTimeout(pause);
        commit();
      }
      if (step === undefined) return;
      event.preventDefault();
      move(which, (which === 0 ? first : final) + step);
      later();
    });
    slider.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      slider.setPointerCapture(event.pointerId);
      slider.focus();
      slider.onpointermove = (moved) => move(which, at(moved));
      slider.onpointerup = () => {
        slider.onpointermove = null;
        slider.onpointerup = null;
        commit();
      };
    });
  });

  function move(which: number, index: number): void {
    if (which === 0) first = Math.min(final, Math.max(0, index));
    else final = Math.max(first, Math.min(last, index));
    place();
  }

  // Dragging across the bars; a click without a drag is the bar's own link.
  let begun: number | undefined;
  let dragged = false;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    begun = at(event);
    dragged = false;
  });
  const onMove = (event: PointerEvent): void => {
    if (begun === undefined) return;
    const here = at(event);
    dragged ||= here !== begun;
    if (!dragged) return;
    [first, final] = [Math.min(begun, here), Math.max(begun, here)];
    place();
  };
  const onUp = (): void => {
    if (begun !== undefined && dragged) commit();
    begun = undefined;
  };
  svg.addEventListener("dragstart", (event) => event.preventDefault());
  svg.addEventListener("click", (event) => {
    if (!dragged) return;
    event.preventDefault();
    event.stopPropagation();
  });
  window.addEventListener("pointermove", onMove);
  window.addEventListener("pointerup", onUp);
  const size = new ResizeObserver(place);
  size.observe(figure);
  place();
  return () => {
    clearTimeout(pause);
    size.disconnect();
    window.removeEventListener("pointermove", onMove);
    window.removeEventListener("pointerup", onUp);
  };
}

function handle(label: string): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "brush-handle";
  button.role = "slider";
  button.ariaLabel = label;
  button.ariaOrientation = "horizontal";
  return button;
}
