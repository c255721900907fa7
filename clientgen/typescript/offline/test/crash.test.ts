// A disk that stops at any write loses nothing for which do has returned, and shows no half checkpoint.

import { describe, expect, it } from "vitest";
import type { Table } from "../src/disk.js";
import { setMeta } from "../src/meta.js";
import { compact } from "../src/stage.js";
import {
  Client,
  codeOf,
  Fault,
  MemoryDisk,
  type Disk,
  type Line,
  type Reading,
  type Store,
  type Writing,
} from "../src/index.js";
import { hex } from "../src/uuid.js";
import { Office, pair, pairs, random } from "./office.js";
import { idOf, open, shown, text } from "./phone.js";

/** How a disk stops: before the transaction was done, or after, with the word of it lost. */
type Mode = "before" | "after";

/** Stops at a write for good. */
class StoppingDisk implements Disk {
  writes = 0;

  constructor(
    private readonly disk: Disk,
    private readonly stopAt: number,
    private readonly mode: Mode,
  ) {}

  read<R>(tables: readonly Table[], fn: (tx: Reading) => Promise<R>): Promise<R> {
    if (this.writes >= this.stopAt) throw stopped();
    return this.disk.read(tables, fn);
  }

  async write<R>(tables: readonly Table[], fn: (tx: Writing) => Promise<R>): Promise<R> {
    if (this.writes >= this.stopAt) throw stopped();
    if (++this.writes < this.stopAt) return this.disk.write(tables, fn);
    if (this.mode === "after") await this.disk.write(tables, fn);
    throw stopped();
  }

  alone<R>(name: string, signal: AbortSignal | undefined, fn: () => Promise<R>): Promise<R> {
    return this.disk.alone(name, signal, fn);
  }

  connect(hear: () => void): Line {
    return this.disk.connect(hear);
  }

  async close(): Promise<void> {}
}

const stopped = (): Fault => Fault.of("store_unusable", "stopped");

/** What a phone did, and what it was promised. */
interface Life {
  readonly office: Office;
  /** Ids of mutations for which do has returned. */
  readonly promised: string[];
}

const openOn = (disk: Disk): Promise<Store> => open(disk, { effects: { pair } });

/** Both of each pair are the same in what shows, and nothing that was promised is gone. */
function check(store: Store, life: Life): void {
  const counts = shown(store);
  for (let n = 1; n <= pairs; n++)
    if (counts[n] !== counts[n + pairs]) throw new Error(`half a pair shows: ${JSON.stringify(counts)}`);
  const held = new Set(store.actions().map((a) => hex(a.id)));
  for (const id of life.promised) if (!held.has(id) && !life.office.applied.has(id)) throw new Error(`${id} is lost`);
  expect(store.actions().map((a) => a.seq)).toEqual(store.actions().map((_, i) => i + 1));
}

/** Lives until the disk stops; the same for a seed up to there. */
async function live(disk: Disk, life: Life, seed: number): Promise<void> {
  const chance = random(seed);
  life.office.loses = () => chance() < 0.15;
  let store = await openOn(disk);
  let client = new Client(store, { fetch: life.office.fetch });
  const sync = async (): Promise<void> => {
    try {
      await client.sync();
    } catch (err) {
      if (life.office.broken !== undefined || codeOf(err) !== "no_network") throw life.office.broken ?? err;
    }
  };
  while (store.device().id.length === 0) {
    try {
      await client.enrol("https://office.test", "code");
    } catch (err) {
      if (life.office.broken !== undefined || codeOf(err) !== "no_network") throw life.office.broken ?? err;
    }
  }
  for (let step = 0; step < 30; step++) {
    const what = chance();
    if (what < 0.4)
      life.promised.push(hex((await store.do("pair", text(String(1 + Math.floor(chance() * pairs))))).id));
    else if (what < 0.6) life.office.count(1 + Math.floor(chance() * pairs));
    else if (what < 0.63) life.office.remove(1 + Math.floor(chance() * pairs));
    else if (what < 0.66) life.office.reset();
    else if (what < 0.7) await store.markSeen(store.actions()[0]?.id ?? idOf(0));
    else if (what < 0.75) await store.write([], (tx) => setMeta(tx, "repair", ["tech:1"]));
    else if (what < 0.8) {
      Object.defineProperty(store.held, "wasteful", { value: true });
      await compact(store);
    } else if (what < 0.85) {
      store = await openOn(disk);
      client = new Client(store, { fetch: life.office.fetch });
    } else await sync();
    check(store, life);
  }
}

/** Lives a life up to a stop, and goes on with what is on the disk. The result tells whether it came to the stop. */
async function liveAndDie(seed: number, stopAt: number, mode: Mode): Promise<boolean> {
  const life: Life = { office: new Office(), promised: [] };
  const disk = new MemoryDisk();
  let died = false;
  try {
    await live(new StoppingDisk(disk, stopAt, mode), life, seed);
  } catch (err) {
    if (codeOf(err) !== "store_unusable") throw err;
    died = true;
  }
  const store = await openOn(disk);
  check(store, life);
  life.office.loses = () => false;
  const client = new Client(store, { fetch: life.office.fetch });
  if (store.device().id.length === 0) await client.enrol("https://office.test", "code");
  await client.sync();
  check(store, life);
  expect(store.unsent().mutations).toBe(0);
  expect(shown(store)).toEqual(life.office.counts);
  for (const id of life.promised) expect(life.office.applied.has(id)).toBe(true);
  return died;
}

describe("a disk that stops", () => {
  for (const mode of ["before", "after"] as const) {
    it(`${mode} any write loses nothing and shows nothing half`, async () => {
      for (let seed = 1; seed <= 4; seed++) {
        let stopAt = 1;
        while (await liveAndDie(seed, stopAt, mode)) stopAt++;
        expect(stopAt).toBeGreaterThan(20);
      }
    }, 300_000);
  }
});
