// The effects that all languages share: sync/conformance/vectors/effects.json.

import { equals, fromBinary, type DescMessage } from "@bufbuild/protobuf";
import { equalBytes, type Change, type View } from "@doorstep-dev/offline";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { effects, MeterSchema, PhotoSchema, RouteSchema } from "../src/index.js";

interface Entity {
  kind: number;
  id: string;
  body?: string;
  removed?: boolean;
}
interface Vector {
  name: string;
  holds: Entity[];
  kind: string;
  args: string;
  at: string;
  changes: Entity[];
}

const path = new URL("../../../../sync/conformance/vectors/effects.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(path, "utf8")) as { vectors: Vector[] };
const schemas: Record<number, DescMessage> = { 1: RouteSchema, 2: MeterSchema, 4: PhotoSchema };
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));

test("there are vectors", () => expect(vectors.length).toBeGreaterThan(10));

test.each(vectors)("$name", (v) => {
  const held = v.holds.map((e) => ({ kind: e.kind, id: bytes(e.id), body: bytes(e.body!) }));
  const view: View = {
    get: (kind, id) => held.find((e) => e.kind === kind && equalBytes(e.id, id))?.body,
    list: (kind) => held.filter((e) => e.kind === kind),
    pending: () => false,
  };
  const done = { seq: 1, id: new Uint8Array(16), kind: v.kind, args: bytes(v.args), at: new Date(v.at) };
  const changes: readonly Change[] = effects({ closeRoute: () => undefined })[v.kind]!(view, done);
  expect(changes.map((c) => [c.kind, Buffer.from(c.id).toString("base64"), c.removed ?? false])).toEqual(
    v.changes.map((c) => [c.kind, c.id, c.removed ?? false]),
  );
  changes.forEach((c, i) => {
    const schema = schemas[c.kind]!;
    if (c.body)
      expect(equals(schema, fromBinary(schema, c.body), fromBinary(schema, bytes(v.changes[i]!.body!)))).toBe(true);
  });
});
