// The colours of the style sheet, as the map needs them: resolved for the theme in force.

/** The value of a custom property that holds a colour, such as `--map-land`, as `rgb(…)`. */
export function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
