import { describe, expect, it } from "vitest";
import { base64Decode } from "@bufbuild/protobuf/wire";
import vectors from "../../../../sync/conformance/vectors/pack.json" with { type: "json" };
import { unpack } from "../src/pack.js";
import { uuidOf } from "../src/uuid.js";
import { refusal } from "./phone.js";

describe("packs", () => {
  it("hold what the vectors say, byte for byte", () => {
    expect(vectors.cases.length).toBeGreaterThan(0);
    for (const c of vectors.cases) {
      const entries = (c.entries ?? []).map((e) => ({
        kind: e.kind,
        id: uuidOf(e.id),
        seq: BigInt(e.sequence),
        removed: "removed" in e,
        body: base64Decode(e.body ?? ""),
      }));
      expect(unpack(base64Decode(c.pack))).toEqual(entries);
    }
  });

  it("are refused when they are none", async () => {
    for (const b of vectors.refused)
      expect(await refusal(Promise.resolve().then(() => unpack(base64Decode(b))))).toBe("internal");
  });
});
