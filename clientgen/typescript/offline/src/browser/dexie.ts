// A disk in the browser's IndexedDB.

import { Dexie, type PromiseExtended, type Transaction } from "dexie";

import { keys, type Disk, type Key, type Line, type Reading, type Rows, type Table, type Writing } from "../disk.js";
import { Fault } from "../fault.js";

/**
 * Tables in IndexedDB, with Dexie. A write is on the device's disk when it resolves, not only in the hands of the operating
 * system. Tabs of one origin share it by its name: they take turns by Web Locks and tell one another by a BroadcastChannel.
 */
export class DexieDisk implements Disk {
  private readonly db: Dexie;

  constructor(readonly name: string) {
    this.db = new Dexie(name, { chromeTransactionDurability: "strict" });
    this.db.version(1).stores(keys);
  }

  read<R>(tables: readonly Table[], fn: (tx: Reading) => Promise<R>): Promise<R> {
    return this.run("r", tables, fn);
  }

  write<R>(tables: readonly Table[], fn: (tx: Writing) => Promise<R>): Promise<R> {
    return this.run("rw", tables, fn);
  }

  async alone<R>(name: string, signal: AbortSignal | undefined, fn: () => Promise<R>): Promise<R> {
    signal?.throwIfAborted();
    // In two steps, for the type of request loses what fn gives.
    let result: { readonly value: R } | undefined;
    await navigator.locks.request(`${this.name} ${name}`, signal ? { signal } : {}, async () => {
      result = { value: await fn() };
    });
    if (!result) throw Fault.of("internal", "a lock without its work");
    return result.value;
  }

  connect(hear: () => void): Line {
    const channel = new BroadcastChannel(`${this.name} wrote`);
    channel.onmessage = () => hear();
    return { tell: () => channel.postMessage(null), close: () => channel.close() };
  }

  async close(): Promise<void> {
    this.db.close();
  }

  private async run<R>(mode: "r" | "rw", tables: readonly Table[], fn: (tx: Writing) => Promise<R>): Promise<R> {
    let thrown: { readonly by: unknown } | undefined;
    try {
      return await this.db.transaction(mode, [...tables], async (tx) => {
        try {
          return await fn(new DexieTransaction(tx));
        } catch (by) {
          thrown = { by };
          throw by;
        }
      });
    } catch (err) {
      if (thrown) throw thrown.by;
      throw unusable(err); // not to be opened, or full at the very end
    }
  }
}

class DexieTransaction implements Writing {
  constructor(private readonly tx: Transaction) {}

  get<T extends Table>(table: T, key: Key): Promise<Rows[T] | undefined> {
    return usable(this.rows(table).get(key));
  }

  all<T extends Table>(table: T, after?: Key): Promise<Rows[T][]> {
    const rows = this.rows(table);
    return usable(after === undefined ? rows.toArray() : rows.where(":id").above(after).toArray());
  }

  keys(table: Table): Promise<Key[]> {
    return usable(this.rows(table).toCollection().primaryKeys());
  }

  last<T extends Table>(table: T): Promise<Rows[T] | undefined> {
    return usable(this.rows(table).toCollection().last());
  }

  async put<T extends Table>(table: T, ...rows: Rows[T][]): Promise<void> {
    if (rows.length > 0) await usable(this.rows(table).bulkPut(rows));
  }

  async delete(table: Table, ...keys: Key[]): Promise<void> {
    await usable(this.rows(table).bulkDelete(keys));
  }

  async clear(...tables: Table[]): Promise<void> {
    for (const table of tables) await usable(this.rows(table).clear());
  }

  private rows<T extends Table>(table: T) {
    return this.tx.table<Rows[T], Key>(table);
  }
}

/** What the disk answers; a fault when it cannot. */
function usable<R>(answer: PromiseExtended<R>): PromiseExtended<R> {
  return answer.catch((err: unknown) => {
    throw unusable(err);
  });
}

/**
 * What IndexedDB says becomes a code. A browser that cannot read what is on its disk any more says UnknownError; Firefox says so of a
 * damaged database with InvalidStateError too, but also of one that is being closed, so that one stays store_unusable.
 */
export function unusable(err: unknown): Fault {
  if (err instanceof Fault) return err;
  const name = nameOf(err);
  const code = name === "QuotaExceededError" ? "store_full" : damage.has(name) ? "store_damaged" : "store_unusable";
  return Fault.of(code, String(err), err);
}

const damage: ReadonlySet<string> = new Set(["UnknownError", "DataError", "NotReadableError"]);

/** The name of an error, or of the one that Dexie wrapped. */
function nameOf(err: unknown): string {
  const inner = (err as { inner?: unknown } | undefined)?.inner;
  return (inner instanceof Error ? inner.name : undefined) ?? (err instanceof Error ? err.name : "");
}
