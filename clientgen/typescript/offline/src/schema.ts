// The form of the tables, and how that of an older app becomes it.

import type { Disk, Writing } from "./disk.js";
import { getMeta, setMeta } from "./meta.js";

/** The form that this runtime writes. */
export const schema = 1;

/** Brings the tables to today's form. What is unsent survives. */
export async function upgrade(disk: Disk): Promise<void> {
  const found = await disk.read(["meta"], (tx) => getMeta(tx, "schema"));
  if (found === schema) return;
  await disk.write(["meta"], (tx: Writing) => setMeta(tx, "schema", schema));
}
