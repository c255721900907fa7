/**
 * What every Doorstep client in TypeScript stands on: a store on the device that holds what the server's feeds say, an
 * outbox that holds what a person did, files on their way to the object store, and the loop that brings both sides together
 * whenever there is a network. It knows no ticket: entities are bytes with a kind and an id, mutations are bytes with a kind.
 * docs/PROTOCOL.md is the contract that it follows.
 *
 * What an application may rely on:
 *
 * - `Store.do` resolves after the mutation is on disk. Nothing but a verdict of the server ends its being unsent, and no call
 *   of this package throws unsent work away: `Store.logout` refuses.
 * - `Store.view` shows one consistent state: what the server had said at the last checkpoint, with the effects of all
 *   mutations on top that this state does not contain yet. An effect disappears in the very step in which the state that
 *   contains it is shown.
 * - A page of changes that is not complete is never shown; after a crash the transfer goes on where it was.
 */

export { Client, type ClientOptions } from "./client.js";
export type {
  BytesRow,
  Disk,
  FileRow,
  Key,
  Line,
  MetaRow,
  OutboxRow,
  PageFeed,
  PageRow,
  Reading,
  Rows,
  Table as DiskTable,
  Writing,
} from "./disk.js";
export { keyOf, keys } from "./disk.js";
export type { Progress } from "./early.js";
export { codeOf, Fault, sentence, type OwnCode } from "./fault.js";
export { FileState, type Kept } from "./file.js";
export type { Changed } from "./held.js";
export type { Live } from "./live.js";
export { MemoryDisk } from "./memory.js";
export type { Receipt } from "./receipt.js";
export type { Report } from "./round.js";
export { Store, type News, type Options } from "./store.js";
export { Draft, Mutator, Table, type Doer } from "./typed.js";
export type { Finished, Part, Uploads } from "./upload.js";
export { equalBytes, newId, uuidOf, uuidText } from "./uuid.js";
export type { Change, Effect, Item, Mutation, View } from "./view.js";
export type { Event } from "./watch.js";
export { needsAttention, Outcome, type Action, type Device, type Unsent, type Verdict } from "./words.js";
