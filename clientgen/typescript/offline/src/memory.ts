// A disk without a disk, for tests and for servers.

import { keyOf, type Disk, type Key, type Line, type Reading, type Rows, type Table, type Writing } from "./disk.js";

type Tables = { [T in Table]: Map<Key, Rows[T]> };

/** Tables in memory. They outlive close: opening a store on the same one again is as starting an app again. */
export class MemoryDisk implements Disk {
  private tables: Tables = { meta: new Map(), page: new Map(), outbox: new Map(), file: new Map(), bytes: new Map() };
  private readonly turns = new Map<string, Promise<unknown>>();
  private readonly lines = new Set<() => void>();

  async read<R>(_: readonly Table[], fn: (tx: Reading) => Promise<R>): Promise<R> {
    return fn(new MemoryTransaction({ ...this.tables }, new Set()));
  }

  write<R>(tables: readonly Table[], fn: (tx: Writing) => Promise<R>): Promise<R> {
    return this.alone("write", undefined, async () => {
      const next = { ...this.tables };
      const result = await fn(new MemoryTransaction(next, new Set(tables)));
      this.tables = next;
      return result;
    });
  }

  alone<R>(name: string, signal: AbortSignal | undefined, fn: () => Promise<R>): Promise<R> {
    const before = this.turns.get(name) ?? Promise.resolve();
    const turn = before.then(() => {
      signal?.throwIfAborted();
      return fn();
    });
    this.turns.set(
      name,
      turn.catch(() => undefined),
    );
    return signal === undefined ? turn : unless(signal, before, turn);
  }

  connect(hear: () => void): Line {
    const own = (): void => hear();
    this.lines.add(own);
    return {
      tell: () => {
        for (const other of this.lines) if (other !== own) queueMicrotask(other);
      },
      close: () => void this.lines.delete(own),
    };
  }

  async close(): Promise<void> {}
}

class MemoryTransaction implements Writing {
  private readonly own = new Set<Table>();

  constructor(
    private readonly tables: Tables,
    private readonly writable: ReadonlySet<Table>,
  ) {}

  async get<T extends Table>(table: T, key: Key): Promise<Rows[T] | undefined> {
    return this.tables[table].get(key);
  }

  async all<T extends Table>(table: T, after?: Key): Promise<Rows[T][]> {
    const rows: Rows[T][] = [...this.tables[table].values()];
    rows.sort((a, b) => compare(keyOf(table, a), keyOf(table, b)));
    return after === undefined ? rows : rows.filter((r) => compare(keyOf(table, r), after) > 0);
  }

  async keys(table: Table): Promise<Key[]> {
    return [...this.tables[table].keys()].sort(compare);
  }

  async last<T extends Table>(table: T): Promise<Rows[T] | undefined> {
    return (await this.all(table)).at(-1);
  }

  async put<T extends Table>(table: T, ...rows: Rows[T][]): Promise<void> {
    const map = this.copy(table);
    for (const row of rows) map.set(keyOf(table, row), row);
  }

  async delete(table: Table, ...keys: Key[]): Promise<void> {
    const map = this.copy(table);
    for (const key of keys) map.delete(key);
  }

  async clear(...tables: Table[]): Promise<void> {
    for (const table of tables) this.copy(table).clear();
  }

  /** The table to write to: the first write of a transaction makes it its own. */
  private copy<T extends Table>(table: T): Map<Key, Rows[T]> {
    if (!this.writable.has(table)) throw new Error(`the transaction does not write to ${table}`);
    if (!this.own.has(table)) {
      this.own.add(table);
      (this.tables as Record<Table, unknown>)[table] = new Map<Key, Rows[T]>(this.tables[table]);
    }
    return this.tables[table];
  }
}

function compare(a: Key, b: Key): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a turn gives; the signal's reason if it is aborted before the turn has come. */
async function unless<R>(signal: AbortSignal, before: Promise<unknown>, turn: Promise<R>): Promise<R> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  });
  turn.catch(() => undefined); // nobody else hears of a turn that was given up
  try {
    await Promise.race([before, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
    aborted.catch(() => undefined);
  }
  return turn;
}
