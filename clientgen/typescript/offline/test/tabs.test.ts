// Several tabs on one disk, whose calls overlap in every order that chance finds.

import { expect, it } from "vitest";
import type { Table } from "../src/disk.js";
import {
  Client,
  codeOf,
  MemoryDisk,
  type Disk,
  type Line,
  type Reading,
  type Store,
  type Writing,
} from "../src/index.js";
import { compact } from "../src/stage.js";
import { Office, pair, pairs, random } from "./office.js";
import { open, shown, text } from "./phone.js";

/** A disk that takes its time, by chance. */
class SlowDisk implements Disk {
  constructor(
    private readonly disk: Disk,
    private readonly chance: () => number,
  ) {}

  async read<R>(tables: readonly Table[], fn: (tx: Reading) => Promise<R>): Promise<R> {
    await this.dawdle();
    const result = await this.disk.read(tables, (tx) =>
      fn({
        get: (table, key) => this.late(tx.get(table, key)),
        all: (table, after) => this.late(tx.all(table, after)),
        keys: (table) => this.late(tx.keys(table)),
        last: (table) => this.late(tx.last(table)),
      }),
    );
    await this.dawdle();
    return result;
  }

  async write<R>(tables: readonly Table[], fn: (tx: Writing) => Promise<R>): Promise<R> {
    await this.dawdle();
    const result = await this.disk.write(tables, fn);
    await this.dawdle();
    return result;
  }

  alone<R>(name: string, signal: AbortSignal | undefined, fn: () => Promise<R>): Promise<R> {
    return this.disk.alone(name, signal, fn);
  }

  connect(hear: () => void): Line {
    return this.disk.connect(() => void this.dawdle().then(hear));
  }

  close(): Promise<void> {
    return this.disk.close();
  }

  private async late<R>(answer: Promise<R>): Promise<R> {
    await this.dawdle();
    return answer;
  }

  private async dawdle(): Promise<void> {
    for (let turns = Math.floor(this.chance() * 20); turns > 0; turns--) await Promise.resolve();
  }
}

/** Both of each pair are the same in whatever shows. */
function check(store: Store): void {
  const counts = shown(store);
  for (let n = 1; n <= pairs; n++)
    if (counts[n] !== counts[n + pairs]) throw new Error(`half a pair shows: ${JSON.stringify(counts)}`);
}

it("share what is done and what shows, whatever they do at once", async () => {
  for (let seed = 1; seed <= 15; seed++) {
    const chance = random(seed);
    const memory = new MemoryDisk();
    const office = new Office();
    office.loses = () => chance() < 0.1;
    const tabs = await Promise.all(
      [1, 2, 3].map(async () => {
        const store = await open(new SlowDisk(memory, chance), { effects: { pair } });
        store.subscribe(() => check(store));
        return { store, client: new Client(store, { fetch: office.fetch }) };
      }),
    );
    const tries = async (what: () => Promise<unknown>): Promise<void> => {
      for (let done = false; !done; ) {
        done = await what().then(
          () => true,
          (err: unknown) => {
            if (office.broken !== undefined || codeOf(err) !== "no_network") throw office.broken ?? err;
            return false;
          },
        );
      }
    };
    await tries(() => tabs[0]!.client.enrol("https://office.test", "code"));
    let promised = 0;
    await Promise.all(
      tabs.map(async ({ store, client }) => {
        for (let step = 0; step < 12; step++) {
          const what = chance();
          if (what < 0.4) {
            await store.do("pair", text(String(1 + Math.floor(chance() * pairs))));
            promised++;
          } else if (what < 0.6) office.count(1 + Math.floor(chance() * pairs));
          else if (what < 0.63) office.remove(1 + Math.floor(chance() * pairs));
          else if (what < 0.66) office.reset();
          else if (what < 0.75) {
            await store.options.disk.alone("round", undefined, async () => {
              await store.catchUp();
              Object.defineProperty(store.held, "wasteful", { value: true });
              await compact(store);
            });
          } else await tries(() => client.sync());
        }
      }),
    );
    office.loses = () => false;
    await tabs[1]!.client.sync();
    expect(office.applied.size).toBe(promised);
    for (const { store } of [...tabs, { store: await open(memory, { effects: { pair } }) }]) {
      await store.catchUp();
      expect(shown(store)).toEqual(office.counts);
      expect(store.actions().map((a) => a.seq)).toEqual(Array.from({ length: promised }, (_, i) => i + 1));
      expect(store.unsent().mutations).toBe(0);
    }
  }
}, 300_000);
