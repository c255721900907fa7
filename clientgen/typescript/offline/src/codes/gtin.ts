// Numbers of products.

import { Fault } from "../fault.js";

const lengths: readonly number[] = [8, 12, 13, 14];

/**
 * Reads a Global Trade Item Number of 8, 12, 13 or 14 digits and checks the last one. It gives 14 digits, padded with zeros on
 * the left, so that the same product compares equal whichever symbol carried it. It throws code_unreadable or code_check_digit.
 */
export function parseGtin(text: string): string {
  if (!isDigits(text) || !lengths.includes(text.length))
    throw unreadable("a product number has 8, 12, 13 or 14 digits");
  const want = checkDigit(text.slice(0, -1));
  if (text.at(-1) !== want) throw Fault.of("code_check_digit", `the last digit of ${text} should be ${want}`);
  if (/^0+$/.test(text)) throw unreadable("a product number of zeros only");
  return text.padStart(14, "0");
}

/** The check digit of the digits before it: from the right, weights 3, 1, 3, … */
export function checkDigit(digits: string): string {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) sum += Number(digits[digits.length - 1 - i]) * (i % 2 === 0 ? 3 : 1);
  return String((10 - (sum % 10)) % 10);
}

export function isDigits(text: string): boolean {
  return /^[0-9]+$/.test(text);
}

export function unreadable(detail: string): Fault {
  return Fault.of("code_unreadable", detail);
}

/** The number as shops print it, 13 digits; undefined for a packing level that needs 14. */
export function ean13(gtin: string): string | undefined {
  return gtin.startsWith("0") ? gtin.slice(1) : undefined;
}
