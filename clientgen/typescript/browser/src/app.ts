// A small app on the toy trade of the scenarios, driven by tests: in a page, and in its service worker.

import { Client, Outcome, uuidText, type Effect, type Options } from "@doorstep-dev/offline";
import { openStore, askForSending, type Opened } from "@doorstep-dev/offline/browser";

const itemKind = 7;
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const decode = <T>(bytes: Uint8Array): T => JSON.parse(new TextDecoder().decode(bytes)) as T;

const add: Effect = (view, done) =>
  view.list(itemKind).flatMap(({ id, body }) => {
    if (uuidText(id) !== decode<{ item: string }>(done.args).item) return [];
    const item = decode<{ count: number }>(body);
    return [{ kind: itemKind, id, body: encode({ ...item, count: item.count + 1 }) }];
  });

/** How the app's store is opened, in the page and in the worker. */
export const options: Omit<Options, "disk"> = { now: () => new Date(), effects: { add }, feedOrder: ["tech"] };

/** The name of the app's store. */
export const storeName = "app";

/** What a test drives. */
export class App {
  private opened!: Opened;
  client!: Client;

  /** Opens the store, and tells whether it was evicted. */
  async open(): Promise<boolean> {
    this.opened = await openStore(storeName, options);
    this.client = new Client(this.opened.store);
    return this.opened.evicted;
  }

  keeping(): Opened["keeping"] {
    return this.opened.keeping;
  }

  async enrol(url: string, code: string): Promise<void> {
    await this.client.enrol(url, code);
  }

  /** Counts an item up, and gives the mutation's id when that is saved. */
  async add(item: string): Promise<string> {
    return uuidText((await this.client.store.do("add", encode({ item }))).id);
  }

  /** Counts up without end, and tells each id that is saved. */
  async addForever(item: string): Promise<never> {
    for (;;) await window.saved(await this.add(item));
  }

  async sync(): Promise<void> {
    await this.client.sync();
  }

  /** Stays in sync until the tab is closed. */
  stay(): void {
    void this.client.run(new AbortController().signal);
  }

  /** The ids of all that was done, and whether each has a verdict. */
  done(): [id: string, verdict: string][] {
    return this.client.store
      .actions()
      .map((a) => [uuidText(a.id), a.verdict ? Outcome[a.verdict.outcome].toLowerCase() : ""]);
  }

  shows(): Record<string, number> {
    return Object.fromEntries(
      this.client.store
        .view()
        .list(itemKind)
        .map((i) => [uuidText(i.id), decode<{ count: number }>(i.body).count]),
    );
  }

  /** Throws the data away as a browser does whose disk is full: IndexedDB goes, cookies stay. */
  async evict(): Promise<void> {
    await this.client.store.close();
    await new Promise<void>((resolve, reject) => {
      const gone = indexedDB.deleteDatabase(storeName);
      gone.onsuccess = () => resolve();
      gone.onerror = () => reject(gone.error ?? new Error("not deleted"));
    });
  }

  /** Leaves sending to the service worker. */
  async hireWorker(): Promise<boolean> {
    await navigator.serviceWorker.register("/worker.js");
    return askForSending(this.client.store, await navigator.serviceWorker.ready);
  }
}

declare global {
  interface Window {
    app: App;
    saved: (id: string) => Promise<void>;
  }
}
