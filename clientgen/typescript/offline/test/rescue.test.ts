import { describe, expect, it } from "vitest";
import { exportBox, importBox } from "../src/blackbox.js";
import type { Disk, Key, Reading, Rows, Table } from "../src/disk.js";
import { Fault, MemoryDisk } from "../src/index.js";
import { salvage } from "../src/rescue.js";
import { enrol, idOf, jpeg, open, refusal, text } from "./phone.js";

// Stretching a passphrase takes seconds, as it should.
const patience = 300_000;
const passphrase = "basement 三号";
const now = new Date(1_800_000_000_000);

/** A disk of which some rows cannot be read any more. */
class Damaged extends MemoryDisk {
  readonly bad = new Set<string>();

  override read<R>(tables: readonly Table[], fn: (tx: Reading) => Promise<R>): Promise<R> {
    const broken = (table: Table, key?: Key): void => {
      const hit = (one: string): boolean =>
        one === table ||
        one === `${table} *` ||
        (key !== undefined ? one === `${table} ${key}` : one.startsWith(`${table} `));
      if ([...this.bad].some(hit)) throw Fault.of("store_damaged");
    };
    return super.read(tables, (tx) =>
      fn({
        get: async <T extends Table>(table: T, key: Key): Promise<Rows[T] | undefined> => {
          broken(table, key);
          return tx.get(table, key);
        },
        all: async <T extends Table>(table: T, after?: Key): Promise<Rows[T][]> => {
          broken(table);
          return tx.all(table, after);
        },
        keys: async (table: Table): Promise<Key[]> => {
          if (this.bad.has(`${table} *`)) throw Fault.of("store_damaged");
          return tx.keys(table);
        },
        last: async <T extends Table>(table: T): Promise<Rows[T] | undefined> => {
          broken(table);
          return tx.last(table);
        },
      }),
    );
  }
}

async function work(disk: Disk): Promise<{ lost: Uint8Array; kept: Uint8Array }> {
  const store = await open(disk);
  await enrol(store);
  const photo = await store.keep(jpeg(1000));
  const lost = await store.do("add", text("a"));
  const kept = await store.do("attach", text("b"), photo);
  await store.close();
  return { lost: lost.id, kept: kept.id };
}

describe("a damaged store", { timeout: patience }, () => {
  it("says so, and gives all that can be read to a device that is enrolled anew", async () => {
    const disk = new Damaged();
    const { kept } = await work(disk);
    disk.bad.add("outbox 1").add("page");
    expect(await refusal(open(disk))).toBe("store_damaged");

    const { box, sealed, lost } = await salvage(disk, passphrase, now);
    expect(lost).toBe(1);
    expect(box.mutations.map((m) => m.id)).toEqual([kept]);
    expect(box.files).toHaveLength(1);

    const fresh = await open();
    await enrol(fresh, 1, 200);
    await importBox(fresh, sealed, passphrase);
    expect(fresh.unsent()).toEqual({ mutations: 1, files: 1, bytes: 1000 });

    disk.bad.clear(); // nothing was written to it: a repaired disk still has everything
    const again = await open(disk);
    expect(again.unsent()).toEqual({ mutations: 2, files: 1, bytes: 1000 });
  });

  it("names what is lost of files, and asks for the company where that cannot be read", async () => {
    const disk = new Damaged();
    await work(disk);
    disk.bad.add("bytes *").add("meta enrolment");
    expect(await refusal(salvage(disk, passphrase, now))).toBe("store_damaged");
    const { box, lost } = await salvage(disk, passphrase, now, idOf(1));
    expect([box.mutations.length, box.files.length, lost]).toEqual([2, 0, 2]);
    expect(await refusal(salvage(disk, "short", now))).toBe("box_passphrase");
  });

  it("holds what an export of a sound one holds", async () => {
    const disk = new MemoryDisk();
    await work(disk);
    const { box, lost } = await salvage(disk, passphrase, now);
    expect(lost).toBe(0);
    const store = await open(disk);
    expect((await exportBox(store, passphrase)).box).toEqual(box);
  });
});
