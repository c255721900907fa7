// A server in this process, as small as it can be: counters that are always counted up in pairs, in one feed.

import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { gunzipSync } from "node:zlib";
import { Digest } from "../src/digest.js";
import { EnrolDeviceResponseSchema } from "../src/gen/doorstep/account/v1/account_pb.js";
import {
  Outcome,
  PullRequestSchema,
  PullResponseSchema,
  PushRequestSchema,
  PushResponseSchema,
  VerdictSchema,
  type Mutation,
  type PullRequest,
  type PullResponse,
  type PushRequest,
} from "../src/gen/doorstep/sync/v1/sync_pb.js";
import { ProblemSchema } from "../src/gen/doorstep/types/v1/types_pb.js";
import type { Effect } from "../src/index.js";
import { hex } from "../src/uuid.js";
import { idOf, itemKind, text, textOf } from "./phone.js";

const feed = "tech:1";

/** How many pairs of counters there are: n and n + pairs are always the same. */
export const pairs = 5;

export class Office {
  /** How many entries a page has. */
  pageSize = 3;
  /** Loses the answers of calls for which it says so. */
  loses: () => boolean = () => false;
  /** A kind of mutation that is taken from no app any more. */
  retired = "";
  /** What a phone did that no phone may do. */
  broken: Error | undefined;
  /** The ids of all mutations that had an effect. */
  readonly applied = new Set<string>();
  private readonly verdicts = new Map<bigint, { id: string; outcome: Outcome }>();
  /** Without a count they are gone. */
  private readonly items = new Map<number, { seq: number; count: number | undefined }>();
  private head = 0;
  private generation = 1;

  constructor() {
    for (let n = 1; n <= pairs; n++) this.count(n);
  }

  /** Counts a pair up. */
  count(n: number): void {
    for (const one of [n, n + pairs])
      this.items.set(one, { seq: ++this.head, count: (this.items.get(one)?.count ?? 0) + 1 });
  }

  /** Takes a pair away; counting it up brings it back. */
  remove(n: number): void {
    for (const one of [n, n + pairs]) this.items.set(one, { seq: ++this.head, count: undefined });
  }

  /** Forgets where phones were: all that they hold comes anew. */
  reset(): void {
    this.generation++;
  }

  /** What all phones will show in the end. */
  get counts(): Record<number, string> {
    return Object.fromEntries(this.live.map(([n, i]) => [n, String(i.count)]));
  }

  private get live() {
    return [...this.items].filter(([, i]) => i.count !== undefined);
  }

  /** Answers calls. */
  readonly fetch: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers);
    const sent = new Uint8Array(init!.body as Uint8Array<ArrayBuffer>);
    const body = headers.get("Content-Encoding") === "gzip" ? new Uint8Array(gunzipSync(sent)) : sent;
    const answer = this.answer(String(input).split("/").at(-1)!, body) as Uint8Array<ArrayBuffer> | undefined;
    if (this.loses()) throw new TypeError("the answer was lost");
    if (answer === undefined) return problem("client_too_old");
    return new Response(answer, { headers: { "Content-Type": "application/proto" } });
  };

  /** Nothing when the first mutation is of the retired kind. */
  private answer(method: string, body: Uint8Array): Uint8Array | undefined {
    switch (method) {
      case "EnrolDevice":
        return toBinary(
          EnrolDeviceResponseSchema,
          create(EnrolDeviceResponseSchema, {
            orgId: idOf(1),
            userId: idOf(1),
            deviceId: idOf(100),
            tokens: { access: "a", accessExpires: timestampFromMs(4e12), refresh: "r" },
          }),
        );
      case "Push":
        return this.push(fromBinary(PushRequestSchema, body));
      case "Pull":
        return toBinary(PullResponseSchema, this.pull(fromBinary(PullRequestSchema, body)));
    }
    throw new Error(method);
  }

  private push({ mutations }: PushRequest): Uint8Array | undefined {
    const old = mutations.findIndex((m) => m.kind === this.retired);
    if (old === 0) return undefined;
    const verdicts = (old < 0 ? mutations : mutations.slice(0, old)).map((m) => this.take(m));
    return toBinary(
      PushResponseSchema,
      create(PushResponseSchema, { verdicts, lastSequence: BigInt(this.verdicts.size), keepDays: 30 }),
    );
  }

  private take(m: Mutation) {
    const before = this.verdicts.get(m.sequence);
    if (before === undefined) {
      if (m.sequence !== BigInt(this.verdicts.size + 1)) this.breaks(`a gap before ${m.sequence}`);
      if (this.applied.has(hex(m.id))) this.breaks("the same mutation under two numbers");
      this.applied.add(hex(m.id));
      this.count(Number(textOf(m.args)));
      this.verdicts.set(m.sequence, { id: hex(m.id), outcome: Outcome.APPLIED });
    } else if (before.id !== hex(m.id)) {
      this.breaks(`two mutations of the number ${m.sequence}`);
    }
    return create(VerdictSchema, {
      sequence: m.sequence,
      id: m.id,
      outcome: Outcome.APPLIED,
      serverTime: timestampFromMs(1_800_000_000_000),
    });
  }

  private breaks(what: string): never {
    throw (this.broken ??= new Error(what));
  }

  private pull(req: PullRequest): PullResponse {
    const [generation, at] = (textOf(req.cursor) || "0 0").split(" ").map(Number) as [number, number];
    const reset = generation !== this.generation || req.resetFeeds.length > 0;
    const from = reset ? 0 : at;
    const rest = [...(reset ? this.live : this.items)]
      .filter(([, i]) => i.seq > from)
      .sort((a, b) => a[1].seq - b[1].seq);
    const part = rest.slice(0, this.pageSize);
    const sum = new Digest();
    for (const [n, i] of this.live) sum.count(1, itemKind, idOf(n), BigInt(i.seq));
    return create(PullResponseSchema, {
      feeds:
        part.length === 0
          ? []
          : [
              {
                feed,
                reset,
                entries: part.map(([n, i]) => ({
                  kind: itemKind,
                  id: idOf(n),
                  sequence: BigInt(i.seq),
                  removed: i.count === undefined,
                  body: text(String(i.count ?? "")),
                })),
              },
            ],
      cursor: text(`${this.generation} ${part.at(-1)?.[1].seq ?? from}`),
      serverTime: timestampFromMs(1_800_000_000_000),
      lastSequence: BigInt(this.verdicts.size),
      ...(part.length < rest.length
        ? {}
        : {
            checkpoint: {
              feeds: [{ feed, sequence: BigInt(this.head), digest: sum.value, count: BigInt(this.live.length) }],
            },
          }),
    });
  }
}

/** How a server refuses. */
export function problem(code: string, more: MessageInitShape<typeof ProblemSchema> = {}): Response {
  const value = base64Encode(
    toBinary(
      ProblemSchema,
      create(ProblemSchema, { code, english: `It is ${code}.`, chinese: `是 ${code}。`, ...more }),
    ),
  );
  return new Response(JSON.stringify({ code: "unknown", details: [{ type: "doorstep.types.v1.Problem", value }] }), {
    status: 400,
    headers: { "Content-Type": "application/json" },
  });
}

/** Counts a pair up. */
export const pair: Effect = (view, done) => {
  const n = Number(textOf(done.args));
  return [n, n + pairs].flatMap((one) => {
    const body = view.get(itemKind, idOf(one));
    return body === undefined ? [] : [{ kind: itemKind, id: idOf(one), body: text(String(Number(textOf(body)) + 1)) }];
  });
};

/** Numbers from 0 to 1 of a seed (mulberry32). */
export function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
