// What the feeds hold, and which of it shows.

import { Digest } from "./digest.js";
import type { PageFeed, PageRow } from "./disk.js";
import { eachEntry, encodeEntries, type Entry } from "./entry.js";
import { equalBytes, keyOfId } from "./uuid.js";
import type { Item } from "./view.js";

/** An entity that a checkpoint changed. before is undefined when it was not there, after when it left. */
export interface Changed {
  readonly kind: number;
  readonly id: Uint8Array;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
}

/** The entities of one kind by the key of their id; never changed, but replaced. */
export type Base = ReadonlyMap<string, Item>;

/** One feed's live entries. */
class Feed {
  private constructor(
    readonly entries: Map<string, Entry>,
    readonly digest: Digest,
  ) {}

  static copy(of: Feed | undefined): Feed {
    return new Feed(new Map(of?.entries), new Digest(of?.digest));
  }

  put(key: string, e: Entry): void {
    this.remove(key);
    this.entries.set(key, e);
    this.digest.count(1, e.kind, e.id, e.seq);
  }

  remove(key: string): void {
    const old = this.entries.get(key);
    if (old === undefined) return;
    this.entries.delete(key);
    this.digest.count(-1, old.kind, old.id, old.seq);
  }
}

/**
 * The state of all feeds as of one checkpoint. An entity shows while any feed holds it. The next state is made on a fork,
 * so that this one stays as it is until the next is on disk.
 */
export class Held {
  private readonly feeds: Map<string, Feed>;
  private readonly shows: Map<number, Base>;
  /** Feeds that are not shared with the state that this one was forked from. */
  private readonly own = new Set<string>();
  /** Entities that are to be looked at by settle. */
  private readonly touched = new Map<string, { kind: number; id: Uint8Array }>();
  /** Entries ever applied since the last clear: against those alive it tells when to compact. */
  private applied: number;

  /** order lists kinds of feeds, the preferred first: of what several feeds hold, the body of the first shows. */
  constructor(
    private readonly order: readonly string[],
    from?: Held,
  ) {
    this.feeds = new Map(from?.feeds);
    this.shows = new Map(from?.shows);
    this.applied = from?.applied ?? 0;
  }

  /** A state to go on from this one. */
  fork(): Held {
    return new Held(this.order, this);
  }

  /** The same state, as if only what is alive had ever been applied. */
  compacted(): Held {
    const same = this.fork();
    same.applied = same.live;
    return same;
  }

  /** What shows, by kind. */
  get bases(): ReadonlyMap<number, Base> {
    return this.shows;
  }

  /** Whether most of what was applied is dead by now. */
  get wasteful(): boolean {
    return this.applied > 2 * this.live + 500;
  }

  /** Applies a page; settle makes it show. */
  apply(row: PageRow): void {
    for (const feed of row.dropped) this.drop(feed);
    for (const f of row.feeds) this.applyFeed(f);
  }

  /** Applies a page's part of one feed. */
  applyFeed(f: PageFeed): void {
    if (f.reset) this.drop(f.feed);
    const into = this.owned(f.feed);
    eachEntry(f.entries, (e) => {
      const key = entityKey(e.kind, e.id);
      this.touched.set(key, e);
      this.applied++;
      if (e.removed) into.remove(key);
      else into.put(key, e);
    });
  }

  private owned(name: string): Feed {
    let feed = this.feeds.get(name);
    if (feed === undefined || !this.own.has(name)) this.feeds.set(name, (feed = Feed.copy(feed)));
    this.own.add(name);
    return feed;
  }

  /** Forgets a feed. */
  drop(name: string): void {
    const feed = this.feeds.get(name);
    if (feed === undefined) return;
    for (const [key, e] of feed.entries) this.touched.set(key, e);
    this.feeds.delete(name);
  }

  /** Forgets all feeds. */
  clear(): void {
    for (const name of [...this.feeds.keys()]) this.drop(name);
    this.applied = 0;
  }

  /** Makes what was applied show, in one step, and says what that changed. */
  settle(): Changed[] {
    const feeds = [...this.feeds]
      .sort((a, b) => this.rank(a[0]) - this.rank(b[0]) || (a[0] < b[0] ? -1 : 1))
      .map((f) => f[1]);
    const next = new Map<number, Map<string, Item>>();
    const changed: Changed[] = [];
    for (const [key, { kind, id }] of this.touched) {
      const before = this.shows.get(kind)?.get(keyOfId(id));
      const after = feeds.find((f) => f.entries.has(key))?.entries.get(key);
      if (before === undefined ? after === undefined : after !== undefined && equalBytes(before.body, after.body))
        continue;
      let base = next.get(kind);
      if (base === undefined) next.set(kind, (base = new Map(this.shows.get(kind))));
      if (after === undefined) base.delete(keyOfId(id));
      else base.set(keyOfId(id), after);
      changed.push({ kind, id, before: before?.body, after: after?.body });
    }
    for (const [kind, base] of next) this.shows.set(kind, base);
    this.touched.clear();
    return changed;
  }

  /** The digest and the count of a feed's live entries. */
  digest(feed: string): { digest: bigint; count: number } {
    const f = this.feeds.get(feed);
    return { digest: f?.digest.value ?? 0n, count: f?.entries.size ?? 0 };
  }

  /** The names of all feeds that hold something. */
  names(): string[] {
    return [...this.feeds].filter(([, f]) => f.entries.size > 0).map(([name]) => name);
  }

  private get live(): number {
    let n = 0;
    for (const f of this.feeds.values()) n += f.entries.size;
    return n;
  }

  /** All live entries as pages, each of about so many bytes. */
  *pages(size: number): Generator<PageFeed> {
    for (const [feed, f] of this.feeds) {
      let part: Entry[] = [];
      let bytes = 0;
      for (const e of f.entries.values()) {
        part.push(e);
        bytes += e.body.length;
        if (bytes + 32 * part.length < size) continue;
        yield { feed, reset: false, entries: encodeEntries(part, part.length, bytes) };
        part = [];
        bytes = 0;
      }
      if (part.length > 0) yield { feed, reset: false, entries: encodeEntries(part, part.length, bytes) };
    }
  }

  /** The place of the feed's kind in the order; unknown kinds come last. */
  private rank(feed: string): number {
    const i = this.order.indexOf(feed.split(":", 1)[0]!);
    return i < 0 ? this.order.length : i;
  }
}

function entityKey(kind: number, id: Uint8Array): string {
  return String.fromCharCode(kind >>> 16, kind & 0xffff) + keyOfId(id);
}
