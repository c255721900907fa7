// Signed codes: the text in a symbol that says "the company issued this".

import { verify } from "../ed25519.js";
import { Fault } from "../fault.js";
import { equalBytes } from "../uuid.js";

/** A public key that is trusted until a time; absent: as long as it is known. */
export interface TrustedKey {
  readonly ed25519: Uint8Array;
  readonly notAfter?: Date;
}

/** The content of a signed code. See docs/CODES.md. */
export interface SignedCode {
  readonly kind: "unit" | "entry" | "ticket";
  /** The key that signed it: eight characters. */
  readonly keyId: string;
  /** The code's own id, 16 bytes; the last five are those of the company's id. */
  readonly id: Uint8Array;
  /** The first moment at which it holds no more; absent for never. */
  readonly expires?: Date;
}

const letters = "abcdefghijklmnopqrstuvwxyz234567";
/** The number of characters of every code. */
const length = 144;
const header = 1 + 5 + 16 + 4;
const kinds = ["unit", "entry", "ticket"] as const;
/** Keeps a signature over a code from being taken for one over anything else. */
const domain = new TextEncoder().encode("doorstep code v1\n");

/** Finds the text of a signed code in a scanned text: the text itself, or what stands after /c/ in a link. */
export function findSignedCode(scanned: string): string | undefined {
  let text = scanned.trim().replace(/[?#].*$/s, "");
  const at = text.toLowerCase().lastIndexOf("/c/");
  if (at >= 0) text = text.slice(at + 3).replace(/\/+$/, "");
  return text.length === length && !/[/:]/.test(text) ? text : undefined;
}

/**
 * Reads a code and checks key, signature and expiry at a time, without a network, by the keys of the device's org feed. Every
 * failure is code_unknown, with the reason only in the hidden cause: who forged a code learns nothing. That a code was revoked
 * only the server knows. It throws internal where the browser knows no Ed25519.
 */
export async function verifySignedCode(
  text: string,
  now: Date,
  keys: ReadonlyMap<string, TrustedKey>,
): Promise<SignedCode> {
  const bytes = base32(text);
  if (!bytes) throw unknown("not a signed code");
  const code = parse(bytes);
  const key = keys.get(code.keyId);
  if (!key || (key.notAfter && now >= key.notAfter)) throw unknown("signed by a key that is not trusted");
  const signed = new Uint8Array([...domain, ...bytes.subarray(0, header)]);
  const good = await verify(key.ed25519, signed, bytes.subarray(header));
  if (good === undefined) throw Fault.of("internal", "this browser knows no Ed25519");
  if (!good) throw unknown("the signature is wrong");
  if (code.expires && now >= code.expires) throw unknown("expired");
  return code;
}

/** Tells whether a code is of that company. */
export function isCodeOf(code: SignedCode, org: Uint8Array): boolean {
  return equalBytes(code.id.subarray(11), org.subarray(11));
}

function parse(bytes: Uint8Array): SignedCode {
  const kind = kinds[(bytes[0]! & 15) - 1];
  if (bytes[0]! >> 4 !== 1 || kind === undefined) throw unknown("not a signed code");
  const seconds = new DataView(bytes.buffer).getUint32(22);
  return {
    kind,
    keyId: keyIdOf(bytes.subarray(1, 6)),
    id: bytes.slice(6, 22),
    ...(seconds === 0 ? {} : { expires: new Date(seconds * 1000) }),
  };
}

function unknown(why: string): Fault {
  return Fault.of("code_unknown", "", new Error(why));
}

/** Decodes 144 characters of base32 (RFC 4648), which are 90 bytes without a bit left over. */
function base32(text: string): Uint8Array | undefined {
  if (text.length !== length) return undefined;
  const out = new Uint8Array((length * 5) / 8);
  for (let i = 0; i < length; i++) {
    const five = letters.indexOf(text[i]!.toLowerCase());
    if (five < 0) return undefined;
    for (let bit = 0; bit < 5; bit++) {
      const at = i * 5 + bit;
      if (five & (16 >> bit)) out[at >> 3]! |= 128 >> (at & 7);
    }
  }
  return out;
}

/** Encodes five bytes, as key ids are written. */
function keyIdOf(five: Uint8Array): string {
  let bits = "";
  for (const b of five) bits += b.toString(2).padStart(8, "0");
  return (bits.match(/.{5}/g) ?? []).map((b) => letters[parseInt(b, 2)]).join("");
}
