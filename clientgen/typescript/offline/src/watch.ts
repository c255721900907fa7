// Staying in sync.

import type { Client } from "./client.js";
import { codeOf, Fault, queueWaits } from "./fault.js";
import { SyncService, type Poke, type WatchResponse } from "./gen/doorstep/sync/v1/sync_pb.js";
import { Round, type Report } from "./round.js";

/** Something that run wants the application to know. */
export interface Event {
  /** A round that was done, with its error if it ended early. */
  readonly report?: Report;
  readonly error?: unknown;
  /** The watch now stands (true) or fell (false); absent when that did not change. */
  readonly connected?: boolean;
  /** Topics that changed and are no feeds, as asked for in run. */
  readonly topics?: readonly string[];
}

// All in milliseconds.
const firstWait = 1_000;
const lastWait = 60_000;
/** After how long a watch without any message is given up. */
const silence = 60_000;
/**
 * After how many pages in a row that could not be taken a new watch is opened, which tells the server anew what this device holds: its
 * pulls may go to another server.
 */
const enough = 3;
/** When files that the server or its store could not take in are offered again, if nothing else happens before. */
const filesAgain = 10_000;

/** The trouble of files whose time comes by itself. */
const itself: readonly string[] = ["unavailable", "overloaded", "timeout", "store_unusable"];

/** What ends Client.run: nothing but a person changes it. A full disk does not stay full. */
const final: readonly string[] = [
  "device_revoked",
  "refresh_invalid",
  "not_enrolled",
  "store_locked",
  "sequence_reused",
];

/** Keeps a client's store in sync; see Client.run. */
export async function run(
  client: Client,
  signal: AbortSignal,
  hear: (e: Event) => void,
  topics: readonly string[],
): Promise<void> {
  try {
    await client.store.options.disk.alone("watch", signal, () => new Watch(client, signal, hear, topics).run());
  } catch (err) {
    if (!signal.aborted) throw err;
  }
}

/** How one watch ended. */
interface End {
  /** How long the server asked to wait; 0 when it did not say. */
  readonly after: number;
  readonly error?: unknown;
}

class Watch {
  /** The watch was up, so that the next waits begin anew. */
  private stood = false;
  /** A next round for files that had trouble is planned. */
  private offering = false;

  constructor(
    private readonly client: Client,
    private readonly signal: AbortSignal,
    private readonly hear: (e: Event) => void,
    private readonly topics: readonly string[],
  ) {}

  async run(): Promise<void> {
    let wait = firstWait;
    while (!this.signal.aborted) {
      this.stood = false;
      const { after, error } = await this.once();
      if (this.signal.aborted) return;
      const code = error === undefined ? "" : codeOf(error);
      if (final.includes(code)) throw error;
      if (code === "phone_offline") {
        await this.client.store.woken.wait(this.signal); // nothing to do until somebody moves the switch
        continue;
      }
      if (this.stood) wait = firstWait;
      let own = after;
      if (after === 0) {
        own = this.jitter(wait);
        wait = Math.min(2 * wait, lastWait);
      }
      const asked = error instanceof Fault ? error.retryAfter : 0;
      await this.pause(Math.max(after, this.spread(asked)), own);
    }
  }

  /** Watches once. */
  private async once(): Promise<End> {
    const stop = new AbortController();
    const end = (): void => stop.abort();
    this.signal.addEventListener("abort", end);
    let messages: AsyncGenerator<WatchResponse, void, undefined> | undefined;
    let next: Promise<IteratorResult<WatchResponse, void>> | undefined;
    let strayed = 0;
    try {
      await this.round();
      const cursor = this.client.store.meta("cursor") ?? new Uint8Array();
      messages = this.client.stream(
        SyncService.method.watch,
        { cursor, topics: [...this.topics], carry: true },
        stop.signal,
      );
      for (;;) {
        next ??= messages.next();
        const what = await this.first(next);
        if (this.signal.aborted) return { after: 0 };
        if (what === "silent") return { after: 0, error: Fault.of("no_network", "silence") };
        if (what === "woken") {
          await this.round(); // what came meanwhile waits to be read
          continue;
        }
        const { value, done } = await next;
        next = undefined;
        if (done === true || value === undefined) return { after: 0 };
        if (!this.stood) {
          this.stood = true;
          this.hear({ connected: true });
        }
        if (value.event.case === "goodbye") {
          const { code, retryAfterMs } = value.event.value;
          if (code === "") return { after: Math.max(Number(retryAfterMs), 1) };
          await this.round(); // it ends with why the server does not want this device any more
          return { after: 0 };
        }
        if (value.event.case === "poke") {
          const { feeds } = value.event.value;
          const topics = this.topics.filter((t) => feeds.includes(t));
          if (topics.length > 0) this.hear({ topics });
          if (await this.takes(value.event.value)) {
            strayed = 0;
            continue;
          }
          await this.round();
          if (value.event.value.page !== undefined && ++strayed === enough) return { after: 1 };
        }
      }
    } catch (error) {
      const code = codeOf(error);
      if (!this.signal.aborted && next !== undefined && (code === "token_expired" || code === "device_revoked")) {
        // The stream was refused: a round renews the token, or hands in and wipes.
        return await this.round().then(
          () => ({ after: 0 }),
          (error: unknown) => ({ after: 0, error }),
        );
      }
      return { after: 0, error };
    } finally {
      this.signal.removeEventListener("abort", end);
      stop.abort();
      await next?.catch(() => undefined);
      await messages?.return();
      if (this.stood) this.hear({ connected: false });
    }
  }

  /** What comes first: a message (or the stream's end), a wake-up, or nothing for long. */
  private async first(next: Promise<unknown>): Promise<"message" | "woken" | "silent"> {
    const over = new AbortController();
    const end = (): void => over.abort();
    this.signal.addEventListener("abort", end);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await Promise.race([
        next.then((): "message" => "message"),
        this.client.store.woken.wait(over.signal).then((): "woken" => "woken"),
        new Promise<"silent">((resolve) => (timer = setTimeout(() => resolve("silent"), silence))),
      ]);
    } finally {
      clearTimeout(timer);
      this.signal.removeEventListener("abort", end);
      over.abort();
    }
  }

  /** Takes the page that a poke carries, if it fits, and tells of it. */
  private async takes(poke: Poke): Promise<boolean> {
    const round = new Round(this.client, this.signal);
    const taken = await round.takes(poke);
    const { changed, repaired, reset } = round.report;
    if (changed.length + repaired.length + reset.length > 0 && !this.signal.aborted)
      this.hear({ report: round.report });
    return taken;
  }

  /** Does a round and tells of it. */
  private async round(): Promise<void> {
    const round = new Round(this.client, this.signal);
    this.client.store.woken.reset(); // what is done from now on is for the next
    try {
      await round.run();
      if (!this.signal.aborted) this.hear({ report: round.report });
    } catch (error) {
      if (!this.signal.aborted) this.hear({ report: round.report, error });
      // All but a queue that waits goes on: new jobs come, photos of what has a verdict go.
      if (!queueWaits(error)) throw error;
    } finally {
      this.offerAgain(round.report);
    }
  }

  /** Plans a round for files whose time comes by itself: nobody will do or change anything for them. */
  private offerAgain({ trouble, verifying }: Report): void {
    // A poke tells the result of a verification, but not that it broke off.
    const passes = verifying > 0 || (trouble !== undefined && itself.includes(trouble.code));
    if (!passes || this.offering) return;
    this.offering = true;
    void this.sleep(Math.max(this.jitter(filesAgain), trouble?.retryAfter ?? 0), this.signal).then(() => {
      this.offering = false;
      this.client.store.woken.notify();
    });
  }

  /**
   * Waits as long as the server asked, and as long as the own rhythm says. The part of the own rhythm above firstWait ends early
   * when there is something new to send: a person who works now should not wait for the end of a wait that began in a tunnel.
   */
  private async pause(asked: number, own: number): Promise<void> {
    const kept = Math.max(asked, Math.min(own, firstWait));
    await this.sleep(kept, this.signal);
    if (own <= kept) return;
    const over = new AbortController();
    const end = (): void => over.abort();
    this.signal.addEventListener("abort", end);
    await Promise.race([this.sleep(own - kept, over.signal), this.client.store.woken.wait(over.signal)]);
    this.signal.removeEventListener("abort", end);
    over.abort();
  }

  /** Adds up to half to what the server asks for, by chance: it tells all its phones the same. */
  private spread(asked: number): number {
    return asked + asked / 2 - this.jitter(asked / 2);
  }

  /** Takes up to half off by chance, so that phones do not come back together. */
  private jitter(ms: number): number {
    return ms - ((this.client.options.random ?? Math.random)() * ms) / 2;
  }

  private sleep(ms: number, signal: AbortSignal): Promise<void> {
    return (this.client.options.sleep ?? sleep)(ms, signal);
  }
}

/** Waits so many milliseconds, or until the signal is aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
