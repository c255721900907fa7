// Archives as tar (POSIX ustar) writes them, of plain files with short names.

import { joined, unreadable } from "./seal.js";

const block = 512;

/** A file that goes into an archive. */
export interface Filed {
  readonly name: string;
  readonly bytes: Blob;
}

/** Writes an archive; at is in seconds since 1970. */
export async function* tar(files: AsyncIterable<Filed>, at: number): AsyncGenerator<Uint8Array> {
  for await (const { name, bytes } of files) {
    yield head(name, bytes.size, at);
    for (let from = 0; from < bytes.size; from += 1 << 20)
      yield new Uint8Array(await bytes.slice(from, from + (1 << 20)).arrayBuffer());
    yield new Uint8Array(padding(bytes.size));
  }
  yield new Uint8Array(2 * block);
}

/** Reads an archive, file by file, to its end; what is no archive gives box_unreadable. */
export async function* untar(archive: AsyncGenerator<Uint8Array<ArrayBuffer>>): AsyncGenerator<Filed> {
  const from = new Reader(archive);
  for (;;) {
    const head = await from.take(block);
    if (head.every((b) => b === 0)) break;
    const sum = head.reduce((sum, b, i) => sum + (i >= 148 && i < 156 ? 32 : b), 0);
    const plain = head[156] === 0 || head[156] === 0x30;
    if (number(head, 148, 8) !== sum || !plain) throw unreadable("no archive");
    const size = number(head, 124, 12);
    const parts: Blob[] = [];
    for (let left = size; left > 0; ) {
      const part = await from.take(Math.min(left, 1 << 20));
      parts.push(new Blob([part]));
      left -= part.length;
    }
    await from.take(padding(size));
    yield { name: text(head, 0, 100), bytes: new Blob(parts) };
  }
  await from.end();
}

class Reader {
  private held: Uint8Array<ArrayBuffer> = new Uint8Array();

  constructor(private readonly from: AsyncGenerator<Uint8Array<ArrayBuffer>>) {}

  async take(size: number): Promise<Uint8Array<ArrayBuffer>> {
    const parts = [this.held];
    let have = this.held.length;
    while (have < size) {
      const next = await this.from.next();
      if (next.done) throw unreadable("the archive is cut off");
      parts.push(next.value);
      have += next.value.length;
    }
    const all = parts.length === 1 ? this.held : joined(parts);
    this.held = all.subarray(size);
    return all.subarray(0, size);
  }

  /** Reads whatever is behind the end: the last chunk says that nothing was cut off. */
  async end(): Promise<void> {
    while (!(await this.from.next()).done);
  }
}

function head(name: string, size: number, at: number): Uint8Array {
  const out = new Uint8Array(block);
  const put = (offset: number, text: string): void => out.set(new TextEncoder().encode(text), offset);
  const octal = (offset: number, digits: number, n: number): void => put(offset, n.toString(8).padStart(digits, "0"));
  put(0, name);
  octal(100, 7, 0o600);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, size);
  octal(136, 11, at);
  put(148, " ".repeat(8));
  put(156, "0");
  put(257, "ustar\u000000");
  octal(
    148,
    6,
    out.reduce((sum, b) => sum + b, 0),
  );
  out[154] = 0;
  return out;
}

const padding = (size: number): number => (block - (size % block)) % block;

function text(head: Uint8Array, offset: number, length: number): string {
  const bytes = head.subarray(offset, offset + length);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function number(head: Uint8Array, offset: number, length: number): number {
  const digits = text(head, offset, length).trim();
  if (!/^[0-7]+$/.test(digits)) throw unreadable("no archive");
  return parseInt(digits, 8);
}
