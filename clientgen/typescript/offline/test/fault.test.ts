import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { codeOf, Fault, ownCodes, sentence } from "../src/fault.js";

it("says what docs/ERRORS.md says", () => {
  const documented = readFileSync(new URL("../../../../docs/ERRORS.md", import.meta.url), "utf8");
  expect(ownCodes.length).toBeGreaterThan(10);
  for (const code of ownCodes) {
    const err = Fault.of(code, "hidden");
    const line = documented.split("\n").find((l) => l.includes(`\`${code}\``));
    expect(line, code).toContain(err.public("en"));
    expect(line, code).toContain(err.public("zh"));
  }
});

it("says nothing of what it does not know", () => {
  expect(codeOf(new Error("secret"))).toBe("internal");
  expect(sentence(new Error("secret"), "en")).not.toContain("secret");
});
