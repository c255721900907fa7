import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { RefreshTokenRequestSchema, RefreshTokenResponseSchema } from "../src/gen/doorstep/account/v1/account_pb.js";
import { SyncService, WatchResponseSchema } from "../src/gen/doorstep/sync/v1/sync_pb.js";
import { Client, Fault, type ClientOptions, type Event, type Store } from "../src/index.js";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Office, problem } from "./office.js";
import { enrol, open, refusal, shown, text } from "./phone.js";

/** What stands before the office: it knows tokens, watches, and trouble. */
class Gate {
  readonly office = new Office();
  /** The access token that is good now, and the refresh token that renews it. */
  access = "a";
  renew = "r";
  /** The calls that arrived, in order. */
  readonly calls: string[] = [];
  /** Says something else to a call, if it wants to. */
  trouble: (method: string, init: RequestInit) => Promise<Response> | Response | undefined = () => undefined;
  /** The streams that were opened: what is put in goes out, undefined ends it. */
  readonly watches: ((m: MessageInitShape<typeof WatchResponseSchema>["event"] | "end" | "cut") => void)[] = [];

  readonly fetch: typeof fetch = async (input, init = {}) => {
    const method = String(input).split("/").at(-1)!;
    this.calls.push(method);
    const said = this.trouble(method, init);
    if (said !== undefined) return said;
    if (method === "RefreshToken") {
      const { refresh } = fromBinary(RefreshTokenRequestSchema, new Uint8Array(init.body as ArrayBuffer));
      if (refresh !== this.renew) return problem("refresh_invalid");
      this.access += "+";
      return renewed(this.access, this.renew);
    }
    const bearer = new Headers(init.headers).get("Authorization");
    if (method !== "EnrolDevice" && bearer !== `Bearer ${this.access}`) return problem("token_expired");
    if (method === "Watch") return this.watch(init.signal ?? undefined);
    return this.office.fetch(input, init);
  };

  private watch(signal: AbortSignal | undefined): Response {
    const body = new ReadableStream<Uint8Array>({
      start: (out) => {
        let over = false;
        const end = (how: () => void): void => {
          if (!over) how();
          over = true;
        };
        signal?.addEventListener("abort", () => end(() => out.error(signal.reason)));
        this.watches.push((m) => {
          if (m === "cut") end(() => out.error(new TypeError("cut")));
          else if (m === "end") (out.enqueue(envelope(2, text("{}"))), end(() => out.close()));
          else if (m !== undefined)
            out.enqueue(envelope(0, toBinary(WatchResponseSchema, create(WatchResponseSchema, { event: m }))));
        });
      },
    });
    return new Response(body, { headers: { "Content-Type": "application/connect+proto" } });
  }
}

function renewed(access: string, refresh: string): Response {
  const tokens = { access, accessExpires: timestampFromMs(4e12), refresh };
  const body = toBinary(RefreshTokenResponseSchema, create(RefreshTokenResponseSchema, { tokens }));
  return new Response(body as Uint8Array<ArrayBuffer>, { headers: { "Content-Type": "application/proto" } });
}

function envelope(flags: number, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(5 + data.length);
  out[0] = flags;
  new DataView(out.buffer).setUint32(1, data.length);
  out.set(data, 5);
  return out;
}

/** Answers never. */
function hang({ signal }: RequestInit): Promise<Response> {
  return new Promise<Response>((_, fail) => {
    const end = (): void => fail(signal?.reason);
    signal?.addEventListener("abort", end);
    if (signal?.aborted === true) end();
  });
}

async function enrolled(options: ClientOptions = {}): Promise<{ gate: Gate; store: Store; client: Client }> {
  const gate = new Gate();
  const store = await open();
  const client = new Client(store, { fetch: gate.fetch, ...options });
  await client.enrol("https://office.test/", "code");
  gate.calls.length = 0;
  return { gate, store, client };
}

const pull = (client: Client): Promise<unknown> => client.call(SyncService.method.pull, {});

describe("tokens", () => {
  it("are renewed once, however many calls find them expired", async () => {
    const { gate, client } = await enrolled();
    gate.access = "b";
    await Promise.all([pull(client), pull(client), pull(client)]);
    expect(gate.calls.filter((c) => c === "RefreshToken").length).toBe(1);
    expect(gate.calls.filter((c) => c === "Pull").length).toBe(6);
  });

  it("are renewed a little before their end", async () => {
    const { gate, store, client } = await enrolled();
    const late = await open(store.options.disk, { now: () => new Date(4e12 - 10_000) });
    await pull(new Client(late, client.options));
    expect(gate.calls).toEqual(["RefreshToken", "Pull"]);
  });

  it("that are refused end the login, and no work", async () => {
    const { gate, store, client } = await enrolled();
    gate.access = "b";
    gate.renew = "another";
    await store.do("add", text("1"));
    expect(await refusal(client.sync())).toBe("refresh_invalid");
    expect(store.device().ended).toBe("refresh_invalid");
    gate.calls.length = 0;
    expect(await refusal(client.sync())).toBe("refresh_invalid");
    expect(gate.calls).toEqual([]);
    await store.do("add", text("1"));
    expect(store.unsent().mutations).toBe(2);
    gate.access = "a";
    await client.enrol("https://office.test", "code");
    await client.sync();
    expect(store.unsent().mutations).toBe(0);
  });

  it.each([
    ["renewed", () => renewed("of the old device", "of the old device")],
    ["refused", () => problem("refresh_invalid")],
  ])("of the identity before, %s after the device enrolled anew, change nothing", async (_, late) => {
    const { gate, store, client } = await enrolled();
    gate.access = "b";
    let answer: (r: Response) => void = () => undefined;
    const asked = new Promise<void>((there) => {
      gate.trouble = (method) => {
        if (method !== "RefreshToken") return undefined;
        there();
        return new Promise<Response>((resolve) => (answer = resolve));
      };
    });
    const old = refusal(pull(client));
    await asked;
    await enrol(store, 1, 101);
    const tokens = store.meta("tokens");
    gate.calls.length = 0;
    answer(late());
    expect(await old).toBe("no_network");
    expect(gate.calls).toEqual([]);
    expect(store.meta("tokens")).toEqual(tokens);
    expect(store.device().ended).toBe("");
    gate.trouble = () => undefined;
    gate.access = "a";
    await pull(client);
  });

  it("that are over when they come are used until the server says so: the phone's clock is ahead", async () => {
    const { gate, store, client } = await enrolled();
    const ahead = new Client(await open(store.options.disk, { now: () => new Date(5e12) }), client.options);
    await pull(ahead);
    await pull(ahead);
    expect(gate.calls).toEqual(["RefreshToken", "Pull", "Pull"]);
    gate.access = "b";
    await pull(ahead);
    expect(gate.calls.slice(3)).toEqual(["Pull", "RefreshToken", "Pull"]);
  });

  it("are the old ones when the answer was lost", async () => {
    const { gate, store, client } = await enrolled();
    gate.access = "b";
    gate.trouble = (method) => {
      if (method === "RefreshToken") throw new TypeError("lost");
      return undefined;
    };
    expect(await refusal(pull(client))).toBe("no_network");
    expect(store.device().ended).toBe("");
    gate.trouble = () => undefined;
    await pull(client);
  });
});

describe("a call", () => {
  it("is refused for what the server says", async () => {
    const { gate, client } = await enrolled();
    gate.trouble = () => problem("overloaded", { retryAfterMs: 1500n });
    const err = await pull(client).catch((e: unknown) => e);
    expect(err).toBeInstanceOf(Fault);
    expect(err).toMatchObject({ code: "overloaded", retryAfter: 1500 });
    expect((err as Fault).public("zh")).toBe("是 overloaded。");
    expect((err as Fault).public("en")).toBe("It is overloaded.");
  });

  it("is no_network when something else answers, when nothing does, and when it takes too long", async () => {
    const { gate, client } = await enrolled({ callTimeout: 20 });
    for (const trouble of [
      () => new Response("<html>502</html>", { status: 502 }),
      () => new Response("<html>pay for the wifi</html>"),
      () => new Response(JSON.stringify({ code: "unavailable" }), { status: 503 }),
      () => Promise.reject(new TypeError("fetch failed")),
      () => new Response(""),
      (_: string, init: RequestInit) => hang(init),
    ]) {
      gate.trouble = trouble;
      expect(await refusal(pull(client))).toBe("no_network");
    }
  });

  it("ends with its signal", async () => {
    const { gate, client } = await enrolled();
    const stop = new AbortController();
    gate.trouble = (_, init) => hang(init);
    const ended = client.call(SyncService.method.pull, {}, stop.signal).catch((e: unknown) => e);
    const why = new Error("enough");
    stop.abort(why);
    expect(await ended).toBe(why);
  });
});

/** Hears what a watch tells, and waits for it. */
class Ear {
  readonly heard: Event[] = [];
  private readonly waiting: { readonly test: () => boolean; readonly resolve: () => void }[] = [];

  readonly hear = (e: Event): void => {
    this.heard.push(e);
    this.look();
  };

  /** Waits until a test holds, which is looked at whenever something is heard or look is called. */
  until(test: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ test, resolve });
      this.look();
    });
  }

  look(): void {
    for (const w of [...this.waiting]) if (w.test()) w.resolve();
  }

  get rounds(): number {
    return this.heard.filter((e) => e.report !== undefined).length;
  }
}

/** A watch that runs, and the waits that it asked for. */
async function watching(topics: string[] = []) {
  const ear = new Ear();
  const waits: number[] = [];
  const made = await enrolled({
    random: () => 0,
    sleep: async (ms) => {
      waits.push(ms);
      ear.look();
    },
  });
  const { gate, client } = made;
  const inner = gate.fetch;
  const stop = new AbortController();
  const heard: Client = new Client(made.store, {
    ...client.options,
    fetch: async (input, init) => {
      const res = await inner(input, init);
      ear.look();
      return res;
    },
  });
  const ended = heard.run(stop.signal, ear.hear, topics);
  return { ...made, ear, waits, stop, ended };
}

describe("a watch", () => {
  it("pulls when poked, tells of topics, and sends at once what is done", async () => {
    const { gate, store, ear, stop, ended } = await watching(["board:1"]);
    await ear.until(() => gate.watches.length === 1);
    gate.watches[0]!({ case: "heartbeat", value: {} as never });
    await ear.until(() => ear.heard.some((e) => e.connected === true));
    expect(ear.rounds).toBe(1);
    gate.office.count(1);
    gate.watches[0]!({ case: "poke", value: { feeds: ["tech:1", "board:1"] } as never });
    await ear.until(() => ear.rounds === 2);
    expect(ear.heard.some((e) => e.topics?.[0] === "board:1")).toBe(true);
    expect(store.view().get(7, new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]))).toEqual(text("2"));
    await store.do("pair", text("2"));
    await ear.until(() => store.unsent().mutations === 0 && ear.rounds === 3);
    stop.abort();
    await ended;
    expect(ear.heard.at(-1)).toEqual({ connected: false });
  });

  it("takes the page that a poke carries, if it goes on from what is held, and else pulls", async () => {
    const { gate, store, client, ear, stop, ended } = await watching();
    const item = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    const shows = (): unknown => store.view().get(7, item);
    const carried = async (held: Uint8Array, wrong = 0) => {
      let page = await client.call(SyncService.method.pull, { cursor: held });
      for (const next = page; page.checkpoint === undefined; )
        page = { ...(await client.call(SyncService.method.pull, { cursor: next.cursor })), feeds: [] } as typeof page;
      const after = new Uint8Array(await crypto.subtle.digest("SHA-256", held as Uint8Array<ArrayBuffer>)).slice(0, 8);
      after[0]! += wrong;
      return { page, after };
    };
    await ear.until(() => gate.watches.length === 1);
    const pulls = (): number => gate.calls.filter((c) => c === "Pull").length;
    gate.office.pageSize = 100;
    gate.office.count(1);
    let poke = await carried(store.meta("cursor")!);
    let before = pulls();
    gate.watches[0]!({ case: "poke", value: { feeds: ["tech:1"], ...poke } as never });
    await ear.until(() => ear.rounds === 2);
    expect(shows()).toEqual(text("2"));
    expect(pulls()).toBe(before);
    for (let n = 1; n <= 3; n++) {
      gate.office.count(1);
      poke = await carried(store.meta("cursor")!, 1);
      before = pulls();
      gate.watches[0]!({ case: "poke", value: { feeds: ["tech:1"], ...poke } as never });
      await ear.until(() => ear.rounds >= 2 + n);
      expect(shows()).toEqual(text(String(2 + n)));
      expect(pulls()).toBeGreaterThan(before);
    }
    await ear.until(() => gate.watches.length === 2); // which says what is held
    stop.abort();
    await ended;
  });

  it("goes on when the app is too old for what was done", async () => {
    const { gate, store, ear, stop, ended } = await watching();
    await ear.until(() => gate.watches.length === 1);
    gate.office.retired = "old";
    const old = await store.do("old", text("1"));
    await ear.until(() => ear.heard.some((e) => e.error instanceof Fault && e.error.code === "client_too_old"));
    gate.office.count(3);
    gate.watches[0]!({ case: "poke", value: { feeds: ["tech:1"] } as never });
    await ear.until(() => shown(store)[3] === "2");
    await store.reword(old.id, "pair", text("2"));
    await ear.until(() => store.unsent().mutations === 0);
    expect(gate.watches.length).toBe(1);
    stop.abort();
    await ended;
  });

  it("comes back when the server says so, or after waits that double", async () => {
    const { gate, ear, waits, stop, ended } = await watching();
    await ear.until(() => gate.watches.length === 1);
    gate.watches[0]!({ case: "goodbye", value: { retryAfterMs: 700n, code: "" } as never });
    await ear.until(() => gate.watches.length === 2);
    expect(waits).toEqual([700]);
    waits.length = 0;
    gate.trouble = () => Promise.reject(new TypeError("fetch failed"));
    gate.watches[1]!("cut");
    await ear.until(() => waits.reduce((sum, ms) => sum + ms, 0) > 200_000);
    const rounds = [1, 1, 1, 1, 3, 1, 7, 1, 15, 1, 31, 1, 59, 1, 59].map((s) => s * 1000);
    expect(waits.slice(0, rounds.length)).toEqual(rounds);
    gate.trouble = () => undefined;
    await ear.until(() => gate.watches.length === 3);
    stop.abort();
    await ended;
  });

  it("waits for the switch while the phone is offline", async () => {
    const { gate, store, ear, stop, ended } = await watching();
    await ear.until(() => gate.watches.length === 1);
    await store.setOffline(true);
    await ear.until(() => ear.heard.some((e) => e.error instanceof Fault && e.error.code === "phone_offline"));
    const calls = gate.calls.length;
    await store.do("pair", text("2"));
    expect(gate.calls.length).toBe(calls);
    await store.setOffline(false);
    await ear.until(() => gate.watches.length === 2);
    expect(store.unsent().mutations).toBe(0);
    stop.abort();
    await ended;
  });

  it("renews a token that ended meanwhile, and ends with the login", async () => {
    const { gate, ear, ended } = await watching();
    await ear.until(() => gate.watches.length === 1);
    gate.access = "b";
    gate.watches[0]!("cut");
    await ear.until(() => gate.watches.length === 2);
    gate.access = "c";
    gate.renew = "another";
    gate.watches[1]!("end");
    expect(await refusal(ended)).toBe("refresh_invalid");
  });
});
