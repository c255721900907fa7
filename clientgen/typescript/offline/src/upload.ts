// Files on their way: the bytes go to the object store in parts, by requests that the server signs.

import type { Client } from "./client.js";
import type { FileRow } from "./disk.js";
import { codeOf, Fault } from "./fault.js";
import { files, FileState, openWhole, setFile } from "./file.js";
import { actionOf } from "./outbox.js";
import type { Report } from "./round.js";
import { equalBytes } from "./uuid.js";
import { limited } from "./limit.js";
import { needsAttention } from "./words.js";

/** How an application's server takes files. */
export interface Uploads {
  /**
   * Gives the requests for the bytes that the object store lacks, none when all are there. Calling it again resumes. bytes are
   * those of the file, for a server that wants to sign their hashes.
   */
  start(file: Uint8Array, bytes: Blob, signal?: AbortSignal): Promise<readonly Part[]>;
  /** Has the server verify the bytes, which may take minutes. It may be repeated. */
  finish(file: Uint8Array, signal?: AbortSignal): Promise<Finished>;
}

/** One request to the object store that only these bytes satisfy. */
export interface Part {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly offset: number;
  readonly length: number;
}

/** The server's lasting answer about a file. */
export interface Finished {
  /** Kept with the file: the receipt. */
  readonly answer: Uint8Array;
  /** A code when the bytes are not acceptable; empty when they were verified. */
  readonly refusal: string;
}

/** How often one try asks for requests again: signed requests expire. */
const maxStarts = 3;

/** What ends a round, not only the try with one file. */
const holdUp: readonly string[] = ["no_network", "device_revoked", "token_expired", "refresh_invalid"];

/** The round that files are sent in. */
export interface Sender {
  readonly client: Client;
  readonly report: Report;
  readonly signal: AbortSignal | undefined;
  /** Sends what waits in the outbox. */
  push(): Promise<void>;
}

/** How far sending files came. */
export interface Moved {
  /** The server may have something new. */
  readonly moved: boolean;
  /** Something was done meanwhile, which is small and goes first: files that are left are for after that. */
  readonly aside: boolean;
}

/**
 * Sends the bytes of the files whose mutation the server has, but for those tried before. One that fails does not hold up the next,
 * unless the network is gone.
 */
export async function upload(round: Sender, uploads: Uploads, tried: Set<string>): Promise<Moved> {
  const { client, report } = round;
  let moved = false;
  for (const file of files(client.store)) {
    if ((file.state !== FileState.waiting && file.state !== FileState.held) || tried.has(file.key)) continue;
    const row = client.store.work.find((r) => equalBytes(r.id, file.mutation));
    if (row?.known === undefined) continue;
    if (waits(client)) return { moved, aside: true };
    try {
      const sent = await send(round, uploads, file);
      if (sent === "aside") return { moved, aside: true };
      moved = true;
      if (sent.state === FileState.done) report.uploaded++;
      else report.refused.push(sent);
    } catch (err) {
      if (!(err instanceof Fault) || holdUp.includes(err.code)) throw err;
      // The bytes stay here and are offered again; a person sees why, or that they are being verified.
      const now = client.store.fileRows.find((f) => f.key === file.key) ?? file;
      const held = needsAttention(actionOf(row)) || err.code === "file_gone";
      const state = held ? FileState.held : FileState.waiting;
      if (err.code === "proof_verifying") {
        report.verifying++;
        moved = true; // the server has noted that they are there
        await setFile(client.store, { ...now, state, code: err.code, sent: now.size });
      } else {
        report.trouble ??= err;
        await setFile(client.store, { ...now, state, code: err.code });
      }
    }
    tried.add(file.key);
  }
  return { moved, aside: false };
}

/**
 * Whether something waits to be pushed that the server has not refused as too old. A file of a hundred megabytes on one bar of signal
 * must not hold up the word that the job is done.
 */
function waits(client: Client): boolean {
  return client.store.work.some((r) => r.known === undefined && !r.tooOld);
}

/** Sends what the object store lacks of one file, and has it verified, unless something comes up that goes first. */
async function send(round: Sender, uploads: Uploads, file: FileRow): Promise<FileRow | "aside"> {
  const { client, report, signal } = round;
  const bytes = await openWhole(client.store, file);
  for (let starts = 0; starts < maxStarts; starts++) {
    const parts = await uploads.start(file.id, bytes, signal);
    let sent = file.size - parts.reduce((sum, p) => sum + p.length, 0);
    let refused = false;
    for (const part of parts) {
      const { pushed } = report;
      refused = !(await put(round, bytes, part));
      if (refused) break; // ask for fresh requests
      sent += part.length;
      await setFile(client.store, { ...file, sent });
      if (waits(client) || report.pushed > pushed) return "aside"; // the rest of a round belongs to what went beside, too
    }
    if (refused) continue;
    const done = await uploads.finish(file.id, signal);
    const state = done.refusal === "" ? FileState.done : FileState.refused;
    const row: FileRow = { ...file, state, code: done.refusal, answer: done.answer, sent: file.size };
    await setFile(client.store, row);
    return row;
  }
  throw Fault.of("upload_refused");
}

/** The slowest network on which a part is not given up, in bytes a millisecond. */
const slowest = 8;

/**
 * Sends one part, and pushes beside it what is done meanwhile: a part that is cut off for every word would never arrive. False when the
 * store was reached and does not take this request. Nobody tells how many bytes have gone: a part may take as long as a slow network
 * needs for it and a call besides, unless a push shows that there is no network.
 */
async function put({ client, push, signal }: Sender, bytes: Blob, part: Part): Promise<boolean> {
  if (part.offset < 0 || part.length < 0 || part.offset + part.length > bytes.size)
    throw Fault.of("upload_refused", "part beyond the file");
  const whole = limited(client.timeout + part.length / slowest, signal);
  let pushing: Promise<void> | undefined;
  const unsubscribe = client.store.subscribe(() => {
    if (pushing !== undefined || !waits(client)) return;
    pushing = push()
      .catch((err: unknown) => {
        if (codeOf(err) === "no_network") whole.stop(); // whatever else it is, the round after the part pushes again
      })
      .finally(() => (pushing = undefined));
  });
  let status: number;
  try {
    const res = await client.fetch(part.url, {
      method: part.method,
      // The address and the length speak for themselves: fetch sets them.
      headers: part.headers
        .filter(([name]) => !["host", "content-length"].includes(name.toLowerCase()))
        .map(([n, v]): [string, string] => [n, v]),
      body: bytes.slice(part.offset, part.offset + part.length),
      signal: whole.signal,
    });
    status = res.status;
    await res.arrayBuffer();
  } catch (err) {
    if (signal?.aborted === true) throw signal.reason;
    throw Fault.of("no_network", String(err), err);
  } finally {
    unsubscribe();
    whole.end();
    await pushing;
  }
  if (status >= 500) throw Fault.of("no_network", `object store: ${status}`);
  return status < 300;
}
