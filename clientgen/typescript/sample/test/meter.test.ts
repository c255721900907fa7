// The rules of effects, with the sample trade; docs/NEW-LANGUAGE.md numbers them.

import { create, toBinary, type MessageInitShape, type DescMessage } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { equalBytes, MemoryDisk, Store, type Change, type Mutation, type View } from "@doorstep-dev/offline";
import { expect, test } from "vitest";

import {
  closeRoute,
  dropPhoto,
  effects,
  MeterSchema,
  meters,
  metersByRouteId,
  metersByStatusAddressStreet,
  missMeter,
  photos,
  photosByMeterId,
  readMeter,
  RouteSchema,
  Status,
  tagMeter,
  takePhoto,
  takePhotoFile,
  type CustomEffects,
} from "../src/index.js";

const id = (n: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? n : 0));
const [meterId, routeId, one, two, absent] = [id(1), id(2), id(3), id(4), id(9)];
const at = new Date("2026-11-23T09:00:00Z");

const byHand: CustomEffects = {
  closeRoute(view, args, _at, draft) {
    for (const m of metersByRouteId(view, args.routeId))
      meters.edit(draft, m.id, (next) => void (next.tags = ["closed"]));
  },
};

/** A device that holds some entities. */
class Held implements View {
  readonly changed: Change[] = [];
  constructor(private readonly all: Change[]) {}

  get(kind: number, of: Uint8Array): Uint8Array | undefined {
    return this.find(kind, of)?.body;
  }
  list(kind: number): { id: Uint8Array; body: Uint8Array }[] {
    return this.all.flatMap((e) => (e.kind === kind && e.body ? [{ id: e.id, body: e.body }] : []));
  }
  pending(kind: number, of: Uint8Array): boolean {
    return this.changed.some((e) => e.kind === kind && equalBytes(e.id, of));
  }
  /** Lets the effect of one mutation show, and returns how many entities it changed. */
  show<D extends DescMessage>(mutator: { kind: string; schema: D }, args: MessageInitShape<D>): number {
    const bytes = toBinary(mutator.schema, create(mutator.schema, args));
    const done: Mutation = { seq: 1, id: one, kind: mutator.kind, args: bytes, at };
    const changes = effects(byHand)[mutator.kind]!(this, done);
    for (const c of changes) {
      const old = this.all.findIndex((e) => e.kind === c.kind && equalBytes(e.id, c.id));
      if (old >= 0) this.all.splice(old, 1);
      if (!c.removed) this.all.push(c);
    }
    this.changed.push(...changes);
    return changes.length;
  }
  private find(kind: number, of: Uint8Array): Change | undefined {
    return this.all.find((e) => e.kind === kind && equalBytes(e.id, of));
  }
}

function device(): Held {
  const meter = create(MeterSchema, {
    id: meterId,
    routeId,
    status: Status.DUE,
    visits: 2,
    tags: ["dog", "dark"],
    readings: [{ id: one, kwh: 7n }],
    address: { street: "", phone: "13800000000" },
  });
  return new Held([
    { kind: meters.kind, id: meterId, body: toBinary(MeterSchema, meter) },
    { kind: 1, id: routeId, body: toBinary(RouteSchema, create(RouteSchema, { id: routeId, name: "north" })) },
  ]);
}

test("a reading shows at once, and is not offered again", () => {
  const held = device();
  const before = meters.get(held, meterId)!;
  const read = { id: two, meterId, kwh: 9n, street: "Elm", source: { case: "byCamera", value: "c1" } } as const;
  expect(readMeter.offered(held, read)).toBe(true);
  expect(held.show(readMeter, read)).toBe(1);
  const m = meters.get(held, meterId)!;
  expect(m).toMatchObject({ status: Status.READ, visits: 3, address: { street: "Elm", phone: "13800000000" } });
  expect(m.readings).toMatchObject([{ kwh: 7n }, { kwh: 9n, source: { case: "byCamera", value: "c1" } }]);
  expect(timestampDate(m.readAt!)).toEqual(at);
  expect(readMeter.offered(held, read)).toBe(false);
  expect(held.show(readMeter, read)).toBe(0);
  expect(before, "what was read before is left alone").toMatchObject({ status: Status.DUE, visits: 2 });
});

test("an element is replaced by its key, and of a choice the one that was made is kept", () => {
  const held = device();
  held.show(readMeter, { id: one, meterId, kwh: 8n, source: { case: "byEye", value: false } });
  expect(meters.get(held, meterId)!.readings).toMatchObject([{ kwh: 8n, source: { case: "byEye", value: false } }]);
});

test("an effect may depend on the arguments, and two on one entity add up", () => {
  const held = device();
  held.show(missMeter, { meterId, note: "nobody" });
  expect(meters.get(held, meterId)).toMatchObject({ status: Status.DUE, note: "nobody", floor: 0, visits: 3 });
  held.show(missMeter, { meterId, final: true });
  expect(meters.get(held, meterId)).toMatchObject({ status: Status.UNREACHABLE, visits: 4 });
});

test("elements are added and taken away", () => {
  const held = device();
  held.show(tagMeter, { meterId, tag: "lamp", insteadOf: "dark", dropReading: one });
  expect(meters.get(held, meterId)).toMatchObject({ tags: ["dog", "lamp"], readings: [] });
});

test("entities are made once and go, and what goes through an absent entity does not happen", () => {
  const held = device();
  const file = { id: one, sha256: Uint8Array.of(1), size: 3, media: "image/jpeg" };
  expect(held.show(takePhoto, { ...takePhotoFile(file), meterId })).toBe(1);
  expect(held.show(takePhoto, { id: one, meterId, sha256: Uint8Array.of(2) })).toBe(0);
  expect(photos.get(held, one)).toMatchObject({ routeName: "north", sha256: Uint8Array.of(1) });
  expect(photosByMeterId(held, meterId)).toHaveLength(1);
  expect(photos.pending(held, one)).toBe(true);
  expect(held.show(takePhoto, { id: two, meterId: absent })).toBe(0);
  expect(held.show(dropPhoto, { photoId: one })).toBe(1);
  expect(photos.get(held, one)).toBeUndefined();
});

test("what is written by hand uses the same tables and look-ups", () => {
  const held = device();
  expect(held.show(closeRoute, { routeId })).toBe(1);
  expect(meters.get(held, meterId)!.tags).toEqual(["closed"]);
  expect(metersByStatusAddressStreet(held, Status.DUE, "")).toHaveLength(1);
});

test("rubbish has no effect, and cannot be read", () => {
  for (const [kind, effect] of Object.entries(effects(byHand)))
    expect(effect(device(), { seq: 1, id: one, kind, args: Uint8Array.of(0xff), at })).toEqual([]);
  const held = new Held([{ kind: meters.kind, id: meterId, body: Uint8Array.of(0xff) }]);
  expect(meters.get(held, meterId)).toBeUndefined();
  expect(meters.all(held)).toEqual([]);
});

test("what is sensitive is left out for logs", () => {
  const m = meters.get(device(), meterId)!;
  const shown = meters.redacted(m);
  expect(shown.address).toMatchObject({ street: "", phone: "" });
  expect(shown).toMatchObject({ visits: 2, tags: ["dog", "dark"] });
  expect(m.address!.phone, "the message itself stays").toBe("13800000000");
});

test("a mutator needs an enrolled device, as the store says", async () => {
  const store = await Store.open({ disk: new MemoryDisk(), now: () => at, effects: effects(byHand), feedOrder: [] });
  await expect(readMeter.do(store, { id: one, meterId, kwh: 1n })).rejects.toMatchObject({ code: "not_enrolled" });
});
