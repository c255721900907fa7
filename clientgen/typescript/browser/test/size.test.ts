import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

import { bundle } from "./bed.js";

test("the runtime is at most 60 KB gzipped, without Dexie", async () => {
  const text = await bundle("size.ts", { external: ["dexie"] });
  const size = gzipSync(text, { level: 9 }).length;
  console.log(`runtime: ${(size / 1024).toFixed(1)} KB gzipped, ${(text.length / 1024).toFixed(0)} KB minified`);
  expect(size).toBeLessThanOrEqual(60 * 1024);
});
