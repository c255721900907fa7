// A first sync of many entities in Chromium, also on a slow phone. SPEED_OUT names the file for the figures.

import type { Welcome } from "@doorstep-dev/conformance";
import { writeFileSync } from "node:fs";
import { describe, expect, inject, onTestFinished, test } from "vitest";

import { browser, bundle, page, profile, serve, start } from "./bed.js";

const out = process.env["SPEED_OUT"];
const entities = 10_000;
const rounds = out === undefined ? 1 : 5;

async function post(url: string, body: unknown): Promise<unknown> {
  const res = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  if (!res.ok) throw new Error(await res.text());
  return res.json();
}

describe.skipIf(browser === undefined)("a first sync in Chromium", () => {
  test(`shows all of ${entities} entities`, { timeout: 240_000 }, async () => {
    const harness = inject("harness");
    const world = (await post(`${harness}/worlds`, { users: ["li"], items: [] })) as Welcome;
    onTestFinished(async () => void (await fetch(`${harness}/worlds/${world.id}`, { method: "DELETE" })));
    await post(`${harness}/worlds/${world.id}`, { office: "give_many", count: entities, to: "li" });
    const { code } = (await post(`${harness}/worlds/${world.id}`, { office: "code", user: "li" })) as { code: string };

    const site = await serve({ "/": page("/page.js"), "/page.js": await bundle("speed.ts") });
    onTestFinished(site.close);
    const { dir, remove } = await profile();
    onTestFinished(remove);
    const running = await start(dir);
    onTestFinished(running.close);
    const tab = await running.context.newPage();
    await tab.goto(site.url);
    await tab.waitForFunction(() => "measure" in window);
    const bytes = await tab.evaluate(([url, code]) => window.record(url, code), [world.url, code] as const);

    const control = await running.context.newCDPSession(tab);
    const took: Record<string, number[]> = { "1": [], "6": [] };
    for (let round = 0; round < rounds; round++) {
      for (const rate of [1, 6]) {
        await control.send("Emulation.setCPUThrottlingRate", { rate });
        const one = await tab.evaluate((name) => window.measure(name), `speed-${round}-${rate}`);
        expect(one.shown).toBe(entities);
        took[rate]!.push(Math.round(one.took));
      }
    }
    if (out !== undefined) writeFileSync(out, JSON.stringify({ entities, bytes, took }));
  });
});
