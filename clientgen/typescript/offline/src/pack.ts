// Packs: many entries of a feed in few bytes. docs/PROTOCOL.md section 10 describes the form, sync/change/pack is the reference.

import { decompress } from "fzstd";
import type { Entry } from "./entry.js";
import { Fault } from "./fault.js";

/** Bounds what one pack may hold when taken apart: bodies, and 32 bytes for each entry. */
const maxBytes = 16 << 20;
const maxDepth = 8;
const maxColumns = 256;

/** The entries of a pack. Throws for what is none. */
export function unpack(pack: Uint8Array): Entry[] {
  try {
    return new Reader(pack).entries();
  } catch (err) {
    throw err instanceof Fault ? err : malformed(String(err));
  }
}

function malformed(what: string): Fault {
  return Fault.of("internal", `pack: ${what}`);
}

/** Numbers of 64 bits, in halves: bigints are too slow for a first download. */
class Numbers {
  readonly low: Uint32Array;
  readonly high: Uint32Array;

  constructor(readonly length: number) {
    this.low = new Uint32Array(length);
    this.high = new Uint32Array(length);
  }

  big(i: number): bigint {
    return (BigInt(this.high[i]!) << 32n) | BigInt(this.low[i]!);
  }
}

/** Byte strings that lie in one: the i-th from where the one before ends, or all of one length. */
class Strings {
  /** Of strings that are named: the place of the i-th among the different ones. */
  index: Uint32Array | undefined;

  constructor(
    readonly data: Uint8Array,
    /** When all are equally long; else -1. */
    readonly size: number,
    readonly ends: Uint32Array,
  ) {}

  from(i: number): number {
    if (this.index !== undefined) i = this.index[i]!;
    return this.size >= 0 ? i * this.size : i === 0 ? 0 : this.ends[i - 1]!;
  }

  to(i: number): number {
    if (this.index !== undefined) i = this.index[i]!;
    return this.size >= 0 ? (i + 1) * this.size : this.ends[i]!;
  }

  at(i: number): Uint8Array {
    return this.data.subarray(this.from(i), this.to(i));
  }
}

/** A place of length-delimited values, to be put together one after the other. */
interface Field {
  next: number;
  /** The values as they are. */
  readonly leaf?: Strings;
  /** Or the messages that they are: their tags in order, and what lies under each tag. */
  readonly shapes?: Strings;
  readonly columns: Column[];
}

/** What the messages of a field hold under one tag. */
interface Column {
  readonly tag: number;
  count: number;
  next: number;
  numbers?: Numbers;
  fixed?: Strings;
  field?: Field;
}

class Reader {
  private readonly plain: Uint8Array;
  private at = 0;
  private readonly noise: Uint8Array;
  private noiseAt = 0;
  /** Counts what columns hold, so that a few bytes cannot claim billions. */
  private values = 0;
  private readonly last = new Map<number, Numbers>();
  // The number read last.
  private low = 0;
  private high = 0;

  constructor(pack: Uint8Array) {
    if (pack.length < 2 || pack[0] !== 1) throw malformed("version");
    this.plain = pack;
    this.at = 1;
    const size = this.small();
    const end = this.at + size;
    if (end > pack.length) throw malformed("length");
    this.plain = inflate(pack.subarray(this.at, end));
    this.at = 0;
    this.noise = pack.subarray(end);
  }

  entries(): Entry[] {
    const n = this.small();
    if (n > maxBytes / 32) throw malformed("count");
    const kinds = this.numbers(n);
    const seqs = this.numbers(n);
    const ids = this.strings(n);
    const bodies: Uint8Array[] = new Array<Uint8Array>(n).fill(new Uint8Array());
    let left = maxBytes - 32 * n;
    const live = new Map<number, number[]>();
    for (let i = 0; i < n; i++) {
      if (kinds.high[i] !== 0 || seqs.high[i]! > 2 ** 30 || ids.to(i) - ids.from(i) !== 16) throw malformed("entry");
      if ((kinds.low[i]! & 1) === 1) continue;
      const kind = kinds.low[i]! >>> 1;
      const of = live.get(kind);
      if (of === undefined) live.set(kind, [i]);
      else of.push(i);
    }
    for (const of of live.values()) {
      const out = new Builder(left);
      const field = this.field(of.length, 0);
      const ends = of.map(() => {
        append(field, out);
        return out.at;
      });
      of.forEach((i, k) => (bodies[i] = out.bytes.subarray(k === 0 ? 0 : ends[k - 1], ends[k])));
      left -= out.at;
    }
    if (this.at !== this.plain.length || this.noiseAt !== this.noise.length) throw malformed("length");
    return bodies.map((body, i) => ({
      kind: kinds.low[i]! >>> 1,
      id: ids.at(i),
      seq: seqs.big(i),
      removed: (kinds.low[i]! & 1) === 1,
      body,
    }));
  }

  /** Reads a varint into low and high. */
  private varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      const b = this.plain[this.at++];
      if (b === undefined || shift > 63 || (shift === 63 && b > 1)) throw malformed("number");
      const bits = b & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (b < 0x80) break;
    }
    this.low = low >>> 0;
    this.high = high >>> 0;
  }

  /** A varint that says how much of something there is. */
  private small(): number {
    this.varint();
    if (this.high !== 0 || this.low > 0x7fffffff) throw malformed("length");
    return this.low;
  }

  private byte(): number {
    const b = this.plain[this.at++];
    if (b === undefined) throw malformed("length");
    return b;
  }

  private take(n: number): Uint8Array {
    if (n > this.plain.length - this.at) throw malformed("length");
    return this.plain.subarray(this.at, (this.at += n));
  }

  /** Counts n more values, each of which takes a byte at least. */
  private room(n: number): void {
    this.values += n;
    if (this.values > maxBytes) throw malformed("too many values");
  }

  private numbers(n: number): Numbers {
    const mode = this.byte();
    const beside = this.last.get(n);
    if (mode > 2 || (mode === 2 && beside === undefined)) throw malformed("column");
    this.room(n);
    if (n > this.plain.length - this.at) throw malformed("column");
    const out = new Numbers(n);
    let low = 0;
    let high = 0;
    for (let i = 0; i < n; i++) {
      this.varint();
      if (mode !== 0) {
        if (mode === 2) {
          low = beside!.low[i]!;
          high = beside!.high[i]!;
        }
        // Zigzag: v >>> 1 ^ -(v & 1), added to the number that it is the difference from.
        const sign = -(this.low & 1);
        const sum = low + ((((this.low >>> 1) | (this.high << 31)) ^ sign) >>> 0);
        high = (high + (((this.high >>> 1) ^ sign) >>> 0) + (sum > 0xffffffff ? 1 : 0)) >>> 0;
        low = sum >>> 0;
      } else {
        low = this.low;
        high = this.high;
      }
      out.low[i] = low;
      out.high[i] = high;
    }
    this.last.set(n, out);
    return out;
  }

  private strings(n: number): Strings {
    const mode = this.byte();
    this.room(n);
    switch (mode) {
      case 0:
        return this.all(n);
      case 1:
        return this.planes(n);
      case 2: {
        const names = this.small();
        if (names > n || n > this.plain.length - this.at) throw malformed("names");
        const out = this.all(names);
        out.index = new Uint32Array(n);
        for (let i = 0; i < n; i++) {
          const name = this.small();
          if (name >= names) throw malformed("name");
          out.index[i] = name;
        }
        return out;
      }
    }
    throw malformed("column");
  }

  private all(n: number): Strings {
    if (n > this.plain.length - this.at) throw malformed("column");
    const ends = new Uint32Array(n);
    let end = 0;
    for (let i = 0; i < n; i++) {
      end += this.small();
      if (end > 2 * maxBytes) throw malformed("length");
      ends[i] = end;
    }
    return new Strings(this.take(end), -1, ends);
  }

  private planes(n: number): Strings {
    const size = this.small();
    if (size === 0 || size > 64) throw malformed("length");
    const noisy = this.take(Math.ceil(size / 8));
    if (n * size > this.plain.length - this.at + this.noise.length - this.noiseAt) throw malformed("length");
    const data = new Uint8Array(n * size);
    for (let p = 0; p < size; p++) {
      const plane = (noisy[p >> 3]! & (1 << (p & 7))) === 0 ? this.take(n) : this.takeNoise(n);
      for (let i = 0, to = p; i < n; i++, to += size) data[to] = plane[i]!;
    }
    return new Strings(data, size, new Uint32Array());
  }

  private takeNoise(n: number): Uint8Array {
    if (n > this.noise.length - this.noiseAt) throw malformed("length");
    return this.noise.subarray(this.noiseAt, (this.noiseAt += n));
  }

  private field(n: number, depth: number): Field {
    const form = this.byte();
    if (form === 0) return { next: 0, leaf: this.strings(n), columns: [] };
    if (form !== 1) throw malformed("field");
    if (depth >= maxDepth) throw malformed("depth");
    const f: Field = { next: 0, shapes: this.strings(n), columns: [] };
    for (let i = 0; i < n; i++) this.count(f, i);
    for (const c of f.columns) {
      switch (c.tag & 7) {
        case 0:
          c.numbers = this.numbers(c.count);
          break;
        case 2:
          c.field = this.field(c.count, depth + 1);
          break;
        default:
          c.fixed = this.strings(c.count);
          for (let i = 0; i < c.count; i++)
            if (c.fixed.to(i) - c.fixed.from(i) !== fixedSize(c.tag)) throw malformed("fixed");
      }
    }
    return f;
  }

  /** Counts what the i-th message holds under each tag. */
  private count(f: Field, i: number): void {
    const shapes = f.shapes!;
    const end = shapes.to(i);
    let next = 0;
    for (let at = shapes.from(i); at < end; ) {
      at = tagAt(shapes.data, at, end);
      const wire = tag & 7;
      if (tag < 8 || (wire !== 0 && wire !== 1 && wire !== 2 && wire !== 5)) throw malformed("shape");
      this.room(1);
      let place = columnOf(f, tag, next);
      if (place < 0) {
        if (f.columns.length === maxColumns) throw malformed("columns");
        place = f.columns.push({ tag, count: 0, next: 0 }) - 1;
      }
      f.columns[place]!.count++;
      next = place + 1;
    }
  }
}

/** The tag read last by tagAt. */
let tag = 0;

/** Reads the tag at a place of a shape, and gives the place behind it. */
function tagAt(shape: Uint8Array, at: number, end: number): number {
  tag = 0;
  for (let shift = 0; at < end && shift < 35; shift += 7) {
    const b = shape[at++]!;
    tag += (b & 0x7f) * 2 ** shift;
    if (b >= 0x80) continue;
    if (tag > 0xffffffff) break;
    return at;
  }
  throw malformed("shape");
}

/** The place of a tag's column, which is mostly the next one; -1 when there is none. */
function columnOf(f: Field, tag: number, next: number): number {
  for (let i = next; i < f.columns.length; i++) if (f.columns[i]!.tag === tag) return i;
  for (let i = 0; i < next; i++) if (f.columns[i]!.tag === tag) return i;
  return -1;
}

function fixedSize(tag: number): number {
  return (tag & 7) === 1 ? 8 : 4;
}

/** Bytes that grow up to a limit. */
class Builder {
  bytes = new Uint8Array(64 << 10);
  at = 0;

  constructor(private readonly limit: number) {}

  /** Makes room for n more bytes. */
  room(n: number): void {
    if (this.at + n > this.limit) throw malformed("too large");
    if (this.at + n <= this.bytes.length) return;
    const longer = new Uint8Array(Math.max(2 * this.bytes.length, this.at + n));
    longer.set(this.bytes.subarray(0, this.at));
    this.bytes = longer;
  }

  /** Adds a part of other bytes. */
  add(from: Uint8Array, begin: number, end: number): void {
    this.room(end - begin);
    const { bytes } = this;
    let { at } = this;
    if (end - begin > 32) {
      bytes.set(from.subarray(begin, end), at);
      at += end - begin;
    } else {
      for (let i = begin; i < end; i++) bytes[at++] = from[i]!;
    }
    this.at = at;
  }

  varint(low: number, high: number): void {
    this.room(10);
    const { bytes } = this;
    let { at } = this;
    while (high !== 0 || low > 0x7f) {
      bytes[at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    bytes[at++] = low;
    this.at = at;
  }

  /** Puts the length of what was added from a place on in front of it; one byte was left for it there. */
  length(begin: number): void {
    const n = this.at - begin;
    if (n < 0x80) {
      this.bytes[begin - 1] = n;
      return;
    }
    let more = 0;
    for (let rest = n >>> 7; rest > 0; rest >>>= 7) more++;
    this.room(more);
    this.bytes.copyWithin(begin + more, begin, this.at);
    const end = this.at + more;
    this.at = begin - 1;
    this.varint(n, 0);
    this.at = end;
  }
}

/** Adds the next value of a field. */
function append(f: Field, out: Builder): void {
  const i = f.next++;
  if (f.leaf !== undefined) {
    out.add(f.leaf.data, f.leaf.from(i), f.leaf.to(i));
    return;
  }
  const shapes = f.shapes!;
  const end = shapes.to(i);
  let next = 0;
  for (let at = shapes.from(i); at < end; ) {
    const begin = at;
    at = tagAt(shapes.data, at, end);
    out.add(shapes.data, begin, at);
    const place = columnOf(f, tag, next);
    next = place + 1;
    const c = f.columns[place]!;
    const k = c.next++;
    if (c.numbers !== undefined) {
      out.varint(c.numbers.low[k]!, c.numbers.high[k]!);
    } else if (c.fixed !== undefined) {
      out.add(c.fixed.data, c.fixed.from(k), c.fixed.to(k));
    } else {
      sized(c.field!, out);
    }
  }
}

/** Adds the next value of a field with its length in front. */
function sized(f: Field, out: Builder): void {
  if (f.leaf !== undefined) {
    out.varint(f.leaf.to(f.next) - f.leaf.from(f.next), 0);
    append(f, out);
    return;
  }
  out.room(1);
  const begin = ++out.at;
  append(f, out);
  out.length(begin);
}

/** Decompresses one zstd frame, if it is no larger than a pack may be. */
function inflate(frame: Uint8Array): Uint8Array {
  const size = frameSize(frame);
  // Only tiny frames do not say how much they hold.
  if (size === undefined ? frame.length > 1 << 10 : size > 2 * maxBytes) throw malformed("too large");
  return decompress(frame);
}

/** What a zstd frame says that it holds, in bytes: RFC 8878, 3.1.1.1. */
function frameSize(frame: Uint8Array): number | undefined {
  const flags = frame[4] ?? 0;
  const single = (flags >> 5) & 1;
  const at = 5 + (1 - single) + [0, 1, 2, 4][flags & 3]!;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  switch (flags >> 6) {
    case 0:
      return single === 1 ? view.getUint8(at) : undefined;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}
