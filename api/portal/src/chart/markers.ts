// Marks of quality classes: told apart by shape first and by colour second.

export type Shape = "circle" | "triangle" | "square" | "cross" | "diamond" | "plus";
const SHAPES: Shape[] = ["circle", "triangle", "square", "cross", "diamond", "plus"];
/** Custom properties of tokens.css, best quality first. */
const COLOURS = ["--series-0", "--sand", "--series-2", "--danger", "--series-3", "--series-5"];

export interface Mark {
  shape: Shape;
  /** Name of a custom property. */
  colour: string;
  isFilled: boolean;
}

/** The mark of the class at a position among all classes. */
export function markOf(position: number): Mark {
  const at = Math.min(position, SHAPES.length - 1);
  return { shape: SHAPES[at] ?? "plus", colour: COLOURS[at] ?? "--series-5", isFilled: at === 0 };
}

/** The outline of a mark around a point. */
export function outline(shape: Shape, x: number, y: number, r: number): Path2D {
  const path = new Path2D();
  switch (shape) {
    case "circle":
      path.arc(x, y, r, 0, 2 * Math.PI);
      break;
    case "triangle":
      path.moveTo(x, y - 1.25 * r);
      path.lineTo(x + 1.2 * r, y + r);
      path.lineTo(x - 1.2 * r, y + r);
      path.closePath();
      break;
    case "square":
      path.rect(x - r, y - r, 2 * r, 2 * r);
      break;
    case "diamond":
      path.moveTo(x, y - 1.3 * r);
      path.lineTo(x + 1.3 * r, y);
      path.lineTo(x, y + 1.3 * r);
      path.lineTo(x - 1.3 * r, y);
      path.closePath();
      break;
    case "cross":
      path.moveTo(x - r, y - r);
      path.lineTo(x + r, y + r);
      path.moveTo(x + r, y - r);
      path.lineTo(x - r, y + r);
      break;
    case "plus":
      path.moveTo(x, y - r);
      path.lineTo(x, y + r);
      path.moveTo(x - r, y);
      path.lineTo(x + r, y);
      break;
  }
  return path;
}

const SVG = "http://www.w3.org/2000/svg";
const LEGEND: Record<Shape, string> = {
  circle: "M12 8a4 4 0 1 0 .01 0Z",
  triangle: "M12 7l5 9H7Z",
  square: "M8 8h8v8H8Z",
  diamond: "M12 6.5l5.5 5.5-5.5 5.5L6.5 12Z",
  cross: "M8 8l8 8M16 8l-8 8",
  plus: "M12 7v10M7 12h10",
};

/** The mark as a drawing for the legend; `stroke` is a class of the style sheet. */
export function legendMark(mark: Mark): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("swatch");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", LEGEND[mark.shape]);
  path.style.stroke = `var(${mark.colour})`;
  path.style.fill = mark.isFilled ? `var(${mark.colour})` : "none";
  svg.append(path);
  return svg;
}

/** A piece of line for the legend. */
export function legendLine(colour: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("swatch");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M2 12h20");
  path.style.stroke = `var(${colour})`;
  svg.append(path);
  return svg;
}
