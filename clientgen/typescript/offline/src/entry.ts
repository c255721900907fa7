// Entries of feeds, and how a page of them lies on disk: for each a head of 32 bytes (kind, 4; id, 16; sequence, 8; length
// of the body, 4, its highest bit set when the entity left the feed), and the body. Big endian. Written and read in one
// piece, for a row of a table for each of ten thousand entries costs a phone seconds.

/** The newest state of one entity in one feed. */
export interface Entry {
  readonly kind: number;
  readonly id: Uint8Array;
  readonly seq: bigint;
  /** The entity left this feed; the body is empty. */
  readonly removed: boolean;
  readonly body: Uint8Array;
}

const headSize = 32;
const removedBit = 0x80000000;

/** Puts entries into one byte string. */
export function encodeEntries(entries: Iterable<Entry>, count: number, bodies: number): Uint8Array {
  const bytes = new Uint8Array(count * headSize + bodies);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const e of entries) {
    view.setUint32(at, e.kind);
    bytes.set(e.id, at + 4);
    view.setBigUint64(at + 20, e.seq);
    view.setUint32(at + 28, e.body.length + (e.removed ? removedBit : 0));
    bytes.set(e.body, at + headSize);
    at += headSize + e.body.length;
  }
  return bytes;
}

/** Calls fn with every entry of what encodeEntries made. Ids and bodies are parts of the bytes, not copies. */
export function eachEntry(bytes: Uint8Array, fn: (e: Entry) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const size = view.getUint32(at + 28);
    const end = at + headSize + (size & ~removedBit);
    fn({
      kind: view.getUint32(at),
      id: bytes.subarray(at + 4, at + 20),
      seq: view.getBigUint64(at + 20),
      removed: size >= removedBit,
      body: bytes.subarray(at + headSize, end),
    });
    at = end;
  }
}
