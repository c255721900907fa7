// What happens to a browser's store: tabs, kills, eviction, a worker that sends.

import type { Welcome } from "@doorstep-dev/conformance";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";

import { browser, bundle, page, profile, serve, start, type Running } from "./bed.js";

/** A world of the harness with one technician, li, who holds one item. */
class World {
  private constructor(private readonly welcome: Welcome) {}

  static async make(): Promise<World> {
    const world = new World((await post(`${inject("harness")}/worlds`, { users: ["li"], items: ["tap"] })) as Welcome);
    onTestFinished(
      async () => void (await fetch(`${inject("harness")}/worlds/${world.welcome.id}`, { method: "DELETE" })),
    );
    await world.order({ office: "give", item: "tap", to: "li" });
    return world;
  }

  get url(): string {
    return this.welcome.url;
  }
  get item(): string {
    return this.welcome.items["tap"]!;
  }
  async order(step: unknown): Promise<unknown> {
    return post(`${inject("harness")}/worlds/${this.welcome.id}`, step);
  }
  async code(): Promise<string> {
    return ((await this.order({ office: "code", user: "li" })) as { code: string }).code;
  }
  /** Waits until the office has counted the item so often. */
  async counted(is: number): Promise<void> {
    await expect
      .poll(() => this.order({ office: "count", item: "tap", is }).then(() => true, String), { timeout: 60_000 })
      .toBe(true);
  }
}

async function post(url: string, body: unknown): Promise<unknown> {
  const res = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  if (!res.ok) throw new Error(await res.text());
  return res.json();
}

describe.skipIf(browser === undefined)("a store in Chromium", () => {
  let site: Awaited<ReturnType<typeof serve>>;

  beforeAll(async () => {
    const [script, worker] = await Promise.all([bundle("page.ts"), bundle("worker.ts")]);
    site = await serve({ "/": page("/page.js"), "/page.js": script, "/worker.js": worker });
  });
  afterAll(() => site.close());

  async function begin(dir: string): Promise<Running> {
    const running = await start(dir, true);
    onTestFinished(running.close);
    return running;
  }

  /** A tab with the app; told whether its store was evicted. */
  async function tab(running: Running): Promise<{ tab: Page; evicted: boolean }> {
    const tab = await running.context.newPage();
    await tab.goto(site.url);
    await tab.waitForFunction(() => "app" in window);
    return { tab, evicted: await tab.evaluate(() => window.app.open()) };
  }

  async function enrolled(world: World, running: Running): Promise<Page> {
    const { tab: one } = await tab(running);
    await one.evaluate(([url, code]) => window.app.enrol(url, code), [world.url, await world.code()] as const);
    await one.evaluate(() => window.app.sync());
    return one;
  }

  async function fresh(): Promise<string> {
    const { dir, remove } = await profile();
    onTestFinished(remove);
    return dir;
  }

  test("what was said to be saved is there after the browser was killed, and counts once", async () => {
    const world = await World.make();
    const dir = await fresh();
    const saved: string[] = [];
    for (let kill = 0; kill < 3; kill++) {
      const running = await begin(dir);
      const one = kill === 0 ? await enrolled(world, running) : (await tab(running)).tab;
      const found = await one.evaluate(() => window.app.done().map(([id]) => id));
      expect(found).toEqual(expect.arrayContaining(saved));
      const enough = saved.length + 5 + Math.floor(20 * Math.random());
      const reached = new Promise<void>((resolve) => {
        void one.exposeFunction("saved", (id: string) => {
          saved.push(id);
          if (saved.length >= enough) resolve();
        });
      });
      await one.waitForFunction(() => "saved" in window);
      void one.evaluate((item) => window.app.addForever(item), world.item).catch(() => undefined);
      await reached;
      await running.kill();
    }
    const { tab: last } = await tab(await begin(dir));
    const found = await last.evaluate(() => window.app.done().map(([id]) => id));
    expect(found).toEqual(expect.arrayContaining(saved));
    await last.evaluate(() => window.app.sync());
    await world.counted(found.length);
  });

  test("of several tabs one is in sync with the server, and when it is closed the next", async () => {
    const world = await World.make();
    const running = await begin(await fresh());
    const first = await enrolled(world, running);
    const { tab: second } = await tab(running);
    await first.evaluate(() => window.app.stay());
    await second.evaluate(() => window.app.stay());
    await second.evaluate((item) => window.app.add(item), world.item);
    await world.counted(1);
    const shows = (in_: Page): Promise<number | undefined> =>
      in_.evaluate((item) => window.app.shows()[item], world.item);
    for (const one of [first, second]) await expect.poll(() => shows(one), { timeout: 60_000 }).toBe(1);
    await world.order({ office: "set", item: "tap", count: 40 });
    for (const one of [first, second]) await expect.poll(() => shows(one), { timeout: 60_000 }).toBe(40);
    await first.close();
    await second.evaluate((item) => window.app.add(item), world.item);
    await world.counted(41);
    await expect
      .poll(() => second.evaluate(() => window.app.done().every(([, verdict]) => verdict !== "")), { timeout: 60_000 })
      .toBe(true);
  });

  test("a store that the browser has thrown away is recognised, and filled anew after an enrolment", async () => {
    const world = await World.make();
    const running = await begin(await fresh());
    const one = await enrolled(world, running);
    expect(await one.evaluate(() => window.app.keeping().quota)).toBeGreaterThan(0);
    await one.evaluate(() => window.app.evict());
    await one.close();
    const { tab: again, evicted } = await tab(running);
    expect(evicted).toBe(true);
    await again.evaluate(([url, code]) => window.app.enrol(url, code), [world.url, await world.code()] as const);
    await again.evaluate(() => window.app.sync());
    expect(await again.evaluate(() => window.app.shows())).toEqual({ [world.item]: 0 });
    expect((await tab(running)).evicted).toBe(false);
  });

  test("a service worker sends what no tab has sent", async () => {
    const world = await World.make();
    const running = await begin(await fresh());
    const one = await enrolled(world, running);
    const control = await running.context.newCDPSession(one);
    const registered = new Promise<string>((resolve) => {
      control.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
        const [registration] = registrations;
        if (registration) resolve(registration.registrationId);
      });
    });
    await control.send("ServiceWorker.enable");
    expect(await one.evaluate(() => window.app.hireWorker())).toBe(true);
    await one.evaluate((item) => window.app.add(item), world.item);
    const registrationId = await registered;
    // Chromium may have let the worker go at once; once more does no harm.
    await control.send("ServiceWorker.dispatchSyncEvent", {
      origin: site.url,
      registrationId,
      tag: "doorstep",
      lastChance: false,
    });
    await world.counted(1);
    await expect
      .poll(() => one.evaluate(() => window.app.done().map(([, verdict]) => verdict)), { timeout: 60_000 })
      .toEqual(["applied"]);
  });
});
