import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { exportBox, handOver } from "../src/blackbox.js";
import { Fault } from "../src/fault.js";
import { ProblemSchema } from "../src/gen/doorstep/types/v1/types_pb.js";
import {
  Client,
  FileState,
  MemoryDisk,
  type ClientOptions,
  type Part,
  type Store,
  type Uploads,
} from "../src/index.js";
import { hex } from "../src/uuid.js";
import { Office } from "./office.js";
import { jpeg, open, refusal, text } from "./phone.js";

/** An object store that takes files in parts, and answers as it is told. */
class Shelf {
  /** The parts that are here, as file and offset. */
  readonly parts: string[] = [];
  finished = 0;
  /** How many calls are told that the server still looks. */
  busy = 0;
  partSize = 100;
  /** Answers a request; 200 takes the part. */
  answer: (part: string) => number = () => 200;

  /** Keeps the next request without an answer, until it is given up or answers is called. */
  silent = false;
  answers: () => void = () => undefined;
  /** Called when a request is kept without an answer. */
  kept: () => void = () => undefined;

  async keep(signal: AbortSignal | undefined): Promise<void> {
    if (!this.silent) return;
    this.silent = false;
    await new Promise<void>((resolve, fail) => {
      signal?.addEventListener("abort", () => fail(signal.reason));
      this.answers = resolve;
      this.kept();
    });
  }

  readonly uploads = (store: () => Store) => (): Uploads => ({
    start: async (file) => {
      const { size } = store().fileRows.find((f) => f.key === hex(file))!;
      const parts: Part[] = [];
      for (let offset = 0; offset < size; offset += this.partSize) {
        const name = `${hex(file)}@${offset}`;
        if (this.parts.includes(name)) continue;
        const length = Math.min(this.partSize, size - offset);
        parts.push({ method: "PUT", url: `https://shelf.test/${name}`, headers: [], offset, length });
      }
      return parts;
    },
    finish: async () => {
      if (this.busy-- > 0) throw Fault.refusal(create(ProblemSchema, { code: "proof_verifying", retryAfterMs: 2000n }));
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

async function phone(options: ClientOptions = {}) {
  const office = new Office();
  const shelf = new Shelf();
  const store = await open(new MemoryDisk());
  const client = new Client(store, {
    ...options,
    uploads: shelf.uploads(() => store),
    fetch: async (input, init) => {
      const url = String(input);
      if (!url.startsWith("https://shelf.test/")) return office.fetch(input, init);
      await shelf.keep(init?.signal ?? undefined);
      return shelf.take(url);
    },
  });
  await client.enrol("https://office.test", "code");
  const photo = async (size: number): Promise<void> => {
    await store.do("pair", text("1"), await store.keep(jpeg(size)));
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

  it("whose bytes are gone hold up nothing, and are left out of a black box", { timeout: 300_000 }, async () => {
    const { store, client, photo } = await phone();
    for (const size of [100, 110, 120]) await photo(size);
    const [gone, short] = store.fileRows;
    await store.write(["bytes"], async (tx) => {
      await tx.delete("bytes", gone!.key);
      await tx.put("bytes", { key: short!.key, bytes: new Blob(["rest"]), at: 0 });
    });
    const { box } = await exportBox(store, "a passphrase");
    expect([box.mutations.length, box.files.length]).toEqual([3, 1]);
    const report = await client.sync();
    expect([report.uploaded, report.trouble?.code]).toEqual([1, "file_gone"]);
    expect(await refusal(store.logout())).toBe("unsent_work");
    expect(store.fileRows.map((f) => [f.state, f.code])).toEqual([
      [FileState.held, "file_gone"],
      [FileState.held, "file_gone"],
      [FileState.done, ""],
    ]);
    await store.letGo(gone!.id);
    await handOver(store, box);
    expect(store.fileRows).toEqual([]);
  });

  it("that cannot be read now hold up nothing, and are not forgotten", { timeout: 300_000 }, async () => {
    const { store, client, photo } = await phone();
    for (const size of [100, 110]) await photo(size);
    const [busy] = store.fileRows;
    const whole = await store.read(["bytes"], (tx) => tx.get("bytes", busy!.key));
    const bytes = new Blob([new Uint8Array(100)]);
    bytes.slice = () => Object.assign(new Blob(), { arrayBuffer: () => Promise.reject(new Error("no rights")) });
    await store.write(["bytes"], (tx) => tx.put("bytes", { ...whole!, bytes }));
    const { box } = await exportBox(store, "a passphrase");
    expect(box.files.length).toBe(1);
    const report = await client.sync();
    expect([report.uploaded, report.trouble?.code]).toEqual([1, "store_unusable"]);
    expect(await refusal(handOver(store, box))).toBe("unsent_work");
    await store.write(["bytes"], (tx) => tx.put("bytes", whole!));
    expect((await client.sync()).uploaded).toBe(1);
  });

  it("that stand still on their way end their round", async () => {
    const { shelf, client, photo } = await phone({ callTimeout: 5_000 });
    await photo(100);
    shelf.silent = true;
    expect(await refusal(client.sync())).toBe("no_network");
    expect((await client.sync()).uploaded).toBe(1);
  });

  it("let what is done while a part is on its way go beside it", async () => {
    const { office, shelf, store, client, photo } = await phone();
    await photo(250);
    shelf.silent = true;
    shelf.kept = () => void store.do("pair", text("2"));
    store.subscribe(() => {
      if (store.actions()[1]?.waits === false) shelf.answers();
    });
    expect(await client.sync()).toMatchObject({ pushed: 2, uploaded: 1 });
    expect(shelf.parts.length).toBe(3);
    expect(office.applied.size).toBe(2);
    expect(store.actions()[1]!.covered).toBe(true);
  });

  it("end their round when what is done while a part is on its way finds no network", async () => {
    const { office, shelf, store, client, photo } = await phone();
    await photo(100);
    shelf.silent = true;
    shelf.kept = () => {
      office.loses = () => true;
      void store.do("pair", text("2"));
    };
    expect(await refusal(client.sync())).toBe("no_network");
    office.loses = () => false;
    expect(await client.sync()).toMatchObject({ pushed: 1, uploaded: 1 });
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

describe("a file that is still looked at", () => {
  it("is no trouble, is kept, and has its result in a later round", async () => {
    const { shelf, store, client, photo } = await phone();
    await photo(250);
    shelf.busy = 1;
    const first = await client.sync();
    expect([first.verifying, first.uploaded, first.trouble]).toEqual([1, 0, undefined]);
    expect(store.fileRows.map((f) => [f.state, f.code, f.sent])).toEqual([[FileState.waiting, "proof_verifying", 250]]);
    const second = await client.sync();
    expect([second.verifying, second.uploaded]).toEqual([0, 1]);
    expect(shelf.parts.length).toBe(3);
  });
});
