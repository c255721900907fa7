// A phone for tests: items of kind 7 whose body is their count in text.

import { create } from "@bufbuild/protobuf";
import { enrolled } from "../src/device.js";
import { EnrolDeviceResponseSchema } from "../src/gen/doorstep/account/v1/account_pb.js";
import { Fault, MemoryDisk, Store, type Disk, type Effect, type Options } from "../src/index.js";

export const itemKind = 7;

export function idOf(n: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(12, n);
  return id;
}

/** Bytes that begin like a JPEG. */
export function jpeg(size: number): Blob {
  const bytes = new Uint8Array(size).fill(7);
  bytes.set([0xff, 0xd8, 0xff]);
  return new Blob([bytes], { type: "image/jpeg" });
}

export const text = (s: string): Uint8Array => new TextEncoder().encode(s);
export const textOf = (b: Uint8Array | undefined): string | undefined =>
  b === undefined ? undefined : new TextDecoder().decode(b);

/** Counts the item that the arguments name up. */
export const add: Effect = (view, done) => {
  const body = view.get(itemKind, done.args);
  return body === undefined ? [] : [{ kind: itemKind, id: done.args, body: text(String(Number(textOf(body)) + 1)) }];
};

export function open(disk: Disk = new MemoryDisk(), options: Partial<Options> = {}): Promise<Store> {
  return Store.open({
    disk,
    now: () => new Date(1_800_000_000_000),
    effects: { add },
    feedOrder: ["tech", "team"],
    ...options,
  });
}

export async function enrol(store: Store, user = 1, device = 100): Promise<void> {
  await enrolled(
    store,
    "https://office.test",
    create(EnrolDeviceResponseSchema, {
      orgId: idOf(1),
      userId: idOf(user),
      deviceId: idOf(device),
      tokens: { access: "a", refresh: "r" },
    }),
  );
}

/** The counts of all items that show, by their number. */
export function shown(store: Store): Record<number, string> {
  return Object.fromEntries(
    store
      .view()
      .list(itemKind)
      .map((i) => [i.id[15], textOf(i.body)]),
  );
}

/** The code with which a promise is rejected; empty when it is not. */
export async function refusal(p: Promise<unknown>): Promise<string> {
  try {
    await p;
    return "";
  } catch (err) {
    if (err instanceof Fault) return err.code;
    throw err;
  }
}
