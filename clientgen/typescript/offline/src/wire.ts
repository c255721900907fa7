// The Connect protocol, as far as a device speaks it: unary calls and server streams in protobuf, by fetch.

import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Fault } from "./fault.js";
import { ProblemSchema } from "./gen/doorstep/types/v1/types_pb.js";

/** A method of a generated service: for example SyncService.method.pull. */
export interface Method<Kind extends string, I extends DescMessage, O extends DescMessage> {
  readonly methodKind: Kind;
  readonly parent: { readonly typeName: string };
  readonly name: string;
  readonly input: I;
  readonly output: O;
}

/** Where and as whom to call. */
export interface Target {
  readonly fetch: typeof fetch;
  readonly server: string;
  /** The access token; empty for calls without one. */
  readonly token: string;
}

/** Bodies of at least so many bytes are compressed. */
const worthCompressing = 1 << 10;

/**
 * Calls a unary method. It is rejected with what the server refused for, with no_network when the server was not reached or its
 * answer was lost, and with the signal's reason when it is aborted. timeout is in milliseconds.
 */
export async function call<I extends DescMessage, O extends DescMessage>(
  to: Target,
  method: Method<"unary", I, O>,
  message: MessageInitShape<I>,
  timeout: number,
  signal?: AbortSignal,
): Promise<MessageShape<O>> {
  const limit = limited(timeout, signal);
  try {
    let body = toBinary(method.input, create(method.input, message)) as Uint8Array<ArrayBuffer>;
    const headers = headersOf(to, unaryType);
    if (body.length >= worthCompressing && typeof CompressionStream !== "undefined") {
      body = await gzip(body);
      headers["Content-Encoding"] = "gzip";
    }
    const res = await to.fetch(address(to, method), { method: "POST", headers, body, signal: limit.signal });
    const answer = new Uint8Array(await res.arrayBuffer());
    if (!res.ok || !isOf(res, unaryType)) throw refused(new TextDecoder().decode(answer));
    return fromBinary(method.output, answer);
  } catch (err) {
    throw faultOf(err, signal);
  } finally {
    limit.end();
  }
}

/**
 * Calls a method that answers with a stream of messages. When the stream ends without an error, so does the generator; when it
 * is cut, or refused, that throws as in call.
 */
export async function* stream<I extends DescMessage, O extends DescMessage>(
  to: Target,
  method: Method<"server_streaming", I, O>,
  message: MessageInitShape<I>,
  signal: AbortSignal,
): AsyncGenerator<MessageShape<O>, void, undefined> {
  try {
    const request = toBinary(method.input, create(method.input, message));
    const body = new Uint8Array(request.length + 5);
    new DataView(body.buffer).setUint32(1, request.length);
    body.set(request, 5);
    const res = await to.fetch(address(to, method), {
      method: "POST",
      headers: headersOf(to, streamType),
      body,
      signal,
    });
    if (!res.ok || !isOf(res, streamType) || res.body === null) throw refused(await res.text());
    for await (const { flags, data } of envelopes(res.body)) {
      if ((flags & endOfStream) === 0) {
        yield fromBinary(method.output, data);
        continue;
      }
      const end = JSON.parse(new TextDecoder().decode(data)) as { error?: unknown };
      if (end.error !== undefined) throw refused(JSON.stringify(end.error));
      return;
    }
    throw Fault.of("no_network", "the stream was cut");
  } catch (err) {
    throw faultOf(err, signal);
  }
}

const unaryType = "application/proto";
const streamType = "application/connect+proto";

/** Whether an answer is what it should be, and not a page of some gateway. */
function isOf(res: Response, type: string): boolean {
  return res.headers.get("Content-Type")?.startsWith(type) === true;
}

const endOfStream = 2;

/** Takes the messages of a stream apart: flags, length, data. */
async function* envelopes(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ flags: number; data: Uint8Array }, void, undefined> {
  const reader = body.getReader();
  let held = new Uint8Array();
  try {
    for (;;) {
      while (held.length >= 5) {
        const end = 5 + new DataView(held.buffer, held.byteOffset).getUint32(1);
        if (held.length < end) break;
        yield { flags: held[0]!, data: held.subarray(5, end) };
        held = held.subarray(end);
      }
      const { done, value } = await reader.read();
      if (done) return;
      const longer = new Uint8Array(held.length + value.length);
      longer.set(held);
      longer.set(value, held.length);
      held = longer;
    }
  } finally {
    await reader.cancel().catch(() => undefined); // it has ended already, or nobody wants the rest
  }
}

function address(
  to: Target,
  method: { readonly parent: { readonly typeName: string }; readonly name: string },
): string {
  return `${to.server.replace(/\/+$/, "")}/${method.parent.typeName}/${method.name}`;
}

function headersOf(to: Target, type: string): Record<string, string> {
  return {
    "Content-Type": type,
    "Connect-Protocol-Version": "1",
    ...(to.token === "" ? {} : { Authorization: `Bearer ${to.token}` }),
  };
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** A signal that is aborted with another, after a time in milliseconds, or by stop; end frees it. */
export function limited(
  timeout: number,
  signal: AbortSignal | undefined,
): { readonly signal: AbortSignal; readonly stop: () => void; readonly end: () => void } {
  const both = new AbortController();
  const stop = (): void => both.abort(signal?.reason);
  if (signal?.aborted === true) stop();
  signal?.addEventListener("abort", stop);
  const timer = setTimeout(() => both.abort(), timeout);
  return {
    signal: both.signal,
    stop,
    end: () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    },
  };
}

/** What an error's JSON says: a Problem among its details, or that no Doorstep has answered. */
function refused(json: string): Fault {
  try {
    const error = JSON.parse(json) as { details?: readonly { type?: string; value?: string }[] };
    for (const d of error.details ?? []) {
      if (d.type === ProblemSchema.typeName && d.value !== undefined)
        return Fault.refusal(fromBinary(ProblemSchema, base64Decode(d.value)));
    }
  } catch (err) {
    return Fault.of("no_network", json.slice(0, 200), err); // a gateway speaks for itself
  }
  return Fault.of("no_network", json.slice(0, 200));
}

/** What a call ends with: the signal's reason, a fault, or no_network for whatever fetch throws. */
function faultOf(err: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  return err instanceof Fault ? err : Fault.of("no_network", String(err), err);
}
