// What a product's label says.

import { codeOf, Fault } from "../fault.js";
import { readElements, separator } from "./elements.js";
import { isDigits, parseGtin, unreadable } from "./gtin.js";
import { readLink } from "./link.js";
import { clean, unwrap } from "./symbology.js";

/**
 * What stands on a label. It names a product or a piece of it and gives no authority: whoever can read a box can copy its
 * number.
 */
export interface Label {
  /** 14 digits. */
  readonly gtin: string;
  /** The batch, up to 20 characters; may be empty. */
  readonly lot: string;
  /** The piece, up to 20 characters; may be empty. */
  readonly serial: string;
  /** The web host of a Digital Link; empty for other forms. */
  readonly host: string;
  /** What stands in a Digital Link's path before /01/. */
  readonly prefix: string;
}

/** The most that a scanned text may have, in bytes. */
const maxLength = 500;

/**
 * Reads what scanners read from product labels: GS1 Digital Links, element strings of DataMatrix and QR, and plain EAN and UPC
 * numbers. It throws code_unreadable (not such a text, or no product in it), code_check_digit or too_large.
 */
export function parseLabel(scanned: string): Label {
  if (new TextEncoder().encode(scanned).length > maxLength)
    throw Fault.of("too_large", `a scanned code has at most ${maxLength} bytes`);
  const cleaned = clean(scanned);
  if (cleaned === "") throw unreadable("the code is empty");
  const [content, text] = unwrap(cleaned);
  const parts = new Parts();
  if (content === "elements") readElements(text, parts);
  else if (content === "number") parts.set("01", text);
  else if (content === "numberAddOn") parts.set("01", text.slice(0, 13));
  else return readPlain(text);
  return parts.label("", "");
}

/** Reads what nothing says the form of. */
function readPlain(text: string): Label {
  const parts = new Parts();
  if (/^https?:\/\//i.test(text)) {
    const { host, prefix } = readLink(text, parts);
    return parts.label(host, prefix);
  }
  if (isDigits(text) && text.length <= 14) parts.set("01", text);
  else if (["(", separator].includes(text[0]!) || (text.startsWith("01") && text.length >= 16))
    readElements(text, parts);
  else return readOther(text);
  return parts.label("", "");
}

/** Any other identifier may come first, too. It is an element string only if it names a product. */
function readOther(text: string): Label {
  try {
    const parts = new Parts();
    readElements(text, parts);
    return parts.label("", "");
  } catch (err) {
    if (codeOf(err) === "code_check_digit") throw err;
    throw unreadable("neither a product link, an element string nor a product number");
  }
}

/** Tells whether a serial number that somebody typed could stand on a label: 1 to 20 characters of those that labels have. */
export function isSerial(text: string): boolean {
  return /^[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,20}$/.test(text);
}

/**
 * Writes the Digital Link of one piece, or of the product when serial is empty. base is the company's own address, for example
 * https://id.example.com.
 */
export function labelLink(base: string, gtin: string, serial = ""): string {
  const product = `${base.replace(/\/+$/, "")}/01/${gtin}`;
  const escaped = encodeURIComponent(serial).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return serial === "" ? product : `${product}/21/${escaped}`;
}

/** Collects the identifiers of a label; a second, different value of one is refused. */
export class Parts {
  private gtin = "";
  private readonly texts = new Map<string, string>();

  set(identifier: string, value: string): void {
    if (identifier === "01") {
      const gtin = parseGtin(value);
      if (this.gtin !== "" && this.gtin !== gtin) throw unreadable("two product numbers in one code");
      this.gtin = gtin;
    } else if (identifier === "10" || identifier === "21") {
      if (!isSerial(value)) throw unreadable(`(${identifier}) is not 1 to 20 characters of those that labels have`);
      if ((this.texts.get(identifier) ?? value) !== value) throw unreadable(`(${identifier}) stands twice in one code`);
      this.texts.set(identifier, value);
    }
  }

  label(host: string, prefix: string): Label {
    if (this.gtin === "") throw unreadable("the code names no product (01)");
    return { gtin: this.gtin, lot: this.texts.get("10") ?? "", serial: this.texts.get("21") ?? "", host, prefix };
  }
}
