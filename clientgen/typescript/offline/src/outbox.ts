// What a person did, in order, and what became of it.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { OutboxRow } from "./disk.js";
import { Fault } from "./fault.js";
import { fileRow, reopenFiles, type Kept } from "./file.js";
import {
  MutationSchema,
  Outcome,
  PushRequestSchema,
  VerdictSchema,
  type PushRequest,
  type PushResponse,
  type Verdict,
} from "./gen/doorstep/sync/v1/sync_pb.js";
import { getMeta, setMeta } from "./meta.js";
import type { Store } from "./store.js";
import { equalBytes, newId } from "./uuid.js";
import type { Mutation } from "./view.js";
import type { Action } from "./words.js";

/** The greatest size of a mutation's arguments in bytes; the server rejects more. */
export const maxArgs = 512 << 10;

/** Writes a mutation down under the device's next number. */
export async function append(store: Store, kind: string, args: Uint8Array, files: readonly Kept[]): Promise<Mutation> {
  if (args.length > maxArgs) throw Fault.of("mutation_too_large", `${args.length} bytes`);
  const at = store.options.now();
  const id = newId(at);
  const kept = args.slice(); // the caller's array is the caller's
  const row = await store.write(["outbox", "file"], async (tx) => {
    const device = await getMeta(tx, "device");
    if (device === undefined) throw Fault.of("not_enrolled");
    const last = await tx.last("outbox");
    const row = rowOf(last, device, { id, kind, args: kept, at });
    await tx.put("outbox", row);
    await tx.put("file", ...files.map((f) => fileRow(f, row.id, row.at)));
    return row;
  });
  store.woken.notify();
  return actionOf(row);
}

/** The row of a mutation that comes behind the last one. */
export function rowOf(
  last: OutboxRow | undefined,
  device: Uint8Array,
  m: Pick<Mutation, "id" | "kind" | "args" | "at">,
): OutboxRow {
  return {
    n: (last?.n ?? 0) + 1,
    device,
    seq: last !== undefined && equalBytes(last.device, device) ? last.seq + 1 : 1,
    id: m.id,
    kind: m.kind,
    args: m.args,
    at: m.at.getTime(),
    tried: false,
    tooOld: false,
    covered: false,
    seen: false,
  };
}

const actions = new WeakMap<OutboxRow, Action>();

/** A row as applications read it. */
export function actionOf(row: OutboxRow): Action {
  let action = actions.get(row);
  if (action === undefined) {
    const { n: _, at, verdict, tooOld: __, known, judged, ...same } = row;
    action = {
      ...same,
      at: new Date(at),
      judgedAs: judged ?? row.device,
      waits: known === undefined,
      ...(verdict === undefined ? {} : { verdict: fromBinary(VerdictSchema, verdict) }),
    };
    actions.set(row, action);
  }
  return action;
}

/** Notes that a person has seen what became of a mutation. */
export async function markSeen(store: Store, id: Uint8Array): Promise<void> {
  await store.write(["outbox"], async (tx) => {
    const row = (await tx.all("outbox")).find((r) => equalBytes(r.id, id) && r.verdict !== undefined);
    if (row !== undefined) await tx.put("outbox", { ...row, seen: true });
  });
}

/**
 * The next mutations to send, from the first that waits; at most count and about size bytes. It marks them as tried. None when
 * there is nothing to send.
 */
export async function batch(store: Store, count: number, size: number): Promise<PushRequest> {
  const device = store.meta("device");
  const all = store.work.filter((r) => device !== undefined && equalBytes(r.device, device));
  const begin = all.find((r) => r.known === undefined)?.seq ?? Infinity;
  const rows: OutboxRow[] = [];
  for (const row of all) {
    if (row.seq < begin || rows.length === count) continue;
    size -= row.args.length + 64;
    if (rows.length > 0 && size < 0) break;
    rows.push(row);
  }
  const untried = rows.filter((r) => !r.tried || r.tooOld);
  if (untried.length > 0) {
    await store.write(["outbox"], async (tx) => {
      for (const { n } of untried) {
        const row = await tx.get("outbox", n);
        if (row !== undefined) await tx.put("outbox", { ...row, tried: true, tooOld: false });
      }
    });
  }
  return create(PushRequestSchema, {
    heldFrom: BigInt(all[0]?.seq ?? 0),
    mutations: rows.map((r) =>
      create(MutationSchema, {
        sequence: BigInt(r.seq),
        id: r.id,
        kind: r.kind,
        args: r.args,
        deviceTime: timestampFromMs(r.at),
      }),
    ),
  });
}

/**
 * Notes that the server knows nothing of this device's mutation of that number, nor of any behind it, and takes none in these
 * words.
 */
export async function refusedAsOld(store: Store, first: bigint): Promise<void> {
  await store.write(["outbox"], async (tx) => {
    const device = await getMeta(tx, "device");
    const rows = (await tx.all("outbox")).filter(
      (r) => device !== undefined && equalBytes(r.device, device) && r.seq >= first && r.known === undefined,
    );
    await tx.put("outbox", ...rows.map((r) => ({ ...r, tooOld: true })));
  });
}

/** Says a mutation in new words; see Store.reword. */
export async function reword(store: Store, id: Uint8Array, kind: string, args: Uint8Array): Promise<void> {
  if (args.length > maxArgs) throw Fault.of("mutation_too_large", `${args.length} bytes`);
  const kept = args.slice();
  await store.write(["outbox", "file"], async (tx) => {
    const row = (await tx.all("outbox")).find((r) => equalBytes(r.id, id));
    if (row === undefined || row.known !== undefined || !row.tooOld) throw Fault.of("sequence_reused");
    const unjudged = { verdict: undefined, judged: undefined, covered: false, seen: false };
    await tx.put("outbox", { ...row, kind, args: kept, tooOld: false, ...unjudged });
    if (row.verdict !== undefined) await reopenFiles(tx, id); // whoever forgot it knows nothing of them
  });
  store.woken.notify();
}

/**
 * Keeps verdicts. The first verdict of a mutation stays; one for another id is an error of the server. When the new one is of another
 * time, the server had forgotten the mutation, and knows nothing of its files, either.
 */
export async function take(store: Store, res: PushResponse): Promise<void> {
  await store.write(["outbox", "file"], async (tx) => {
    const device = await getMeta(tx, "device");
    await setMeta(tx, "keepDays", res.keepDays);
    const rows = new Map(
      (await tx.all("outbox"))
        .filter((r) => device !== undefined && equalBytes(r.device, device))
        .map((r) => [r.seq, r]),
    );
    for (const v of res.verdicts) {
      if (v.outcome === Outcome.UNSPECIFIED) throw Fault.of("internal", "verdict without an outcome");
      const row = rows.get(Number(v.sequence));
      if (row === undefined || !equalBytes(row.id, v.id)) throw Fault.of("sequence_reused", `sequence ${v.sequence}`);
      const known = timeOf(v);
      const first = row.verdict === undefined ? v : fromBinary(VerdictSchema, row.verdict);
      await tx.put("outbox", { ...row, verdict: row.verdict ?? toBinary(VerdictSchema, v), known });
      const { serverTime: was } = first;
      if (was?.seconds !== v.serverTime?.seconds || was?.nanos !== v.serverTime?.nanos) await reopenFiles(tx, row.id);
    }
  });
}

/** When the server gave a verdict, in milliseconds since 1970. */
export function timeOf({ serverTime }: Pick<Verdict, "serverTime">): number {
  return serverTime === undefined ? 0 : timestampMs(serverTime);
}
