// Opening a store in a browser, and what the browser promises of it.

import { Store, type Options } from "../store.js";
import { DexieDisk } from "./dexie.js";

/** What the browser says of the origin's storage. */
export interface Keeping {
  /** It asks a person before it throws the data away; false when it may do so by itself when the disk runs full. */
  readonly persisted: boolean;
  /** Bytes in use, and how many there may be; 0 when it does not say. */
  readonly usage: number;
  readonly quota: number;
}

/** A store as it was opened. */
export interface Opened {
  readonly store: Store;
  readonly keeping: Keeping;
  /**
   * The browser has thrown this device's data away since the last time: the disk ran full, or a person cleared it. What was not
   * sent is gone; an app says so and asks to enrol again, and the first sync fetches everything anew.
   */
  readonly evicted: boolean;
}

/** Opens the store of that name in this origin's IndexedDB, and asks the browser to keep it. */
export async function openStore(name: string, options: Omit<Options, "disk">): Promise<Opened> {
  const keeping = await askToKeep();
  const store = await Store.open({ ...options, disk: new DexieDisk(name) });
  const mark = new Mark(name);
  const evicted = mark.read() && store.meta("device") === undefined;
  mark.follow(store);
  return { store, keeping, evicted };
}

/** Asks that the origin's data is not thrown away without a person. A browser may refuse: then what is unsent is at risk. */
export async function askToKeep(): Promise<Keeping> {
  const storage = globalThis.navigator?.storage as StorageManager | undefined;
  const persisted =
    ((await storage?.persisted?.()) ?? false) || ((await storage?.persist?.().catch(() => false)) ?? false);
  const { usage = 0, quota = 0 } = (await storage?.estimate?.()) ?? {};
  return { persisted, usage, quota };
}

/**
 * Remembers that a store was enrolled, in a cookie: what throws IndexedDB away leaves cookies alone. It says nothing but that.
 * A service worker has no cookies, and leaves this to the page.
 */
class Mark {
  private readonly cookie: string;

  constructor(name: string) {
    this.cookie = `doorstep-${encodeURIComponent(name)}`;
  }

  read(): boolean {
    return globalThis.document !== undefined && document.cookie.split("; ").includes(`${this.cookie}=enrolled`);
  }

  /** Keeps the mark as the store is: enrolled, or logged out. One that was evicted stays marked until then. */
  follow(store: Store): void {
    if (globalThis.document === undefined) return;
    let was = false;
    const look = (): void => {
      const is = store.meta("device") !== undefined;
      if (is !== was) this.write(is);
      was = is;
    };
    look();
    store.subscribe(look);
  }

  private write(enrolled: boolean): void {
    const attributes = `path=/; samesite=strict${location.protocol === "https:" ? "; secure" : ""}`;
    document.cookie = `${this.cookie}=enrolled; max-age=${enrolled ? 400 * 24 * 60 * 60 : 0}; ${attributes}`;
  }
}
