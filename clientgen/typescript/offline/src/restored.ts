// What a device owes a server whose database was restored, and how long it keeps what it owes.

import { fromBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { OutboxRow } from "./disk.js";
import { FileState, unsentFiles } from "./file.js";
import { Outcome, VerdictSchema } from "./gen/doorstep/sync/v1/sync_pb.js";
import type { Store } from "./store.js";
import { equalBytes, hex } from "./uuid.js";

/**
 * The lowest number of this device with a verdict that the last checkpoint's server does not know; 0 when there is none. With
 * something unsent the push asks for it by itself (PushRequest.held_from); this is for the phone that has nothing else to send.
 */
export function forgotten(store: Store): number {
  return toldBeyond(store, store.meta("reached") ?? 0)?.seq ?? 0;
}

/** The first mutation of this device above a number that has a verdict. */
export function toldBeyond(store: Store, seq: number): OutboxRow | undefined {
  const device = store.meta("device");
  return store.work.find(
    (r) => device !== undefined && equalBytes(r.device, device) && r.verdict !== undefined && r.seq > seq,
  );
}

/**
 * Makes the files of forgotten mutations go through their upload anew. What the object store still has is not sent twice.
 */
export async function offerAgain(store: Store, from: number): Promise<void> {
  const device = store.meta("device");
  const ids = new Set(
    store.work
      .filter((r) => device !== undefined && equalBytes(r.device, device) && r.seq >= from)
      .map((r) => hex(r.id)),
  );
  await store.write(["file"], async (tx) => {
    const done = (await tx.all("file")).filter((f) => f.state === FileState.done && ids.has(hex(f.mutation)));
    await tx.put("file", ...done.map((f) => ({ ...f, state: FileState.waiting, sent: 0 })));
  });
}

/** How long acknowledged mutations are kept when the server does not say. */
const defaultKeepDays = 30;
const day = 24 * 60 * 60 * 1000;

/**
 * Forgets mutations that the server has had for longer than any backup is old from which it would be restored, and their files.
 * What is not settled is kept: without a verdict, not covered by the state shown, rejected or parked and not seen by a person,
 * with a file to send; and everything after it, so that what is held has no gaps. The newest one always stays, for the numbers
 * count on from it. Time is the server's.
 */
export async function prune(store: Store): Promise<void> {
  const horizon = (store.meta("asOf") ?? 0) - (store.meta("keepDays") || defaultKeepDays) * day;
  const sending = new Set(unsentFiles(store.fileRows).map((f) => hex(f.mutation)));
  const gone: { readonly n: number; readonly id: Uint8Array }[] = [];
  for (const row of store.work.slice(0, -1)) {
    if (row.verdict === undefined || !row.covered || sending.has(hex(row.id))) break;
    const v = fromBinary(VerdictSchema, row.verdict);
    if (!row.seen && (v.outcome === Outcome.REJECTED || v.outcome === Outcome.PARKED)) break;
    if (v.serverTime === undefined || timestampMs(v.serverTime) >= horizon) break;
    gone.push(row);
  }
  if (gone.length === 0) return;
  const ids = new Set(gone.map((r) => hex(r.id)));
  await store.write(["outbox", "file", "bytes"], async (tx) => {
    const files = (await tx.all("file")).filter((f) => ids.has(hex(f.mutation))).map((f) => f.key);
    await tx.delete("outbox", ...gone.map((r) => r.n));
    await tx.delete("file", ...files);
    await tx.delete("bytes", ...files);
  });
}
