import { expect, it } from "vitest";
import vectors from "../../../../sync/conformance/vectors/digest.json" with { type: "json" };
import { Digest, digestOf } from "../src/digest.js";
import { uuidOf } from "../src/uuid.js";

it("is the digest of the vectors, entry by entry", () => {
  for (const e of vectors.entries) {
    expect(digestOf(e.kind, uuidOf(e.id)!, BigInt(e.sequence))).toBe(BigInt(e.digest));
  }
});

it("sums up to that of the feed, in and out", () => {
  for (const f of vectors.feeds) {
    const sum = new Digest();
    const count = (sign: 1 | -1, i: number): void => {
      const e = vectors.entries[i]!;
      sum.count(sign, e.kind, uuidOf(e.id)!, BigInt(e.sequence));
    };
    for (const i of f.entries) count(1, i);
    expect(sum.value).toBe(BigInt(f.digest));
    for (const i of f.entries) count(-1, i);
    expect(sum.value).toBe(0n);
  }
});
