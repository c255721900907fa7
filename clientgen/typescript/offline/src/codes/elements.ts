// Element strings: identifiers with their values, one after the other.

import { isDigits, unreadable } from "./gtin.js";
import type { Parts } from "./label.js";

/** How scanners transmit FNC1 after a value of variable length. */
export const separator = "\u001d";

/**
 * The length of the value of identifiers that need no separator, by their first two digits (GS1 General Specifications, figure
 * 7.8.5-2), less the digits of the identifier itself.
 */
const fixedLength = new Map<string, number>([
  ["00", 18],
  ["01", 14],
  ["02", 14],
  ["03", 14],
  ["04", 16],
  ["20", 2],
  ["41", 13],
  ...[11, 12, 13, 14, 15, 16, 17, 18, 19, 31, 32, 33, 34, 35, 36].map((two): [string, number] => [String(two), 6]),
]);

/** How many digits an identifier has, by its first two; 0 for one that GS1 never gave out. */
function identifierLength(two: string): number {
  switch (two[0]) {
    case "0":
    case "1":
    case "9":
      return 2;
    case "2":
      return two >= "23" && two <= "25" ? 3 : 2;
    case "3":
      return two === "30" || two === "37" ? 2 : 4;
    case "4":
      return two === "43" ? 4 : 3;
    case "7":
      return two === "71" ? 3 : 4;
    case "8":
      return 4;
  }
  return 0;
}

/** Reads an element string with separators, and the form that people print, with identifiers in parentheses. */
export function readElements(text: string, parts: Parts): void {
  if (text.startsWith("(")) bracketed(text, parts);
  else separated(text, parts);
}

function separated(text: string, parts: Parts): void {
  const between = new RegExp(`^${separator}+`);
  let rest = text.replace(between, "");
  while (rest !== "") {
    const two = rest.slice(0, 2);
    if (two.length < 2 || !isDigits(two)) throw unreadable("an identifier is missing");
    const digits = identifierLength(two);
    const identifier = rest.slice(0, digits);
    if (digits === 0 || rest.length <= digits || !isDigits(identifier))
      throw unreadable("the code ends in the middle of an identifier");
    rest = rest.slice(digits);
    const end = rest.indexOf(separator);
    const length = fixedLength.get(two) ?? (end < 0 ? rest.length : end);
    if (rest.length < length) throw unreadable(`the value of (${identifier}) is cut off`);
    parts.set(identifier, rest.slice(0, length));
    rest = rest.slice(length).replace(between, "");
  }
}

/** A parenthesis may also belong to a serial number: only one with two to four digits begins an element. */
function bracketed(text: string, parts: Parts): void {
  const found = [...text.matchAll(/\(([0-9]{2,4})\)/g)];
  if (found[0]?.index !== 0) throw unreadable("an identifier in parentheses is missing");
  found.forEach((one, i) => parts.set(one[1]!, text.slice(one.index + one[0].length, found[i + 1]?.index)));
}
