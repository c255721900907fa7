// Digests of what a feed holds: docs/PROTOCOL.md section 6. 64-bit numbers are two of 32 bits here: a first download has
// thousands of entries, and bigints are slow.

/** A sum modulo 2^64 of digests of live entries. */
export class Digest {
  private high: number;
  private low: number;

  constructor(from?: Digest) {
    this.high = from?.high ?? 0;
    this.low = from?.low ?? 0;
  }

  /** Counts an entry in (sign 1) or out (sign -1). */
  count(sign: 1 | -1, kind: number, id: Uint8Array, seq: bigint): void {
    digest(kind, id, seq);
    const low = this.low + sign * out.low;
    this.low = low >>> 0;
    this.high = (this.high + sign * out.high + Math.floor(low / 2 ** 32)) >>> 0;
  }

  /** The sum. */
  get value(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }
}

/** The digest of one live entry. */
export function digestOf(kind: number, id: Uint8Array, seq: bigint): bigint {
  const d = new Digest();
  d.count(1, kind, id, seq);
  return d.value;
}

const head = new DataView(new ArrayBuffer(28));
const bytes = new Uint8Array(head.buffer);
const out = { high: 0, low: 0 };

function digest(kind: number, id: Uint8Array, seq: bigint): void {
  head.setUint32(0, kind);
  bytes.set(id, 4);
  head.setBigUint64(20, seq);
  // FNV-1a; the prime is 2^40 + 0x1b3.
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const b of bytes) {
    low = (low ^ b) >>> 0;
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + (low << 8) + Math.floor(product / 2 ** 32)) >>> 0;
    low = product >>> 0;
  }
  out.high = high;
  out.low = low;
  shift(30);
  times(0xbf58476d, 0x1ce4e5b9);
  shift(27);
  times(0x94d049bb, 0x133111eb);
  shift(31);
}

/** h ^= h >> n, for n below 32. */
function shift(n: number): void {
  const { high, low } = out;
  out.low = (low ^ ((low >>> n) | (high << (32 - n)))) >>> 0;
  out.high = (high ^ (high >>> n)) >>> 0;
}

/** h *= the number. */
function times(high: number, low: number): void {
  // The low halves in parts of 16 bits, so that no product is beyond what a double holds exactly.
  const a0 = out.low & 0xffff;
  const a1 = out.low >>> 16;
  const b0 = low & 0xffff;
  const b1 = low >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const cross = a0 * b1 + (middle & 0xffff);
  const carry = a1 * b1 + Math.floor(middle / 2 ** 16) + Math.floor(cross / 2 ** 16);
  out.high = (Math.imul(out.high, low) + Math.imul(out.low, high) + carry) >>> 0;
  out.low = Math.imul(out.low, low) >>> 0;
}
