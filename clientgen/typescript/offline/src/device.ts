// Who a device is.

import { clone, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Writing } from "./disk.js";
import { Fault } from "./fault.js";
import { unsentFiles } from "./file.js";
import {
  EnrolDeviceResponseSchema,
  TokensSchema,
  type EnrolDeviceResponse,
} from "./gen/doorstep/account/v1/account_pb.js";
import { getMeta, setMeta } from "./meta.js";
import type { Store } from "./store.js";
import { equalBytes } from "./uuid.js";
import type { Device } from "./words.js";

const none = new Uint8Array();

/** Who the device of a store is. */
export function deviceOf(store: Store): Device {
  const enrolment = store.meta("enrolment");
  const e = enrolment === undefined ? undefined : fromBinary(EnrolDeviceResponseSchema, enrolment);
  const asOf = store.meta("asOf");
  return {
    server: store.meta("server") ?? "",
    org: e?.orgId ?? none,
    user: e?.userId ?? none,
    id: e?.deviceId ?? none,
    userName: e?.userName ?? "",
    orgName: e?.orgName ?? "",
    ended: store.meta("ended") ?? "",
    offline: store.meta("offline") ?? false,
    ...(asOf === undefined ? {} : { asOf: new Date(asOf) }),
    early: store.meta("early") !== undefined,
  };
}

/**
 * Takes a new identity. All that is held is renumbered for it and offered again, also what has a verdict: the server may have been
 * restored to before the old identity. Ids stay, so that what the server has counts once; a verdict stays signed for the device that
 * it was given to. Another person's store with unsent work is not taken over.
 */
export async function enrolled(store: Store, server: string, e: EnrolDeviceResponse): Promise<void> {
  if (e.tokens === undefined) throw Fault.of("internal", "an enrolment without tokens");
  const tokens = toBinary(TokensSchema, e.tokens);
  const device = e.deviceId.slice();
  const kept = clone(EnrolDeviceResponseSchema, e);
  delete kept.tokens;
  await store.write(["page", "outbox", "file", "bytes"], async (tx) => {
    const before = await getMeta(tx, "enrolment");
    if (before !== undefined) {
      const old = fromBinary(EnrolDeviceResponseSchema, before);
      if (!equalBytes(old.userId, e.userId) || !equalBytes(old.orgId, e.orgId)) {
        await refuseUnsent(tx);
        await wipe(tx);
      }
    }
    const rows = (await tx.all("outbox")).map((r, i) => ({
      ...r,
      device,
      seq: i + 1,
      tried: false,
      tooOld: false,
      judged: r.verdict === undefined ? undefined : (r.judged ?? r.device),
      known: undefined,
    }));
    await tx.put("outbox", ...rows);
    await setMeta(tx, "server", server);
    await setMeta(tx, "device", device);
    await setMeta(tx, "enrolment", toBinary(EnrolDeviceResponseSchema, kept));
    await setMeta(tx, "tokens", tokens);
    await setMeta(tx, "ended", "");
  });
}

/** Forgets everything, and refuses with unsent_work while anything is unsent. */
export async function logout(store: Store): Promise<void> {
  await store.write(["page", "outbox", "file", "bytes"], async (tx) => {
    await refuseUnsent(tx);
    await wipe(tx);
  });
}

async function refuseUnsent(tx: Writing): Promise<void> {
  const mutations = (await tx.all("outbox")).filter((r) => r.known === undefined).length;
  const files = unsentFiles(await tx.all("file")).length;
  if (mutations + files > 0) throw Fault.of("unsent_work", `${mutations} actions, ${files} files`);
}

/** Empties the store: what was read, what was sent, who it belonged to. */
export async function wipe(tx: Writing): Promise<void> {
  const schema = await getMeta(tx, "schema");
  const writes = await getMeta(tx, "writes");
  await tx.clear("meta", "page", "outbox", "file", "bytes");
  if (schema !== undefined) await setMeta(tx, "schema", schema);
  if (writes !== undefined) await setMeta(tx, "writes", writes);
  await anew(tx);
}

/** Tells all who have read pages that those are no more. */
export function anew(tx: Writing): Promise<void> {
  return setMeta(tx, "generation", Math.random());
}

/** Empties what a revoked device may no longer hold and keeps what is unsent. */
export async function wipeCopy(store: Store, code: string): Promise<void> {
  await store.write(["page", "outbox", "file", "bytes"], async (tx) => {
    await tx.clear("page");
    await tx.delete("meta", "cursor", "asOf", "early", "whole", "repair", "shown");
    await anew(tx);
    const files = await tx.all("file");
    const unsent = unsentFiles(files);
    const sent = files.filter((f) => !unsent.includes(f)).map((f) => f.key);
    await tx.delete("file", ...sent);
    await tx.delete("bytes", ...sent);
    const settled = (await tx.all("outbox")).filter(
      (r) => r.known !== undefined && !unsent.some((f) => equalBytes(f.mutation, r.id)),
    );
    await tx.delete("outbox", ...settled.map((r) => r.n));
    await setMeta(tx, "ended", code);
  });
}
