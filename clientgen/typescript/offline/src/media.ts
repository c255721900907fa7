// What a picture is, by its first bytes. The vectors are sync/conformance/vectors/picture.json.

import { Fault } from "./fault.js";

/** How many of the first bytes sniff looks at. */
export const headSize = 512;

/** Brands of the container that HEIC and AVIF share, and what they stand for; undefined names only the container. */
const brands = new Map<string, string | undefined>([
  ...["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"].map((b) => [b, "image/heic"] as const),
  ...["avif", "avis"].map((b) => [b, "image/avif"] as const),
  ...["mif1", "mif2", "msf1", "miaf"].map((b) => [b, undefined] as const),
]);

/** The media type of a picture by its first bytes; undefined for what the server does not take for one. */
export function sniff(bytes: Uint8Array): string | undefined {
  const b = bytes.subarray(0, headSize);
  const text = (from: number, to: number): string => String.fromCharCode(...b.subarray(from, to));
  if (text(0, 3) === "\xff\xd8\xff") return "image/jpeg";
  if (text(0, 8) === "\x89PNG\r\n\x1a\n") return "image/png";
  if (b.length < 16) return undefined;
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return "image/webp";
  if (text(4, 8) !== "ftyp") return undefined;
  const major = text(8, 12);
  const type = brands.get(major);
  if (type !== undefined || !brands.has(major)) return type;
  const end = Math.min(b.length, new DataView(b.buffer, b.byteOffset).getUint32(0));
  for (let at = 16; at + 4 <= end; at += 4) {
    const other = brands.get(text(at, at + 4));
    if (other !== undefined) return other;
  }
  return "image/heic";
}

/**
 * Under which type a file is kept, by its first bytes: what a browser calls it is often wrong or missing, and the server believes the
 * bytes. What can never be verified is refused when it is taken, while the picture can still be taken: file_empty, proof_not_picture.
 */
export function mediaOf(declared: string, head: Uint8Array, otherFiles: boolean): string {
  if (head.length === 0) throw Fault.of("file_empty");
  const type = sniff(head);
  if (type !== undefined) return type;
  if (!otherFiles || declared.toLowerCase().startsWith("image/")) throw Fault.of("proof_not_picture");
  return declared === "" ? "application/octet-stream" : declared;
}
