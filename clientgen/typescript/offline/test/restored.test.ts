import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { setFile } from "../src/file.js";
import { Outcome, PullResponseSchema, PushResponseSchema, VerdictSchema } from "../src/gen/doorstep/sync/v1/sync_pb.js";
import { FileState, type Store } from "../src/index.js";
import { batch, refusedAsOld, take } from "../src/outbox.js";
import { forgotten, prune } from "../src/restored.js";
import { stage } from "../src/stage.js";
import { enrol, idOf, jpeg, open, refusal, text } from "./phone.js";

const day = 24 * 60 * 60 * 1000;
const began = 1_800_000_000_000;

/** The server judges all that waits; it keeps backups for three days. */
async function judged(store: Store, at: number, outcome = Outcome.APPLIED): Promise<number> {
  const { mutations } = await batch(store, 100, 1 << 20);
  const serverTime = timestampFromMs(at);
  const verdicts = mutations.map(({ sequence, id }) => create(VerdictSchema, { sequence, id, outcome, serverTime }));
  await take(store, create(PushResponseSchema, { keepDays: 3, verdicts }));
  return verdicts.length;
}

/** A checkpoint of a server that has so many of this device's mutations. */
async function checkpoint(store: Store, last: number, at: number): Promise<void> {
  const serverTime = timestampFromMs(at);
  await stage(store, create(PullResponseSchema, { lastSequence: BigInt(last), serverTime, checkpoint: {} }));
}

/** A phone that has done two things, which the server has. */
async function settled(): Promise<Store> {
  const store = await open();
  await enrol(store);
  await store.do("add", text("1"));
  await store.do("add", text("2"), await store.keep(jpeg(5)));
  await judged(store, began);
  await checkpoint(store, 2, began);
  await setFile(store, { ...store.fileRows[0]!, state: FileState.done });
  expect(store.unsent()).toEqual({ mutations: 0, files: 0, bytes: 0 });
  return store;
}

describe("what a restored server has forgotten", () => {
  it("waits again with its files, and is kept from when it came again", async () => {
    const store = await settled();
    for (let n = 1; n <= 2; n++) {
      const now = began + n * 10 * day; // the phone was away
      await checkpoint(store, 0, now);
      expect(forgotten(store)).toBe(true);
      expect(store.waiting().map((a) => a.verdict?.outcome)).toEqual([Outcome.APPLIED, Outcome.APPLIED]);
      expect(await refusal(store.logout())).toBe("unsent_work");
      expect(await judged(store, now)).toBe(2);
      expect(store.unsent().files).toBe(1);
      await setFile(store, { ...store.fileRows[0]!, state: FileState.done });
      await checkpoint(store, 2, now);
      await prune(store);
      expect(store.work.length).toBe(2);
    }
    await checkpoint(store, 2, began + 24 * day);
    await prune(store);
    expect(store.work.length).toBe(1);
  });

  it("counts from the checkpoint that has it when the answer was lost", async () => {
    const store = await settled();
    await checkpoint(store, 0, began + 10 * day);
    await checkpoint(store, 2, began + 10 * day);
    expect(store.unsent().mutations).toBe(0);
    await prune(store);
    expect(store.work.length).toBe(2);
  });

  it("goes again under a new identity; receipts stay those of the old one", async () => {
    const store = await settled();
    await store.do("add", text("3"));
    await enrol(store, 1, 101);
    const { mutations } = await batch(store, 100, 1 << 20);
    expect(mutations.map((m) => Number(m.sequence))).toEqual([1, 2, 3]);
    expect(store.actions().map((a) => [a.device[15], a.judgedAs[15], a.waits])).toEqual([
      [101, 100, true],
      [101, 100, true],
      [101, 101, true],
    ]);
    expect(await judged(store, began)).toBe(3); // it had forgotten nothing
    expect(store.unsent()).toEqual({ mutations: 0, files: 0, bytes: 0 });
    await enrol(store, 1, 102);
    expect(store.actions().map((a) => a.judgedAs[15])).toEqual([100, 100, 101]);
  });

  it("gets a verdict of its own in new words, if it is taken in the old ones no more", async () => {
    const store = await settled();
    const [, first] = store.actions(); // the one with a photo
    await store.markSeen(first!.id);
    expect(await refusal(store.reword(first!.id, "new", text("1")))).toBe("sequence_reused");
    await checkpoint(store, 0, began + day);
    expect(await refusal(store.reword(first!.id, "new", text("1")))).toBe("sequence_reused");
    await refusedAsOld(store, 2n);
    await store.reword(first!.id, "new", text("1"));
    expect(store.unsent()).toMatchObject({ mutations: 2, files: 1 });
    expect(store.actions()[1]).toMatchObject({ kind: "new", waits: true, covered: false, seen: false });
    expect(store.actions()[1]!.verdict).toBeUndefined();
    await judged(store, began + day, Outcome.REJECTED);
    expect(store.attention().map((a) => a.id)).toEqual([first!.id]);
    expect(store.actions()[0]!.verdict?.outcome).toBe(Outcome.APPLIED);
  });
});

describe("what the server has", () => {
  it("is not taken for forgotten while it is not covered yet", async () => {
    const store = await settled();
    await store.do("add", idOf(1));
    await judged(store, began + day);
    expect(forgotten(store)).toBe(false);
    await checkpoint(store, 3, began + day);
    expect(store.waiting()).toEqual([]);
  });
});
