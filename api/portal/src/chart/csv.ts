// CSV as the service writes it (RFC 4180): a header, lines that end with \n, quotes where a text needs them.

/** The rows of a text, header first. An empty field is "", a quoted empty one too. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    let field: string;
    if (text[at] === '"') {
      [field, at] = quoted(text, at + 1);
    } else {
      const end = fieldEnd(text, at);
      field = text.slice(at, end);
      at = end;
    }
    row.push(field);
    if (text[at] === ",") {
      at += 1;
      // A line that ends with a comma ends with an empty field.
      if (at === text.length || text[at] === "\n") row.push("");
    }
    if (at >= text.length || text[at] === "\n") {
      rows.push(row);
      row = [];
      at += 1;
    }
  }
  return rows;
}

function fieldEnd(text: string, begin: number): number {
  let end = begin;
  while (end < text.length && text[end] !== "," && text[end] !== "\n") end += 1;
  return end;
}

/** A quoted field from behind its first quote; and where it ends, behind its last. */
function quoted(text: string, begin: number): [string, number] {
  let field = "";
  let at = begin;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end < 0) return [field + text.slice(at), text.length];
    field += text.slice(at, end);
    if (text[end + 1] !== '"') return [field, end + 1];
    field += '"';
    at = end + 2;
  }
}
