// The part of the Connect protocol that a device needs: unary calls and server streams of Protobuf messages, by fetch.
// docs/decisions/0034 says why @connectrpc/connect-web is not used.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, DescMethodServerStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Fault } from "./fault.js";
import { ProblemSchema } from "./gen/doorstep/types/v1/types_pb.js";
import { limited } from "./limit.js";

/** Where and as whom to call. */
export interface Target {
  readonly fetch: typeof fetch;
  readonly server: string;
  /** The access token; empty for calls without one. */
  readonly token: string;
}

/** Requests of at least so many bytes are compressed. */
const worthCompressing = 1 << 10;

/**
 * Calls a unary method. The call is rejected with the server's refusal, with no_network when the server was not reached
 * or its answer was lost, and with the signal's reason when the signal is aborted. timeout is in milliseconds.
 */
export async function call<I extends DescMessage, O extends DescMessage>(
  to: Target,
  method: DescMethodUnary<I, O>,
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
    if (!answered(res, unaryType)) throw refused(new TextDecoder().decode(answer));
    return fromBinary(method.output, answer);
  } catch (err) {
    throw faultOf(err, signal);
  } finally {
    limit.end();
  }
}

/**
 * Calls a method that answers with a stream of messages. The generator ends when the stream ends without an error. When
 * the stream is refused or cut, the generator throws as call does.
 */
export async function* stream<I extends DescMessage, O extends DescMessage>(
  to: Target,
  method: DescMethodServerStreaming<I, O>,
  message: MessageInitShape<I>,
  signal: AbortSignal,
): AsyncGenerator<MessageShape<O>, void, undefined> {
  try {
    const request = toBinary(method.input, create(method.input, message));
    const body = new Uint8Array(envelopeHead + request.length);
    new DataView(body.buffer).setUint32(1, request.length);
    body.set(request, envelopeHead);
    const headers = headersOf(to, streamType);
    const res = await to.fetch(address(to, method), { method: "POST", headers, body, signal });
    if (!answered(res, streamType) || res.body === null) throw refused(await res.text());
    for await (const { flags, data } of envelopes(res.body)) {
      if ((flags & endOfStream) === 0) {
        yield fromBinary(method.output, data);
        continue;
      }
      const { error } = JSON.parse(new TextDecoder().decode(data)) as { error?: unknown };
      if (error !== undefined) throw refused(JSON.stringify(error));
      return;
    }
    throw Fault.of("no_network", "the stream was cut");
  } catch (err) {
    throw faultOf(err, signal);
  }
}

const unaryType = "application/proto";
const streamType = "application/connect+proto";

/** Whether a call was answered with what was asked for: a gateway may answer with a page of its own. */
function answered(res: Response, type: string): boolean {
  return res.ok && res.headers.get("Content-Type")?.startsWith(type) === true;
}

// Each message of a stream is in an envelope: a byte of flags, the length in four bytes, the message. The envelope with
// the flag endOfStream is the last one; it holds JSON, with the error if there was one.
const envelopeHead = 5;
const endOfStream = 2;

/** Takes a stream apart. What follows the last whole envelope is left out. */
async function* envelopes(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ flags: number; data: Uint8Array }, void, undefined> {
  const reader = body.getReader();
  let held = new Uint8Array();
  try {
    for (;;) {
      while (held.length >= envelopeHead) {
        const end = envelopeHead + new DataView(held.buffer, held.byteOffset).getUint32(1);
        if (held.length < end) break;
        yield { flags: held[0]!, data: held.subarray(envelopeHead, end) };
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
    await reader.cancel().catch(() => undefined); // the stream has ended already, or nobody wants the rest
  }
}

function address(to: Target, method: DescMethod): string {
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

/** What the JSON of an error says: the Problem among its details. Without one it was not a Doorstep that answered. */
function refused(json: string): Fault {
  let cause: unknown;
  try {
    const error = JSON.parse(json) as { details?: readonly { type?: string; value?: string }[] };
    for (const d of error.details ?? []) {
      if (d.type === ProblemSchema.typeName && d.value !== undefined)
        return Fault.refusal(fromBinary(ProblemSchema, base64Decode(d.value)));
    }
  } catch (err) {
    cause = err;
  }
  return Fault.of("no_network", json.slice(0, 200), cause);
}

/** What a failed call is rejected with: the signal's reason, a fault, or no_network for whatever fetch throws. */
function faultOf(err: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  return err instanceof Fault ? err : Fault.of("no_network", String(err), err);
}
