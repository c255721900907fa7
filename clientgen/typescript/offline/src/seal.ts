// The envelope of a black box: what a passphrase encrypts, chunk by chunk, in the form of all languages.

import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { argon2idAsync } from "@noble/hashes/argon2.js";
import { Fault } from "./fault.js";

// "doorstep box 1\n", 16 bytes of salt, then chunks. A chunk is 4 bytes of length (big endian) and that many bytes of
// XChaCha20-Poly1305 over at most 64 KiB; its nonce is the chunk's number, the last chunk has the top bit of the nonce set, so
// that a cut file does not open. The key is argon2id (3 passes, 64 MiB, 4 lanes) of the passphrase and the salt.
//
// WebCrypto has neither argon2id nor XChaCha20, which is why there is a library for them.
const magic = new TextEncoder().encode("doorstep box 1\n");
const saltSize = 16;
const chunkSize = 64 << 10;
const overhead = 16;

type Bytes = Uint8Array<ArrayBuffer>;

/** Seals bytes, given in pieces of any size. */
export async function* seal(pieces: AsyncIterable<Uint8Array>, passphrase: string): AsyncGenerator<Bytes> {
  const salt = crypto.getRandomValues(new Uint8Array(saltSize));
  yield joined([magic, salt]);
  const key = await keyOf(passphrase, salt);
  let n = 0;
  const chunk = (bytes: Uint8Array, last: boolean): Bytes => {
    const sealed = xchacha20poly1305(key, nonce(n++, last), magic).encrypt(bytes);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, sealed.length);
    return joined([length, sealed]);
  };
  let rest: Uint8Array[] = [];
  let held = 0;
  for await (const piece of pieces) {
    rest.push(piece);
    held += piece.length;
    if (held <= chunkSize) continue;
    const all = joined(rest);
    let at = 0;
    for (; all.length - at > chunkSize; at += chunkSize) yield chunk(all.subarray(at, at + chunkSize), false);
    rest = [all.subarray(at)];
    held = all.length - at;
  }
  yield chunk(joined(rest), true);
}

/** Opens what was sealed. Bytes that were changed, cut or sealed with another passphrase give box_unreadable. */
export async function* unseal(box: Blob, passphrase: string): AsyncGenerator<Bytes> {
  let at = 0;
  const take = async (size: number): Promise<Bytes> => {
    const bytes = new Uint8Array(await box.slice(at, at + size).arrayBuffer());
    if (bytes.length !== size) throw unreadable("it is cut off");
    at += size;
    return bytes;
  };
  const head = await take(magic.length + saltSize);
  if (!magic.every((b, i) => head[i] === b)) throw unreadable("not a black box");
  const key = await keyOf(passphrase, head.subarray(magic.length));
  for (let n = 0; ; n++) {
    const size = new DataView((await take(4)).buffer).getUint32(0);
    if (size > chunkSize + overhead) throw unreadable(`a chunk of ${size} bytes`);
    const sealed = await take(size);
    const open = (last: boolean): Bytes => xchacha20poly1305(key, nonce(n, last), magic).decrypt(sealed) as Bytes;
    let bytes: Bytes;
    let last = false;
    try {
      bytes = open(false);
    } catch {
      try {
        bytes = open(true);
        last = true;
      } catch (err) {
        throw unreadable("", err);
      }
    }
    yield bytes;
    if (last) return;
  }
}

export function unreadable(detail: string, cause?: unknown): Fault {
  return Fault.of("box_unreadable", detail, cause);
}

/** Byte strings, one behind the other. */
export function joined(parts: readonly Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

function keyOf(passphrase: string, salt: Uint8Array): Promise<Uint8Array> {
  return argon2idAsync(passphrase, salt, { t: 3, m: 64 << 10, p: 4, dkLen: 32 });
}

function nonce(n: number, last: boolean): Uint8Array {
  const out = new Uint8Array(24);
  new DataView(out.buffer).setBigUint64(16, BigInt(n));
  if (last) out[0] = 0x80;
  return out;
}
