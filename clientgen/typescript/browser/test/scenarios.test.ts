import type { Scenario } from "@doorstep-dev/conformance";
import { readdirSync, readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, inject, it } from "vitest";

import { browser, bundle, page, profile, serve, start } from "./bed.js";

const folder = new URL("../../../../sync/conformance/scenarios/", import.meta.url);
/** What this client can do in a browser, of what a scenario may need. */
const can = ["overlay", "restart", "live", "early", "beside", "upgrade", "reword", "files", "box", "word", "binary"];
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));

describe.skipIf(browser === undefined)(
  "the TypeScript client in Chromium, on IndexedDB, against the real server",
  () => {
    let tab: Page;
    const ends: (() => Promise<void>)[] = [];

    beforeAll(async () => {
      const site = await serve({ "/": page("/page.js"), "/page.js": await bundle("scenarios.ts") });
      const { dir, remove } = await profile();
      const running = await start(dir);
      ends.push(running.close, remove, site.close);
      tab = await running.context.newPage();
      await tab.goto(site.url);
    });

    afterAll(async () => {
      for (const end of ends) await end();
    });

    for (const name of names) {
      const scenario = JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Scenario;
      if (!scenario.needs.every((need) => can.includes(need))) continue;
      it(
        name.replace(".json", ""),
        async () => {
          await tab.waitForFunction(() => "play" in window);
          await tab.evaluate(([s, harness]) => window.play(s, harness), [scenario, inject("harness")] as const);
        },
        180_000,
      );
    }
  },
);
