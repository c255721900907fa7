// GS1 Digital Links.

import { isDigits, unreadable } from "./gtin.js";
import type { Parts } from "./label.js";

const form = /^[a-z]+:\/\/(?:[^/?#@]*@)?([^/?#@\s<>"\\^`{|}]+)([^?#]*)(?:\?([^#]*))?(?:#.*)?$/i;

/**
 * Reads an uncompressed Digital Link: any host, any prefix, then /01/GTIN and after it pairs of identifier and value. Of
 * identifiers in the query, only lot and serial are read.
 */
export function readLink(text: string, parts: Parts): { host: string; prefix: string } {
  const link = form.exec(text);
  if (!link || /[\u0000-\u001f\u007f]/.test(text)) throw unreadable("the link cannot be read");
  // Segments are split before they are unescaped: a slash inside a serial number comes as %2F.
  const segments = link[2]!.replace(/\/+$/, "").split("/");
  // The first 01 that digits follow is the identifier; what stands before it is prefix.
  const at = segments.findIndex((s, i) => s === "01" && isDigits(segments[i + 1] ?? ""));
  if (at < 0) throw unreadable("the link holds no product number after /01/");
  const pairs = segments.slice(at);
  if (pairs.length % 2 !== 0) throw unreadable("the link ends in the middle of an identifier");
  for (let i = 0; i < pairs.length; i += 2) {
    const identifier = pairs[i]!;
    if (identifier.length < 2 || !isDigits(identifier))
      throw unreadable("the link holds something else behind the product number");
    parts.set(identifier, unescaped(pairs[i + 1]!));
  }
  const asked = (link[3] ?? "").split("&").map((pair) => {
    const [name = "", ...value] = pair.split("=");
    return [name, value.join("=")] as const;
  });
  for (const wanted of ["10", "21"])
    for (const [name, value] of asked)
      if (decoded(name) === wanted) parts.set(wanted, unescaped(value.replaceAll("+", " ")));
  return {
    host: link[1]!.toLowerCase(),
    prefix: segments
      .slice(0, at)
      .join("/")
      .replace(/^\/+|\/+$/g, ""),
  };
}

/** The name of a parameter; undefined when it is not percent-encoded as it should be: then it is another program's own. */
function decoded(name: string): string | undefined {
  try {
    return unescaped(name.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

/** Undoes percent-encoding. Bytes that are no text become characters that no label has. */
function unescaped(text: string): string {
  if (!text.includes("%")) return text;
  if (/%(?![0-9a-f]{2})/i.test(text)) throw unreadable("the link is not percent-encoded as it should be");
  const bytes: number[] = [];
  const utf8 = new TextEncoder();
  for (const [, hex, plain] of text.matchAll(/%([0-9a-f]{2})|([^%]+)/gi)) {
    if (hex !== undefined) bytes.push(parseInt(hex, 16));
    else bytes.push(...utf8.encode(plain));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
