import { defineConfig } from "vitest/config";

// Sources, not what was built of them: a test never sees a stale build.
export default defineConfig({
  resolve: { conditions: ["doorstep-source"] },
  ssr: { resolve: { conditions: ["doorstep-source"] } },
  test: {
    include: ["*/test/**/*.test.ts"],
    pool: "threads",
    poolOptions: { threads: { maxThreads: 2 } },
    testTimeout: 60_000,
  },
});
