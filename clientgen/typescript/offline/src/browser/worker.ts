// Sending from a service worker: what is unsent goes out after the last tab was closed.

import type { Client } from "../client.js";
import type { Store } from "../store.js";

/** The tag under which the browser is asked for a background sync. */
const tag = "doorstep";

/** The part of a service worker's scope and events that this needs; not all browsers have a type for it. */
interface SyncEvent extends Event {
  readonly tag: string;
  readonly lastChance: boolean;
  waitUntil(done: Promise<unknown>): void;
}

/**
 * To be called by an app's own service worker, at its top: when the browser says that there is a network, the client is opened,
 * sends what is unsent, and is closed. A round that ends early is tried again by the browser.
 */
export function sendInBackground(open: () => Promise<Client>): void {
  addEventListener("sync", (event) => {
    const e = event as SyncEvent;
    if (e.tag === tag) e.waitUntil(once(open));
  });
}

async function once(open: () => Promise<Client>): Promise<void> {
  const client = await open();
  try {
    await client.sync();
  } finally {
    await client.store.close();
  }
}

/**
 * To be called by the page: asks for a background sync whenever something is unsent. False where the browser has none; there
 * the page sends, and the next time that it is opened.
 */
export function askForSending(store: Store, worker: ServiceWorkerRegistration): boolean {
  const { sync } = worker as ServiceWorkerRegistration & { sync?: { register(tag: string): Promise<void> } };
  if (sync === undefined) return false;
  let asked = false;
  const look = (): void => {
    const { mutations, files } = store.unsent();
    const unsent = mutations + files > 0;
    if (unsent && !asked) void sync.register(tag).catch(() => (asked = false)); // refused: the page sends
    asked = unsent;
  };
  store.subscribe(look);
  look();
  return true;
}
