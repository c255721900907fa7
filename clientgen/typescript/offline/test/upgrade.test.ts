import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { VerdictSchema } from "../src/gen/doorstep/sync/v1/sync_pb.js";
import { MemoryDisk, type OutboxRow } from "../src/index.js";
import { schema } from "../src/schema.js";
import { enrol, idOf, open, refusal, shown } from "./phone.js";
import first from "./store-1.json" with { type: "json" };

/** Bytes are written in hexadecimal, with x before them. */
function revive(value: unknown): unknown {
  if (typeof value === "string" && value.startsWith("x"))
    return Uint8Array.from(value.slice(1).match(/../g) ?? [], (h) => parseInt(h, 16));
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revive(v)]));
  return value;
}

/** A disk as the first version has left it: a phone with an item in two feeds, and with work that the server does not have. */
async function firstVersion(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.write(["meta", "page", "outbox"], async (tx) => {
    for (const table of ["meta", "page", "outbox"] as const) await tx.put(table, ...(revive(first[table]) as never[]));
  });
  return disk;
}

describe("a store of an older app", () => {
  it("is brought up with everything that is in it", async () => {
    const disk = await firstVersion();
    const store = await open(disk);
    expect(store.meta("schema")).toBe(schema);
    expect(shown(store)).toEqual({ 1: "7" });
    expect(store.unsent().mutations).toBe(2);
    expect(store.device().server).toBe("https://office.test");
    expect((await store.do("add", idOf(1))).seq).toBe(3);
    expect(store.work.map((r: OutboxRow) => r.tooOld)).toEqual([false, false, false]);
    expect(shown(await open(disk))).toEqual({ 1: "8" });
  });

  it("keeps what a checkpoint has covered for as long again, and sends what none has", async () => {
    const disk = await firstVersion();
    const at = 1_800_000_000_000;
    await disk.write(["meta", "outbox"], async (tx) => {
      const verdict = toBinary(VerdictSchema, create(VerdictSchema, { outcome: 1, serverTime: timestampFromMs(at) }));
      const [first, last] = (await tx.all("outbox")).map((r) => ({ ...r, verdict, tooOld: false }));
      await tx.put("outbox", { ...first!, n: 1, device: idOf(99) }, { ...first!, n: 2, covered: true });
      await tx.put("outbox", { ...last!, n: 3 });
      await tx.put("meta", { key: "schema", value: 2 }, { key: "asOf", value: at + 1000 });
    });
    const store = await open(disk);
    expect(store.work.map((r) => [r.known, r.covered])).toEqual([
      [at + 1000, true],
      [at + 1000, true],
      [undefined, false],
    ]);
    expect(store.waiting().length).toBe(1);
  });

  it("is left alone when it is of a newer app", async () => {
    const disk = new MemoryDisk();
    await enrol(await open(disk));
    await disk.write(["meta"], (tx) => tx.put("meta", { key: "schema", value: schema + 1 }));
    expect(await refusal(open(disk))).toBe("store_unusable");
  });
});
