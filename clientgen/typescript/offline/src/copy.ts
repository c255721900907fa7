// What a store has in memory of its disk.

import type { FileRow, Key, OutboxRow, PageRow, Reading, Rows, Table, Writing } from "./disk.js";
import { keyOf } from "./disk.js";
import { Held } from "./held.js";
import type { Meta, MetaKey } from "./meta.js";

/** The tables of which there is a copy; the bytes of files stay on disk. */
export const copied = ["meta", "page", "outbox", "file"] as const satisfies readonly Table[];
type Copied = (typeof copied)[number];
type Tables = { [T in Copied]: Map<Key, Rows[T]> };

/** All that is read often, as of one transaction. */
export class Copy {
  /** Of pages, those that wait for their checkpoint. */
  private tables: Tables = { meta: new Map(), page: new Map(), outbox: new Map(), file: new Map() };
  private state: Held;
  /** What the state stands on. */
  private shown = 0;
  private early: Meta["early"] | undefined;
  private generation: number | undefined;
  /** Counts changes of this copy. */
  private version = 0;
  private sorted: readonly OutboxRow[] | undefined;

  constructor(order: readonly string[]) {
    this.state = new Held(order);
  }

  /** A small value. */
  get<K extends MetaKey>(key: K): Meta[K] | undefined {
    return this.tables.meta.get(key)?.value as Meta[K] | undefined;
  }

  /** What the feeds hold. */
  get held(): Held {
    return this.state;
  }

  /** What was done, oldest first. */
  get work(): readonly OutboxRow[] {
    return (this.sorted ??= [...this.tables.outbox.values()].sort((a, b) => a.n - b.n));
  }

  /** Files in no order. */
  get files(): readonly FileRow[] {
    return [...this.tables.file.values()];
  }

  /** Pages that wait for their checkpoint, oldest first. */
  get staged(): readonly PageRow[] {
    return [...this.tables.page.values()].sort((a, b) => a.n - b.n);
  }

  /**
   * Reads what others have written. False when the copy was changed meanwhile, by a write of our own or another reading: then
   * what was read is left, for it may be older.
   */
  async read(tx: Reading): Promise<boolean> {
    const version = this.version;
    const next: Tables = { meta: new Map(), page: new Map(), outbox: new Map(), file: new Map() };
    const load = async <T extends Copied>(table: T, after?: Key): Promise<void> => {
      const into: Map<Key, Rows[T]> = next[table];
      for (const row of await tx.all(table, after)) into.set(keyOf(table, row), row);
    };
    await load("meta");
    await load("outbox");
    await load("file");
    if (next.meta.get("generation")?.value === this.generation) {
      for (const row of this.staged) next.page.set(row.n, row); // pages are only added, within a generation
      await load("page", this.staged.at(-1)?.n ?? this.shown);
    } else {
      await load("page");
    }
    if (this.version !== version) return false;
    this.tables = next;
    this.settle();
    return true;
  }

  /** Takes over what a transaction has written; held is what shows after it, where that is known already. */
  take(written: readonly Written[], held?: Held): void {
    for (const w of written) w(this.tables);
    this.settle(held);
  }

  /** Brings the state up to the pages that are to be shown. */
  private settle(held?: Held): void {
    this.version++;
    this.sorted = undefined;
    const shown = this.get("shown") ?? 0;
    const early = this.get("early");
    const generation = this.get("generation");
    if (held === undefined && shown === this.shown && early === this.early && generation === this.generation) return;
    if (held === undefined) {
      held = this.state.fork();
      if (generation !== this.generation || early !== this.early) {
        held.clear();
        for (const f of early ?? []) held.applyFeed(f);
      }
      for (const row of this.staged) if (row.n <= shown) held.apply(row);
      held.settle();
    }
    for (const row of this.staged) if (row.n <= shown) this.tables.page.delete(row.n);
    this.state = held;
    this.shown = shown;
    this.early = early;
    this.generation = generation;
  }
}

/** One call of a transaction, to be done on a copy as well. */
export type Written = (tables: Tables) => void;

/** A transaction that notes what it writes. */
export class Recorder implements Writing {
  readonly written: Written[] = [];

  constructor(private readonly tx: Writing) {}

  get<T extends Table>(table: T, key: Key): Promise<Rows[T] | undefined> {
    return this.tx.get(table, key);
  }

  all<T extends Table>(table: T, after?: Key): Promise<Rows[T][]> {
    return this.tx.all(table, after);
  }

  keys(table: Table): Promise<Key[]> {
    return this.tx.keys(table);
  }

  last<T extends Table>(table: T): Promise<Rows[T] | undefined> {
    return this.tx.last(table);
  }

  put<T extends Table>(table: T, ...rows: Rows[T][]): Promise<void> {
    if (table !== "bytes") {
      this.written.push((tables) => {
        const into = tables[table as Copied] as Map<Key, Rows[T]>;
        for (const row of rows) into.set(keyOf(table, row), row);
      });
    }
    return this.tx.put(table, ...rows);
  }

  delete(table: Table, ...keys: Key[]): Promise<void> {
    if (table !== "bytes") this.written.push((tables) => keys.forEach((key) => tables[table].delete(key)));
    return this.tx.delete(table, ...keys);
  }

  clear(...tables: Table[]): Promise<void> {
    this.written.push((copy) => {
      for (const table of tables) if (table !== "bytes") copy[table].clear();
    });
    return this.tx.clear(...tables);
  }
}
