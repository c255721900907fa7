import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "vitest";
import pages from "../../../../sync/conformance/vectors/pages.json" with { type: "json" };
import receipts from "../../../../sync/conformance/vectors/receipt.json" with { type: "json" };
import { verify } from "../src/ed25519.js";
import { Outcome, PullResponseSchema, type PullResponse } from "../src/gen/doorstep/sync/v1/sync_pb.js";
import { receiptText } from "../src/receipt.js";
import { stage } from "../src/stage.js";
import { uuidOf } from "../src/uuid.js";
import { enrol, open, shown, text, textOf } from "./phone.js";
import { MemoryDisk } from "../src/index.js";

type Page = (typeof pages.cases)[number]["pages"][number]["page"];

/** A page as it comes over the wire. */
function pageOf(p: Page): PullResponse {
  const feeds = ("feeds" in p ? p.feeds : undefined) ?? [];
  const message = create(PullResponseSchema, {
    cursor: text("cursor" in p ? (p.cursor ?? "") : ""),
    droppedFeeds: ("dropped_feeds" in p ? p.dropped_feeds : undefined) ?? [],
    feeds: feeds.map((f) => ({
      feed: f.feed,
      reset: "reset" in f && f.reset === true,
      entries: ("entries" in f ? (f.entries ?? []) : []).map((e) => ({
        kind: e.kind,
        id: uuidOf(e.id)!,
        sequence: BigInt(e.sequence),
        removed: "removed" in e && e.removed === true,
        body: text("body" in e ? (e.body ?? "") : ""),
      })),
    })),
    ...("checkpoint" in p && p.checkpoint !== undefined
      ? {
          checkpoint: {
            feeds: (
              (p.checkpoint as { feeds?: { feed: string; sequence: string; digest: string; count: string }[] }).feeds ??
              []
            ).map((f) => ({
              feed: f.feed,
              sequence: BigInt(f.sequence),
              digest: BigInt(f.digest),
              count: BigInt(f.count),
            })),
          },
        }
      : {}),
  });
  return fromBinary(PullResponseSchema, toBinary(PullResponseSchema, message));
}

describe("pages", () => {
  for (const c of pages.cases) {
    it(c.says, async () => {
      const disk = new MemoryDisk();
      let store = await open(disk);
      await enrol(store);
      for (const { page, then } of c.pages) {
        const done = await stage(store, pageOf(page as Page));
        const check = (): void => {
          expect(done.checkpoint).toBe(then.checkpoint);
          expect(textOf(store.meta("cursor")) ?? "").toBe(then.cursor);
          expect(store.meta("repair") ?? []).toEqual(then.repair);
          // An entity shows once, as the most preferred feed has it.
          const shows = then.shows as Record<string, Record<string, string>>;
          const order = Object.keys(shows).sort(
            (a, b) => Number(b.startsWith("tech:")) - Number(a.startsWith("tech:")) || (a < b ? -1 : 1),
          );
          expect(shown(store)).toEqual(Object.assign({}, ...order.reverse().map((feed) => shows[feed])));
        };
        check();
        store = await open(disk); // and it is the same after a restart
        check();
      }
    });
  }
});

describe("receipts", () => {
  const outcomes = {
    applied: Outcome.APPLIED,
    merged: Outcome.MERGED,
    rejected: Outcome.REJECTED,
    parked: Outcome.PARKED,
  };
  it("sign the text of the vectors", async () => {
    expect(receipts.cases.length).toBeGreaterThan(0);
    for (const c of receipts.cases) {
      const at = BigInt(c.at);
      const signed = await receiptText(
        uuidOf(c.org)!,
        { judgedAs: uuidOf(c.device)!, id: uuidOf(c.id)!, kind: c.kind, args: base64Decode(c.args) },
        {
          sequence: BigInt(c.sequence),
          outcome: outcomes[c.outcome as keyof typeof outcomes],
          serverTime: {
            $typeName: "google.protobuf.Timestamp",
            seconds: at / 1_000_000n,
            nanos: Number(at % 1_000_000n) * 1000,
          },
        },
      );
      expect(textOf(signed)).toBe(c.text);
      const signature = base64Decode(c.signature);
      expect(await verify(base64Decode(receipts.key), signed, signature)).toBe(true);
      signature[0]! ^= 1;
      expect(await verify(base64Decode(receipts.key), signed, signature)).toBe(false);
    }
  });
});
