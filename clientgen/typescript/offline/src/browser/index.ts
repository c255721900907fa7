/** What a browser adds: a disk in IndexedDB that tabs share, what the browser promises of it, sending from a service worker. */

export { DexieDisk } from "./dexie.js";
export { askToKeep, openStore, type Keeping, type Opened } from "./open.js";
export { askForSending, sendInBackground } from "./worker.js";
