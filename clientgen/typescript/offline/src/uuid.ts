// Ids: 16 bytes.

let lastTime = 0;
let lastCount = 0;

/** A new UUIDv7 of that time. Those of one millisecond sort as they were made. */
export function newId(now: Date): Uint8Array {
  const id = crypto.getRandomValues(new Uint8Array(16));
  const ms = now.getTime();
  // RFC 9562, 6.2, method 1: the 12 bits behind the time count on from a random start in their lower half.
  lastCount = ms === lastTime ? Math.min(lastCount + 1, 0xfff) : ((id[6]! & 0x07) << 8) | id[7]!;
  lastTime = ms;
  id[6] = lastCount >>> 8;
  id[7] = lastCount & 0xff;
  new DataView(id.buffer).setUint16(0, Math.floor(ms / 2 ** 32));
  new DataView(id.buffer).setUint32(2, ms % 2 ** 32);
  id[6] = (id[6]! & 0x0f) | 0x70;
  id[8] = (id[8]! & 0x3f) | 0x80;
  return id;
}

/** An id as people write it, in lower case; empty for what is no id. */
export function uuidText(id: Uint8Array): string {
  if (id.length !== 16) return "";
  const h = hex(id);
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}

/** Reads what uuidText writes; undefined when it is no id. */
export function uuidOf(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return undefined;
  const digits = text.replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** Bytes in hexadecimal, in lower case. */
export function hex(bytes: Uint8Array): string {
  let out = "";
  for (const b of bytes) out += b.toString(16).padStart(2, "0");
  return out;
}

/** Bytes as a key of maps: sorts as the bytes do. */
export function keyOfId(id: Uint8Array): string {
  return String.fromCharCode.apply(null, id as unknown as number[]);
}

/** Whether two byte strings are the same. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
