// Pages on their way to a checkpoint.

import { anew } from "./device.js";
import type { PageFeed, PageRow, Writing } from "./disk.js";
import { encodeEntries, type Entry } from "./entry.js";
import { Fault } from "./fault.js";
import type { FeedDelta, FeedState, PullResponse } from "./gen/doorstep/sync/v1/sync_pb.js";
import type { Changed, Held } from "./held.js";
import { getMeta, setMeta } from "./meta.js";
import { timeOf } from "./outbox.js";
import { unpack } from "./pack.js";
import type { Store } from "./store.js";
import { equalBytes } from "./uuid.js";

/** What a page did. */
export interface Applied {
  /** The page was the last one, its state shows now. */
  readonly checkpoint: boolean;
  readonly changed: readonly Changed[];
  /** The feeds of which something was held and that come anew. */
  readonly reset: readonly string[];
  /** The feeds whose digest does not agree; they are noted for repair. */
  readonly differ: readonly string[];
}

/**
 * Keeps a page together with its cursor and, if it is the last of its round, makes everything staged visible, all in one
 * transaction.
 */
export async function stage(store: Store, page: PullResponse): Promise<Applied> {
  const row: PageRow = { n: lastPage(store) + 1, dropped: page.droppedFeeds, feeds: page.feeds.map(feedOf) };
  const rows = row.dropped.length > 0 || row.feeds.length > 0 ? [row] : [];
  const names = new Set(store.held.names());
  const reset = row.feeds.filter((f) => f.reset && names.has(f.feed)).map((f) => f.feed);
  const cleared = new Set([...row.dropped, ...row.feeds.filter((f) => f.reset).map((f) => f.feed)]);
  let repair = (store.meta("repair") ?? []).filter((feed) => !cleared.has(feed)); // they come anew, or are followed no longer
  const cursor = page.cursor.slice(); // not a part of the whole answer, which would lie on disk with it
  let held: Held | undefined;
  let changed: Changed[] = [];
  let differ: string[] = [];
  if (page.checkpoint !== undefined) {
    held = store.held.fork();
    if (store.meta("early") !== undefined) held.clear(); // the checkpoint replaces the early part whole
    for (const r of [...store.staged, ...rows]) held.apply(r);
    changed = held.settle();
    differ = compare(held, page.checkpoint.feeds);
    repair = [...new Set([...repair, ...differ])].sort();
  }
  await store.write(
    ["page", "outbox"],
    async (tx) => {
      await sameDevice(store, tx);
      await tx.put("page", ...rows);
      if (page.cursor.length > 0) await setMeta(tx, "cursor", cursor);
      await setMeta(tx, "repair", repair);
      if (page.checkpoint === undefined) return noteWhole(tx, page);
      await tx.delete("meta", "early", "whole");
      await setMeta(tx, "shown", row.n - 1 + rows.length);
      await cover(tx, page);
      await setMeta(tx, "asOf", timeOf(page));
    },
    held,
  );
  return { checkpoint: page.checkpoint !== undefined, changed, reset, differ };
}

/** The number of the last page, shown or staged. */
function lastPage(store: Store): number {
  return store.staged.at(-1)?.n ?? store.meta("shown") ?? 0;
}

/** Refuses to write for a device that this store is not any more: somebody logged out, or enrolled anew, during the call. */
export async function sameDevice(store: Store, tx: Writing): Promise<void> {
  const now = await getMeta(tx, "device");
  const device = store.meta("device");
  if (now === undefined || device === undefined || !equalBytes(now, device)) throw Fault.of("not_enrolled");
}

/** A page's part of one feed, as it lies on disk. */
export function feedOf(delta: FeedDelta): PageFeed {
  const entries: Entry[] = delta.packs.flatMap((p) => unpack(p));
  for (const e of delta.entries) {
    if (e.id.length !== 16) throw Fault.of("internal", "an entry without an id");
    entries.push({ kind: e.kind, id: e.id, seq: e.sequence, removed: e.removed, body: e.body });
  }
  const bodies = entries.reduce((sum, e) => sum + e.body.length, 0);
  return { feed: delta.feed, reset: delta.reset, entries: encodeEntries(entries, entries.length, bodies) };
}

/**
 * Ends the overlay of all that the state contains now: what the server has, up to its last number of this device. What has a higher
 * number and a verdict was forgotten by a restored server; its overlay comes back, and it is to be sent again.
 */
export async function cover(tx: Writing, page: PullResponse): Promise<void> {
  const device = await getMeta(tx, "device");
  for (const r of await tx.all("outbox")) {
    if (device === undefined || !equalBytes(r.device, device)) continue;
    const covered = r.seq <= page.lastSequence;
    const known = covered && r.verdict !== undefined ? (r.known ?? timeOf(page)) : undefined;
    if (r.covered !== covered || r.known !== known) await tx.put("outbox", { ...r, covered, known });
  }
}

/** The feeds of which something else is held than the checkpoint says. */
function compare(held: Held, feeds: readonly FeedState[]): string[] {
  return feeds
    .filter((f) => {
      const own = held.digest(f.feed);
      return own.digest !== f.digest || BigInt(own.count) !== f.count;
    })
    .map((f) => f.feed);
}

/** Notes how much there will be in the end, if the page says so. */
export async function noteWhole(tx: Writing, page: PullResponse): Promise<void> {
  if (page.whole === undefined) return;
  await setMeta(tx, "whole", { entries: Number(page.whole.entries), bytes: Number(page.whole.bytes) });
}

/** Makes the next pull begin from nothing. What is held shows until then. */
export async function forgetCursor(store: Store): Promise<void> {
  const n = (store.meta("shown") ?? 0) + 1;
  const dropped = store.held.names();
  await store.write(
    ["page"],
    async (tx) => {
      await sameDevice(store, tx);
      await tx.delete("page", ...store.staged.map((r) => r.n));
      if (dropped.length > 0) await tx.put("page", { n, dropped, feeds: [] });
      await setMeta(tx, "repair", []); // all feeds come anew
      await tx.delete("meta", "cursor");
      await anew(tx);
    },
    store.held,
  );
}

/** The size in bytes of the rows that compact writes. */
const compactSize = 1 << 20;

/** Writes what shows anew, without what is dead by now, when that is most of it. */
export async function compact(store: Store): Promise<void> {
  if (!store.held.wasteful || store.staged.length > 0) return;
  const held = store.held.compacted();
  const first = (store.meta("shown") ?? 0) + 1;
  const rows = [...held.pages(compactSize)].map((f, i): PageRow => ({ n: first + i, dropped: [], feeds: [f] }));
  await store.write(
    ["page"],
    async (tx) => {
      await sameDevice(store, tx);
      await tx.clear("page");
      await tx.put("page", ...rows);
      await setMeta(tx, "shown", first - 1 + rows.length);
      await anew(tx);
    },
    held,
  );
}
