// One round: push, pull to a checkpoint, send files.

import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Client } from "./client.js";
import { wipeCopy } from "./device.js";
import type { FileRow } from "./disk.js";
import { showEarly } from "./early.js";
import { codeOf, Fault, queueWaits } from "./fault.js";
import { SyncService, type Poke } from "./gen/doorstep/sync/v1/sync_pb.js";
import type { Changed } from "./held.js";
import { batch, refusedAsOld, take } from "./outbox.js";
import { forgotten, offerAgain, prune, toldBeyond } from "./restored.js";
import { compact, forgetCursor, stage } from "./stage.js";
import { upload, type Moved } from "./upload.js";
import { equalBytes } from "./uuid.js";

/** What one round did. */
export interface Report {
  /** Mutations that got their verdict. */
  pushed: number;
  /** Entities that the checkpoints reached have changed. */
  changed: Changed[];
  /** Feeds that did not agree with their digest and were sent anew. */
  repaired: string[];
  /**
   * Feeds that the device held and that the server sent from their beginning: to repair them, because the device was away longer
   * than removals are kept, or because the database went back in time.
   */
  reset: string[];
  /** Files that the server has verified. */
  uploaded: number;
  /** The first error of files that were not. */
  trouble?: Fault;
  /**
   * How many files have arrived and are still looked at by the server: nothing is wrong and nothing is to be done; a later round has the
   * result. Client.run does that round by itself.
   */
  verifying: number;
  /** Files that arrived and are not acceptable; code says why. They are to be taken again. */
  refused: FileRow[];
  /** The device was taken out of service; what was unsent was handed in and the copy is gone. */
  wiped: boolean;
}

const pushCount = 100;
const pushBytes = 1 << 20;
/** How often one round asks for feeds anew: a server whose digests never agree must not keep a phone busy for ever. */
const maxRepairs = 3;
const maxPages = 100_000;
/** How many feeds one pull may ask for anew. */
const maxResets = 64;

/** One round of Client.sync. */
export class Round {
  readonly report: Report = {
    pushed: 0,
    changed: [],
    repaired: [],
    reset: [],
    uploaded: 0,
    verifying: 0,
    refused: [],
    wiped: false,
  };
  private readonly store;
  /** Files that had their try in this round. */
  private readonly tried = new Set<string>();

  constructor(
    private readonly client: Client,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.store = client.store;
  }

  /** Does it, alone among all tabs. */
  run(): Promise<void> {
    return this.store.options.disk.alone("round", this.signal, async () => {
      await this.store.catchUp(); // the round before may have been another tab's
      this.mayTalk();
      try {
        await this.whole();
      } catch (err) {
        if (codeOf(err) !== "device_revoked") throw err;
        await this.handIn();
      }
    });
  }

  /**
   * Takes the page that a poke carries, if a pull would be answered with it now; false says that a round is due. The server only
   * remembers what it gave last.
   */
  takes({ page, after }: Poke): Promise<boolean> {
    if (page?.checkpoint === undefined) return Promise.resolve(false);
    return this.store.options.disk.alone("round", this.signal, async () => {
      await this.store.catchUp();
      const cursor = this.store.meta("cursor");
      const settled = this.store.meta("asOf") !== undefined && (this.store.meta("repair") ?? []).length === 0;
      if (cursor === undefined || !settled || !this.talks()) return false;
      // A round of our own may have brought just this.
      if (!equalBytes(after, nameOf(cursor))) return equalBytes(page.cursor, cursor);
      if (page.cursor.length === 0) return true; // nothing has changed; the page may be older than what shows
      // A page that is older than a verdict would take back what the device shows, and look like a restored server.
      if (toldBeyond(this.store, page.lastSequence)) return false;
      const done = await stage(this.store, page);
      this.report.reset.push(...done.reset);
      this.report.changed.push(...done.changed);
      this.report.repaired.push(...done.differ);
      return done.differ.length === 0;
    });
  }

  private talks(): boolean {
    try {
      this.mayTalk();
      return true;
    } catch {
      return false; // the round says why
    }
  }

  /** Whether there is a reason not even to try. */
  private mayTalk(): void {
    const ended = this.store.meta("ended") ?? "";
    if (this.store.meta("device") === undefined) throw Fault.of("not_enrolled");
    if (ended !== "") throw Fault.of(ended === "device_revoked" ? "device_revoked" : "refresh_invalid");
    if (this.store.meta("offline") === true) throw Fault.of("phone_offline");
  }

  /** Does it all once, and pushes and pulls again whenever something is done while files go up: it may take them an hour. */
  private async whole(): Promise<void> {
    while (await this.once());
  }

  /** True when something was done meanwhile. */
  private async once(): Promise<boolean> {
    let old: unknown;
    try {
      await this.push();
    } catch (err) {
      if (!queueWaits(err)) throw err;
      old = err;
    }
    await this.pull();
    if (old === undefined) await this.pushForgotten(); // else its queue waits, see queueWaits
    await prune(this.store);
    try {
      await compact(this.store);
    } catch (err) {
      if (codeOf(err) !== "store_unusable") throw err;
      // A disk too full to be tidied: what is on it is good, and the next round tries again.
    }
    const { moved, aside } = await this.upload();
    if (aside) return true; // what comes next pulls, too, and says again why the queue waits
    if (moved) await this.pull();
    if (old !== undefined) throw old;
    return false;
  }

  /** Sends what waits, in order, until the server has it all. */
  private async push(): Promise<void> {
    let gapped = 0;
    for (;;) {
      const request = await batch(this.store, pushCount, pushBytes);
      const [first] = request.mutations;
      if (first === undefined) return;
      request.deviceTime = timestampFromDate(this.store.options.now());
      let res;
      try {
        res = await this.client.call(SyncService.method.push, request, this.signal);
      } catch (err) {
        if (codeOf(err) === "client_too_old") await refusedAsOld(this.store, first.sequence);
        if (!(err instanceof Fault) || err.code !== "sequence_gap") throw err;
        // The server lacks some that we have verdicts for: its database was restored. Send from there, once.
        const from = err.expectedSequence;
        if (from === 0 || from === gapped) throw err;
        gapped = from;
        await offerAgain(this.store, from);
        continue;
      }
      await take(this.store, res);
      // Fewer verdicts than mutations: the next one waits for something, and the next call says for what.
      const n = res.verdicts.length;
      this.report.pushed += n;
      if (n === 0 || n > request.mutations.length)
        throw Fault.of("internal", `${n} verdicts for ${request.mutations.length} mutations`);
    }
  }

  /** Asks for pages until a checkpoint whose digests agree. */
  private async pull(): Promise<void> {
    let forgot = false;
    let asked = false;
    let repairs = 0;
    for (let pages = 0; pages < maxPages; pages++) {
      const first = this.store.meta("asOf") === undefined;
      let page;
      try {
        page = await this.client.call(SyncService.method.pull, this.request(first && !asked), this.signal);
      } catch (err) {
        if (codeOf(err) !== "cursor_malformed" || forgot) throw err;
        forgot = true;
        await forgetCursor(this.store);
        continue;
      } finally {
        asked = true;
      }
      if (page.early !== undefined) {
        this.report.changed.push(...(await showEarly(this.store, page)));
        continue;
      }
      const done = await stage(this.store, page);
      this.report.reset.push(...done.reset);
      if (!done.checkpoint) {
        if (first) this.tell();
        continue;
      }
      this.report.changed.push(...done.changed);
      this.report.repaired.push(...done.differ);
      if (done.differ.length === 0) return;
      if (++repairs > maxRepairs) throw Fault.of("digest_differs", done.differ.join(" "));
    }
    throw Fault.of("internal", "pages without end");
  }

  /** Sends files, where the application has said how. */
  private async upload(): Promise<Moved> {
    const { uploads } = this.client;
    if (uploads === undefined) return { moved: false, aside: false };
    const { client, report, signal } = this;
    return upload({ client, report, signal, push: () => this.push() }, uploads, this.tried);
  }

  /** Asks for the next page and says how this device is doing. */
  private request(early: boolean) {
    const unsent = this.store.work.filter((r) => r.known === undefined);
    const oldest = Math.min(...unsent.map((r) => r.at));
    return {
      cursor: this.store.meta("cursor") ?? new Uint8Array(),
      maxBytes: this.client.options.pageBytes ?? 0,
      resetFeeds: (this.store.meta("repair") ?? []).slice(0, maxResets),
      unsent: unsent.length,
      early,
      ...(unsent.length === 0 ? {} : { oldestUnsent: timestampFromMs(oldest) }),
      deviceTime: timestampFromDate(this.store.options.now()),
      appVersion: this.client.options.appVersion ?? "",
      packed: true,
    };
  }

  /** Says how far the first download is, while it goes on. */
  private tell(): void {
    const p = this.client.options.progress === undefined ? undefined : this.store.progress();
    if (p !== undefined) this.client.options.progress?.(p);
  }

  /**
   * Sends again what the server gave verdicts for and shows that it has no longer: its database was restored from a backup. The
   * overlay of what was forgotten is back already, see cover.
   */
  private async pushForgotten(): Promise<void> {
    if (!forgotten(this.store)) return;
    await this.push();
    await this.pull();
  }

  /**
   * Sends what is unsent as evidence and wipes the copy: the office took this device out of service. What cannot be handed in
   * stays, for an export.
   */
  private async handIn(): Promise<void> {
    this.tried.clear();
    let aside = true;
    while (aside) {
      await this.push();
      try {
        ({ aside } = await this.upload());
      } catch (err) {
        if (codeOf(err) !== "device_revoked") throw err;
        aside = false;
      }
    }
    await wipeCopy(this.store, "device_revoked");
    this.report.wiped = true;
    throw Fault.of("device_revoked");
  }
}

/** How a page that a poke carries names the cursor that it goes on from. */
function nameOf(cursor: Uint8Array): Uint8Array {
  return sha256(cursor).subarray(0, 8);
}
