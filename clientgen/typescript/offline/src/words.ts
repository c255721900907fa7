// What applications read.

import type { Verdict } from "./gen/doorstep/sync/v1/sync_pb.js";
import { Outcome } from "./gen/doorstep/sync/v1/sync_pb.js";
import type { Mutation } from "./view.js";

export { Outcome };
export type { Verdict };

/** A mutation with its verdict, if there is one. */
export interface Action extends Mutation {
  /** The identity under which it was, or will be, sent. */
  readonly device: Uint8Array;
  /** The identity that the verdict was given to: an earlier one, when the device enrolled anew since then. */
  readonly judgedAs: Uint8Array;
  /** It was sent at least once, and the answer may have been lost. */
  readonly tried: boolean;
  /** The first one; absent before it came. */
  readonly verdict?: Verdict;
  /** The server is not known to have it; see Store.waiting. */
  readonly waits: boolean;
  /** The state shown contains the effect, the overlay does not any more. */
  readonly covered: boolean;
  /** A person was shown that it needs attention. */
  readonly seen: boolean;
}

/** Whether the server did not do what was asked: rejected or parked. */
export function needsAttention(a: Action): boolean {
  return a.verdict?.outcome === Outcome.REJECTED || a.verdict?.outcome === Outcome.PARKED;
}

/** Counts what only this device has. */
export interface Unsent {
  /** Mutations that the server is not known to have; see Store.waiting. */
  readonly mutations: number;
  /** Files whose bytes the server has not confirmed. */
  readonly files: number;
  /** Bytes of those files. */
  readonly bytes: number;
}

/** Who this device is and how it stands. */
export interface Device {
  /** The server's address; empty while the device was never enrolled. */
  readonly server: string;
  /** Ids; empty while the device was never enrolled. */
  readonly org: Uint8Array;
  readonly user: Uint8Array;
  readonly id: Uint8Array;
  readonly userName: string;
  readonly orgName: string;
  /**
   * A code (docs/ERRORS.md) when the login does not hold any more, else empty: nothing is sent until the device enrols
   * anew, everything is kept, and capturing goes on.
   */
  readonly ended: string;
  /** A person switched sending off. */
  readonly offline: boolean;
  /** The server's time of the state that shows; absent before the first checkpoint. */
  readonly asOf?: Date;
  /** What shows is only what is needed first; the first download goes on. */
  readonly early: boolean;
}
