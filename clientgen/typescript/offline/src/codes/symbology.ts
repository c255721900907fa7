// What scanners put around a label's text.

import { separator } from "./elements.js";
import { unreadable } from "./gtin.js";

/**
 * What follows a symbology identifier: anything that could also come without one, element strings (the symbol began with FNC1),
 * a product number, or a product number with two or five more digits behind it.
 */
export type Content = "plain" | "elements" | "number" | "numberAddOn";

/** The identifiers that GS1 uses (GS1 General Specifications, figure 7.8.2-1), and those of the same symbols with extended channels. */
const gs1Symbols: Readonly<Record<string, Content>> = {
  E0: "number",
  E3: "numberAddOn",
  E4: "number",
  I1: "number",
  ...Object.fromEntries("C1 e0 e1 e2 d2 d5 Q3 Q4 J1 J4".split(" ").map((id): [string, Content] => [id, "elements"])),
};

/** The kinds of symbols that may hold any text, by the letters of ISO/IEC 15424. */
const plainSymbols = "ACGIdQLzJUh";

/** Symbols read with extended channels: a backslash begins an escape in them. */
const extended = "Q2 Q4 Q6 d4 d5 d6 J4 J5 z3 z4 z5 L1".split(" ");

/** White space as scanners and people add it; a separator is none. */
const spaces = /^[\t\n\v\f\r\u0085\p{Zs}\u2028\u2029]+|[\t\n\v\f\r\u0085\p{Zs}\u2028\u2029]+$/gu;

/** Marks without width: zero-width spaces and joiners, marks of direction, a soft hyphen, a byte-order mark. */
const invisible = /[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u00ad\ufeff]/g;

/**
 * Undoes what scanners' keyboards and copying do to a text: full-width characters of a Chinese input method become the plain
 * ones, the picture of a separator becomes the separator, invisible marks and white space around go.
 */
export function clean(scanned: string): string {
  return scanned
    .replace(/[\uff01-\uff5e]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xff01 + 0x21))
    .replaceAll("\u3000", " ")
    .replaceAll("\u3002", ".")
    .replaceAll("\u241d", separator)
    .replace(invisible, "")
    .replace(spaces, "");
}

/** Takes a symbology identifier (ISO/IEC 15424) off a text, and tells what follows it. */
export function unwrap(text: string): [Content, string] {
  if (!text.startsWith("]")) return ["plain", text];
  if (text.length < 4) throw unreadable("the code ends too early");
  const id = text.slice(1, 3);
  let rest = text.slice(3);
  if (extended.includes(id)) rest = rest.replace(/\\[0-9]{6}/g, "").replaceAll("\\\\", "\\");
  const content = gs1Symbols[id];
  if (content === undefined && !plainSymbols.includes(id[0]!))
    throw unreadable("the symbol is none that holds a product's label");
  return [content ?? "plain", rest];
}
