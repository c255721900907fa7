import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, base64Encode, WireType } from "@bufbuild/protobuf/wire";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { call, stream, type Target } from "../src/connect.js";
import { PullRequestSchema, SyncService, WatchResponseSchema } from "../src/gen/doorstep/sync/v1/sync_pb.js";
import { ProblemSchema } from "../src/gen/doorstep/types/v1/types_pb.js";
import { problem } from "./office.js";
import { refusal, text } from "./phone.js";

/** What was sent. */
interface Sent {
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
}

/** A server that gives one answer, and keeps what it was sent. */
function serving(answer: (sent: Sent) => Response | Promise<Response>, token = "t"): { to: Target; sent: Sent[] } {
  const sent: Sent[] = [];
  const fetched: typeof fetch = async (input, init = {}) => {
    const one = {
      url: String(input),
      headers: new Headers(init.headers),
      body: new Uint8Array(init.body as Uint8Array<ArrayBuffer>),
      signal: init.signal!,
    };
    sent.push(one);
    return answer(one);
  };
  return { to: { fetch: fetched, server: "https://office.test//", token }, sent };
}

const proto = (body: Uint8Array, type = "application/proto"): Response =>
  new Response(body as Uint8Array<ArrayBuffer>, { headers: { "Content-Type": type } });

function envelope(flags: number, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(5 + data.length);
  out[0] = flags;
  new DataView(out.buffer).setUint32(1, data.length);
  out.set(data, 5);
  return out;
}

const poke = (feed: string): Uint8Array =>
  envelope(
    0,
    toBinary(WatchResponseSchema, create(WatchResponseSchema, { event: { case: "poke", value: { feeds: [feed] } } })),
  );

const ended = envelope(2, text("{}"));

/** A stream that comes in these pieces, and then ends, or stays open until it is cancelled. */
function streamed(pieces: readonly Uint8Array[], open = false): { answer: () => Response; cancelled: () => boolean } {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (out) => {
      for (const p of pieces) out.enqueue(p);
      if (!open) out.close();
    },
    cancel: () => {
      cancelled = true;
    },
  });
  const headers = { "Content-Type": "application/connect+proto" };
  return { answer: () => new Response(body, { headers }), cancelled: () => cancelled };
}

/** The feeds that a watch is poked with. */
async function* pokes(to: Target, signal = new AbortController().signal): AsyncGenerator<string | undefined> {
  for await (const { event } of stream(to, SyncService.method.watch, {}, signal))
    yield event.case === "poke" ? event.value.feeds[0] : undefined;
}

async function all<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const m of messages) got.push(m);
  return got;
}

describe("a unary call", () => {
  it("sends the message as Protobuf, with the token if there is one", async () => {
    for (const token of ["t", ""]) {
      const { to, sent } = serving(() => proto(new Uint8Array()), token);
      await call(to, SyncService.method.pull, { maxBytes: 7 }, 1000);
      const [one] = sent;
      expect(one!.url).toBe("https://office.test/doorstep.sync.v1.SyncService/Pull");
      expect(one!.headers.get("Content-Type")).toBe("application/proto");
      expect(one!.headers.get("Connect-Protocol-Version")).toBe("1");
      expect(one!.headers.get("Content-Encoding")).toBe(null);
      expect(one!.headers.get("Authorization")).toBe(token === "" ? null : "Bearer t");
      expect(fromBinary(PullRequestSchema, one!.body).maxBytes).toBe(7);
    }
  });

  it("compresses large messages", async () => {
    const { to, sent } = serving(() => proto(new Uint8Array()));
    const cursor = new Uint8Array(1 << 10);
    await call(to, SyncService.method.pull, { cursor }, 1000);
    expect(sent[0]!.headers.get("Content-Encoding")).toBe("gzip");
    expect(fromBinary(PullRequestSchema, new Uint8Array(gunzipSync(sent[0]!.body))).cursor).toEqual(cursor);
  });

  it("keeps fields that a newer server knows", async () => {
    const newer = new BinaryWriter().tag(15_000, WireType.LengthDelimited).string("new").finish();
    const { to } = serving(() => proto(newer));
    const answer = await call(to, SyncService.method.pull, {}, 1000);
    expect(toBinary(SyncService.method.pull.output, answer)).toEqual(newer);
  });

  it("frees its limit of time and its signal", async () => {
    const { to, sent } = serving(() => proto(new Uint8Array()));
    const stop = new AbortController();
    await call(to, SyncService.method.pull, {}, 1000, stop.signal);
    stop.abort();
    expect(sent[0]!.signal.aborted).toBe(false);
  });

  it("with a signal that was aborted before ends with its reason", async () => {
    const { to } = serving(({ signal }) => Promise.reject(signal.aborted ? signal.reason : new Error("not aborted")));
    const why = new Error("enough");
    await expect(call(to, SyncService.method.pull, {}, 1000, AbortSignal.abort(why))).rejects.toBe(why);
  });
});

describe("a stream", () => {
  it("sends its message in an envelope", async () => {
    const { to, sent } = serving(streamed([ended]).answer);
    const cursor = text("where I am");
    await all(stream(to, SyncService.method.watch, { cursor }, new AbortController().signal));
    expect(sent[0]!.url).toBe("https://office.test/doorstep.sync.v1.SyncService/Watch");
    expect(sent[0]!.headers.get("Content-Type")).toBe("application/connect+proto");
    expect(sent[0]!.headers.get("Authorization")).toBe("Bearer t");
    const message = toBinary(SyncService.method.watch.input, create(SyncService.method.watch.input, { cursor }));
    expect(sent[0]!.body).toEqual(envelope(0, message));
  });

  it("is read wherever the network cuts it", async () => {
    const whole = [poke("tech:1"), poke("tech:2"), ended].flatMap((e) => [...e]);
    for (let size = 1; size <= whole.length; size++) {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < whole.length; at += size) pieces.push(new Uint8Array(whole.slice(at, at + size)));
      expect(await all(pokes(serving(streamed(pieces).answer).to))).toEqual(["tech:1", "tech:2"]);
    }
  });

  it("gives what came before it was refused, and what the server said then", async () => {
    const value = base64Encode(toBinary(ProblemSchema, create(ProblemSchema, { code: "token_expired" })));
    const error = { code: "unauthenticated", details: [{ type: "doorstep.types.v1.Problem", value }] };
    const messages = pokes(serving(streamed([poke("tech:1"), envelope(2, text(JSON.stringify({ error })))]).answer).to);
    expect((await messages.next()).value).toBe("tech:1");
    expect(await refusal(messages.next())).toBe("token_expired");
  });

  it("is no_network when it is cut, and when something else answers", async () => {
    for (const answer of [
      streamed([poke("tech:1")]).answer,
      streamed([poke("tech:1"), ended.slice(0, 6)]).answer,
      streamed([envelope(2, text("<html>"))]).answer,
      streamed([envelope(2, text('{"error":{"code":"unavailable"}}'))]).answer,
      () => new Response("<html>502</html>", { status: 502 }),
      () => new Response("<html>pay for the wifi</html>"),
      () => proto(new Uint8Array()),
      () => Promise.reject(new TypeError("fetch failed")),
    ])
      expect(await refusal(all(pokes(serving(answer).to)))).toBe("no_network");
  });

  it("may be refused before it begins", async () => {
    const { to } = serving(() => problem("device_revoked"));
    expect(await refusal(all(pokes(to)))).toBe("device_revoked");
  });

  it("that nobody reads any more is cancelled", async () => {
    const { answer, cancelled } = streamed([poke("tech:1")], true);
    for await (const feed of pokes(serving(answer).to)) {
      expect(feed).toBe("tech:1");
      break;
    }
    expect(cancelled()).toBe(true);
  });

  it("ends with the reason of its signal", async () => {
    const stop = new AbortController();
    const why = new Error("enough");
    const messages = pokes(
      serving(
        ({ signal }) =>
          new Response(
            new ReadableStream({ start: (out) => signal.addEventListener("abort", () => out.error(signal.reason)) }),
            { headers: { "Content-Type": "application/connect+proto" } },
          ),
      ).to,
      stop.signal,
    );
    const next = messages.next().catch((err: unknown) => err);
    stop.abort(why);
    expect(await next).toBe(why);
  });
});
