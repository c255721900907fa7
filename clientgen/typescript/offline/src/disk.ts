// The durable half of a store. Memory, IndexedDB and (in tests) a disk that stops at any write are interchangeable.

/** A small value by its name; see the keys in meta.ts. */
export interface MetaRow {
  readonly key: string;
  readonly value: unknown;
}

/**
 * What came with one page, in the order in which pages came. What is shown is all rows up to meta "shown"; the rest
 * waits for its checkpoint. Now and then the shown rows are written together anew (see compact in stage.ts).
 */
export interface PageRow {
  readonly n: number;
  readonly feeds: readonly PageFeed[];
  /** Feeds that are not followed any more. */
  readonly dropped: readonly string[];
}

/** The part of a page that belongs to one feed. */
export interface PageFeed {
  readonly feed: string;
  /** Forget all that the feed held before. */
  readonly reset: boolean;
  /** Entries as entry.ts writes them. */
  readonly entries: Uint8Array;
}

/** What a person did. */
export interface OutboxRow {
  /** Counts what was ever done on this store. */
  readonly n: number;
  /** The identity under which it was, or will be, sent. */
  readonly device: Uint8Array;
  readonly seq: number;
  readonly id: Uint8Array;
  readonly kind: string;
  readonly args: Uint8Array;
  /** Milliseconds since 1970, by the device's clock. */
  readonly at: number;
  /** It was sent at least once, and the answer may have been lost. */
  readonly tried: boolean;
  /** The message Verdict, once there is one: the first. */
  readonly verdict?: Uint8Array | undefined;
  /** The identity that the verdict was given to, if the mutation was renumbered for another since then. */
  readonly judged?: Uint8Array | undefined;
  /**
   * When the server had it for sure, in milliseconds since 1970, by the server's clock. Absent while the mutation waits: before its
   * verdict, and when the server may have forgotten it since then.
   */
  readonly known?: number | undefined;
  /** The last that the server said of it is client_too_old: it knows nothing of it, and takes it in these words from no app. */
  readonly tooOld: boolean;
  /** The state shown contains the effect. */
  readonly covered: boolean;
  /** A person has seen that it was rejected or parked. */
  readonly seen: boolean;
}

/** A file that belongs to a mutation and whose bytes go to the object store. */
export interface FileRow {
  /** The id in hexadecimal. */
  readonly key: string;
  readonly id: Uint8Array;
  /** The id of the mutation that announced it. */
  readonly mutation: Uint8Array;
  readonly sha256: Uint8Array;
  readonly size: number;
  /** Its content type. */
  readonly media: string;
  /** Milliseconds since 1970, by the device's clock. */
  readonly added: number;
  readonly state: number;
  /** Bytes that the object store has taken. */
  readonly sent: number;
  /** Why it is held or refused; else empty. */
  readonly code: string;
  /** The server's lasting answer. */
  readonly answer?: Uint8Array;
}

/** The bytes of a file, under the key of its row. */
export interface BytesRow {
  readonly key: string;
  readonly bytes: Blob;
  /** When they were written, in milliseconds since 1970, by the device's clock. */
  readonly at: number;
}

/** The tables with their rows. */
export interface Rows {
  meta: MetaRow;
  page: PageRow;
  outbox: OutboxRow;
  file: FileRow;
  bytes: BytesRow;
}

/** A table's name. */
export type Table = keyof Rows;

/** The property by which a table's rows are found. */
export const keys = { meta: "key", page: "n", outbox: "n", file: "key", bytes: "key" } as const satisfies {
  [T in Table]: keyof Rows[T];
};

/** A row's key. */
export type Key = string | number;

/** The key of a row. */
export function keyOf<T extends Table>(table: T, row: Rows[T]): Key {
  return (row as unknown as Record<string, Key>)[keys[table]] as Key;
}

/** A transaction. Its function awaits nothing but the calls of this. */
export interface Reading {
  get<T extends Table>(table: T, key: Key): Promise<Rows[T] | undefined>;
  /** All rows by key, or those behind a key. */
  all<T extends Table>(table: T, after?: Key): Promise<Rows[T][]>;
  /** All keys, in order. */
  keys(table: Table): Promise<Key[]>;
  /** The row with the greatest key. */
  last<T extends Table>(table: T): Promise<Rows[T] | undefined>;
}

/** A transaction that writes, and reads what it has written. */
export interface Writing extends Reading {
  /** Adds rows, or puts them in the place of those with the same keys. */
  put<T extends Table>(table: T, ...rows: Rows[T][]): Promise<void>;
  delete(table: Table, ...keys: Key[]): Promise<void>;
  clear(...tables: Table[]): Promise<void>;
}

/** What connects the stores on one disk (tabs). */
export interface Line {
  /** Tells all others that something was written. */
  tell(): void;
  /** Ends the connection. */
  close(): void;
}

/**
 * Tables of rows. Rows are values: who has handed one over or got one never changes it. Several stores (tabs) may be open on
 * one disk at once; transactions that write are done one after the other over all of them.
 */
export interface Disk {
  /** Runs fn on one consistent state of the tables. */
  read<R>(tables: readonly Table[], fn: (tx: Reading) => Promise<R>): Promise<R>;
  /**
   * Runs fn in one transaction on the tables, all or nothing. When it resolves, what was written is durable; when it
   * rejects because fn did, nothing was; when it rejects otherwise (Fault store_unusable), either.
   */
  write<R>(tables: readonly Table[], fn: (tx: Writing) => Promise<R>): Promise<R>;
  /**
   * Runs fn while no other store on this disk runs something under the same name; when that ends, or its tab dies, the next
   * one has its turn. Who waits gives up with the signal's reason when it is aborted.
   */
  alone<R>(name: string, signal: AbortSignal | undefined, fn: () => Promise<R>): Promise<R>;
  /** Calls hear after another store on this disk has told. */
  connect(hear: () => void): Line;
  /** Ends all use by this store. */
  close(): Promise<void>;
}
