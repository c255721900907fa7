import { describe, expect, it } from "vitest";
import { encodeEntries, type Entry } from "../src/entry.js";
import { setMeta } from "../src/meta.js";
import { compact, forgetCursor } from "../src/stage.js";
import { MemoryDisk, type Store } from "../src/index.js";
import { enrol, idOf, itemKind, jpeg, open, refusal, shown, text } from "./phone.js";

const put = (n: number, count: string, seq = n): Entry => ({
  kind: itemKind,
  id: idOf(n),
  seq: BigInt(seq),
  removed: false,
  body: text(count),
});

/** Writes a page as the server would, and shows it. */
async function showPage(store: Store, feed: string, ...entries: Entry[]): Promise<void> {
  const n = (store.meta("shown") ?? 0) + 1;
  await store.write(["page"], async (tx) => {
    const bytes = entries.reduce((sum, e) => sum + e.body.length, 0);
    await tx.put("page", {
      n,
      dropped: [],
      feeds: [{ feed, reset: false, entries: encodeEntries(entries, entries.length, bytes) }],
    });
    await setMeta(tx, "shown", n);
  });
}

describe("a store", () => {
  it("takes nothing before the device belongs to somebody", async () => {
    const store = await open();
    expect(await refusal(store.do("add", idOf(1)))).toBe("not_enrolled");
    expect(store.actions()).toEqual([]);
  });

  it("numbers what is done, and has it after a restart", async () => {
    const disk = new MemoryDisk();
    const store = await open(disk);
    await enrol(store);
    const done = await Promise.all([store.do("add", idOf(1)), store.do("add", idOf(1)), store.do("add", idOf(2))]);
    expect(done.map((m) => m.seq)).toEqual([1, 2, 3]);
    const again = await open(disk);
    expect(again.actions()).toEqual(store.actions());
    expect(again.unsent()).toEqual({ mutations: 3, files: 0, bytes: 0 });
    expect(again.device().server).toBe("https://office.test");
  });

  it("refuses arguments that the server would reject", async () => {
    const store = await open();
    await enrol(store);
    expect(await refusal(store.do("add", new Uint8Array((512 << 10) + 1)))).toBe("mutation_too_large");
  });

  it("shows effects on top of what the server said, in order", async () => {
    const store = await open();
    await enrol(store);
    await showPage(store, "tech:1", put(1, "5"), put(2, "7"));
    expect(shown(store)).toEqual({ 1: "5", 2: "7" });
    const before = store.view();
    await store.do("add", idOf(1));
    await store.do("add", idOf(1));
    await store.do("add", idOf(9)); // is not there
    await store.do("unheard of", idOf(2));
    expect(shown(store)).toEqual({ 1: "7", 2: "7" });
    expect(store.view().pending(itemKind, idOf(1))).toBe(true);
    expect(store.view().pending(itemKind, idOf(2))).toBe(false);
    expect(before.get(itemKind, idOf(1))).toEqual(text("5")); // a view never changes
  });

  it("survives effects that throw", async () => {
    const store = await open(new MemoryDisk(), {
      effects: {
        bad: () => {
          throw new Error("of the application");
        },
      },
    });
    await enrol(store);
    await showPage(store, "tech:1", put(1, "5"));
    await store.do("bad", idOf(1));
    expect(shown(store)).toEqual({ 1: "5" });
  });

  it("shows the body of the preferred feed while any feed holds the entity", async () => {
    const store = await open();
    await showPage(store, "team:1", put(1, "masked"));
    expect(shown(store)).toEqual({ 1: "masked" });
    await showPage(store, "tech:1", put(1, "plain"));
    expect(shown(store)).toEqual({ 1: "plain" });
    await showPage(store, "tech:1", { ...put(1, "", 2), removed: true });
    expect(shown(store)).toEqual({ 1: "masked" });
  });

  it("refuses to forget what is unsent, and forgets all else", async () => {
    const store = await open();
    await enrol(store);
    await showPage(store, "tech:1", put(1, "5"));
    await store.do("add", idOf(1));
    expect(await refusal(store.logout())).toBe("unsent_work");
    expect(shown(store)).toEqual({ 1: "6" });
    const other = await open();
    await enrol(other);
    await showPage(other, "tech:1", put(1, "5"));
    await other.logout();
    expect(shown(other)).toEqual({});
    expect(other.device().id.length).toBe(0);
  });

  it("numbers unsent work anew for a new identity, and keeps its ids", async () => {
    const store = await open();
    await enrol(store);
    const first = await store.do("add", idOf(1));
    await enrol(store, 1, 101);
    expect(store.actions().map((a) => [a.seq, a.device[15], a.id])).toEqual([[1, 101, first.id]]);
    expect((await store.do("add", idOf(1))).seq).toBe(2);
    expect(await refusal(enrol(store, 2, 102))).toBe("unsent_work");
  });

  it("is another person's after everything was sent, with nothing of the first", async () => {
    const store = await open();
    await enrol(store);
    await showPage(store, "tech:1", put(1, "5"));
    await enrol(store, 2, 102);
    expect(shown(store)).toEqual({});
    expect(store.device().user).toEqual(idOf(2));
  });

  it("keeps files, and counts those that are unsent", async () => {
    const disk = new MemoryDisk();
    const store = await open(disk);
    await enrol(store);
    const kept = await store.keep(jpeg(7));
    expect(kept.size).toBe(7);
    await store.do("add", idOf(1), kept);
    expect(store.unsent()).toEqual({ mutations: 1, files: 1, bytes: 7 });
    expect((await open(disk)).unsent().files).toBe(1);
  });
});

describe("several stores on one disk", () => {
  it("see what the others did, and number on from it", async () => {
    const disk = new MemoryDisk();
    const one = await open(disk);
    await enrol(one);
    const two = await open(disk);
    await one.do("add", idOf(1));
    const second = await two.do("add", idOf(1)); // two may not have heard yet: the disk has the last word
    expect(second.seq).toBe(2);
    expect(two.actions().length).toBe(2);
    await one.catchUp();
    expect(one.actions().length).toBe(2);
    expect(two.view().pending(itemKind, idOf(1))).toBe(false); // it is not there yet
    await showPage(one, "tech:1", put(1, "5"));
    await two.catchUp();
    expect(shown(two)).toEqual({ 1: "7" });
  });

  it("follow when one writes what shows anew, and when one forgets everything", async () => {
    const disk = new MemoryDisk();
    const one = await open(disk);
    await enrol(one);
    for (let count = 0; count < 600; count++) await showPage(one, "tech:1", put(1, String(count), count + 1));
    await showPage(one, "tech:1", put(9, "9"));
    const two = await open(disk);
    const deaf = new MemoryDisk();
    const three = await open(Object.assign(disk, { connect: deaf.connect.bind(deaf) })); // it hears nothing of the others
    await showPage(one, "tech:1", { ...put(9, ""), removed: true });
    await compact(one);
    expect(await disk.read(["page"], (tx) => tx.keys("page"))).toEqual([603]);
    await two.catchUp();
    await showPage(one, "tech:1", put(2, "7"));
    await two.catchUp();
    await three.catchUp(); // it missed both
    const again = await open(disk);
    for (const store of [one, two, three, again]) expect(shown(store)).toEqual({ 1: "599", 2: "7" });
    await one.logout();
    await showPage(one, "tech:1", put(3, "8"));
    await two.catchUp();
    for (const store of [one, two]) expect(shown(store)).toEqual({ 3: "8" });
  });

  it("begin anew when the server does not know the cursor, and show what there is until then", async () => {
    const disk = new MemoryDisk();
    const one = await open(disk);
    await enrol(one);
    await showPage(one, "tech:1", put(1, "5"));
    await showPage(one, "team:1", put(2, "6"));
    const two = await open(disk);
    await forgetCursor(one);
    await two.catchUp();
    for (const store of [one, two, await open(disk)]) {
      expect(shown(store)).toEqual({ 1: "5", 2: "6" });
      expect(store.staged.length).toBe(1);
    }
    await one.write(["page"], (tx) => setMeta(tx, "shown", 3)); // the checkpoint, with nothing come anew
    await two.catchUp();
    for (const store of [one, two]) expect(shown(store)).toEqual({});
  });

  it("wake one another: the one that watches sends what all have done", async () => {
    const disk = new MemoryDisk();
    const one = await open(disk);
    await enrol(one);
    const two = await open(disk);
    const never = new AbortController().signal;
    for (const what of [
      () => one.do("add", idOf(1)),
      () => one.setOffline(true),
      () => one.setOffline(false),
      () => one.do("add", idOf(1)),
    ]) {
      two.woken.reset();
      await what();
      await two.woken.wait(never);
    }
    expect(two.unsent().mutations).toBe(2);
  });

  it("take turns, and who waits can give up", async () => {
    const disk = new MemoryDisk();
    let end = (): void => undefined;
    const first = disk.alone("x", undefined, () => new Promise<void>((resolve) => (end = resolve)));
    const stop = new AbortController();
    const second = disk.alone("x", stop.signal, () => Promise.reject(new Error("had its turn")));
    const third = disk.alone("x", undefined, async () => "third");
    stop.abort(new Error("gave up"));
    await expect(second).rejects.toThrow("gave up");
    end();
    await first;
    expect(await third).toBe("third");
  });
});

describe("a live query", () => {
  it("is worked out again only when a kind that it read has changed", async () => {
    const store = await open();
    await enrol(store);
    let worked = 0;
    const items = store.live((view) => {
      worked++;
      return view.list(itemKind).length;
    });
    const heard: number[] = [];
    const stop = items.subscribe((n) => heard.push(n));
    await showPage(store, "tech:1", put(1, "5"), put(2, "6"));
    await showPage(store, "tech:1", { ...put(3, "other"), kind: 8 });
    expect(heard).toEqual([0, 2]);
    expect(worked).toBe(2);
    stop();
    await showPage(store, "tech:1", put(4, "5"));
    expect(heard).toEqual([0, 2]);
    expect(items.current).toBe(3);
  });

  it("can be iterated", async () => {
    const store = await open();
    const counts: number[] = [];
    for await (const n of store.live((view) => view.list(itemKind).length)) {
      counts.push(n);
      if (n === 2) break;
      await showPage(store, "tech:1", put(n + 1, "5"));
    }
    expect(counts).toEqual([0, 1, 2]);
  });
});
