// A store and a server, brought together.

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, DescMethodServerStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { sha256 } from "@noble/hashes/sha2.js";
import { call, stream, type Target } from "./connect.js";
import { enrolled } from "./device.js";
import type { Writing } from "./disk.js";
import type { Progress } from "./early.js";
import { codeOf, Fault } from "./fault.js";
import { AuthService, TokensSchema, type Tokens } from "./gen/doorstep/account/v1/account_pb.js";
import { getMeta, setMeta } from "./meta.js";
import { Round, type Report } from "./round.js";
import type { Store } from "./store.js";
import type { Uploads } from "./upload.js";
import { equalBytes } from "./uuid.js";
import { run, type Event } from "./watch.js";
import type { Device } from "./words.js";

/** How a client works; all may be left out. */
export interface ClientOptions {
  /** Does all calls; the global one when left out. */
  readonly fetch?: typeof fetch;
  /** Moves files; without it they wait. */
  readonly uploads?: (client: Client) => Uploads;
  /** What the office reads in its list of devices. */
  readonly appVersion?: string;
  readonly deviceName?: string;
  /** Bounds one call, and how long a part of a file that stands still may hold others up, in milliseconds; 30 s when left out. */
  readonly callTimeout?: number;
  /** What a pull asks for at once, in bytes; left to the server when left out. */
  readonly pageBytes?: number;
  /** Hears after each page how far the first download is. Store.progress tells the same. */
  readonly progress?: (p: Progress) => void;
  /** Gives numbers from 0 to 1 for the jitter of waits; Math.random when left out. */
  readonly random?: () => number;
  /** Waits so many milliseconds, or until the signal is aborted; a timer when left out. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * How long before its end an access token is renewed, by the device's clock. A clock that is behind costs one call more: the server
 * says token_expired and the call is repeated.
 */
const renewBefore = 30_000;

/** Brings a store and a server together. */
export class Client {
  readonly uploads: Uploads | undefined;
  /** The access token that was over by the device's clock when it came: that clock is ahead, and the server says when it is over. */
  private trusted = "";

  constructor(
    readonly store: Store,
    readonly options: ClientOptions = {},
  ) {
    this.uploads = options.uploads?.(this);
  }

  /**
   * Makes this store the device of whom the code belongs to. Unsent work of the same person goes on under the new identity; that
   * of another person refuses with unsent_work.
   */
  enrol(server: string, code: string): Promise<Device> {
    return this.store.options.disk.alone("round", undefined, async () => {
      const message = { code, deviceName: this.options.deviceName ?? "", appVersion: this.options.appVersion ?? "" };
      const to = { fetch: this.fetch, server, token: "" };
      await enrolled(this.store, server, await call(to, AuthService.method.enrolDevice, message, this.timeout));
      return this.store.device();
    });
  }

  /**
   * Does one round: sends the outbox in order, pulls to a checkpoint, sends files, the small ones first, and pulls again if that
   * changed something. It may be repeated at any time; on an error the rest is done next time. no_network and phone_offline say
   * that the server was not reached.
   */
  async sync(signal?: AbortSignal): Promise<Report> {
    const round = new Round(this, signal);
    await round.run();
    return round.report;
  }

  /**
   * Keeps the store in sync until the signal is aborted or the login ends: it watches, pulls when poked, sends what is done on the
   * device at once, and comes back after a cut with waits that double from a second to a minute. Of several tabs one does so, and
   * another takes over when it is closed. topics are watched besides the feeds. It is rejected with why it ended, unless that
   * was the signal.
   */
  run(signal: AbortSignal, hear: (e: Event) => void = () => undefined, topics: readonly string[] = []): Promise<void> {
    return run(this, signal, hear, topics);
  }

  /**
   * Calls a unary method of any service on the same server, with the device's access token, which is renewed when needed. It is
   * rejected with a Fault: what the server refused for, or no_network.
   */
  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    message: MessageInitShape<I>,
    signal?: AbortSignal,
    timeout = this.timeout,
  ): Promise<MessageShape<O>> {
    const to = await this.target(signal);
    try {
      return await call(to, method, message, timeout, signal);
    } catch (err) {
      if (codeOf(err) !== "token_expired") throw err;
    }
    const { access } = await this.refresh(to, signal);
    return call({ ...to, token: access }, method, message, timeout, signal);
  }

  /** Calls a method that answers with a stream, likewise, but for a token that the server finds expired. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    message: MessageInitShape<I>,
    signal: AbortSignal,
  ): AsyncGenerator<MessageShape<O>, void, undefined> {
    yield* stream(await this.target(signal), method, message, signal);
  }

  /** Does all requests. */
  get fetch(): typeof fetch {
    return this.options.fetch ?? ((...args) => fetch(...args));
  }

  /** How long a call may take, in milliseconds. */
  get timeout(): number {
    return this.options.callTimeout ?? 30_000;
  }

  private async target(signal?: AbortSignal): Promise<As> {
    const { server } = this.store.device();
    const device = this.store.meta("device");
    if (device === undefined) throw Fault.of("not_enrolled");
    const now = this.tokens();
    const to = { fetch: this.fetch, server, token: now.access, device };
    if (to.token === "" || to.token === this.trusted || !this.ends(now)) return to;
    try {
      return { ...to, token: (await this.refresh(to, signal)).access };
    } catch (err) {
      if (codeOf(err) === "refresh_invalid" || signal?.aborted === true) throw err;
      return to; // not reached or refused: the old token says it better
    }
  }

  /** Whether an access token is over, or nearly so, by the device's clock. */
  private ends({ accessExpires }: Tokens): boolean {
    const left = accessExpires === undefined ? 0 : timestampMs(accessExpires) - this.store.options.now().getTime();
    return left < renewBefore;
  }

  private tokens(): Tokens {
    return fromBinary(TokensSchema, this.store.meta("tokens") ?? new Uint8Array());
  }

  /**
   * Renews the tokens unless somebody, in another tab maybe, has done so since the access token used was read. The new pair is on
   * disk before it is used; when the answer is lost, the old refresh token still works. What the server says of tokens that are not
   * this store's any more, because somebody enrolled anew during the call, changes nothing; whoever called as the old device may try
   * again as the new one.
   */
  private refresh(used: As, signal: AbortSignal | undefined): Promise<Tokens> {
    return this.store.options.disk.alone("refresh", signal, async () => {
      await this.store.catchUp();
      const now = this.tokens();
      if (!equalBytes(this.store.meta("device") ?? new Uint8Array(), used.device)) throw another();
      if (now.access !== used.token) return now;
      const attempt = await this.attempt(used, now);
      let tokens: Tokens | undefined;
      try {
        const to = { fetch: this.fetch, server: used.server, token: "" };
        const message = { refresh: now.refresh, attempt };
        ({ tokens } = await call(to, AuthService.method.refreshToken, message, this.timeout, signal));
      } catch (err) {
        if (codeOf(err) === "refresh_invalid")
          await this.replace(used, now, (tx) => setMeta(tx, "ended", "refresh_invalid"));
        throw err;
      }
      if (tokens === undefined) throw Fault.of("internal", "a renewal without tokens");
      const bytes = toBinary(TokensSchema, tokens);
      await this.replace(used, now, (tx) => setMeta(tx, "tokens", bytes));
      if (this.ends(tokens)) this.trusted = tokens.access;
      return tokens;
    });
  }

  /**
   * The word that this device presents a refresh token with (RefreshTokenRequest.attempt): random, on disk before it is used, and
   * the same whenever the token is presented again, by this tab or another. Before the word stands the hash of its token.
   */
  private async attempt(used: As, tokens: Tokens): Promise<Uint8Array> {
    const of = sha256(new TextEncoder().encode(tokens.refresh));
    let word = crypto.getRandomValues(new Uint8Array(attemptSize));
    await this.replace(used, tokens, async (tx) => {
      const kept = (await getMeta(tx, "attempt")) ?? new Uint8Array();
      if (kept.length === of.length + attemptSize && equalBytes(kept.subarray(0, of.length), of)) {
        word = kept.slice(of.length);
        return;
      }
      const row = new Uint8Array(of.length + attemptSize);
      row.set(of);
      row.set(word, of.length);
      await setMeta(tx, "attempt", row);
    });
    return word;
  }

  /** Writes what became of tokens, if they are still those of this store. */
  private replace(used: As, tokens: Tokens, fn: (tx: Writing) => Promise<void>): Promise<void> {
    return this.store.write([], async (tx) => {
      const device = await getMeta(tx, "device");
      const { refresh } = fromBinary(TokensSchema, (await getMeta(tx, "tokens")) ?? new Uint8Array());
      if (device === undefined || !equalBytes(device, used.device) || refresh !== tokens.refresh) throw another();
      await fn(tx);
    });
  }
}

/** Bytes of the word that a refresh token is presented with. */
const attemptSize = 16;

/** Where calls go, and as which device. */
interface As extends Target {
  readonly device: Uint8Array;
}

function another(): Fault {
  return Fault.of("no_network", "the device was enrolled anew during the call");
}
