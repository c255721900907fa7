/**
 * What to do when a store says store_damaged: salvage what can be read into a black box, open a store on another disk (a DexieDisk of
 * another name), enrol the device anew and import the box. The damaged disk stays as it is until somebody deletes it.
 */

import { fromBinary } from "@bufbuild/protobuf";
import { boxedFile, boxedMutation, checkPassphrase, sealBox, type Box } from "./blackbox.js";
import type { Disk, FileRow, Key, Rows, Table } from "./disk.js";
import { Fault } from "./fault.js";
import { unsentFiles } from "./file.js";
import { EnrolDeviceResponseSchema } from "./gen/doorstep/account/v1/account_pb.js";
import { equalBytes, hex } from "./uuid.js";

/** What could be saved of a damaged store. */
export interface Salvaged {
  readonly box: Box;
  readonly sealed: Blob;
  /** Rows that could not be read: what stood in them is lost, or nothing was. */
  readonly lost: number;
}

/**
 * Reads a damaged disk row by row and seals the unsent work that can be read with a passphrase of at least 8 bytes (else
 * box_passphrase). It writes nothing to the disk. Where not even the name of the company can be read, org says which it is; without
 * it that is store_damaged. A mutation of which it cannot be told whether the server has it is taken along: the server has each
 * once.
 */
export async function salvage(disk: Disk, passphrase: string, now: Date, org?: Uint8Array): Promise<Salvaged> {
  checkPassphrase(passphrase);
  let lost = 0;
  const readable = async <T extends Table>(table: T): Promise<Rows[T][]> => {
    const found = await rows(disk, table);
    lost += found.lost;
    return found.rows;
  };
  const meta = await readable("meta");
  const outbox = await readable("outbox");
  const files = new Map<string, { readonly row: FileRow; readonly bytes: Blob }>();
  for (const row of unsentFiles(await readable("file"))) {
    const bytes = await whole(disk, row);
    if (bytes === undefined) lost++;
    else files.set(hex(row.id), { row, bytes });
  }
  const named = [...files.values()].map(({ row }) => row.mutation);
  const owner = ownerOf(meta.find((r) => r.key === "enrolment")?.value);
  const company = owner?.orgId ?? org;
  if (company === undefined) throw Fault.of("store_damaged", "the company cannot be read");
  const box: Box = {
    made: now,
    org: company,
    user: owner?.userId ?? new Uint8Array(16),
    userName: owner?.userName ?? "",
    mutations: outbox
      .filter((r) => r.known === undefined || named.some((id) => equalBytes(id, r.id)))
      .map(boxedMutation),
    files: [...files.values()].map(({ row }) => boxedFile(row)),
  };
  const open = async ({ id }: { readonly id: Uint8Array }): Promise<Blob> => {
    const held = files.get(hex(id));
    if (held === undefined) throw Fault.of("file_gone");
    return held.bytes;
  };
  return { box, sealed: await sealBox(box, open, passphrase), lost };
}

/** The rows of a table that can be read, and how many cannot. */
async function rows<T extends Table>(disk: Disk, table: T): Promise<{ rows: Rows[T][]; lost: number }> {
  try {
    return { rows: await disk.read([table], (tx) => tx.all(table)), lost: 0 };
  } catch {
    // One by one, then.
  }
  let keys: Key[];
  try {
    keys = await disk.read([table], (tx) => tx.keys(table));
  } catch {
    return { rows: [], lost: 1 };
  }
  const found: Rows[T][] = [];
  for (const key of keys) {
    const row = await disk.read([table], (tx) => tx.get(table, key)).catch(() => undefined);
    if (row !== undefined) found.push(row);
  }
  return { rows: found, lost: keys.length - found.length };
}

/** The bytes of a file, if they are those that were announced. */
async function whole(disk: Disk, row: FileRow): Promise<Blob | undefined> {
  try {
    const held = await disk.read(["bytes"], (tx) => tx.get("bytes", row.key));
    const content = await held?.bytes.arrayBuffer();
    if (content === undefined) return undefined;
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
    return equalBytes(sum, row.sha256) ? new Blob([content], { type: row.media }) : undefined;
  } catch {
    return undefined;
  }
}

function ownerOf(enrolment: unknown): { orgId: Uint8Array; userId: Uint8Array; userName: string } | undefined {
  try {
    return enrolment instanceof Uint8Array ? fromBinary(EnrolDeviceResponseSchema, enrolment) : undefined;
  } catch {
    return undefined;
  }
}
