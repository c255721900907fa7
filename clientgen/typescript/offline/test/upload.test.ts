import { describe, expect, it } from "vitest";
import { Client, FileState, MemoryDisk, type Part, type Store, type Uploads } from "../src/index.js";
import { hex } from "../src/uuid.js";
import { Office } from "./office.js";
import { open, refusal, text } from "./phone.js";

const partSize = 100;

/** An object store that takes files in parts, and answers as it is told. */
class Shelf {
  /** The parts that are here, as file and offset. */
  readonly parts: string[] = [];
  finished = 0;
  /** Answers a request; 200 takes the part. */
  answer: (part: string) => number = () => 200;

  readonly uploads = (store: () => Store) => (): Uploads => ({
    start: async (file) => {
      const { size } = store().fileRows.find((f) => f.key === hex(file))!;
      const parts: Part[] = [];
      for (let offset = 0; offset < size; offset += partSize) {
        const name = `${hex(file)}@${offset}`;
        if (this.parts.includes(name)) continue;
        const length = Math.min(partSize, size - offset);
        parts.push({ method: "PUT", url: `https://shelf.test/${name}`, headers: [], offset, length });
      }
      return parts;
    },
    finish: async () => {
      this.finished++;
      return { answer: text("receipt"), refusal: "" };
    },
  });

  take(url: string): Response {
    const part = url.split("/").at(-1)!;
    const status = this.answer(part);
    if (status === 200) this.parts.push(part);
    return new Response(null, { status });
  }
}

async function phone() {
  const office = new Office();
  const shelf = new Shelf();
  const store = await open(new MemoryDisk());
  const client = new Client(store, {
    uploads: shelf.uploads(() => store),
    fetch: async (input, init) => {
      const url = String(input);
      return url.startsWith("https://shelf.test/") ? shelf.take(url) : office.fetch(input, init);
    },
  });
  await client.enrol("https://office.test", "code");
  const photo = async (size: number): Promise<void> => {
    await store.do("pair", text("1"), await store.keep(new Blob([new Uint8Array(size)], { type: "image/jpeg" })));
  };
  return { office, shelf, store, client, photo };
}

describe("files", () => {
  it("go up in parts behind what is done meanwhile", async () => {
    const { office, shelf, store, client, photo } = await phone();
    await photo(450);
    let pushedAfter = 0;
    let done: Promise<unknown> | undefined;
    shelf.answer = () => {
      if (shelf.parts.length === 1) done = store.do("pair", text("2"));
      if (office.applied.size === 2 && pushedAfter === 0) pushedAfter = shelf.parts.length;
      return 200;
    };
    const report = await client.sync();
    await done;
    expect(report.uploaded).toBe(1);
    expect(report.pushed).toBe(2);
    expect(pushedAfter).toBe(2);
    expect(new Set(shelf.parts).size).toBe(shelf.parts.length);
    expect(shelf.parts.length).toBe(5);
    expect(store.unsent()).toEqual({ mutations: 0, files: 0, bytes: 0 });
  });

  it("go up although what was done after them waits for a newer app", async () => {
    const { office, store, client, photo } = await phone();
    await photo(100);
    office.retired = "old";
    await store.do("old", text("2"));
    expect(await refusal(client.sync())).toBe("client_too_old");
    expect(store.unsent()).toEqual({ mutations: 1, files: 0, bytes: 0 });
  });

  it("go on after a cut with what is missing, and ask for fresh requests three times", async () => {
    const { shelf, store, client, photo } = await phone();
    await photo(250);
    shelf.answer = (part) => (part.endsWith("@100") ? 503 : 200);
    await expect(client.sync()).rejects.toMatchObject({ code: "no_network" });
    expect(store.fileRows[0]).toMatchObject({ state: FileState.waiting, sent: 100 });
    let refused = 0;
    shelf.answer = (part) => (part.endsWith("@100") && ++refused <= 4 ? 403 : 200);
    expect((await client.sync()).trouble?.code).toBe("upload_refused");
    expect(refused).toBe(3);
    expect(store.fileRows[0]).toMatchObject({ state: FileState.waiting, code: "upload_refused" });
    expect((await client.sync()).uploaded).toBe(1);
    expect(refused).toBe(5);
    expect(store.fileRows[0]).toMatchObject({ state: FileState.done, code: "" });
    expect(shelf.finished).toBe(1);
  });
});
