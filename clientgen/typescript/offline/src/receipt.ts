// The server's signature on a verdict: docs/PROTOCOL.md section 7.

import { verify } from "./ed25519.js";
import { Outcome, type Verdict } from "./gen/doorstep/sync/v1/sync_pb.js";
import type { Store } from "./store.js";
import { hex, uuidText } from "./uuid.js";
import type { Action } from "./words.js";

/**
 * What the check of a signature gave. none: there is no verdict yet. good: the server has signed that it took this very
 * mutation in. unknown_key: signed by a key that the device does not hold (yet). bad: the signature does not fit; keep the
 * mutation and tell the office. unchecked: this browser cannot check Ed25519 signatures.
 */
export type Receipt = "none" | "good" | "unknown_key" | "bad" | "unchecked";

/** Checks the signature with the keys that Options.keys finds; without it all keys are unknown. */
export async function checkReceipt(store: Store, a: Action): Promise<Receipt> {
  if (a.verdict === undefined) return "none";
  const key = store.options.keys?.(store.view()).get(a.verdict.key);
  if (key?.length !== 32) return "unknown_key";
  const good = await verify(key, await receiptText(store.device().org, a, a.verdict), a.verdict.receipt);
  return good === undefined ? "unchecked" : good ? "good" : "bad";
}

const outcomes: Readonly<Record<Outcome, string>> = {
  [Outcome.UNSPECIFIED]: "",
  [Outcome.APPLIED]: "applied",
  [Outcome.MERGED]: "merged",
  [Outcome.REJECTED]: "rejected",
  [Outcome.PARKED]: "parked",
};

/** What a receipt signs. */
export async function receiptText(
  org: Uint8Array,
  m: Pick<Action, "judgedAs" | "id" | "kind" | "args">,
  v: Pick<Verdict, "sequence" | "outcome" | "serverTime">,
): Promise<Uint8Array> {
  const args = new Uint8Array(await crypto.subtle.digest("SHA-256", m.args as Uint8Array<ArrayBuffer>));
  const at =
    v.serverTime === undefined ? 0n : v.serverTime.seconds * 1_000_000n + BigInt(Math.floor(v.serverTime.nanos / 1000));
  return new TextEncoder().encode(
    `doorstep receipt 1\norg ${uuidText(org)}\ndevice ${uuidText(m.judgedAs)}\nsequence ${v.sequence}\nid ${uuidText(m.id)}\n` +
      `kind ${m.kind}\nargs ${hex(args)}\noutcome ${outcomes[v.outcome]}\nat ${at}\n`,
  );
}
