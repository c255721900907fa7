// What a device owes a server whose database was restored, and how long it keeps what it owes.

import { unsentFiles } from "./file.js";
import { getMeta } from "./meta.js";
import { actionOf } from "./outbox.js";
import type { Store } from "./store.js";
import { equalBytes, hex } from "./uuid.js";
import { needsAttention } from "./words.js";

/**
 * Whether the server gave a verdict for something that it is not known to have: its database may have been restored. With something
 * unsent the push asks for it by itself (PushRequest.held_from); this is for the phone that had nothing else to send.
 */
export function forgotten(store: Store): boolean {
  return store.work.some((r) => r.known === undefined && r.verdict !== undefined);
}

/** Whether this device has a verdict for a mutation above a number. */
export function toldBeyond(store: Store, seq: bigint): boolean {
  const device = store.meta("device");
  return store.work.some(
    (r) => device !== undefined && equalBytes(r.device, device) && r.verdict !== undefined && r.seq > seq,
  );
}

/** Notes that the server lacks what this device did from a number on. */
export async function offerAgain(store: Store, from: number): Promise<void> {
  await store.write(["outbox"], async (tx) => {
    const device = await getMeta(tx, "device");
    const rows = (await tx.all("outbox")).filter(
      (r) => device !== undefined && equalBytes(r.device, device) && r.seq >= from,
    );
    await tx.put("outbox", ...rows.map((r) => ({ ...r, known: undefined })));
  });
}

/** How long acknowledged mutations are kept when the server does not say. */
const defaultKeepDays = 30;
const day = 24 * 60 * 60 * 1000;

/**
 * Forgets mutations that the server has had for longer than any backup is old from which it would be restored, and their files. It
 * counts from when the server has had a mutation for sure: one that came again after a restore is as young as that, whatever its first
 * verdict says. What is not settled is kept: to be sent, not covered by the state shown, rejected or parked and not seen by a person,
 * with a file to send; and everything after it, so that what is held has no gaps. The newest one always stays, for the numbers count
 * on from it. Time is the server's.
 */
export async function prune(store: Store): Promise<void> {
  const horizon = (store.meta("asOf") ?? 0) - (store.meta("keepDays") || defaultKeepDays) * day;
  const sending = new Set(unsentFiles(store.fileRows).map((f) => hex(f.mutation)));
  const gone: { readonly n: number; readonly id: Uint8Array }[] = [];
  for (const row of store.work.slice(0, -1)) {
    if (row.known === undefined || row.known >= horizon || !row.covered || sending.has(hex(row.id))) break;
    if (!row.seen && needsAttention(actionOf(row))) break;
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
