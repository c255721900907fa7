// Files on their way to the object store.

import type { FileRow, Writing } from "./disk.js";
import { codeOf, Fault } from "./fault.js";
import { headSize, mediaOf } from "./media.js";
import type { Store } from "./store.js";
import { equalBytes, hex, newId } from "./uuid.js";

/** How far the bytes of a file are. */
export const FileState = {
  /** To be sent, or being sent. */
  waiting: 1,
  /**
   * The server does not take it now, because its mutation waits for a person or was rejected; the bytes are kept and
   * offered again with every sync. Or the device cannot read them any more (file_gone).
   */
  held: 2,
  /** The server has verified the bytes. */
  done: 3,
  /** The server has the bytes and they are not acceptable. */
  refused: 4,
} as const;

/** A file whose bytes are safe in the store and which waits for the mutation that it belongs to. */
export interface Kept {
  readonly id: Uint8Array;
  readonly sha256: Uint8Array;
  readonly size: number;
  /** Its content type. */
  readonly media: string;
}

/** The size in bytes up to which a file goes before the larger ones. */
const smallFile = 256 << 10;

/** For how long bytes wait for their mutation before they are swept away, in milliseconds. */
const patience = 24 * 60 * 60 * 1000;

/**
 * Copies a file into the store and resolves when its bytes are on disk. Without a mutation that names it (see Store.do) the
 * copy is removed when the store is opened after a day. The type is told by the first bytes; that of the Blob counts only where the
 * application takes other files than pictures (Options.otherFiles). What is empty or no picture is refused with file_empty or
 * proof_not_picture.
 */
export async function keep(store: Store, file: Blob): Promise<Kept> {
  const at = store.options.now();
  const id = newId(at);
  const content = await file.arrayBuffer();
  const media = mediaOf(
    file.type,
    new Uint8Array(content, 0, Math.min(content.byteLength, headSize)),
    store.options.otherFiles === true,
  );
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const bytes = new Blob([content], { type: media });
  await store.write(["bytes"], (tx) => tx.put("bytes", { key: hex(id), bytes, at: at.getTime() }));
  return { id, sha256, size: bytes.size, media };
}

/** The bytes of a file; undefined when the store has none of that id. */
export async function openFile(store: Store, id: Uint8Array): Promise<Blob | undefined> {
  return (await store.read(["bytes"], (tx) => tx.get("bytes", hex(id))))?.bytes;
}

/**
 * The bytes of a file that is to be sent. One whose bytes the device has lost is file_gone, one that cannot be read now is
 * store_unusable; neither is a reason to keep the others here.
 */
export async function openWhole(store: Store, { id, size }: Kept): Promise<Blob> {
  const bytes = await openFile(store, id);
  if (bytes?.size !== size) throw Fault.of("file_gone");
  try {
    await bytes.slice(0, 1).arrayBuffer(); // a browser tells only who reads
  } catch (err) {
    const gone = err instanceof DOMException && err.name === "NotFoundError";
    throw Fault.of(gone ? "file_gone" : "store_unusable", String(err), err);
  }
  return bytes;
}

/** The keys of the files to be sent that cannot be read, with the code that says why. */
export async function lostFiles(store: Store): Promise<ReadonlyMap<string, string>> {
  const codes = new Map<string, string>();
  for (const f of unsentFiles(store.fileRows)) {
    await openWhole(store, f).catch((err: unknown) => codes.set(f.key, codeOf(err)));
  }
  return codes;
}

/** All files, in the order in which they go over the radio: small ones first, then as added. */
export function files(store: Store): readonly FileRow[] {
  const large = (f: FileRow): number => (f.size > smallFile ? 1 : 0);
  return [...store.fileRows].sort((a, b) => large(a) - large(b) || a.added - b.added || (a.key < b.key ? -1 : 1));
}

/** Notes how far a file is; nothing when it is gone meanwhile. */
export async function setFile(store: Store, f: FileRow): Promise<void> {
  await store.write(["file"], async (tx) => {
    if ((await tx.get("file", f.key)) !== undefined) await tx.put("file", f);
  });
}

/** Forgets a file that is held: a person decided that nobody needs its bytes, or saw that they are gone. */
export async function letGo(store: Store, id: Uint8Array): Promise<void> {
  await store.write(["file", "bytes"], async (tx) => {
    const f = await tx.get("file", hex(id));
    if (f?.state !== FileState.held) throw Fault.of("not_found");
    await tx.delete("file", f.key);
    await tx.delete("bytes", f.key);
  });
}

/** The row of a file that a mutation names, added at a time in milliseconds since 1970. */
export function fileRow(f: Kept, mutation: Uint8Array, added: number): FileRow {
  return { ...f, key: hex(f.id), mutation, added, state: FileState.waiting, sent: 0, code: "" };
}

/** Makes the files of a mutation go through their upload anew. What the object store still has is not sent twice. */
export async function reopenFiles(tx: Writing, mutation: Uint8Array): Promise<void> {
  const done = (await tx.all("file")).filter((f) => f.state === FileState.done && equalBytes(f.mutation, mutation));
  await tx.put("file", ...done.map((f) => ({ ...f, state: FileState.waiting, sent: 0 })));
}

/** Files whose bytes the server has not confirmed. */
export function unsentFiles(all: readonly FileRow[]): readonly FileRow[] {
  return all.filter((f) => f.state === FileState.waiting || f.state === FileState.held);
}

/** Removes bytes that no file names: of mutations that were never written, or that are forgotten. */
export async function sweep(store: Store): Promise<void> {
  const old = store.options.now().getTime() - patience;
  const unnamed = await store.read(["file", "bytes"], async (tx) => {
    const named = new Set(await tx.keys("file"));
    return (await tx.keys("bytes")).filter((key) => !named.has(key));
  });
  if (unnamed.length === 0) return;
  await store.write(["file", "bytes"], async (tx) => {
    for (const key of unnamed) {
      const bytes = await tx.get("bytes", key);
      if (bytes !== undefined && bytes.at < old && (await tx.get("file", key)) === undefined)
        await tx.delete("bytes", key);
    }
  });
}
