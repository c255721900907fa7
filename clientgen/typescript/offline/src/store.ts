// The store: everything that a device keeps.

import { Copy, copied, Recorder } from "./copy.js";
import { deviceOf, logout } from "./device.js";
import type { Disk, FileRow, Line, OutboxRow, PageRow, Reading, Table, Writing } from "./disk.js";
import { keep, letGo, sweep, unsentFiles, type Kept } from "./file.js";
import { progress, type Progress } from "./early.js";
import type { Held } from "./held.js";
import { live, type Live } from "./live.js";
import { getMeta, setMeta, type Meta, type MetaKey } from "./meta.js";
import { actionOf, append, markSeen, reword } from "./outbox.js";
import { checkReceipt, type Receipt } from "./receipt.js";
import { upgrade } from "./schema.js";
import { Signal } from "./signal.js";
import { Snapshot } from "./snapshot.js";
import type { Effect, Mutation, View } from "./view.js";
import { needsAttention, type Action, type Device, type Unsent } from "./words.js";

/** How to open a store. */
export interface Options {
  /** Where it is kept. */
  readonly disk: Disk;
  /** The device's clock. */
  readonly now: () => Date;
  /** Effects by kind of mutation; a kind without one shows only when the server's state has it. */
  readonly effects: Readonly<Record<string, Effect>>;
  /** Kinds of feeds, the preferred first: of an entity in several feeds, the body of the first shows. */
  readonly feedOrder: readonly string[];
  /** Finds the server's public keys for receipts, by key id, among the entities. */
  readonly keys?: (view: View) => ReadonlyMap<string, Uint8Array>;
  /** Whether Store.keep takes files that are no pictures, too. */
  readonly otherFiles?: boolean;
}

/** What changed in a store. */
export interface News {
  /** Kinds of entities. */
  readonly kinds: ReadonlySet<number>;
}

/**
 * Everything that a device keeps. What it shows is in memory and read at once; what it is told is on disk when the call
 * resolves. All calls may be made at any time, also beside one another.
 */
export class Store {
  /** Notified after a mutation was made or the switch between offline and online was moved. */
  readonly woken = new Signal();
  private readonly copy: Copy;
  private shows = Snapshot.empty;
  private readonly hearers = new Set<(news: News) => void>();
  private readonly line: Line;
  /** What the state that shows was made of. */
  private from: { readonly held: Held | undefined; readonly uncovered: readonly OutboxRow[] } = {
    held: undefined,
    uncovered: [],
  };

  private constructor(readonly options: Options) {
    this.copy = new Copy(options.feedOrder);
    // What cannot be read now is read with the next write, which sees that it was missed.
    this.line = options.disk.connect(() => void this.catchUp().catch(() => undefined));
  }

  /** Opens what is on the disk, or begins with nothing. */
  static async open(options: Options): Promise<Store> {
    const store = new Store(options);
    await upgrade(options.disk);
    await store.catchUp();
    await sweep(store);
    return store;
  }

  /** Ends all use. */
  close(): Promise<void> {
    this.line.close();
    return this.options.disk.close();
  }

  // --- What it shows.

  /** The state as it is now. It never changes; ask again for a newer one. */
  view(): View {
    return this.shows;
  }

  /** A result that follows the state. */
  live<T>(query: (view: View) => T): Live<T> {
    const source = {
      view: (): View => this.shows,
      onKinds: (hear: (kinds: ReadonlySet<number>) => void): (() => void) => this.subscribe((news) => hear(news.kinds)),
    };
    return live(source, query);
  }

  /** Calls hear after every change of anything: entities, what was done, files, the device. The function given back ends that. */
  subscribe(hear: (news: News) => void): () => void {
    const own = (news: News): void => hear(news);
    this.hearers.add(own);
    return () => this.hearers.delete(own);
  }

  /** Who this device is. */
  device(): Device {
    return deviceOf(this);
  }

  // --- What was done on it.

  /**
   * Writes a mutation to disk, with the files that belong to it, and resolves when it is safe there. It shows at once. It
   * works without a network and with an expired login, but not before the device was enrolled.
   */
  do(kind: string, args: Uint8Array, ...files: Kept[]): Promise<Mutation> {
    return append(this, kind, args, files);
  }

  /** What was done on this device, oldest first, as long as the store keeps it. */
  actions(): readonly Action[] {
    return this.copy.work.map(actionOf);
  }

  /**
   * The mutations that the server is not known to have, oldest first: those without a verdict, and those that it gave one for and may
   * have forgotten since then, because its database was restored or because the device enrolled anew.
   */
  waiting(): readonly Action[] {
    return this.actions().filter((a) => a.waits);
  }

  /** What the server rejected or parked and nobody has marked as seen, oldest first. */
  attention(): readonly Action[] {
    return this.actions().filter((a) => needsAttention(a) && !a.seen);
  }

  /** Notes that a person has seen what became of the mutation. It stays in actions. */
  markSeen(id: Uint8Array): Promise<void> {
    return markSeen(this, id);
  }

  /**
   * Says a mutation that waits in new words, under the same number and id: a newer app does so for a kind that the server takes
   * from no app any more. It is refused with sequence_reused unless the last that the server said of it is client_too_old: one
   * whose answer was lost may have been taken in as it was, also by another device that imported it. A verdict from before the server's
   * database was restored goes with the old words: the new ones get their own.
   */
  reword(id: Uint8Array, kind: string, args: Uint8Array): Promise<void> {
    return reword(this, id, kind, args);
  }

  /** Checks the server's signature on a verdict: docs/PROTOCOL.md section 7. */
  checkReceipt(a: Action): Promise<Receipt> {
    return checkReceipt(this, a);
  }

  /** How far the first download is; undefined before it began and once it is done. */
  progress(): Progress | undefined {
    return progress(this);
  }

  /** Counts what only this device has. */
  unsent(): Unsent {
    const files = unsentFiles(this.copy.files);
    return {
      mutations: this.copy.work.filter((r) => r.known === undefined).length,
      files: files.length,
      bytes: files.reduce((sum, f) => sum + f.size, 0),
    };
  }

  /** Moves the switch between offline and online. It is remembered. */
  async setOffline(offline: boolean): Promise<void> {
    await this.write([], (tx) => setMeta(tx, "offline", offline));
    this.woken.notify();
  }

  /** Forgets everything, and refuses with unsent_work while anything is unsent. */
  logout(): Promise<void> {
    return logout(this);
  }

  /**
   * Copies a file into the store and resolves when its bytes are on disk. Without a mutation that names it (see do) the copy
   * is removed when the store is opened after a day.
   */
  keep(file: Blob): Promise<Kept> {
    return keep(this, file);
  }

  /**
   * Forgets a file that is held (FileState.held): a person decided that nobody needs its bytes, or saw that they are gone. It is
   * refused with not_found when the file is in another state.
   */
  letGo(id: Uint8Array): Promise<void> {
    return letGo(this, id);
  }

  // --- For the other rooms of this package.

  /** A small value, as of now. */
  meta<K extends MetaKey>(key: K): Meta[K] | undefined {
    return this.copy.get(key);
  }

  /** Rows of the outbox, oldest first, as of now. */
  get work(): readonly OutboxRow[] {
    return this.copy.work;
  }

  /** Rows of files in no order, as of now. */
  get fileRows(): readonly FileRow[] {
    return this.copy.files;
  }

  /** Pages that wait for their checkpoint, oldest first. */
  get staged(): readonly PageRow[] {
    return this.copy.staged;
  }

  /** What the feeds hold, as of now. */
  get held(): Held {
    return this.copy.held;
  }

  /** Reads from the disk. */
  read<R>(tables: readonly Table[], fn: (tx: Reading) => Promise<R>): Promise<R> {
    return this.options.disk.read(tables, fn);
  }

  /**
   * Runs fn in one durable transaction on meta and these tables, and shows what it made. held, if given, is what the feeds
   * hold after it; else it is worked out of the pages.
   */
  async write<R>(tables: readonly Exclude<Table, "meta">[], fn: (tx: Writing) => Promise<R>, held?: Held): Promise<R> {
    const generation = this.copy.get("generation");
    const done = await this.options.disk.write(["meta", ...tables], async (tx) => {
      const recorder = new Recorder(tx);
      const before = (await getMeta(tx, "writes")) ?? 0;
      const result = await fn(recorder);
      await setMeta(recorder, "writes", before + 1);
      return { result, before, written: recorder.written };
    });
    if (done.before === (this.copy.get("writes") ?? 0)) {
      this.copy.take(done.written, this.copy.get("generation") === generation ? held : undefined);
      this.changed();
    } else {
      await this.catchUp();
    }
    this.line.tell();
    return done.result;
  }

  /** Reads what others have written to the disk: another tab, say. */
  async catchUp(): Promise<void> {
    for (;;) {
      const known = this.copy.get("writes");
      if (known !== undefined && known === (await this.options.disk.read(["meta"], (tx) => getMeta(tx, "writes"))))
        return;
      const last = this.copy.work.at(-1)?.n ?? 0;
      const offline = this.copy.get("offline");
      if (!(await this.options.disk.read(copied, (tx) => this.copy.read(tx)))) continue;
      this.changed();
      const done = this.copy.work.some((r) => r.n > last && r.known === undefined);
      if (done || this.copy.get("offline") !== offline) this.woken.notify(); // as if it had been done here
      return;
    }
  }

  /** Works out what shows now and tells of it. */
  private changed(): void {
    const before = this.shows;
    const { held } = this.copy;
    const uncovered = this.copy.work.filter((r) => !r.covered);
    const same =
      held === this.from.held &&
      uncovered.length === this.from.uncovered.length &&
      uncovered.every((r, i) => sameWords(r, this.from.uncovered[i]!));
    if (!same) this.shows = before.onto(held.bases).with(this.options.effects, uncovered.map(actionOf)).reusing(before);
    this.from = { held, uncovered };
    const news = { kinds: before.differs(this.shows) };
    for (const hear of [...this.hearers]) hear(news);
  }
}

/** Whether two rows are of one mutation in the same words, so that its effect is the same. */
function sameWords(a: OutboxRow, b: OutboxRow): boolean {
  return a.n === b.n && a.seq === b.seq && a.kind === b.kind && a.args === b.args;
}
