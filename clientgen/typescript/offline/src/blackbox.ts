/**
 * A black box is the unsent work of a device, encrypted with a passphrase, for a dying phone or a login that does not come back.
 * Imported on any other device, with a client in any language, it goes on its way under the same mutation ids, so that what the
 * server has seen already counts once.
 */

import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { wipe } from "./device.js";
import type { FileRow, OutboxRow } from "./disk.js";
import { Fault } from "./fault.js";
import { fileRow, lostFiles, openWhole, unsentFiles } from "./file.js";
import { getMeta } from "./meta.js";
import { rowOf } from "./outbox.js";
import { seal, unreadable, unseal } from "./seal.js";
import type { Store } from "./store.js";
import { tar, untar, type Filed } from "./tar.js";
import { equalBytes, hex, uuidOf, uuidText } from "./uuid.js";

/** What was exported or imported. */
export interface Box {
  readonly made: Date;
  readonly org: Uint8Array;
  readonly user: Uint8Array;
  readonly userName: string;
  readonly mutations: readonly BoxedMutation[];
  readonly files: readonly BoxedFile[];
}

/** A mutation in a box. */
export interface BoxedMutation {
  readonly id: Uint8Array;
  readonly kind: string;
  readonly args: Uint8Array;
  /** By the device's clock. */
  readonly at: Date;
  /** The message Verdict: it travels only for its files. */
  readonly verdict?: Uint8Array;
}

/** A file in a box. */
export interface BoxedFile {
  readonly id: Uint8Array;
  readonly mutation: Uint8Array;
  readonly sha256: Uint8Array;
  readonly size: number;
  readonly media: string;
}

const minPassphrase = 8;

/** Refuses a passphrase of less than 8 bytes with box_passphrase. */
export function checkPassphrase(passphrase: string): void {
  if (new TextEncoder().encode(passphrase).length < minPassphrase)
    throw Fault.of("box_passphrase", String(minPassphrase));
}

/**
 * Seals everything that is unsent with a passphrase of at least 8 bytes (else box_passphrase), but for files whose bytes the device
 * has lost or cannot read now: Box.files are those that are in it. The store keeps it too: sending it from both sides is safe.
 */
export async function exportBox(store: Store, passphrase: string): Promise<{ box: Box; sealed: Blob }> {
  checkPassphrase(passphrase);
  const device = store.device();
  const lost = await lostFiles(store);
  const { files, mutations } = await store.read(["outbox", "file"], async (tx) => {
    const unsent = unsentFiles(await tx.all("file"));
    const files = unsent.filter((f) => !lost.has(f.key));
    const needed = new Set(files.map((f) => hex(f.mutation)));
    const rows = await tx.all("outbox");
    return { files, mutations: rows.filter((r) => r.known === undefined || needed.has(hex(r.id))) };
  });
  const box: Box = {
    made: store.options.now(),
    org: device.org,
    user: device.user,
    userName: device.userName,
    mutations: mutations.map(boxedMutation),
    files: files.map(boxedFile),
  };
  return { box, sealed: await sealBox(box, (f) => openWhole(store, f), passphrase) };
}

/** A row of the outbox as it stands in a box. */
export function boxedMutation({ id, kind, args, at, verdict }: OutboxRow): BoxedMutation {
  return { id, kind, args, at: new Date(at), ...(verdict === undefined ? {} : { verdict }) };
}

/** A file's row as it stands in a box. */
export function boxedFile({ id, mutation, sha256, size, media }: FileRow): BoxedFile {
  return { id, mutation, sha256, size, media };
}

/** Seals a box; open gives the bytes of its files. */
export async function sealBox(box: Box, open: (f: BoxedFile) => Promise<Blob>, passphrase: string): Promise<Blob> {
  const parts: Blob[] = [];
  const archive = tar(filed(box, open), Math.floor(box.made.getTime() / 1000));
  for await (const chunk of seal(archive, passphrase)) parts.push(new Blob([chunk]));
  return new Blob(parts);
}

async function* filed(box: Box, open: (f: BoxedFile) => Promise<Blob>): AsyncGenerator<Filed> {
  yield { name: "work.json", bytes: new Blob([boxText(box)]) };
  for (const f of box.files) {
    yield { name: uuidText(f.id), bytes: await open(f) };
  }
}

/**
 * Forgets everything, as Store.logout does, provided that all that is unsent is in the box that exportBox gave (else unsent_work), but
 * for files whose bytes are gone. One that only cannot be read now keeps everything here.
 */
export async function handOver(store: Store, box: Box): Promise<void> {
  const boxed = new Set([...box.mutations, ...box.files].map((one) => hex(one.id)));
  const lost = await lostFiles(store);
  await store.write(["page", "outbox", "file", "bytes"], async (tx) => {
    const unsent = [
      ...(await tx.all("outbox")).filter((r) => r.known === undefined),
      ...unsentFiles(await tx.all("file")).filter((f) => lost.get(f.key) !== "file_gone"),
    ];
    if (unsent.some((one) => !boxed.has(hex(one.id)))) throw Fault.of("unsent_work");
    await wipe(tx);
  });
}

/**
 * Takes a black box into this device's outbox. The device must be enrolled (else not_enrolled) in the same company (else
 * box_foreign). What it holds already is skipped, and counted in known; a box may be imported twice. A wrong passphrase or a
 * damaged box is box_unreadable.
 */
export async function importBox(store: Store, sealed: Blob, passphrase: string): Promise<{ box: Box; known: number }> {
  if (store.meta("device") === undefined) throw Fault.of("not_enrolled");
  const archive = untar(unseal(sealed, passphrase));
  const first = await archive.next();
  if (first.done === true || first.value.name !== "work.json") throw unreadable("it holds no work");
  const box = boxOf(await first.value.bytes.text());
  if (!equalBytes(box.org, store.device().org)) throw Fault.of("box_foreign");
  // The bytes first: without the mutation that names them they are swept away some day.
  const want = new Map(box.files.map((f) => [uuidText(f.id), f]));
  for await (const { name, bytes } of archive) {
    const f = want.get(name);
    if (f === undefined) throw unreadable("a file that was not announced");
    want.delete(name);
    const content = await bytes.arrayBuffer();
    if (!equalBytes(new Uint8Array(await crypto.subtle.digest("SHA-256", content)), f.sha256))
      throw unreadable("a file is damaged");
    const kept = new Blob([content], { type: f.media });
    const at = store.options.now().getTime();
    await store.write(["bytes"], (tx) => tx.put("bytes", { key: hex(f.id), bytes: kept, at }));
  }
  if (want.size > 0) throw unreadable("a file is missing");
  const known = await take(store, box);
  store.woken.notify();
  return { box, known };
}

/** Appends what is not known yet, and counts what is. */
function take(store: Store, box: Box): Promise<number> {
  return store.write(["outbox", "file"], async (tx) => {
    const device = await getMeta(tx, "device");
    if (device === undefined) throw Fault.of("not_enrolled");
    const held = new Set((await tx.all("outbox")).map((r) => hex(r.id)));
    let last = await tx.last("outbox");
    let known = 0;
    for (const m of box.mutations) {
      if (held.has(hex(m.id))) {
        known++;
        continue;
      }
      // Also one that has a verdict goes again: the server repeats it, and this device's file hangs on it.
      last = rowOf(last, device, m);
      await tx.put("outbox", last);
    }
    for (const f of box.files) {
      const row: FileRow = fileRow(f, f.mutation, box.made.getTime());
      if ((await tx.get("file", row.key)) === undefined) await tx.put("file", row);
    }
    return known;
  });
}

/** work.json, as all languages write it. */
function boxText(box: Box): string {
  return JSON.stringify({
    made: box.made.toISOString(),
    org: uuidText(box.org),
    user: uuidText(box.user),
    user_name: box.userName,
    mutations: box.mutations.map((m) => ({
      id: uuidText(m.id),
      kind: m.kind,
      args: base64Encode(m.args),
      at: m.at.toISOString(),
      ...(m.verdict === undefined ? {} : { verdict: base64Encode(m.verdict) }),
    })),
    files: box.files.map((f) => ({
      id: uuidText(f.id),
      mutation: uuidText(f.mutation),
      sha256: base64Encode(f.sha256),
      size: f.size,
      media: f.media,
    })),
  });
}

interface Work {
  made: string;
  org: string;
  user: string;
  user_name: string;
  mutations: { id: string; kind: string; args: string | null; at: string; verdict?: string }[] | null;
  files: { id: string; mutation: string; sha256: string; size: number; media: string }[] | null;
}

/** Reads work.json. */
export function boxOf(text: string): Box {
  try {
    const work = JSON.parse(text) as Work;
    return {
      made: time(work.made),
      org: id(work.org),
      user: id(work.user),
      userName: work.user_name,
      mutations: (work.mutations ?? []).map((m) => ({
        id: id(m.id),
        kind: m.kind,
        args: base64Decode(m.args ?? ""),
        at: time(m.at),
        ...(m.verdict === undefined ? {} : { verdict: base64Decode(m.verdict) }),
      })),
      files: (work.files ?? []).map((f) => ({
        id: id(f.id),
        mutation: id(f.mutation),
        sha256: base64Decode(f.sha256),
        size: f.size,
        media: f.media,
      })),
    };
  } catch (err) {
    throw unreadable("its work cannot be read", err);
  }
}

function id(text: string): Uint8Array {
  const id = uuidOf(text);
  if (id === undefined) throw new Error(`no id: ${text}`);
  return id;
}

/** A time to the millisecond; boxes of other languages have it to the microsecond. */
function time(text: string): Date {
  const at = new Date(text.replace(/(\.\d{3})\d+/, "$1"));
  if (Number.isNaN(at.getTime())) throw new Error(`no time: ${text}`);
  return at;
}
