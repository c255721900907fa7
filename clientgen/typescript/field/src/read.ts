// How the field's entities are read.

import type { View } from "@doorstep-dev/offline";
import { verifyKeysByUse } from "./entities.gen.js";

/** Prefers a technician's own feed, which shows most, over the shop's and the team's. */
export const feedOrder: readonly string[] = ["tech", "store", "team", "org"];

/** Finds the server's public keys for receipts: for Options.keys. */
export function receiptKeys(view: View): ReadonlyMap<string, Uint8Array> {
  return new Map(verifyKeysByUse(view, "receipt").map((k) => [k.keyId, k.ed25519]));
}
