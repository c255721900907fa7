import { describe, expect, it } from "vitest";
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

  it("is left alone when it is of a newer app", async () => {
    const disk = new MemoryDisk();
    await enrol(await open(disk));
    await disk.write(["meta"], (tx) => tx.put("meta", { key: "schema", value: schema + 1 }));
    expect(await refusal(open(disk))).toBe("store_unusable");
  });
});
