import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, inject, it } from "vitest";
import { memory, play, type Scenario } from "../src/index.js";

const folder = new URL("../../../../sync/conformance/scenarios/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));

describe("the TypeScript client against the real server", () => {
  it("plays them all", () => {
    expect(names.length).toBeGreaterThan(28);
  });

  for (const name of names) {
    const scenario = JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Scenario;
    it.concurrent(
      name.replace(".json", ""),
      async () => {
        await play(scenario, inject("harness"), memory());
      },
      180_000,
    );
  }
});
