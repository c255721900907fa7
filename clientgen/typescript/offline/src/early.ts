// The first download: what is needed first, and how far it is.

import { eachEntry } from "./entry.js";
import type { PullResponse } from "./gen/doorstep/sync/v1/sync_pb.js";
import type { Changed } from "./held.js";
import { setMeta } from "./meta.js";
import { cover, feedOf, noteWhole, sameDevice } from "./stage.js";
import type { Store } from "./store.js";

/** How far the first download is. */
export interface Progress {
  /** Entries and bytes are here, of so many in the end; those are estimates while the office goes on working. */
  readonly entries: number;
  readonly ofEntries: number;
  readonly bytes: number;
  readonly ofBytes: number;
}

/**
 * Shows what is needed first, before the first checkpoint: complete in itself, of one snapshot, and replaced by the next early
 * part or by the checkpoint. The staged pages and their cursor are not touched.
 */
export async function showEarly(store: Store, page: PullResponse): Promise<Changed[]> {
  const feeds = (page.early?.feeds ?? []).map(feedOf);
  const held = store.held.fork();
  held.clear();
  for (const f of feeds) held.applyFeed(f);
  const changed = held.settle();
  await store.write(
    ["outbox"],
    async (tx) => {
      await sameDevice(store, tx);
      await setMeta(tx, "early", feeds);
      await cover(tx, page);
      await noteWhole(tx, page);
    },
    held,
  );
  return changed;
}

/** How far the first download is; undefined before it began and once it is done. */
export function progress(store: Store): Progress | undefined {
  const whole = store.meta("whole");
  if (whole === undefined || store.meta("asOf") !== undefined) return undefined;
  let entries = 0;
  let bytes = 0;
  for (const row of store.staged) {
    for (const f of row.feeds) {
      eachEntry(f.entries, (e) => {
        if (e.removed) return;
        entries++;
        bytes += e.body.length;
      });
    }
  }
  return { entries, ofEntries: whole.entries, bytes, ofBytes: whole.bytes };
}
