// The form of the tables, and how that of an older app becomes it.

import { fromBinary } from "@bufbuild/protobuf";
import type { Disk, Rows, Writing } from "./disk.js";
import { Fault } from "./fault.js";
import { VerdictSchema } from "./gen/doorstep/sync/v1/sync_pb.js";
import { getMeta, setMeta } from "./meta.js";
import { timeOf } from "./outbox.js";
import { equalBytes } from "./uuid.js";

/**
 * What makes the tables, each from the version before: 0 is a new disk. An app brings any older store up, with everything that
 * is in it, and leaves a newer one alone. Entities need no upgrade: they are kept as the bytes that came, of kinds that this app
 * does not know, too, so that nothing is fetched anew when a later app knows them; indexes are made in memory.
 */
const upgrades: readonly ((tx: Writing) => Promise<void>)[] = [
  // 1: tables without rows.
  async () => undefined,
  // 2: the server said of this mutation that it knows nothing of it and never will, in these words (see Store.reword).
  async (tx) =>
    tx.put("outbox", ...(await tx.all("outbox")).map((r: Omit<Rows["outbox"], "tooOld">) => ({ ...r, tooOld: false }))),
  // 3: a mutation waits while the server is not known to have it. What a checkpoint has covered counts from then; what was done under an
  // earlier identity cannot be numbered for this one any more.
  async (tx) => {
    const device = (await getMeta(tx, "device")) ?? new Uint8Array();
    const asOf = (await getMeta(tx, "asOf")) ?? 0;
    for (const r of await tx.all("outbox")) {
      if (r.verdict === undefined || (!r.covered && equalBytes(r.device, device))) continue;
      const known = Math.max(asOf, timeOf(fromBinary(VerdictSchema, r.verdict)));
      await tx.put("outbox", { ...r, covered: true, known });
    }
    await tx.delete("meta", "reached");
  },
];

/** The version that this app writes. */
export const schema = upgrades.length;

/** Brings the tables up to this app's version, in one transaction. */
export async function upgrade(disk: Disk): Promise<void> {
  const version = async (tx: Parameters<Parameters<Disk["read"]>[1]>[0]): Promise<number> =>
    (await getMeta(tx, "schema")) ?? 0;
  if ((await disk.read(["meta"], version)) === schema) return;
  await disk.write(["meta", "page", "outbox", "file", "bytes"], async (tx) => {
    const found = await version(tx);
    if (found > schema)
      throw Fault.of("store_unusable", `made by a newer app: its version is ${found}, this app knows ${schema}`);
    for (const one of upgrades.slice(found)) await one(tx);
    await setMeta(tx, "schema", schema);
    await setMeta(tx, "writes", ((await getMeta(tx, "writes")) ?? 0) + 1);
  });
}
