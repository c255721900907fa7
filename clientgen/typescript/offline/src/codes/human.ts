// The short code under a symbol, for people whose scanner or label is damaged.

import { Fault } from "../fault.js";
import { unreadable } from "./gtin.js";

/** The characters of short codes. Those that look like another are left out, and read as what they look like. */
export const humanAlphabet = "0123456789ACDEFGHJKMNPQRTVWXY";

const length = 8;
const lookAlikes: Readonly<Record<string, string>> = { O: "0", I: "1", L: "1", Z: "2", S: "5", B: "8", U: "V" };

/**
 * Reads what a person typed: any case, hyphens and spaces anywhere, look-alikes for what they look like. It gives eight
 * characters, of which the last catches every wrong character and every exchange of two. It identifies; it is never proof of
 * anything. It throws code_unreadable or code_check_digit.
 */
export function parseHumanCode(typed: string): string {
  const characters = [...typed.replace(/[- \u2011\u2013]/g, "").toUpperCase()].map((c) => lookAlikes[c] ?? c);
  const digits = characters.map((c) => humanAlphabet.indexOf(c));
  if (digits.length !== length || digits.includes(-1))
    throw unreadable(`the short code has ${length} characters of ${humanAlphabet}`);
  // The weights are 2, 3, … 8, 1.
  const sum = digits.reduce((sum, digit, i) => sum + digit * (i < length - 1 ? i + 2 : 1), 0);
  if (sum % humanAlphabet.length !== 0) throw Fault.of("code_check_digit");
  return characters.join("");
}

/** A short code as it is printed: XXXX-XXXX. */
export function humanCodeText(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}
