// The small values of a store, by name.

import type { PageFeed, Reading, Writing } from "./disk.js";

/** The names with what they hold; absent is as if never set. */
export interface Meta {
  /** Which form the tables have; see schema.ts. */
  schema: number;
  /** Counts transactions that wrote: who has another number than the disk has missed something. */
  writes: number;
  /** The server's address. */
  server: string;
  /** The device's id. */
  device: Uint8Array;
  /** EnrolDeviceResponse without its tokens. */
  enrolment: Uint8Array;
  /** Tokens. */
  tokens: Uint8Array;
  /** The word for a refresh token, behind the hash of that token; see Client. */
  attempt: Uint8Array;
  /** A code, when the login has ended. */
  ended: string;
  cursor: Uint8Array;
  /** The server's time of the last checkpoint, in milliseconds since 1970. */
  asOf: number;
  /** A person switched sending off. */
  offline: boolean;
  /** The early part, while it is what shows. */
  early: readonly PageFeed[];
  /** How much there will be at the first checkpoint. */
  whole: { readonly entries: number; readonly bytes: number };
  /** For how many days the server wants acknowledged mutations to be kept; 0 when it did not say. */
  keepDays: number;
  /** Feeds whose digest did not agree and which are to be sent anew. */
  repair: readonly string[];
  /** The number of the last page that shows. */
  shown: number;
  /** Another number whenever pages were wiped or written anew: who knows another one reads all of them. */
  generation: number;
}

/** A name. */
export type MetaKey = keyof Meta;

/** Reads a value. */
export async function getMeta<K extends MetaKey>(tx: Reading, key: K): Promise<Meta[K] | undefined> {
  return (await tx.get("meta", key))?.value as Meta[K] | undefined;
}

/** Writes a value. */
export async function setMeta<K extends MetaKey>(tx: Writing, key: K, value: Meta[K]): Promise<void> {
  await tx.put("meta", { key, value });
}
